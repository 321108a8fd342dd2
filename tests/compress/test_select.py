from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lepton.automl.budget import Budget, Spent
from lepton.automl.leaderboard import Leaderboard
from lepton.automl.search import SearchSpec, search
from lepton.compress.front import Front
from lepton.compress.select import Limits, compress
from lepton.dataset import Parts, TabularDataset
from lepton.errors import IntegrityError
from lepton.evaluation.calibration import fit_calibration
from lepton.evaluation.metrics import METRICS
from lepton.progress import Silent


def _threshold(rows: TabularDataset, score: np.ndarray) -> float:
    return float(np.quantile(score, 0.9))


@pytest.fixture
def board(parts: Parts, search_spec: SearchSpec) -> Leaderboard:
    return search(parts, search_spec, Silent())


def _front(board: Leaderboard, parts: Parts, max_loss: float) -> Front:
    limits = Limits(max_loss=max_loss)
    rng = np.random.default_rng(0)
    return compress(board, parts, limits, METRICS["ap"], _threshold, Silent(), rng=rng)


def test_the_smallest_accepted_artefact_is_chosen(board: Leaderboard, parts: Parts) -> None:
    front = _front(board, parts, max_loss=1.0)
    smallest = min(front.artefacts.values(), key=lambda one: len(one.model.graph().to_onnx()))
    assert all(one.accepted for one in front.artefacts.values())
    assert front.chosen == smallest.name
    assert front.chosen != "best"


def test_without_tolerance_the_unreduced_model_stays(board: Leaderboard, parts: Parts) -> None:
    front = _front(board, parts, max_loss=0.0)
    refused = [one for one in front.artefacts.values() if not one.accepted]
    assert all(one.loss_bound > 0 for one in refused)
    assert all("refused, bound of the loss" in one.why for one in refused)
    assert "positives, so every bound of a loss is wide" in front.notes[0]
    assert front.artefacts["best"].accepted
    assert front.artefacts["best"].loss == 0.0


def test_every_accepted_artefact_has_its_bound_inside_the_tolerance(
    board: Leaderboard, parts: Parts
) -> None:
    for one in _front(board, parts, max_loss=0.1).artefacts.values():
        assert one.accepted == (one.name == "best" or one.loss_bound <= 0.1)
        assert one.loss_bound >= one.loss or math.isnan(one.loss_bound)


def test_beside_a_truncation_stands_the_same_shape_from_scratch(
    board: Leaderboard, parts: Parts
) -> None:
    front = _front(board, parts, max_loss=0.1)
    cuts = [one for one in front.artefacts.values() if one.name.startswith("prefix-")]
    assert cuts
    for one in cuts:
        n = one.name.removeprefix("prefix-")
        assert one.control_score == front.artefacts[f"scratch-{n}"].score
        assert front.artefacts[f"scratch-{n}"].is_control
        assert not one.is_control


def test_what_is_shipped_has_learnt_from_all_rows_before_the_holdout(
    board: Leaderboard, parts: Parts
) -> None:
    front = _front(board, parts, max_loss=1.0)
    assert parts.between is not None
    n_rows = len(parts.train) + len(parts.between) + len(parts.selection)
    assert front.model.n_rows == front.reference.n_rows == n_rows
    assert front.artefacts[front.chosen].model.fingerprint == front.model.fingerprint
    assert front.model.threshold != 0.5
    assert parts.holdout.opened_by is None


def test_the_same_seed_gives_the_same_front(board: Leaderboard, parts: Parts) -> None:
    first, second = (_front(board, parts, max_loss=0.05) for _ in range(2))
    assert first.model.fingerprint == second.model.fingerprint
    assert first.chosen == second.chosen


def test_a_spent_budget_ships_the_model_as_fitted_on_train_and_says_so(
    board: Leaderboard, parts: Parts
) -> None:
    spent = replace(board, budget=Budget(seconds=1.0), spent=Spent(2.0, 4))
    ticks = iter(range(1_000_000))
    front = compress(
        spent,
        parts,
        Limits(0.0),
        METRICS["ap"],
        _threshold,
        Silent(),
        rng=np.random.default_rng(0),
        clock=lambda: float(next(ticks)),
    )
    assert front.model.n_rows == len(parts.train)
    assert "best is shipped as fitted on train: no time for a refit was left" in front.notes
    assert not any(name.startswith(("scratch", "small")) for name in front.artefacts)


def test_a_front_comes_back_from_disk_equal(
    board: Leaderboard, parts: Parts, tmp_path: Path
) -> None:
    front = _front(board, parts, max_loss=0.05)
    front.save(tmp_path / "front")
    again = Front.load(tmp_path / "front")
    assert again.to_frame().equals(front.to_frame())
    assert again.model.fingerprint == front.model.fingerprint
    assert again.reference.fingerprint == front.reference.fingerprint
    (tmp_path / "front" / "model" / "estimator.txt").write_text("tree")
    with pytest.raises(IntegrityError, match="LK63"):
        Front.load(tmp_path / "front")


def test_a_refitted_model_alerts_on_as_many_recent_rows_as_its_twin(
    board: Leaderboard, parts: Parts, make_rows: Callable[..., TabularDataset]
) -> None:
    recent = make_rows(1000, seed=7)
    front = _front(board, replace(parts, recent=recent), max_loss=0.0)
    best = board.best.models[0]
    margin = best.margin(parts.selection)
    twin = replace(best, calibration=fit_calibration(margin, parts.selection.y))
    twin = replace(twin, threshold=_threshold(recent, twin.score(parts.selection)))
    assert front.reference.n_rows > twin.n_rows
    assert front.reference.threshold != twin.threshold
    assert front.reference.decide(recent).sum() == twin.decide(recent).sum()
