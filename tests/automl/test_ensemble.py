"""Which blends are worth what they add, on log-odds that are made for it."""

from __future__ import annotations

import numpy as np
import pytest

from lepton.automl.ensemble import ORDER_WEIGHT, PER_MEMBER, best_blend
from lepton.automl.entrant import Entrant
from lepton.automl.fits import Bench
from lepton.automl.model import Model
from lepton.automl.race import entrant
from lepton.automl.trial import Plan
from lepton.dataset import Parts
from lepton.evaluation.metrics import METRICS
from lepton.evaluation.results import Metric


@pytest.fixture
def model(parts: Parts) -> Model:
    bench = Bench(parts.folds[:1], 0, lambda: 0.0)
    bench.prepare("logistic", 0)
    fitted = bench.run(Plan("logistic", {"C": 0.1}), 0).model
    assert fitted is not None
    return fitted


def made(name: str, model: Model, parts: Parts, noise: list[np.ndarray]) -> Entrant:
    """An entrant that knows the target but for `noise`."""
    margins = [2.0 * fold.valid.y + off for fold, off in zip(parts.folds, noise, strict=True)]
    return entrant(name, [model] * len(margins), margins, parts.folds, METRICS["ap"])


def noises(parts: Parts, seed: int, scale: float = 1.0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [scale * rng.normal(size=len(fold.valid)) for fold in parts.folds]


def test_entrants_that_err_apart_are_blended_and_weigh_alike(model: Model, parts: Parts) -> None:
    both = [made(str(seed), model, parts, noises(parts, seed)) for seed in range(2)]
    found = best_blend(both, parts.folds, METRICS["ap"])
    assert found is not None
    assert found.name == "blend-2"
    assert found.score > max(one.score for one in both) + PER_MEMBER
    assert np.allclose(found.newest.weights, 0.5, atol=0.15)
    expected = sum(
        weight * one.margins[-1] for weight, one in zip(found.newest.weights, both, strict=True)
    )
    assert np.allclose(found.margins[-1], expected)


def test_an_entrant_that_only_adds_noise_stays_out(model: Model, parts: Parts) -> None:
    good = made("good", model, parts, noises(parts, 0))
    bad = made("bad", model, parts, noises(parts, 1, scale=30.0))
    found = best_blend([good, bad], parts.folds, METRICS["ap"])
    assert found is None


def test_a_twin_is_not_worth_its_price(model: Model, parts: Parts) -> None:
    noise = noises(parts, 0)
    twins = [made(name, model, parts, noise) for name in ("one", "other")]
    assert best_blend(twins, parts.folds, METRICS["ap"]) is None


def test_the_order_of_all_rows_counts_beside_a_metric_of_the_top(
    model: Model, parts: Parts
) -> None:
    """Of two that are alike at the top, rows below it are better ordered by their mean."""
    top = Metric("top", lambda rows: lambda weights: 0.5, "the same for all")
    both = [made(str(seed), model, parts, noises(parts, seed)) for seed in range(2)]
    assert ORDER_WEIGHT > 0
    assert best_blend(both, parts.folds, top) is not None


def test_one_fold_or_one_entrant_says_nothing_of_a_blend(model: Model, parts: Parts) -> None:
    both = [made(str(seed), model, parts, noises(parts, seed)) for seed in range(2)]
    assert best_blend(both[:1], parts.folds, METRICS["ap"]) is None
    assert best_blend(both, parts.folds[:1], METRICS["ap"]) is None
