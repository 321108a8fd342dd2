"""Group B of the reliability catalogue: what a search may spend."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lepton.automl.budget import Budget
from lepton.automl.search import SearchSpec, search
from lepton.dataset import Parts
from lepton.progress import Silent


@dataclass
class _Clock:
    """A clock on which every look takes `tick_s`."""

    tick_s: float
    now_s: float = 0.0

    def __call__(self) -> float:
        self.now_s += self.tick_s
        return self.now_s


def test_b01_a_budget_of_one_second_gives_the_best_so_far(
    parts: Parts, search_spec: SearchSpec
) -> None:
    clock = _Clock(0.02)
    spec = replace(search_spec, budget=Budget(seconds=1.0), clock=clock)
    found = search(parts, spec, Silent())
    assert found.spent.seconds <= 1.1
    assert found.best_score > 0
    assert any(note.startswith("starved") for note in found.notes)


def test_b01_a_fit_is_cut_short_at_its_deadline_and_is_still_a_model(
    parts: Parts, search_spec: SearchSpec
) -> None:
    spec = replace(
        search_spec, budget=Budget(seconds=1.0), clock=_Clock(0.1), families=("lightgbm",)
    )
    found = search(parts, spec, Silent())
    assert found.trials[0].reason == "cut short by its deadline"
    assert found.best.newest.params["rounds"] < 10


def test_b01_a_trial_cut_short_is_fitted_again_when_there_is_more_budget(
    parts: Parts, search_spec: SearchSpec
) -> None:
    short = replace(search_spec, budget=Budget(seconds=1.0), clock=_Clock(0.1))
    search(parts, short, Silent())
    found = search(parts, search_spec, Silent())
    assert all(trial.reason == "" for trial in found.trials)
