"""Forecasts of a network add up to a millionth, by a method that past errors chose."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.errors import DataError
from lepton.forecast.coherent import Choice, Joint, choose, coherent, sums_of
from lepton.forecast.panel import PanelDataset
from lepton.forecast.reconcile import Hierarchy
from lepton.hierarchies import Reconciling, coherence_facts, each_day, file_of, side_by_side, taken

PARENTS = {"a": "west", "total": None, "b": "west", "west": "total", "c": "total"}
HIERARCHY = Hierarchy.of(PARENTS)
DAY_S, STEP_S = 86_400, 3_600
NORMAL = np.array([-1.28, -0.84, -0.52, -0.25, 0.0, 0.25, 0.52, 0.84, 1.28])


def made(seed: int, sd: tuple[float, ...], days: int = 60, together: float = 0.0) -> Joint:
    """Days of truths that add up; each node's forecast errs by its own sd, leaves together too."""
    rng = np.random.default_rng(seed)
    leaves = 100 + 20 * np.sin(np.arange(24) / 4) + rng.normal(0, 10, (days, 3, 24))
    y = np.einsum("nl,dlh->dnh", HIERARCHY.sums, leaves)
    own = rng.normal(0, 1, y.shape) * np.array(sd)[:, None]
    own[:, 2:] += together * rng.normal(0, 1, (days, 1, 24))
    quantiles = (y + own)[..., None] + np.array(sd)[:, None, None] * NORMAL
    return Joint(DAY_S * np.arange(days, dtype=np.int64), y, quantiles)


def panel_of(tables: dict[str, np.ndarray], parents: dict[str, str | None]) -> PanelDataset:
    n = len(next(iter(tables.values())))
    ts = pd.date_range("2025-01-01", periods=n, freq="h", tz="UTC")
    rows = [pd.DataFrame({"series_id": name, "ts": ts, "y": y}) for name, y in tables.items()]
    told = [parents.get(name) for name in tables]
    series = pd.DataFrame({"series_id": list(tables), "parent_id": told})
    return PanelDataset(pd.concat(rows), series, STEP_S)


def test_medians_add_up_and_deciles_never_cross_by_every_method() -> None:
    every = made(0, (6, 5, 4, 3, 2))
    past, now = every.take(np.arange(59)), every.quantiles[59]
    for method in ("bottom_up", "least_squares", "by_variance", "mint"):
        found = coherent(HIERARCHY, method, past, now)
        assert HIERARCHY.incoherence(found[..., 4]) < 1e-6
        assert (np.diff(found, axis=-1) >= 0).all()
        assert HIERARCHY.incoherence(now[..., 4]) > 1


def test_deciles_hold_what_they_say_after_they_were_reconciled() -> None:
    every = made(1, (6, 5, 4, 3, 2), days=200)
    past, asked = every.take(np.arange(60)), every.take(np.arange(60, 200))
    found = each_day(HIERARCHY, "mint", past, asked, STEP_S)
    inside = (asked.y >= found[..., 0]) & (asked.y <= found[..., -1])
    assert np.abs(inside.mean(axis=(0, 2)) - 0.8).max() < 0.06


def test_leaves_alone_are_believed_where_they_are_known_best() -> None:
    exact = made(2, (30, 30, 0.01, 0.01, 0.01))
    found = choose(HIERARCHY, exact)
    assert found.loss["bottom_up"] < 0.01 * found.loss["direct"]
    assert found.method == "bottom_up", "others gain less than a hundredth"


def test_a_good_total_is_kept_where_leaves_err_together() -> None:
    every = made(3, (2, 4, 4, 4, 4), days=120, together=6.0)
    past, later = every.take(np.arange(60)), every.take(np.arange(60, 120))
    found = choose(HIERARCHY, past)
    assert found.method in {"mint", "by_variance"}
    assert found.roots[found.method] <= 1.01 * min(found.roots["direct"], found.roots["bottom_up"])
    after = each_day(HIERARCHY, found.method, past, later, STEP_S)
    error = np.abs(later.y - after[..., 4]).mean(axis=(0, 2))
    before = np.abs(later.errors).mean(axis=(0, 2))
    assert error[0] <= 1.01 * before[0]
    assert error[2:].mean() < before[2:].mean()


def test_what_is_not_known_yet_changes_nothing() -> None:
    every = made(5, (6, 5, 4, 3, 2))
    past, asked = every.take(np.arange(40)), every.take(np.arange(40, 60))
    noisy = Joint(asked.issue_s, asked.y.copy(), asked.quantiles)
    noisy.y[10:] = 1e6
    one, other = (each_day(HIERARCHY, "mint", past, told, STEP_S) for told in (asked, noisy))
    np.testing.assert_array_equal(one[:11], other[:11])
    assert (one[12] != other[12]).any()


def test_a_new_leaf_and_a_missing_interval_do_not_stop_the_others() -> None:
    every = made(6, (6, 5, 4, 3, 2))
    every.y[:59, 2] = np.nan
    every.quantiles[59, 1, 3] = np.nan
    past, now = every.take(np.arange(59)), every.quantiles[59]
    found = coherent(HIERARCHY, "mint", past, now)
    assert np.isnan(found[1, 3]).all()
    assert (found[0, 3] == now[0, 3]).all()
    rest = np.delete(np.arange(24), 3)
    assert HIERARCHY.incoherence(found[:, rest, 4]) < 1e-6
    first = coherent(HIERARCHY, "mint", every.take(np.arange(3)), now)
    assert HIERARCHY.incoherence(first[:, rest, 4]) < 1e-6


def test_only_sums_that_measurements_confirm_are_kept() -> None:
    rng = np.random.default_rng(0)
    a, b, c = (100 + rng.normal(0, 5, 200) for _ in range(3))
    tables = {"total": 1.2 * (a + b + c), "west": a + b, "a": a, "b": b, "c": c, "alone": a}
    parents = {**PARENTS, "alone": "nowhere"}
    found, notes = sums_of(panel_of(tables, parents), 2**33)
    assert found is not None
    assert found.nodes == ("west", "a", "b")
    assert notes == ("total is not the sum of its 2 parts: 16.7% apart.",)
    assert sums_of(panel_of({"a": a, "b": b}, {}), 2**33) == (None, ())
    with pytest.raises(DataError, match="LK267"):
        sums_of(panel_of({"a": a, "b": b}, {"a": "b", "b": "a"}), 2**33)


def test_rows_that_were_judged_become_a_report_of_each_node() -> None:
    every = made(7, (6, 5, 4, 3, 2))
    past, asked = every.take(np.arange(40)), every.take(np.arange(40, 60))
    rows = [
        {
            "entity": name,
            "issued_at": pd.Timestamp(issue_s, unit="s", tz="UTC"),
            "event_at": pd.Timestamp(issue_s + STEP_S * lead, unit="s", tz="UTC"),
            "target": asked.y[day, node, lead],
            **{f"q{10 * (k + 1)}": asked.quantiles[day, node, lead, k] for k in range(9)},
        }
        for day, issue_s in enumerate(asked.issue_s.tolist())
        for node, name in enumerate(HIERARCHY.nodes)
        for lead in range(24)
    ]
    scored = pd.DataFrame(rows).sample(frac=1, random_state=0)
    again = side_by_side(HIERARCHY, scored, STEP_S)
    np.testing.assert_array_equal(again.quantiles, asked.quantiles)
    choice = choose(HIERARCHY, past)
    facts = coherence_facts(Reconciling(HIERARCHY, choice, past, ()), scored, STEP_S)
    assert facts.gap[0] > 1
    assert facts.gap[1] < 1e-6
    assert facts.nodes["node"].tolist() == list(HIERARCHY.nodes)
    assert facts.nodes["ratio"].iloc[0] < 1
    assert facts.methods["method"].tolist()[0] == "direct"


def test_a_bundle_carries_method_and_parents_and_others_stay_as_they_were(tmp_path: Path) -> None:
    choice = Choice("mint", {}, {})
    told = json.loads(
        file_of(Reconciling(HIERARCHY, choice, made(0, (1,) * 5), ()))["hierarchy.json"]
    )
    assert told == {"method": "mint", "parents": PARENTS}
    made_, own = np.ones((1, 5, 2, 9)), np.zeros((2, 2, 9))
    found = taken(HIERARCHY, np.array([7]), made_, ["c", "alone"], np.array([7, 7]), own)
    assert (found[0] == 1).all()
    assert (found[1] == 0).all()
