"""Alarms without outcomes are counted on histories whose answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lepton.evaluation.results import GateResult, MetricResult
from lepton.evaluation.watched import (
    PER_MONTH,
    PER_THOUSAND,
    WARNED,
    alone_metrics,
    watch_gates,
    watch_metrics,
    watched,
)
from lepton_edge.alarm import AlarmSpec

START = pd.Timestamp("2024-01-01", tz="UTC")
SPEC = AlarmSpec(hi=0.5, lo=0.5)
PARITY = GateResult("parity", True, "", "", "")


def life(asset: str, number: int, score: list[float], *, fails: bool) -> pd.DataFrame:
    """Daily readings of one life, a hundred days after the life before."""
    at = START + pd.to_timedelta(100 * number + np.arange(len(score)), unit="D")
    rows = pd.DataFrame({"event_at": at.as_unit("us"), "score": score, "target": 0.0})
    rows.loc[rows.index[-1], "target"] = float(fails)
    return rows.assign(asset_id=asset, life=f"{asset}#{number}", decision=rows["score"] >= 0.5)


def fleet() -> pd.DataFrame:
    """Two failures, one warned of four days ahead; two raises of assets that did not fail."""
    return pd.concat(
        [
            life("a", 0, [0, 0, 0.9, 0.9, 0.9, 0.9, 0.9], fails=True),
            life("a", 1, [0, 0, 0, 0], fails=True),
            life("b", 0, [0, 0.9, 0, 0.9, 0], fails=False),
            life("c", 0, [0, 0, 0], fails=False),
        ],
        ignore_index=True,
    ).sample(frac=1, random_state=0)


def test_failures_are_warned_of_by_an_alarm_in_their_life() -> None:
    found = watched(fleet(), SPEC, rng=np.random.default_rng(0))
    assert (found.n_failures, found.n_caught) == (2, 1)
    assert found.lead_h.value == 4 * 24.0
    rows = fleet()
    metrics = {one.name: one for one in watch_metrics(found, rows)}
    assert metrics[WARNED].value == 0.5
    assert metrics[PER_MONTH].value is not None
    # of the time between the first reading and the last of each asset
    days = 103 + 4 + 2
    assert metrics[PER_MONTH].value == pytest.approx(2 / (days / 30.4375))


def test_an_alarm_ends_with_its_life() -> None:
    rows = pd.concat(
        [life("a", 0, [0.0, 0.9], fails=True), life("a", 1, [0.9, 0.9], fails=False)],
        ignore_index=True,
    )
    found = watched(rows, SPEC, rng=np.random.default_rng(0))
    assert (found.n_caught, found.n_false + found.n_undecided) == (1, 1)


def test_rows_that_stand_alone_are_alarms_by_themselves() -> None:
    rows = pd.DataFrame({"decision": [1, 0] * 50 + [1] * 4, "target": [0.0] * 100 + [1.0] * 4})
    found = {one.name: one.value for one in alone_metrics(rows)}
    assert found[PER_THOUSAND] == 500.0
    assert found[WARNED] == 1.0
    none = alone_metrics(rows[rows["target"] == 0])
    assert none[1].value is None
    assert none[1].reason == "no failure"


@pytest.mark.parametrize(("low", "passed"), [(0.05, True), (0.2, False)])
def test_the_gate_refuses_what_is_surely_too_often(low: float, passed: bool) -> None:
    rate = MetricResult(PER_MONTH, 0.3, low, 0.5)
    gate, parity = watch_gates((rate,), 0.1, PARITY)
    assert gate.passed is passed
    assert "0.3" in gate.found
    assert parity is PARITY


def test_the_gate_refuses_where_there_was_no_time_to_judge() -> None:
    gate, _ = watch_gates((MetricResult(PER_MONTH, None),), 0.1, PARITY)
    assert not gate.passed
