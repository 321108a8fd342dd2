"""The page of a battery tells what a plan reached on days that are known by construction."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lepton.forecast.spec import Story
from solutions.energy_load.dispatch_page import (
    LEVELS,
    battery_of,
    dispatch_pages,
    dispatched,
    earned,
    whole_days,
)

NORMAL = np.array([-1.28, -0.84, -0.52, -0.25, 0.0, 0.25, 0.52, 0.84, 1.28])
ROW = {"battery_id": "b1", "meter_id": "m", "e_kwh": 125.0, "p_kw": 40.0, "cycle_cost": 2.0}


def rows_of(first: str, days: int, seed: int, sd: float = 2.0) -> pd.DataFrame:
    """Days with an evening peak of 60 kW above 100, forecast with errors of one sd."""
    rng = np.random.default_rng(seed)
    at = pd.date_range(first, periods=24 * days, freq="h", tz="UTC")
    hour = np.arange(24 * days) % 24
    peak = np.repeat(rng.uniform(16, 20, days), 24)
    load = 100 + 60 * np.exp(-(((hour - peak) / 3) ** 2))
    told = load + rng.normal(0, sd, len(load))
    frame = pd.DataFrame({"entity": "m", "issued_at": at.floor("D"), "event_at": at})
    frame = frame.assign(target=load, local_at=at.tz_localize(None))
    deciles = told[:, None] + max(sd, 0.1) * NORMAL
    return frame.assign(**{name: deciles[:, k] for k, name in enumerate(LEVELS)})


def story(sd: float = 2.0, prices: pd.DataFrame | None = None) -> Story:
    tables = {"battery": pd.DataFrame([ROW])} | ({} if prices is None else {"prices": prices})
    past, judged = rows_of("2025-01-01", 40, 0, sd), rows_of("2025-02-10", 30, 1, sd)
    return Story(tables, past, judged, 3_600, "kW")


def test_a_certain_forecast_reaches_all_that_is_possible_and_a_worse_one_less() -> None:
    battery = battery_of(ROW)
    shares = []
    for sd in (0.0, 3.0, 20.0):
        done = dispatched(story(sd), "m", battery)
        assert done is not None
        gains = done.gains()
        assert (done.planned.sum(axis=1) <= battery.energy_kwh + 1e-6).all()
        assert (gains["fell"] <= gains["could_fall"] + 1e-6).all()
        shares.append(gains["fell"].sum() / gains["could_fall"].sum())
    assert shares[0] == pytest.approx(1.0, abs=0.02)
    assert shares[0] > shares[1] > shares[2]


def test_charge_limits_and_losses_make_a_battery_smaller() -> None:
    small = battery_of({**ROW, "soc_min": 0.1, "soc_max": 0.9, "eff": 0.81})
    assert small.energy_kwh == pytest.approx(125 * 0.8 * 0.9)
    assert battery_of({**ROW, "eff": None}).energy_kwh == 125.0


def test_days_of_other_lengths_and_with_gaps_are_left_out() -> None:
    rows = rows_of("2025-01-01", 5, 0).drop(index=[30])
    found = whole_days(rows.sample(frac=1, random_state=0), "m")
    assert found is not None
    assert found.load.shape == (4, 24)
    assert found.begins[1] == pd.Timestamp("2025-01-03")
    assert whole_days(rows, "nobody") is None


def test_money_is_energy_at_the_hours_price_less_charging_and_wear() -> None:
    told = story()
    done = dispatched(told, "m", battery_of(ROW))
    assert done is not None
    at = pd.date_range("2025-02-10", periods=24 * 30, freq="h", tz="UTC")
    dear = np.where(at.hour >= 12, 100.0, 20.0)
    prices = pd.DataFrame({"valid_at": at, "price_per_mwh": dear})
    found = earned(done, {**ROW, "eff": 0.8}, prices)
    assert found is not None
    energy = done.planned.sum()
    assert found["given"] == pytest.approx(energy * 0.1, rel=1e-6)
    assert found["taken"] == pytest.approx(energy / 0.8 * 0.02, rel=1e-6)
    assert found["wear"] == pytest.approx(energy / 125.0 * 2.0, rel=1e-6)
    assert earned(done, ROW, None) is None


def test_the_page_says_share_peaks_and_money_and_is_left_out_without_a_battery() -> None:
    (page,) = dispatch_pages(story())
    said = " ".join(page.found)
    assert "% of what was possible" in said
    assert "No prices were delivered" in said
    assert [title for title, _, _ in page.pieces] == [
        "m: the best and the worst day",
        "m: highest load of each month",
    ]
    assert page.pieces[1][2]["month"].tolist() == ["2025-02", "2025-03"]
    bare = story()
    assert dispatch_pages(Story({}, bare.past, bare.judged, 3_600)) == ()
    short = Story(bare.tables, bare.past.head(24 * 3), bare.judged, 3_600)
    assert "too few whole days" in dispatch_pages(short)[0].found[0]
