"""Rules on sensors over time: each finds its fault, names sensor and asset, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from lepton.contracts.sensor_shape import SENSOR_SHAPES, sensors_of
from lepton.contracts.shape import Odd

N = 720
GIVEN: dict[str, dict[str, object]] = {
    "stuck": {"column": "asset_id", "at": "event_at", "min_run": 20.0, "times": 10.0},
    "spikes": {"max_z": 15.0, "max_share": 0.001},
    "gaps": {
        "column": "asset_id",
        "at": "event_at",
        "max_gap_s": 3 * 3_600.0,
        "max_a_month": 0.5,
    },
    "completeness": {
        "column": "asset_id",
        "at": "event_at",
        "per_s": 86_400.0,
        "least": 0.8,
        "max_share": 0.05,
    },
    "rate_drift": {"column": "asset_id", "at": "event_at", "max_drift": 0.05},
}


def usual() -> pd.DataFrame:
    """Two assets read hourly for 30 days, two sensors, a constant and a text, shuffled."""
    rng = np.random.default_rng(0)
    hour = np.tile(np.arange(N), 2)
    at = pd.Timestamp("2024-03-04", tz="UTC") + pd.to_timedelta(hour, unit="h")
    frame = pd.DataFrame(
        {
            "asset_id": pd.Series(np.repeat(["a", "b"], N), dtype="str"),
            "event_at": at.as_unit("us"),
            "x_heat": np.round(50.0 + rng.normal(0.0, 5.0, 2 * N), 2),
            "x_shake": np.round(2.0 + rng.normal(0.0, 0.2, 2 * N), 3),
            "x_plate": 7.0,
            "x_word": pd.Series(["on"] * 2 * N, dtype="str"),
        }
    )
    return frame.sample(frac=1, random_state=1).reset_index(drop=True)


def hours(rows: pd.DataFrame) -> pd.Series:
    since: pd.Series = (rows["event_at"] - rows["event_at"].min()).dt.total_seconds() / 3_600
    return since


def held(rows: pd.DataFrame) -> pd.DataFrame:
    inside = (rows["asset_id"] == "b") & hours(rows).between(100, 129)
    return rows.assign(x_heat=rows["x_heat"].mask(inside, 51.0))


def spiking(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(x_shake=rows["x_shake"].mask(rows.index < 5, 60.0))


def silent(rows: pd.DataFrame) -> pd.DataFrame:
    inside = (rows["asset_id"] == "a") & (hours(rows) % 120 < 6)
    return rows.assign(x_heat=rows["x_heat"].mask(inside))


def thin(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(x_shake=rows["x_shake"].mask(hours(rows) % 3 == 0))


def slower(rows: pd.DataFrame) -> pd.DataFrame:
    late = (rows["asset_id"] == "a") & (hours(rows) >= 20 * 24)
    moved = rows["event_at"] + pd.to_timedelta(0.1 * (hours(rows) - 20 * 24), unit="h")
    return rows.assign(event_at=rows["event_at"].mask(late, moved.dt.as_unit("us")))


def found(kind: str, rows: pd.DataFrame) -> Odd | None:
    return SENSOR_SHAPES[kind].find(rows, GIVEN[kind])


def test_sensors_are_numbers_of_the_customers_own() -> None:
    assert sensors_of(usual()) == ["x_heat", "x_shake", "x_plate"]


@pytest.mark.parametrize("kind", sorted(SENSOR_SHAPES))
def test_usual_rows_give_no_warning(kind: str) -> None:
    assert found(kind, usual()) is None


@pytest.mark.parametrize("kind", sorted(SENSOR_SHAPES))
def test_few_rows_and_no_rows_give_no_warning(kind: str) -> None:
    assert found(kind, slower(thin(silent(spiking(held(usual()))))).head(60)) is None
    assert found(kind, usual().iloc[:0]) is None


@pytest.mark.parametrize("kind", sorted(SENSOR_SHAPES))
def test_arguments_are_those_that_the_rule_reads(kind: str) -> None:
    assert set(SENSOR_SHAPES[kind].arguments) == set(GIVEN[kind])


@pytest.mark.parametrize(
    ("kind", "spoil", "column", "said"),
    [
        ("stuck", held, "x_heat", ["stuck 1 time(s)", "x_heat of b 2024-03-08: 30 readings"]),
        ("spikes", spiking, "x_shake", ["over 15 deviations", "x_shake: 0.35% of values"]),
        ("gaps", silent, "x_heat", ["silent for over 3 h", "x_heat: 2.55 times"]),
        ("completeness", thin, "x_shake", ["less than 80%", "x_shake: in 100.0%"]),
        ("rate_drift", slower, "event_at", ["in 2 of 10 weeks of an asset", "a 2024-03-28: 10%"]),
    ],
)
def test_each_kind_tells_its_fault(
    kind: str, spoil: Callable[[pd.DataFrame], pd.DataFrame], column: str, said: list[str]
) -> None:
    odd = found(kind, spoil(usual()))
    assert odd is not None
    told = " ".join([odd.about, *odd.examples])
    assert odd.column == column
    assert [words for words in said if words not in told] == [], told


def test_other_kinds_are_silent_about_a_stuck_sensor() -> None:
    assert [kind for kind in SENSOR_SHAPES if found(kind, held(usual())) is not None] == ["stuck"]


def test_a_sensor_whose_usual_runs_are_long_is_not_stuck() -> None:
    rows = usual()
    stepped = rows.assign(x_heat=np.floor(hours(rows) / 40))
    assert found("stuck", stepped) is None


def test_rows_without_asset_or_time_are_left_out() -> None:
    rows = held(usual())
    never = rows["event_at"].where(rows["x_heat"].isna())
    nobody = rows["asset_id"].where(rows["x_heat"].isna())
    timeless = rows.assign(event_at=never, x_heat=3.0).head(50)
    homeless = rows.assign(asset_id=nobody, x_heat=3.0).head(50)
    both = pd.concat([rows, timeless, homeless], ignore_index=True)
    assert found("stuck", both) == found("stuck", rows)
