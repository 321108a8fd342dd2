"""Metrics of forecasts against numbers worked out by hand, and gates that can refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lepton.evaluation.results import Evaluation
from lepton.forecast.judged import LEVELS, Judged, judge
from lepton.forecast.leak import leak_of
from lepton.forecast.prepared import Prepared
from lepton.forecast.spec import SETTINGS, cuts_of
from lepton_edge.asof_history import Vintages
from tests.forecast import tiny

GATES = {"beats_baseline": 0.05, "coverage80": 0.05, "parity": 1e-4, "leakage": 0.0}


def around(error: float, width: float) -> np.ndarray:
    """Deciles `error` above what came, `width` of the 80 % interval wide."""
    y = tiny.matrix().y
    return np.asarray(y[..., None] + error + width * (np.arange(1, 10) / 10 - 0.5) / 0.8)


def judged(own: np.ndarray, **rivals: np.ndarray) -> Judged:
    return Judged(
        tiny.matrix(),
        {"bundle": own, **rivals},
        "bundle",
        tuple(rivals),
        np.array([50.0, 50.0]),
        tuple(tiny.ZONES),
        tuple(tiny.ZONES.values()),
    )


def found(one: Judged, gates: Mapping[str, float] = GATES, **facts: float) -> Evaluation:
    told = {"parity": 0.0, "leak": 0.0, **facts}
    return judge(one, gates, np.random.default_rng(0), **told)


def test_metrics_are_what_they_are_called() -> None:
    naive = around(10.0, 4.0)
    result = found(judged(around(5.0, 20.0), seasonal_naive=naive))
    y = tiny.matrix().y
    assert result.metric("mase").value == pytest.approx(0.5)
    assert result.metric("wape").value == pytest.approx(5 / np.nanmean(np.abs(y)))
    assert result.metric("coverage80").value == 1.0
    assert result.metric("width80").value == pytest.approx(20 / 50)


def test_of_sharp_deciles_crps_is_the_absolute_error() -> None:
    value = found(judged(around(5.0, 0.0), profile=around(9.0, 0.0))).metric("rcrps").value
    assert value == pytest.approx(5 / 50)


def test_intervals_span_the_value_and_shrink_to_it_where_every_week_is_alike() -> None:
    metric = found(judged(around(5.0, 0.0), profile=around(9.0, 0.0))).metric("rcrps")
    assert metric.low == pytest.approx(metric.value) == metric.high


def test_gates_hold_for_a_good_forecast_and_refuse_each_fault() -> None:
    rng = np.random.default_rng(1)
    y = tiny.matrix().y
    noise = rng.normal(size=y.shape)[..., None]
    spread = np.array([-1.28, -0.84, -0.52, -0.25, 0.0, 0.25, 0.52, 0.84, 1.28])
    good, worse = y[..., None] + noise + spread, y[..., None] + 3 * (noise + spread)
    gates = {one.name: one.passed for one in found(judged(good, profile=worse)).gates}
    assert gates == dict.fromkeys(GATES, True)
    faults = {
        "beats_baseline": found(judged(worse, profile=good)),
        "coverage80": found(judged(y[..., None] + 0.0 * spread, profile=worse)),
        "parity": found(judged(good, profile=worse), parity=1e-3),
        "leakage": found(judged(good, profile=worse), leak=1e-9),
    }
    refused = {name: [g.name for g in one.gates if not g.passed] for name, one in faults.items()}
    assert refused == {name: [name] for name in GATES} | {"coverage80": ["coverage80"]}


def test_rows_tell_the_local_time_and_leave_out_what_is_not_known() -> None:
    rows = found(judged(around(1.0, 2.0), profile=around(2.0, 2.0))).scored
    assert len(rows) == int(np.isfinite(tiny.matrix().y).sum())
    west = rows[rows["entity"] == "west"].iloc[0]
    shown = west["event_at"].tz_convert("America/New_York").tz_localize(None)
    assert west["local_at"] == shown
    assert (np.diff(rows[list(LEVELS)].to_numpy(), axis=1) >= 0).all()


def prepared(ahead_h: int) -> Prepared:
    """The tiny meters with editions of the weather, issued so many hours ahead."""
    panel = tiny.panel()
    known = panel.known
    assert known is not None
    issued = known.assign(issued_at=known["ts"] - pd.Timedelta(hours=ahead_h))
    panel = replace(panel, known=issued, is_known_perfectly=False)
    return Prepared(panel, tiny.specs(), cuts_of(panel, SETTINGS))


def test_noise_in_the_future_changes_no_feature() -> None:
    at = tiny.issue_times()[[20, 45]]
    assert leak_of(prepared(6), at, np.random.default_rng(0)) == 0.0


def test_a_leak_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Vintages.as_of

    def peeking(own: Vintages, step: np.ndarray, issue_s: np.ndarray) -> np.ndarray:
        return honest(own, step, issue_s + 43_200)

    monkeypatch.setattr(Vintages, "as_of", peeking)
    at = tiny.issue_times()[[20]]
    assert leak_of(prepared(6), at, np.random.default_rng(0)) > 0.0
