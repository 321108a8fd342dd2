"""Networks made smaller by the product's own way, as the benchmark runs it, at a small size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch comes with the extra `nets`")

from lepton.automl.leaderboard import Leaderboard
from lepton.automl.machine import quiet_and_single_threaded
from lepton.compress import judge
from lepton.compress.front import Front
from lepton.compress.networks import FEWEST_PARAMETERS
from lepton.compress.teacher import Teacher
from lepton.dataset import Parts
from lepton.evaluation.splits import SplitSpec, split_in_time
from lepton.graph.timing import Timing
from tests.benchmarks.bench_compression import alone, compressed, searched, told
from tests.conftest import rows


@pytest.fixture(scope="module")
def parts() -> Parts:
    made = split_in_time(rows(3000, rate=0.2), SplitSpec(selection_share=0.3), min_positives=30)
    return replace(made, folds=made.folds[-2:])


@pytest.fixture(scope="module")
def board(parts: Parts) -> Leaderboard:
    with quiet_and_single_threaded():
        return searched(parts, (128, 96, 64))


@pytest.fixture(scope="module")
def front(parts: Parts, board: Leaderboard) -> Front:
    return compressed(parts, board)


def test_a_pruned_network_is_smaller_in_parameters_and_in_bytes(front: Front) -> None:
    whole = front.artefacts["best"]
    pruned = [one for one in front.artefacts.values() if one.kind == "network"]
    assert {one.model.estimator.is_int8 for one in pruned} == {False, True}
    for one in pruned:
        assert one.model.estimator.n_parameters <= FEWEST_PARAMETERS
        assert one.bytes < whole.bytes / 2
        assert np.isfinite(one.loss_bound)


def test_int8_is_smaller_than_its_float32_twin_and_scores_nearly_alike(front: Front) -> None:
    (small,) = (one for one in front.artefacts.values() if one.name.endswith("-int8"))
    twin = front.artefacts[small.name.removesuffix("-int8")]
    assert small.bytes < twin.bytes
    assert abs(small.score - twin.score) < 0.02


def test_beside_a_pruned_network_stands_its_shape_from_scratch(front: Front) -> None:
    for name, one in front.artefacts.items():
        if one.kind == "network":
            control = front.artefacts["scratch-" + name.removesuffix("-int8")]
            assert one.control_score == control.score
            assert control.model.estimator.hidden == one.model.estimator.hidden
    taught = front.artefacts["distilled-net-32x16"]
    assert taught.control_score == front.artefacts["scratch-net-32x16"].score


def test_what_is_shipped_is_the_chosen_kind_of_network_on_all_rows(
    front: Front, parts: Parts
) -> None:
    twin = front.artefacts[front.chosen]
    assert front.model.n_rows == len(parts.before_holdout())
    assert front.model.estimator.is_int8 == front.chosen.endswith("int8")
    assert front.model.fingerprint == twin.model.fingerprint
    graph, holdout = front.model.graph(), parts.selection
    native = front.model.score(holdout)
    np.testing.assert_allclose(graph.score(*front.model.inputs(holdout)), native, atol=1e-9)


@pytest.mark.parametrize(("int8_us", "verdict"), [(2.0, False), (0.5, True)])
def test_int8_that_is_not_faster_in_a_batch_is_dropped_and_the_reason_told(
    parts: Parts,
    board: Leaderboard,
    monkeypatch: pytest.MonkeyPatch,
    int8_us: float,
    verdict: bool,
) -> None:
    def timed(graphs: Mapping[str, bytes], *_: Any) -> dict[str, Timing]:
        return {n: Timing(1.0, int8_us if n.endswith("-int8") else 1.0) for n in graphs}

    monkeypatch.setattr(judge, "time_graphs", timed)
    found = compressed(parts, board)
    (small,) = (one for one in found.artefacts.values() if one.name.endswith("-int8"))
    reason = "int8 is not faster than float32 in a batch of 1,024 rows (2.00 against 1.00"
    assert (reason in small.why) != verdict


def test_the_teacher_speaks_of_rows_that_no_teacher_learnt_from(
    parts: Parts, board: Leaderboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt: list[set[int]] = []

    def refit(model: Any, rows: Any, **_: Any) -> Any:
        learnt.append(set(rows.rows.index))
        return _Names(learnt)

    monkeypatch.setattr("lepton.compress.teacher.refit", refit)
    best = board.best
    teacher = Teacher(best.recipe, best, parts.folds, 0, lambda: False)
    oldest, newest = parts.folds
    told_of = teacher.margins(oldest.train)
    for row, teacher_number in zip(oldest.train.rows.index, told_of, strict=True):
        assert row not in learnt[int(teacher_number)]
    known = teacher.margins(newest.train)
    inside = np.isin(newest.train.rows.index, oldest.valid.rows.index)
    asked = np.isin(oldest.valid.rows.index, newest.train.rows.index)
    np.testing.assert_array_equal(known[inside], best.margins[-2][asked])
    unseen = ~inside & ~np.isin(newest.train.rows.index, oldest.train.rows.index)
    assert np.isnan(known[unseen]).all()


class _Names:
    """A model whose log-odds are the number of its teacher."""

    def __init__(self, learnt: list[set[int]]) -> None:
        self._number = len(learnt) - 1

    def margin(self, rows: Any) -> np.ndarray:
        return np.full(len(rows), float(self._number))


def test_the_benchmark_prints_the_control_and_both_ratios(front: Front) -> None:
    text = "\n".join(told(front))
    assert f"chosen {front.chosen}: AUC-loss bound" in text
    assert "network alone" in text
    assert "whole graph" in text
    sizes = {name: size for name, (size, _) in alone(front, ["best", front.chosen]).items()}
    assert sizes["best"] >= sizes[front.chosen]
