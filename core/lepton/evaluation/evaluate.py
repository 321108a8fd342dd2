"""The one read of the holdout: metrics with intervals, the rivals beside them, and the gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from lepton.errors import SearchError
from lepton.evaluation import gates as gating
from lepton.evaluation.gates import Findings, ParityFacts
from lepton.evaluation.intervals import (
    LossBound,
    blocks_of,
    day_blocks,
    intervals,
    paired_loss_bound,
)
from lepton.evaluation.metrics import METRICS, chance_of_calibration_error, savings
from lepton.evaluation.results import REFERENCE, Evaluation, Metric, MetricResult

_RESAMPLES: Final = 200
_RIVAL_RESAMPLES: Final = 100
_NO_BOUND: Final = LossBound(float("nan"), float("nan"))


@dataclass(frozen=True)
class Rivals:
    """The same rows as others score them: baselines by name, and the uncompressed model."""

    baselines: Mapping[str, pd.DataFrame]
    reference: pd.DataFrame


def evaluate(
    *,
    scored: pd.DataFrame,
    rivals: Rivals,
    metrics: Sequence[Metric],
    task_metric: Metric,
    gates: Mapping[str, float],
    parity: ParityFacts,
    leaks: Sequence[str],
    rng: np.random.Generator,
) -> Evaluation:
    """What the bundle is worth on the holdout, and whether every gate holds.

    scored: the holdout as the bundle scores it (columns `results.SCORED`); rows whose target is
    not known are left out everywhere. leaks: names of suspect features. Raises SearchError LK432
    where no target is known, LK430 where a rival does not hold the same rows.
    """
    known = scored["target"].notna().to_numpy()
    rows, others = _known_rows(scored, known), _known_rivals(rivals, known)
    results = intervals(metrics, rows, rng=rng, n=_RESAMPLES)
    rated = {
        name: intervals(metrics, frame, rng=rng, n=_RIVAL_RESAMPLES)
        for name, frame in others.baselines.items()
    }
    findings = _findings(rows, others, task_metric, parity, leaks, rng)
    return Evaluation(
        metrics=results,
        baselines=rated,
        reference=intervals(metrics, others.reference, rng=rng, n=_RIVAL_RESAMPLES),
        gates=gating.judge(findings, gates),
        scored=rows,
        facts=_facts(rows, findings, unknown=int((~known).sum())),
        rival_scores=_rival_scores(others),
    )


def _known_rows(scored: pd.DataFrame, known: np.ndarray) -> pd.DataFrame:
    rows = scored[known].reset_index(drop=True)
    if rows.empty:
        raise SearchError(
            "LK432",
            where="holdout",
            found=f"none of {len(scored):,} rows has a known target",
            remedy="give labels for the last weeks, or cut the holdout earlier",
        )
    return rows


def _known_rivals(rivals: Rivals, known: np.ndarray) -> Rivals:
    for name, frame in {**rivals.baselines, REFERENCE: rivals.reference}.items():
        if len(frame) != len(known):
            raise SearchError(
                "LK430",
                where=f"'{name}' on the holdout",
                found=f"{len(frame):,} rows where the bundle has {len(known):,}",
                remedy="score every rival on the same rows",
            )
    baselines = {name: _known_rows(frame, known) for name, frame in rivals.baselines.items()}
    return Rivals(baselines, _known_rows(rivals.reference, known))


def _findings(
    rows: pd.DataFrame,
    rivals: Rivals,
    metric: Metric,
    parity: ParityFacts,
    leaks: Sequence[str],
    rng: np.random.Generator,
) -> Findings:
    def loss(reference: pd.DataFrame) -> LossBound:
        blocks = blocks_of(rows)
        return paired_loss_bound(metric, reference, rows, blocks=blocks, rng=rng, n=_RESAMPLES)

    best = _best(rivals.baselines, metric)
    return Findings(
        metric=metric.name,
        baseline=best,
        gain=_NO_BOUND if best is None else loss(rivals.baselines[best]),
        compression=loss(rivals.reference),
        ece=_ece(rows, rng),
        positives=int((rows["target"] == 1).sum()),
        parity=parity,
        leaks=leaks,
        ece_by_chance=chance_of_calibration_error(rows),
    )


def _best(baselines: Mapping[str, pd.DataFrame], metric: Metric) -> str | None:
    """The baseline that is hardest to beat on these rows; None where none can be rated."""
    sign = 1.0 if metric.greater_is_better else -1.0
    values = {name: sign * metric.of(frame) for name, frame in baselines.items()}
    rated = {name: value for name, value in values.items() if np.isfinite(value)}
    return max(rated, key=lambda name: rated[name]) if rated else None


def _ece(rows: pd.DataFrame, rng: np.random.Generator) -> MetricResult:
    return intervals([METRICS["ece"]], rows, rng=rng, n=0)[0]


def _rival_scores(rivals: Rivals) -> pd.DataFrame:
    frames = {**rivals.baselines, REFERENCE: rivals.reference}
    return pd.DataFrame({name: frame["score"].to_numpy() for name, frame in frames.items()})


def _facts(rows: pd.DataFrame, findings: Findings, *, unknown: int) -> dict[str, float]:
    """Counts, money and bounds as named numbers; what cannot be computed is left out."""
    alerted = rows["decision"].to_numpy() == 1
    days = len(np.unique(day_blocks(rows)))
    saved = float(savings(rows).sum())
    facts = {
        "rows": float(len(rows)),
        "unknown_targets": float(unknown),
        "positives": float(findings.positives),
        "days": float(days),
        "alerts": float(alerted.sum()),
        "alerts_per_day": float(alerted.sum()) / days,
        "at_stake": float(rows.loc[rows["target"] == 1, "miss_cost"].sum()),
        "saved": saved,
        "saved_per_day": saved / days,
        "threshold": float(rows.loc[alerted, "score"].min()) if alerted.any() else np.nan,
        "gain": -findings.gain.loss,
        "gain_low": -findings.gain.bound,
        "compression_loss": findings.compression.loss,
        "compression_bound": findings.compression.bound,
        "parity_max_abs_diff": float(findings.parity.max_abs_diff),
        "parity_flips": float(findings.parity.flips),
    }
    return {name: float(value) for name, value in facts.items() if np.isfinite(value)}


__all__ = ["Rivals", "evaluate"]
