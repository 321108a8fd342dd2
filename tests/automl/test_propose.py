"""In which order configurations are proposed."""

from __future__ import annotations

from lepton.automl.propose import BAG_EVERY, MOST_BAGS, SUREST, Source
from lepton.automl.trial import Plan, portfolio_of


def test_every_third_proposal_after_the_surest_draws_the_best_again() -> None:
    source = Source(("lightgbm", "logistic"), seed=0)
    best = portfolio_of(("lightgbm",))[0]
    given = [source.next(best) for _ in range(SUREST + 2 * BAG_EVERY)]
    drawn = [place for place, plan in enumerate(given) if plan and plan.origin == "bag"]
    assert drawn == [SUREST, SUREST + BAG_EVERY]
    bags = [plan.params["bag"] for plan in given if plan and plan.origin == "bag"]
    assert bags == [1, 2]


def test_a_draw_is_of_the_best_and_there_are_only_so_many() -> None:
    source = Source(("lightgbm", "logistic"), seed=0)
    best = portfolio_of(("lightgbm",))[0]
    given = [source.next(best) for _ in range(SUREST + BAG_EVERY * (MOST_BAGS + 3))]
    drawn = [plan for plan in given if plan and plan.origin == "bag"]
    assert len(drawn) == MOST_BAGS
    assert all({**plan.params, "bag": 0} == {**best.params, "bag": 0} for plan in drawn)


def test_a_family_that_draws_nothing_has_no_bags() -> None:
    source = Source(("logistic",), seed=0)
    best = Plan("logistic", {"C": 0.1})
    given = [source.next(best) for _ in range(SUREST + 2 * BAG_EVERY)]
    assert not [plan for plan in given if plan and plan.origin == "bag"]
