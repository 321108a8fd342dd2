from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from lepton.automl.budget import Budget, Meter
from lepton.automl.families import lightgbm
from lepton.automl.leaderboard import Leaderboard
from lepton.automl.search import SearchSpec, search
from lepton.automl.trial import portfolio_of
from lepton.dataset import Parts, TabularDataset
from lepton.errors import IntegrityError, SearchError
from lepton.progress import Silent
from lepton.task import TaskKind


@dataclass(frozen=True)
class _Coin:
    """A baseline that knows nothing."""

    name: str = "coin"

    @property
    def fit(self) -> Callable[[TabularDataset], Callable[[TabularDataset], np.ndarray]]:
        return lambda train: lambda rows: np.full(len(rows), 0.5)


def test_the_best_model_beats_the_baseline_and_leads_the_leaderboard(
    parts: Parts, search_spec: SearchSpec
) -> None:
    found = search(parts, replace(search_spec, baselines=(_Coin(),)), Silent())
    frame = found.to_frame()
    assert found.best_score > found.baselines["coin"]
    assert frame["score"].is_monotonic_decreasing
    assert set(frame["family"]) >= {"baseline", "lightgbm", "logistic"}
    assert found.best_score == frame["score"][0]


def test_a_budget_in_work_units_is_spent_exactly(parts: Parts, search_spec: SearchSpec) -> None:
    for units in (1, 3, 8):
        spec = replace(search_spec, budget=Budget(work_units=units))
        found = search(parts, spec, Silent())
        assert found.spent.work_units == units
        assert sum(trial.folds for trial in found.trials) == units


def test_work_units_give_the_same_models_with_one_worker_and_with_two(
    parts: Parts, search_spec: SearchSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = replace(lightgbm.FAMILY, portfolio=lightgbm.PORTFOLIO[:2])
    monkeypatch.setattr(lightgbm, "FAMILY", few)
    spec = replace(search_spec, families=("lightgbm",), budget=Budget(work_units=26))
    boards = [
        search(parts, replace(spec, workers=n, journal=tmp_path / str(n)), Silent()) for n in (1, 2)
    ]
    told = [[(t.trial_id, t.score, t.params) for t in board.trials] for board in boards]
    assert told[0] == told[1]
    assert boards[0].best.fingerprint == boards[1].best.fingerprint
    assert {trial.origin for trial in boards[0].trials} == {
        "portfolio",
        "sampled",
        "neighbour",
        "bag",
    }


def test_the_best_of_each_other_family_is_kept(parts: Parts, search_spec: SearchSpec) -> None:
    found = search(parts, search_spec, Silent())
    assert {found.single.newest.family, *found.others} == {"lightgbm", "logistic"}


def test_a_leaderboard_comes_back_from_disk_equal(
    parts: Parts, search_spec: SearchSpec, tmp_path: Path
) -> None:
    found = search(parts, search_spec, Silent())
    found.save(tmp_path / "board")
    again = Leaderboard.load(tmp_path / "board")
    assert again.best.fingerprint == found.best.fingerprint
    assert again.trials == found.trials
    assert (again.budget, again.spent, again.notes) == (found.budget, found.spent, found.notes)


def test_a_damaged_leaderboard_is_refused(
    parts: Parts, search_spec: SearchSpec, tmp_path: Path
) -> None:
    search(parts, search_spec, Silent()).save(tmp_path / "board")
    path = tmp_path / "board" / "leaderboard.json"
    path.write_text(path.read_text()[:-30])
    with pytest.raises(IntegrityError, match="LK631"):
        Leaderboard.load(tmp_path / "board")


def test_an_unknown_family_is_refused_with_the_nearest(
    parts: Parts, search_spec: SearchSpec
) -> None:
    with pytest.raises(SearchError, match=r"LK411 families: no family 'lightgmb'.*'lightgbm'"):
        search(parts, replace(search_spec, families=("lightgmb",)), Silent())


def test_a_task_of_a_kind_that_nothing_learns_is_refused(
    parts: Parts, search_spec: SearchSpec
) -> None:
    task = replace(search_spec.task, kind=TaskKind.FORECAST)
    with pytest.raises(SearchError, match="LK412 task fraud: its kind is 'forecast'"):
        search(parts, replace(search_spec, task=task), Silent())


def test_portfolios_are_interleaved_with_the_surest_first() -> None:
    plans = portfolio_of(("lightgbm", "logistic"))
    assert [plan.family for plan in plans[:3]] == ["lightgbm", "logistic", "lightgbm"]
    assert len({plan.trial_id for plan in plans}) == len(plans)


@pytest.mark.parametrize("given", [{}, {"seconds": 1.0, "work_units": 1}, {"seconds": -1.0}])
def test_a_budget_is_either_seconds_or_work_units(given: dict[str, float]) -> None:
    with pytest.raises(SearchError, match="LK410 budget"):
        Budget(**given)  # type: ignore[arg-type]


def test_the_reserve_is_not_for_trials() -> None:
    now = [0.0]
    meter = Meter(Budget(seconds=100.0), lambda: now[0], reserve_s=40.0)
    now[0] = 59.0
    assert meter.left_s == pytest.approx(1.0)
    assert not meter.is_over()
    now[0] = 60.0
    assert meter.is_over()
    assert meter.expired()


def test_a_family_that_cannot_learn_shares_is_left_out_for_that_and_not_for_its_library(
    parts: Parts, search_spec: SearchSpec
) -> None:
    shares = replace(search_spec.task, kind=TaskKind.REGRESSION)
    spec = replace(search_spec, task=shares, budget=Budget(work_units=1))
    told = [note for note in search(parts, spec, Silent()).notes if "left out" in note]
    assert told == [
        "the family logistic is left out: it learns outcomes, and these targets are shares"
    ]
