"""What the holdout says of forecasts of the next minutes beside their loss: errors by minutes
ahead, warnings of congestion, and what dead series cost."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from lepton.evaluation.results import Evaluation, MetricResult
from lepton.forecast import scores
from lepton.forecast.champion import Champion
from lepton.forecast.matrix import Matrix
from lepton.forecast.near_lessons import Span, asked_of
from lepton.forecast.near_onset import happened, is_free
from lepton.forecast.prepared import Prepared
from lepton_edge.near_spec import NearSpec

DEAD: Final = (0.1, 0.3, 0.5)
"""Shares of the series that tell nothing, for what that costs."""
_ASKED_DEAD: Final = 6_000
RECALL: Final = 0.6
RECALLS: Final = tuple(step / 20 for step in range(1, 21))
DRAWS: Final = 300
_BLOCK_S: Final = 7_200


def with_near(
    found: Evaluation,
    prepared: Prepared,
    champion: Champion,
    matrix: Matrix,
    quantiles: np.ndarray,
    onset: np.ndarray,
    span: Span,
) -> Evaluation:
    """The evaluation with metrics by minutes ahead and of warnings, facts of dead series, and the
    chances of congestion among its scored rows.

    quantiles: (n, leads, 9) of the bundle; onset: (n, spans) its chances.
    """
    rng = np.random.default_rng(0)
    metrics = [*_by_minutes(matrix, quantiles, rng)]
    facts = dict(_dead(prepared, champion, span))
    if champion.onset is not None and onset.shape[1]:
        metrics += _warnings(champion, matrix, onset, rng)
        facts |= dict(_told_ahead(champion, matrix, onset))
    return replace(found, metrics=(*found.metrics, *metrics), facts={**found.facts, **facts})


def _by_minutes(
    matrix: Matrix, quantiles: np.ndarray, rng: np.random.Generator
) -> Iterator[MetricResult]:
    for minutes in (15, 30, 60):
        at = minutes * 60 // matrix.step_s - 1
        if 0 <= at < matrix.n_leads and (minutes * 60) % matrix.step_s == 0:
            error = np.abs(matrix.y[:, at] - quantiles[:, at, 4])
            about = f"mean absolute error {minutes} minutes ahead, in the unit of the series"
            yield _drawn(f"mae_{minutes}", error, matrix, rng, about)


def _drawn(
    name: str, loss: np.ndarray, matrix: Matrix, rng: np.random.Generator, about: str
) -> MetricResult:
    """A mean with its interval, two hours at a time drawn with replacement."""
    block = matrix.since_first_s // _BLOCK_S
    known = np.isfinite(loss)
    total = np.bincount(block, np.where(known, loss, 0.0))
    count = np.bincount(block, known)
    if not count.sum():
        return MetricResult(name, None, about=about, reason="nothing was known to judge by")
    picked = rng.integers(0, len(total), (DRAWS, len(total)))
    means = total[picked].sum(axis=1) / np.maximum(count[picked].sum(axis=1), 1)
    low, high = np.quantile(means, [0.025, 0.975])
    return MetricResult(name, float(total.sum() / count.sum()), float(low), float(high), about)


def _warnings(
    champion: Champion, matrix: Matrix, onset: np.ndarray, rng: np.random.Generator
) -> Iterator[MetricResult]:
    """Average precision of the chances, and their precision where most onsets are warned of."""
    from sklearn.metrics import average_precision_score

    assert champion.onset is not None
    rule = champion.onset.rule
    free, truth = is_free(matrix, rule), happened(matrix, rule)
    for at, span in enumerate(rule.spans):
        minutes = span * matrix.step_s // 60
        here = free & np.isfinite(truth[:, at]) & np.isfinite(onset[:, at])
        y, chance = truth[here, at], onset[here, at]
        about = f"average precision of warnings of congestion within {minutes} minutes"
        if not y.any():
            yield MetricResult(f"onset_ap_{minutes}", None, about=about, reason="no congestion")
            continue
        block = matrix.since_first_s[here] // _BLOCK_S
        drawn = []
        for _ in range(60):
            weight = np.bincount(
                rng.integers(0, block.max() + 1, block.max() + 1), minlength=block.max() + 1
            )[block]
            if (weight * y).sum():
                drawn.append(average_precision_score(y, chance, sample_weight=weight))
        low, high = np.quantile(drawn, [0.025, 0.975])
        value = float(average_precision_score(y, chance))
        yield MetricResult(f"onset_ap_{minutes}", value, float(low), float(high), about)


def _told_ahead(
    champion: Champion, matrix: Matrix, onset: np.ndarray
) -> Iterator[tuple[str, float]]:
    """Precision by recall of the middle span; at the threshold that warns of 60 % of the onsets:
    precision and how many minutes ahead the onsets lay that the longest span was warned of."""
    assert champion.onset is not None
    rule, step_min = champion.onset.rule, matrix.step_s / 60
    at = len(rule.spans) // 2
    free, truth = is_free(matrix, rule), happened(matrix, rule)
    here = free & np.isfinite(truth).all(axis=1) & np.isfinite(onset).all(axis=1)
    y, chance = truth[here, at], onset[here, at]
    if not y.any():
        return
    for recall in RECALLS:
        told = chance >= np.quantile(chance[y > 0], 1 - recall)
        yield f"onset_precision_at_{round(100 * recall)}", float(y[told].mean())
    threshold = float(np.quantile(chance[y > 0], 1 - RECALL))
    yield "onset_threshold", threshold
    yield "onset_base_rate", float(y.mean())
    yield "onset_mean_chance", float(chance.mean())
    came, longest = truth[here, -1] > 0, onset[here, -1]
    if not came.any():
        return
    warned = came & (longest >= np.quantile(longest[came], 1 - RECALL))
    ahead = step_min * (1 + _begins(matrix.take(here), champion)[warned])
    yield "onset_lead_median_min", float(np.median(ahead))
    for minutes in np.unique(ahead):
        yield f"onset_lead_{minutes:g}", float((ahead == minutes).mean())


def _begins(matrix: Matrix, champion: Champion) -> np.ndarray:
    """Place of the lead at which congestion begins, (n,); 0 where it does not."""
    assert champion.onset is not None
    rule = champion.onset.rule
    low = rule.share * matrix.shape[:, matrix.shape_names.index("free"), None]
    slow = matrix.y < low
    run = slow[:, : slow.shape[1] - rule.steps + 1].copy()
    for later in range(1, rule.steps):
        run &= slow[:, later : run.shape[1] + later]
    return np.asarray(run.argmax(axis=1))


def _dead(prepared: Prepared, champion: Champion, span: Span) -> Iterator[tuple[str, float]]:
    """Error of all series by minutes ahead when a share of them tells nothing."""
    look, habits = champion.spec, champion.habits
    assert isinstance(look, NearSpec)
    assert habits is not None
    n, rng = len(prepared.panel.ids), np.random.default_rng(0)
    order = rng.permutation(n)
    for share in (0.0, *DEAD):
        dead = np.zeros(n, dtype=bool)
        dead[order[: round(share * n)]] = True
        asked = asked_of(prepared.panel, look, habits, span, most=_ASKED_DEAD, dead=dead)
        told = champion.blend(asked)[..., 4]
        for minutes in (15, 30, 60):
            at = minutes * 60 // asked.step_s - 1
            if 0 <= at < asked.n_leads:
                error = scores.mae(asked.y[:, at], told[:, at])
                if math.isfinite(error):
                    yield f"dead_{round(100 * share)}_{minutes}", error


__all__ = ["DEAD", "with_near"]
