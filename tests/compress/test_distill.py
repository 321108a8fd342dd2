"""A student hears only of rows that its teacher has not seen."""

from __future__ import annotations

import numpy as np

from lepton.compress.distill import out_of_fold, soft_targets


def test_no_row_is_scored_by_a_teacher_that_learnt_from_it() -> None:
    seen: list[tuple[np.ndarray, np.ndarray]] = []

    def margin_of(learnt: np.ndarray, asked: np.ndarray) -> np.ndarray:
        seen.append((learnt, asked))
        return asked.astype(np.float64)

    margins = out_of_fold(100, margin_of)
    assert (margins == np.arange(100)).all()
    for learnt, asked in seen:
        assert not set(learnt) & set(asked)
        assert len(learnt) + len(asked) == 100
    assert sorted(np.concatenate([asked for _, asked in seen])) == list(range(100))


def test_a_teacher_that_could_not_be_fitted_leaves_the_labels() -> None:
    margins = out_of_fold(6, lambda learnt, asked: None if 0 in asked else np.zeros(len(asked)))
    missing = np.isnan(margins)
    assert missing[0]
    assert 0 < missing.sum() < 6
    soft = soft_targets(np.array([1.0, 0.0, 1.0]), np.array([np.nan, 0.0, 0.0]), share=0.5)
    assert soft.tolist() == [1.0, 0.25, 0.75]


def test_cross_entropy_against_soft_targets_is_the_mix_of_both_losses() -> None:
    rng = np.random.default_rng(0)
    y, teacher, z = (rng.random(50) < 0.3) * 1.0, rng.normal(size=50), rng.normal(size=50)

    def loss(target: np.ndarray) -> float:
        return float(np.mean(np.logaddexp(0, z) - target * z))

    mixed = 0.3 * loss(1 / (1 + np.exp(-teacher))) + 0.7 * loss(y)
    assert abs(loss(soft_targets(y, teacher, share=0.3)) - mixed) < 1e-12
