"""A smaller artefact is shipped where its loss is bounded, and only there."""

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
from lepton.compress.judge import Measured, measure
from lepton.compress.recipes import Recipe, Workshop, heaviest
from lepton.compress.select import Limits, compress
from lepton.dataset import Parts, TabularDataset
from lepton.errors import IntegrityError
from lepton.evaluation.metrics import METRICS
from lepton.evaluation.results import Metric
from lepton.evaluation.splits import SplitSpec, split_in_time
from lepton.progress import Silent
from lepton.task import TaskKind, TaskSpec
from tests.conftest import rows


def _threshold(rows: TabularDataset, score: np.ndarray) -> float:
    return float(np.quantile(score, 0.9))


@pytest.fixture(scope="module")
def parts() -> Parts:
    return split_in_time(rows(), SplitSpec(), min_positives=30)


@pytest.fixture(scope="module")
def board(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Leaderboard:
    spec = SearchSpec(
        task=TaskSpec("fraud", TaskKind.BINARY, "rows", "y", "ap"),
        families=("lightgbm", "logistic"),
        budget=Budget(work_units=4 * len(parts.folds)),
        metric=METRICS["ap"],
        seed=0,
        journal=tmp_path_factory.mktemp("journal"),
    )
    found = search(parts, spec, Silent())
    assert found.best.newest.members, "these rows are made so that a blend wins"
    return found


Made = Callable[[Limits], Front]


@pytest.fixture(scope="module")
def made(board: Leaderboard, parts: Parts) -> Made:
    """The front under some limits; each is made once."""
    known: dict[Limits, Front] = {}

    def front(limits: Limits) -> Front:
        if limits not in known:
            rng = np.random.default_rng(0)
            known[limits] = compress(
                board, parts, limits, METRICS["ap"], _threshold, Silent(), rng=rng
            )
        return known[limits]

    return front


def test_the_smallest_accepted_artefact_is_chosen(made: Made) -> None:
    front = made(Limits(max_loss=1.0))
    smallest = min(front.artefacts.values(), key=lambda one: one.bytes)
    assert all(one.accepted for one in front.artefacts.values())
    assert front.chosen == smallest.name
    assert front.chosen != "best"


def test_x08_without_tolerance_the_unreduced_model_stays(made: Made) -> None:
    front = made(Limits(max_loss=0.0))
    refused = [one for one in front.artefacts.values() if not one.accepted]
    assert refused
    for one in refused:
        assert max(one.loss_bound, one.single_bound) > 0
        assert "refused, bound of the loss" in one.why
    assert any("positives, so every bound of a loss is wide" in note for note in front.notes)
    assert front.artefacts["best"].accepted
    assert front.artefacts["best"].loss == 0.0


def test_accepted_keeps_both_bounds_against_the_best_and_against_the_best_single_model(
    made: Made,
) -> None:
    front = made(Limits(max_loss=0.02))
    assert front.artefacts["single"].single_bound == 0.0
    assert front.artefacts["single"].loss > 0.0
    for one in front.artefacts.values():
        inside = max(one.loss_bound, one.single_bound) <= 0.02
        assert one.accepted == (one.name == "best" or inside)
        assert one.loss_bound >= one.loss or math.isnan(one.loss_bound)


def test_the_front_has_the_whole_blend_a_lighter_one_one_model_and_a_distilled_one(
    made: Made,
) -> None:
    frame = made(Limits(max_loss=0.0)).to_frame()
    assert {"full", "pruned", "single", "distilled"} <= set(frame["kind"])
    measured = frame[["score", "low", "high", "bytes", "row_us", "batch_us"]]
    assert measured.notna().all(axis=None)
    assert (frame["low"] <= frame["score"]).all()
    assert (frame["score"] <= frame["high"]).all()
    lighter = frame.loc[frame["kind"] == "pruned", "bytes"]
    assert (lighter < frame.loc[frame["kind"] == "full", "bytes"].item()).all()


def test_beside_what_is_cut_or_taught_stands_the_same_shape_from_scratch(made: Made) -> None:
    artefacts = made(Limits(max_loss=0.0)).artefacts
    cut = [name for name in artefacts if name.startswith("prefix-")]
    assert cut
    for name in cut:
        control = artefacts["scratch-" + name.removeprefix("prefix-")]
        assert artefacts[name].control_score == control.score
        assert control.is_control
        assert not artefacts[name].is_control
    taught = [name for name in artefacts if name.startswith("distilled-")]
    assert taught
    for name in taught:
        same_shape = artefacts["small-" + name.removeprefix("distilled-")]
        assert artefacts[name].control_score == same_shape.score


def test_what_is_shipped_has_learnt_from_all_rows_before_the_holdout(
    made: Made, parts: Parts
) -> None:
    front = made(Limits(max_loss=1.0))
    assert front.model.n_rows == front.reference.n_rows == len(parts.before_holdout())
    assert front.artefacts[front.chosen].model.fingerprint == front.model.fingerprint
    assert front.model.threshold != 0.5
    native_us = front.artefacts[front.chosen].timing.native_row_us
    assert native_us is not None
    assert native_us > 0
    assert parts.holdout.opened_by is None


def test_the_same_seed_gives_the_same_front(made: Made, board: Leaderboard, parts: Parts) -> None:
    first, limits = made(Limits(max_loss=0.0)), Limits(max_loss=0.0)
    rng = np.random.default_rng(0)
    second = compress(board, parts, limits, METRICS["ap"], _threshold, Silent(), rng=rng)
    assert first.model.fingerprint == second.model.fingerprint
    same = ["name", "accepted", "score", "low", "high", "loss_bound", "single_bound", "bytes"]
    assert first.to_frame()[same].equals(second.to_frame()[same])


def test_a_spent_budget_ships_the_model_as_fitted_on_the_newest_fold_and_says_so(
    board: Leaderboard, parts: Parts
) -> None:
    spent = replace(board, budget=Budget(seconds=1.0), spent=Spent(2.0, 4))
    front = compress(
        spent,
        parts,
        Limits(0.0),
        METRICS["ap"],
        _threshold,
        Silent(),
        rng=np.random.default_rng(0),
        clock=lambda: 0.0,
    )
    assert front.model.n_rows == len(parts.folds[-1].train)
    told = f"{front.chosen} is shipped as fitted on the newest fold: no time for a refit"
    assert told in front.notes
    assert not any(one.startswith(("scratch", "small", "distilled")) for one in front.artefacts)


def test_a_recipe_that_breaks_is_left_out_with_its_reason(
    board: Leaderboard, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent = replace(board, budget=Budget(seconds=1.0), spent=Spent(2.0, 4))

    def broken(recipe: Recipe, shop: Workshop, metric: Metric) -> Measured | None:
        if recipe.name == "blend-2":
            raise RuntimeError("no such leaf")
        return measure(recipe, shop, metric)

    monkeypatch.setattr("lepton.compress.select.measure", broken)
    rng = np.random.default_rng(0)
    front = compress(spent, parts, Limits(), METRICS["ap"], _threshold, Silent(), rng=rng)
    assert "blend-2" not in front.artefacts
    assert "blend-2 broke and was left out: RuntimeError: no such leaf" in front.notes


def test_an_artefact_beyond_the_limit_of_size_is_refused_and_says_by_how_much(
    made: Made,
) -> None:
    most = made(Limits(max_loss=0.0)).artefacts["single"].bytes
    front = made(Limits(max_loss=0.0, max_bytes=most))
    assert f"bytes are more than {most:,}" in front.artefacts["best"].why
    assert front.chosen != "best"
    assert any(f"{front.chosen} alone keeps the limits" in note for note in front.notes)


def test_limits_that_nothing_keeps_give_the_smallest_and_a_note(made: Made) -> None:
    front = made(Limits(max_loss=1.0, max_row_us=1e-6))
    frame = front.to_frame()
    assert not frame["accepted"].any()
    assert front.chosen == frame["name"].iloc[0]
    assert any("no artefact keeps the limits" in note for note in front.notes)


def test_a_front_comes_back_from_disk_equal(made: Made, tmp_path: Path) -> None:
    front = made(Limits(max_loss=0.0))
    front.save(tmp_path / "front")
    again = Front.load(tmp_path / "front")
    assert again.to_frame().equals(front.to_frame())
    assert again.artefacts[again.chosen].timing == front.artefacts[front.chosen].timing
    assert again.model.fingerprint == front.model.fingerprint
    assert again.reference.fingerprint == front.reference.fingerprint
    (tmp_path / "front" / "model" / "model.json").write_text("{}")
    with pytest.raises(IntegrityError, match="LK63"):
        Front.load(tmp_path / "front")


def test_a_refitted_model_alerts_on_as_many_recent_rows_as_its_twin(
    board: Leaderboard, parts: Parts, make_rows: Callable[..., TabularDataset]
) -> None:
    recent = make_rows(1000, seed=7)
    spent = replace(board, budget=Budget(seconds=1.0), spent=Spent(2.0, 4))
    ends = []
    for given in (board, spent):
        front = compress(
            given,
            replace(parts, recent=recent),
            Limits(max_loss=0.0),
            METRICS["ap"],
            _threshold,
            Silent(),
            rng=np.random.default_rng(0),
            clock=lambda: 0.0,
        )
        ends.append(front.reference)
    refitted, twin = ends
    assert refitted.n_rows > twin.n_rows
    assert refitted.threshold != twin.threshold
    assert refitted.decide(recent).sum() == twin.decide(recent).sum()


def test_the_heaviest_members_take_over_the_weight_of_the_others(board: Leaderboard) -> None:
    model = board.best.newest
    lighter = heaviest(model, 1 if len(model.members) == 2 else 2)
    kept = sorted(model.weights)[-len(lighter.singles) :]
    weights = lighter.weights or (1.0,)
    assert math.isclose(sum(weights), sum(model.weights))
    assert sorted(weights) == pytest.approx([w * sum(model.weights) / sum(kept) for w in kept])
