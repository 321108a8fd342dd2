"""Gates: what must hold on the holdout before anything is published, each in plain words.

A gate asks one number (`needed`) and is answered by one finding. A finding that is no number
fails its gate: what cannot be shown is not claimed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from lepton.config import overlay
from lepton.errors import GateRefused
from lepton.evaluation.intervals import LossBound
from lepton.evaluation.results import GateResult, MetricResult

DEFAULTS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "beats_baseline": 0.0,
        "compression_loss": 0.005,
        "parity": 1e-6,
        "calibration_ece": 0.02,
        "min_positives_holdout": 30.0,
        "leakage": 0.0,
    }
)
"""Gate -> what it needs, where neither the solution nor solution.yaml says otherwise."""


class ParityFacts(Protocol):
    """How far the bundle is from the model it was made from."""

    @property
    def max_abs_diff(self) -> float:
        """Largest difference of a score."""

    @property
    def flips(self) -> int:
        """Rows whose decision differs."""


@dataclass(frozen=True)
class Findings:
    """What the gates judge.

    baseline: the best one's name, None where none could be rated; gain: what the model loses
    against it (a gain is negative); compression: what it loses against the uncompressed one;
    ece_by_chance: the calibration error that exact scores would show on so many rows.
    """

    metric: str
    baseline: str | None
    gain: LossBound
    compression: LossBound
    ece: MetricResult
    positives: int
    parity: ParityFacts
    leaks: Sequence[str]
    ece_by_chance: float = 0.0


def judge(findings: Findings, given: Mapping[str, float]) -> tuple[GateResult, ...]:
    """Every gate's result under `DEFAULTS` overlaid by `given`.

    Raises ConfigError LK109 where `given` names a gate that does not exist.
    """
    needed = overlay(DEFAULTS, given, where="gates")
    return tuple(gate(findings, needed[name]) for name, gate in _GATES.items())


def require(gates: Sequence[GateResult]) -> None:
    """Nothing where every gate holds; else raises GateRefused LK701, one line for each."""
    failed = [gate for gate in gates if not gate.passed]
    if failed:
        raise GateRefused(
            "LK701",
            where="evaluation",
            found=f"{len(failed)} of {len(gates)} gates do not hold; nothing is published",
            remedy="see the report; mend the data or the model, or agree on another gate in "
            "solution.yaml",
            details=[f"{gate.name}: {gate.found}; needed: {gate.needed}" for gate in failed],
        )


def _beats_baseline(findings: Findings, needed: float) -> GateResult:
    gain, low = -findings.gain.loss, -findings.gain.bound
    found = (
        f"{gain:+.4f} over {findings.baseline}, at least {low:+.4f} with 95 % confidence"
        if findings.baseline is not None and math.isfinite(low)
        else "no gain over a baseline can be computed"
    )
    return GateResult(
        "beats_baseline",
        findings.baseline is not None and low > needed,
        f"lower bound of the gain in {findings.metric} above {needed:g}",
        found,
        "better than the best naive rule on the same rows, beyond chance",
    )


def _compression_loss(findings: Findings, needed: float) -> GateResult:
    """The selection part carried the one-sided bound; the shorter holdout only confirms it, so
    its loss may exceed the limit by no more than one standard error of itself."""
    loss, error = findings.compression.loss, findings.compression.error
    finite = math.isfinite(loss) and math.isfinite(error)
    return GateResult(
        "compression_loss",
        finite and loss <= needed + error,
        f"loss of {findings.metric} at most {needed:g} plus one standard error",
        f"{loss:+.4f}, standard error {error:.4f}" if finite else "cannot be computed",
        "the compressed model keeps what the uncompressed one scores; the bound was met on the "
        "selection part, the holdout confirms it",
    )


def _parity(findings: Findings, needed: float) -> GateResult:
    return parity_gate(findings.parity, needed)


def parity_gate(found: ParityFacts, needed: float) -> GateResult:
    """Whether the bundle answers as the model it was made from."""
    diff, flips = found.max_abs_diff, found.flips
    return GateResult(
        "parity",
        diff <= needed and flips == 0,
        f"largest difference at most {needed:g} and no decision that flips",
        f"largest difference {diff:.2g}, {flips:,} flips",
        "the bundle answers as the trained model does",
    )


def _calibration(findings: Findings, needed: float) -> GateResult:
    """Few rows, or many positives, show a gap however exact the scores: that much is allowed."""
    value, chance = findings.ece.value, findings.ece_by_chance
    return GateResult(
        "calibration_ece",
        value is not None and value - chance <= needed,
        f"mean gap at most {needed:g} beyond chance",
        f"{value:.4f}, of which {chance:.4f} by chance"
        if value is not None
        else f"cannot be computed: {findings.ece.reason}",
        "a score of 0.2 means that about one such row in five is positive",
    )


def _min_positives(findings: Findings, needed: float) -> GateResult:
    return GateResult(
        "min_positives_holdout",
        findings.positives >= needed,
        f"at least {needed:,.0f} positive rows",
        f"{findings.positives:,} positive rows",
        "enough positives in the holdout to judge by",
    )


def _leakage(findings: Findings, needed: float) -> GateResult:
    names = list(findings.leaks)
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return GateResult(
        "leakage",
        len(names) <= needed,
        "no feature that separates the classes alone"
        if needed == 0
        else f"at most {needed:g} features that separate the classes alone",
        f"suspects: {shown}" if names else "no suspect",
        "a single feature with AUC above 0.995 most likely knows the answer",
    )


_GATES: Final[Mapping[str, Callable[[Findings, float], GateResult]]] = MappingProxyType(
    {
        "beats_baseline": _beats_baseline,
        "compression_loss": _compression_loss,
        "parity": _parity,
        "calibration_ece": _calibration,
        "min_positives_holdout": _min_positives,
        "leakage": _leakage,
    }
)

__all__ = ["DEFAULTS", "Findings", "ParityFacts", "judge", "parity_gate", "require"]
