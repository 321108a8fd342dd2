"""Side data by the hour become values of finer or longer intervals."""

from __future__ import annotations

import pandas as pd

from lepton.forecast.stepped import at_steps

HOURS = pd.date_range("2024-05-01", periods=4, freq="h", tz="UTC")


def table(at: pd.DatetimeIndex, **columns: object) -> pd.DataFrame:
    return pd.DataFrame({"valid_at": at, **columns})


def test_an_hour_counts_for_each_five_minutes_in_it() -> None:
    found = at_steps(table(HOURS, temp=[1.0, 2.0, 3.0, 4.0]), ["temp"], [], 300)
    assert len(found) == 48
    assert found["temp"].tolist() == [1.0] * 12 + [2.0] * 12 + [3.0] * 12 + [4.0] * 12
    assert found["ts"].is_monotonic_increasing


def test_quarter_hours_are_not_spread_over_the_hour_behind_them() -> None:
    at = pd.date_range("2024-05-01", periods=3, freq="15min", tz="UTC")
    found = at_steps(table(at, temp=[1.0, 2.0, 3.0]), ["temp"], [], 300)
    assert found["temp"].tolist() == [1.0] * 3 + [2.0] * 3 + [3.0] * 3


def test_longer_intervals_get_the_mean_and_editions_stay_apart() -> None:
    rows = table(HOURS, temp=[1.0, 3.0, 5.0, 7.0], issued_at=HOURS[0])
    rows = pd.concat([rows, rows.assign(issued_at=HOURS[1], temp=9.0)])
    found = at_steps(rows, ["temp"], ["issued_at"], 7_200)
    assert found["temp"].tolist() == [2.0, 9.0, 6.0, 9.0]
