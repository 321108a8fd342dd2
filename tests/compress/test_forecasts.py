"""Smaller forecasters: accepted on a bound, judged on issues that their twin never saw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lepton.compress.forecasts import (
    ForecastFront,
    ForecastLimits,
    Twin,
    compress_champion,
    fit_twin,
)
from lepton.errors import SearchError
from lepton.forecast.champion import Champion, Series, fit_champion
from lepton.forecast.families import Forecaster, forecaster
from lepton.forecast.families.base import Lesson
from lepton.forecast.families.gbdt import BoostedPoint
from lepton.forecast.graph import to_onnx
from lepton.forecast.ladder import loss_bound
from lepton.forecast.rolling import Refit
from lepton.forecast.walk import Walk, WalkSpec, walk_forward
from tests.forecast import tiny

NAMES = ("seasonal_naive", "linear", "lightgbm", "net")
SPEC = WalkSpec(
    (
        Refit(tiny.START + 40 * tiny.DAY, tiny.START + 50 * tiny.DAY),
        Refit(tiny.START + 50 * tiny.DAY, tiny.START + 78 * tiny.DAY),
    )
)


def families() -> list[Forecaster]:
    found = [forecaster(name) for name in NAMES]
    return [replace(f, params={**f.params, **tiny.SMALL.get(f.name, {})}) for f in found]


Fitted = tuple[Champion, Lesson, Walk]


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    lesson = Lesson.of(tiny.matrix())
    walk = walk_forward(lesson, families(), SPEC)
    series = Series(tuple(tiny.ZONES), tiny.specs(), (60.0, float("nan")))
    return fit_champion(lesson, families(), walk, series, SPEC), lesson, walk


@pytest.fixture(scope="module")
def twin(fitted: Fitted) -> Twin:
    champion, lesson, walk = fitted
    # every member, so that every way to a smaller one is there
    whole = tiny.champion(NAMES)
    champion = replace(champion, members=whole.members, weights=whole.weights)
    return fit_twin(champion, lesson, families(), walk, SPEC)


def front(fitted: Fitted, twin: Twin, limits: ForecastLimits) -> ForecastFront:
    champion = replace(fitted[0], members=twin.champion.members, weights=twin.champion.weights)
    rng = np.random.default_rng(0)
    return compress_champion(champion, fitted[1], twin, families(), limits, rng)


def test_a_champion_is_fitted_from_a_walk_and_goes_on_with_its_calibration(
    fitted: Fitted,
) -> None:
    champion, _, walk = fitted
    assert set(champion.members) <= set(NAMES)
    assert set(champion.fallbacks) == {"profile", "seasonal_naive"}
    assert np.allclose(champion.weights.by_cell.sum(axis=-1), 1.0)
    assert champion.rolling.seen_s == walk.matrix.issue_s.max()
    quantiles = champion.quantiles(tiny.matrix())
    assert (np.diff(quantiles, axis=-1) >= 0).all()


def test_a_champion_of_families_that_stay_off_devices_is_refused(fitted: Fitted) -> None:
    _, lesson, walk = fitted
    with pytest.raises(SearchError, match=r"LK454.*\n?.*none runs on a device"):
        fit_champion(lesson, [], walk, fitted[0].series, SPEC)


def test_the_twin_never_saw_the_issues_that_judge(twin: Twin) -> None:
    at_s = SPEC.refits[-1].at_s
    learnt = np.isfinite(twin.lesson.issued.y)
    ends = (twin.lesson.issued.step + 1) * twin.lesson.issued.step_s
    assert (ends[learnt] <= at_s).all()
    assert (twin.judged.issue_s >= at_s).all()
    assert (twin.before.issue_s < at_s).all()


def test_the_cheapest_accepted_one_is_chosen_and_made_of_the_champion(
    fitted: Fitted, twin: Twin
) -> None:
    found = front(fitted, twin, ForecastLimits(max_loss=0.5))
    accepted = [one for one in found.artefacts if one.accepted]
    assert found.chosen == accepted[0].name
    assert [one.row_ms for one in found.artefacts] == sorted(one.row_ms for one in found.artefacts)
    chosen = next(one for one in found.artefacts if one.name == found.chosen)
    assert chosen.loss_bound <= 0.5
    assert len(to_onnx(found.champion)) > 0
    names = {one.name for one in found.artefacts}
    assert {"best", "without net", "50% of the trees", "one network", "int8 network"} <= names
    best = next(one for one in found.artefacts if one.name == "best")
    assert best.loss == best.loss_bound == 0.0


def test_what_loses_more_than_allowed_is_not_accepted_and_says_so(
    fitted: Fitted, twin: Twin
) -> None:
    found = front(fitted, twin, ForecastLimits(max_loss=-0.2))
    assert found.chosen == "best"
    assert all("may lose" in one.reasons[0] for one in found.artefacts if one.name != "best")


def test_trees_are_cut_and_networks_left_out_only_where_the_recipe_says_so(twin: Twin) -> None:
    from lepton.compress.forecasts import _one_network, _truncated

    champion = twin.champion
    cut = _truncated(0.5)(champion, twin.lesson).members["lightgbm"]
    assert isinstance(cut, BoostedPoint)
    assert cut.trees.booster.num_trees() == 20
    assert len(_one_network(champion, twin.lesson).members["net"].members) == 1  # type: ignore[attr-defined]
    assert len(champion.members["net"].members) == 2  # type: ignore[attr-defined]


def test_the_bound_is_above_the_loss_and_narrows_with_more_weeks() -> None:
    matrix = tiny.matrix()
    rng = np.random.default_rng(1)
    base = np.abs(rng.normal(1, 0.3, matrix.y.shape))
    worse = base * rng.normal(1.05, 0.2, base.shape)
    loss, bound = loss_bound(base, worse, matrix, np.random.default_rng(0), block_days=1)
    few = matrix.issue_s < tiny.START + 20 * tiny.DAY
    part = matrix.take(few)
    less, wide = loss_bound(base[few], worse[few], part, np.random.default_rng(0), block_days=1)
    assert loss == pytest.approx(0.05, abs=0.01)
    assert 0 < bound - loss < wide - less
