"""What is left of an error later on, and forecasts made again by it."""

from __future__ import annotations

import numpy as np
import pytest

from lepton.forecast.corrected import fit_correction, gains
from lepton_edge.correction import Correction, Issue, Running, Value

LEVELS = np.linspace(-0.5, 0.5, 9)


def persistent(n: int = 400, leads: int = 24, share: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    """Forecasts of 0 with a width of 4, whose errors keep `share` of themselves each interval."""
    rng = np.random.default_rng(3)
    y = np.empty((n, leads))
    y[:, 0] = rng.normal(size=n)
    for lead in range(1, leads):
        y[:, lead] = share * y[:, lead - 1] + np.sqrt(1 - share**2) * rng.normal(size=n)
    return y, np.broadcast_to(4 * LEVELS, (n, leads, 9)).copy()


def test_the_share_that_is_left_falls_as_the_errors_were_made() -> None:
    y, quantiles = persistent()
    found = fit_correction(y, quantiles, 6)
    assert found.share == pytest.approx(0.7 ** np.arange(1, 7), abs=0.03)
    assert found.width == pytest.approx(np.sqrt(1 - 0.7 ** (2 * np.arange(1, 7))), abs=0.04)


def test_correcting_gains_what_the_share_says_and_nothing_where_errors_are_forgotten() -> None:
    y, quantiles = persistent()
    told = gains(*persistent(n=300), fit_correction(y, quantiles, 6), 1.0)
    assert told["after"].iloc[0] == pytest.approx(0.71 * told["before"].iloc[0], abs=0.03)
    assert (told["after"] <= told["before"]).all()
    forgotten = fit_correction(*persistent(share=0.0), 6)
    assert forgotten.share.max() < 0.05


def test_too_few_pairs_give_no_correction() -> None:
    y, quantiles = persistent(n=5, leads=10)
    assert len(fit_correction(y, quantiles, 6).share) == 0
    assert len(fit_correction(np.full_like(y, np.nan), quantiles, 6).share) == 0


def test_deciles_made_again_never_cross_and_reach_only_what_was_issued() -> None:
    step = np.arange(10, 20)
    running = Running.of([Issue(10, step, np.tile(100 + 10 * LEVELS, (10, 1)))])
    correction = Correction(np.array([0.9]), np.array([0.05]))
    made = running.again(Value(14, 130.0, 15), 15, 8, correction)
    assert made.step.tolist() == [15, 16, 17, 18, 19]
    assert (np.diff(made.quantiles, axis=1) > 0).all()
    assert made.quantiles[0, 4] == pytest.approx(127.0)
    assert made.quantiles[1, 4] == 100.0
    assert running.again(None, 15, 8, Correction.none()).quantiles[0, 4] == 100.0


def test_the_newest_issue_of_an_interval_is_the_one_that_stands() -> None:
    old, new = np.arange(0, 4), np.arange(2, 6)
    issues = [Issue(0, old, np.ones((4, 9))), Issue(2, new, np.full((4, 9), 2.0))]
    running = Running.of(issues)
    assert running.step.tolist() == [0, 1, 2, 3, 4, 5]
    assert running.quantiles[:, 0].tolist() == [1, 1, 2, 2, 2, 2]


def test_what_saw_the_value_when_it_was_issued_is_not_moved_by_it() -> None:
    """At 4 a new issue is there that knew the value of 3; only the old one's intervals move."""
    wide = np.tile(100 + 10 * LEVELS, (4, 1))
    running = Running.of([Issue(0, np.arange(0, 4), wide), Issue(4, np.arange(4, 8), wide)])
    correction = Correction(np.full(6, 0.5), np.full(6, 0.5))
    seen = running.again(Value(3, 120.0, 4), 4, 4, correction)
    assert np.array_equal(seen.quantiles, wide)
    late = running.again(Value(3, 120.0, 5), 4, 4, correction)
    assert late.quantiles[:, 4].tolist() == [110.0] * 4
