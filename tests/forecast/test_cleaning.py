"""Dirt that was put in is found, told and bridged; what is clean stays as it is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lepton.forecast.arrivals import ArrivalSpec, doubted
from lepton.forecast.cleaning import clean
from lepton.forecast.matrix import build
from lepton.forecast.panel import IMPUTED, OK, SUSPECT, PanelDataset, steps_of
from lepton_edge.asof_spec import AsOfSpec

DAYS = 60


def panel_of(y: np.ndarray) -> PanelDataset:
    ts = pd.date_range("2025-01-06", periods=len(y), freq="h", tz="UTC")
    rows = pd.DataFrame({"series_id": "m", "ts": ts, "y": y}).dropna()
    return PanelDataset(rows, pd.DataFrame({"series_id": ["m"]}), 3_600)


def load(seed: int = 0) -> np.ndarray:
    hour = np.arange(24 * DAYS)
    shape = 100 + 30 * np.sin(hour * 2 * np.pi / 24) - 15 * (hour // 24 % 7 >= 5)
    return np.asarray(shape + np.random.default_rng(seed).normal(0, 3, len(hour)))


def test_what_is_clean_is_not_touched() -> None:
    y = load()
    found = clean(panel_of(y))
    assert found.audit.empty
    assert found.panel.rows["y"].to_numpy().tolist() == y.tolist()
    assert (found.panel.rows["quality"] == OK).all()


def test_each_kind_of_dirt_is_told_with_its_reason_and_a_stand_in_near_the_truth() -> None:
    truth, dirty = load(), load()
    dirty[300] *= 3
    dirty[500:512] = dirty[500]
    dirty[700] = 0.0
    dirty[900:906] = np.nan
    found = clean(panel_of(dirty))
    first = steps_of(found.panel.rows["ts"], 3_600)[0]
    audit = found.audit.assign(hour=steps_of(found.audit["ts"], 3_600) - first)
    told = audit.groupby("reason")["hour"].apply(list).to_dict()
    assert told == {
        "spike": [300],
        "stuck": list(range(501, 512)),
        "zero": [700],
        "missing": list(range(900, 906)),
    }
    at = audit["hour"].to_numpy()
    assert np.abs(audit["after"].to_numpy() - truth[at]).max() < 40
    rows = found.panel.rows
    assert (rows["quality"].to_numpy()[at] == IMPUTED).all()
    assert np.isnan(
        found.panel.targets["m"].as_of(rows.index.to_numpy()[None], np.array([0]))
    ).all()


def test_zeros_of_a_series_that_is_often_0_or_below_stay() -> None:
    night = load()
    night[np.arange(len(night)) % 24 < 6] = 0.0
    assert "zero" not in set(clean(panel_of(night)).audit["reason"])
    net = load() - 100
    net[24 * 29] = 0.0
    assert clean(panel_of(net)).audit.empty


def test_a_long_gap_stays_a_gap() -> None:
    y = load()
    y[400 : 400 + 24 * 5] = np.nan
    audit = clean(panel_of(y)).audit
    assert audit["after"].isna().all()
    assert len(audit) == 24 * 5


def dirtied(seed: int = 0) -> np.ndarray:
    dirty = load(seed)
    dirty[400] = 0.0
    dirty[[700, 1_000]] *= 3
    dirty[805:817] = dirty[805]
    dirty[1_100:1_104] = np.nan
    return dirty


def seen(y: np.ndarray, issue_s: int) -> tuple[np.ndarray, np.ndarray]:
    """Features and recent past of one forecast from a cleaned history."""
    spec = AsOfSpec(3_600, "UTC", 24)
    made = build(clean(panel_of(y)).panel, {"m": spec}, {"m": np.array([issue_s])})
    return made.X, made.shape


@pytest.mark.parametrize("hour", [410, 703, 720, 810, 1_001, 1_102, 1_200])
def test_what_comes_later_changes_nothing_that_a_forecast_sees(hour: int) -> None:
    dirty = dirtied()
    issue_s = 3_600 * (int(steps_of(panel_of(dirty).rows["ts"], 3_600)[0]) + hour)
    rng = np.random.default_rng(hour)
    later = dirty.copy()
    later[hour:] = rng.normal(0, 1e3, len(later) - hour)
    for own, other in zip(seen(dirty, issue_s), seen(later, issue_s), strict=True):
        np.testing.assert_array_equal(own, other)


def test_a_spike_is_not_believed_when_it_comes_and_a_stuck_meter_once_it_is_seen() -> None:
    found = doubted(dirtied(), 3_600, ArrivalSpec())
    assert np.flatnonzero(found >= 0).tolist() == [400, 700, *range(806, 817), 1_000]
    assert found[[400, 700, 1_000]].tolist() == [400, 700, 1_000]
    assert found[806:817].tolist() == [807, *range(807, 817)], "what is never repeated, twice"


def test_nothing_of_a_clean_arrival_is_doubted_even_where_its_level_shifts() -> None:
    shifted = load()
    shifted[1_000:] *= 1.6
    assert (doubted(load(), 3_600, ArrivalSpec()) < 0).all()
    assert (doubted(shifted, 3_600, ArrivalSpec()) >= 0).sum() <= 1
    solar = np.where(np.arange(len(load())) % 24 < 12, 0.0, -load(1))
    assert (doubted(solar, 3_600, ArrivalSpec()) < 0).all()
    coarse = np.round(load() / 10) * 10
    assert (doubted(coarse, 3_600, ArrivalSpec()) >= 0).mean() < 0.01


def test_a_verdict_comes_a_week_later_and_until_then_the_first_edition_counts() -> None:
    y = load()
    y[805:817] = y[805]
    found = clean(panel_of(y)).panel
    first = int(steps_of(found.rows["ts"], 3_600)[0])
    past = found.histories["m"].y
    at, hour = np.array([[first + 806]]), 3_600
    assert past.as_of(at, np.array([hour * (first + 807)]))[0, 0] == y[805]
    for at_h in (808, 806 + 168):
        instead = past.as_of(at, np.array([hour * (first + at_h)]))[0, 0]
        assert instead == pytest.approx(y[806 - 168], rel=0.1)
    after = past.as_of(at + 5, np.array([hour * (first + 812)]))[0, 0]
    assert after == pytest.approx(y[811 - 168], rel=0.1)
    late = past.as_of(at, np.array([hour * (first + 807 + 168)]))[0, 0]
    assert late != y[805]
    assert abs(late - load()[806]) < 40


def test_a_verdict_that_came_with_the_rows_is_kept_and_told() -> None:
    y = load()
    rows = panel_of(y).rows.assign(quality=np.int8(OK), reason="", before=y)
    rows.loc[500, "quality"] = np.int8(SUSPECT)
    rows.loc[500, "reason"] = "impossible"
    rows.loc[600, "y"] = 71.0
    rows.loc[600, "reason"] = "spike"
    panel = PanelDataset(rows, pd.DataFrame({"series_id": ["m"]}), 3_600)
    found = clean(panel)
    assert found.audit["reason"].tolist() == ["impossible", "spike"]
    assert found.audit["before"].tolist() == [y[500], y[600]]
    assert found.audit["after"].iloc[1] == 71.0
    assert found.audit["quality"].tolist() == [IMPUTED, OK]
    assert found.panel.targets["m"].value.size == len(y) - 1


def test_what_stands_in_at_first_is_last_weeks_at_todays_level_and_ends_with_an_outage() -> None:
    y = load()
    y[700:] *= 1.2
    y[800:900] = np.nan
    found = clean(panel_of(y)).panel
    step = int(steps_of(found.rows["ts"], 3_600)[0]) + np.arange(800, 900)
    past = found.histories["m"].y
    told = np.array(
        [past.as_of(np.array([[one]]), np.array([3_600 * (one + 1)]))[0, 0] for one in step]
    )
    assert np.isfinite(told).tolist() == [True] * 36 + [False] * 64
    assert np.abs(told[:12] / (1.2 * load()[800:812]) - 1).max() < 0.2
    assert told[:36].mean() == pytest.approx(1.2 * load()[800:836].mean(), rel=0.08)


def test_a_late_correction_stays_a_later_edition() -> None:
    y = load()
    panel = panel_of(y)
    end = panel.rows["ts"] + pd.Timedelta(hours=1)
    rows = panel.rows.assign(available_at=end)
    again = rows.iloc[[300]].assign(y=120.0, available_at=end.iloc[300] + pd.Timedelta(days=2))
    told = PanelDataset(pd.concat([rows, again]), panel.series, 3_600)
    found = clean(told).panel.histories["m"].y
    step = int(steps_of(rows["ts"], 3_600)[300])
    at, hour = np.array([[step]]), 3_600
    assert found.as_of(at, np.array([(step + 2) * hour]))[0, 0] == y[300]
    assert found.as_of(at, np.array([(step + 60) * hour]))[0, 0] == 120.0
