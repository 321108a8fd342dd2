"""Dirt that was put in is found, told and bridged; what is clean stays as it is."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lepton.forecast.cleaning import clean
from lepton.forecast.panel import IMPUTED, OK, PanelDataset, steps_of

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
    net[700] = 0.0
    assert clean(panel_of(net)).audit.empty


def test_a_long_gap_stays_a_gap() -> None:
    y = load()
    y[400 : 400 + 24 * 5] = np.nan
    audit = clean(panel_of(y)).audit
    assert audit["after"].isna().all()
    assert len(audit) == 24 * 5
