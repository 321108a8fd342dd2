"""What a recipe gives, measured on the rows of all folds, and whether that may be shipped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from lepton.automl.entrant import Entrant
from lepton.automl.fits import pooled
from lepton.automl.model import Model
from lepton.compress.front import Artefact
from lepton.compress.recipes import Recipe, Workshop
from lepton.errors import ExportError
from lepton.evaluation.calibration import fit_calibration, newest_with_positives
from lepton.evaluation.intervals import LossBound, blocks_of, intervals, paired_loss_bound
from lepton.evaluation.results import Metric
from lepton.graph.nets import Network
from lepton.graph.timing import BATCH, Timing, score_of, time_graphs

FLOAT_TOLERANCE: Final = 5e-7
"""Largest difference of a score that the float32 sums of a network may show beside ONNX: half of
what a bundle may be shipped with."""


@dataclass(frozen=True)
class Limits:
    """How much of the metric may be lost, as an upper bound held with `confidence`, and what an
    artefact may cost at most: bytes of its ONNX file, CPU microseconds of a row."""

    max_loss: float = 0.005
    confidence: float = 0.95
    max_bytes: int | None = None
    max_row_us: float | None = None


@dataclass(frozen=True, eq=False)
class Measured:
    """A recipe with its models of all folds, scored on their valid rows and exported.

    model: what a refit starts from, calibrated on the newest folds; onnx: of the last one.
    """

    recipe: Recipe
    model: Model
    newest: Model
    scored: pd.DataFrame
    score: float
    onnx: bytes

    @property
    def name(self) -> str:
        """The recipe's name."""
        return self.recipe.name


def measure(recipe: Recipe, shop: Workshop, metric: Metric) -> Measured | None:
    """`recipe` tried on every fold; None where a model of it could not be made or exported.

    Raises ExportError LK550 where the best entrant itself cannot be exported.
    """
    models: list[Model] = []
    for place in range(len(shop.folds)):
        model = recipe.of_fold(place)
        if model is None:
            return None
        models.append(model)
    margins = tuple(m.margin(fold.valid) for m, fold in zip(models, shop.folds, strict=True))
    if not all(np.isfinite(margin).all() for margin in margins):
        return None
    scored = pooled(shop.folds, margins)
    targets = [fold.valid.y for fold in shop.folds]
    calibration = fit_calibration(*newest_with_positives(margins, targets))
    scored = scored.assign(score=calibration.apply(np.concatenate(margins)))
    score = metric.of(scored)
    entrant = Entrant(recipe.name, tuple(models), margins, score)
    newest = replace(entrant.newest, calibration=calibration)
    try:
        onnx = newest.graph().to_onnx()
    except ExportError as error:
        if recipe.name != "best":
            return None
        raise ExportError(
            "LK550",
            where="compress",
            found=f"the best model cannot be exported: {error.found}",
            remedy=error.remedy,
        ) from error
    # of the best itself the parity gate judges: without it there is nothing to compare with
    if recipe.name != "best" and not _is_exact(newest, onnx, newest.inputs(shop.folds[-1].valid)):
        return None
    model = replace(entrant.recipe, calibration=calibration)
    return Measured(recipe, model, newest, scored, score, onnx)


def judge(
    found: Sequence[Measured],
    rows: tuple[np.ndarray, np.ndarray],
    limits: Limits,
    metric: Metric,
    rng: np.random.Generator,
) -> list[Artefact]:
    """What was `found`, the best entrant first, as artefacts with cost, interval and verdict.

    rows: numbers and texts to time with.
    """
    timings = time_graphs({one.name: one.onnx for one in found}, *rows)
    scores = {one.name: one.score for one in found}
    single = next((one for one in found if one.name == "single"), found[0])
    judged = _Judge(found[0], single, limits, metric, int(rng.integers(2**32)))
    artefacts = []
    for one in found:
        recipe = one.recipe
        twin = timings.get(recipe.twin) if recipe.twin else None
        artefact = judged.artefact(one, timings[one.name], twin)
        control = scores.get(recipe.control) if recipe.control else None
        artefacts.append(replace(artefact, control_score=control))
    return artefacts


@dataclass(frozen=True, eq=False)
class _Judge:
    """Compares with the best entrant and with the best single model, on the same resamples."""

    best: Measured
    single: Measured
    limits: Limits
    metric: Metric
    seed: int

    def artefact(self, one: Measured, timing: Timing, twin: Timing | None) -> Artefact:
        """`one` with its verdict; without the score of its control."""
        against, alone = self._bound(self.best, one), self._bound(self.single, one)
        faults = [*self._lost(one, against, alone), *self._too_dear(one, timing, twin)]
        (result,) = intervals([self.metric], one.scored, rng=np.random.default_rng(self.seed))
        low, high = (math.nan if v is None else v for v in (result.low, result.high))
        return Artefact(
            name=one.name,
            kind=one.recipe.kind,
            model=one.newest,
            score=one.score,
            low=low,
            high=high,
            loss=against.loss,
            loss_bound=against.bound,
            single_loss=alone.loss,
            single_bound=alone.bound,
            bytes=len(one.onnx),
            timing=timing,
            accepted=not faults,
            control_score=None,
            why=f"{one.recipe.how}: {self._told(one, against, alone, faults)}",
        )

    def _bound(self, reference: Measured, one: Measured) -> LossBound:
        if one is reference:
            return LossBound(0.0, 0.0, 0.0)
        return paired_loss_bound(
            self.metric,
            reference.scored,
            one.scored,
            blocks=blocks_of(reference.scored),
            rng=np.random.default_rng(self.seed),
            confidence=self.limits.confidence,
        )

    def _lost(self, one: Measured, *bounds: LossBound) -> list[str]:
        if one is self.best:
            return []
        if any(math.isnan(bound.bound) for bound in bounds):
            positives = int((one.scored["target"] > 0).sum())
            return [f"no bound can be given on {positives} positives"]
        worst, limit = max(bound.bound for bound in bounds), self.limits.max_loss
        return [f"bound of the loss {worst:.4f} > {limit:g}"] if worst > limit else []

    def _too_dear(self, one: Measured, timing: Timing, twin: Timing | None) -> list[str]:
        faults, size, us = [], len(one.onnx), timing.row_us
        most_bytes, most_us = self.limits.max_bytes, self.limits.max_row_us
        if most_bytes is not None and size > most_bytes:
            faults.append(f"{size:,} bytes are more than {most_bytes:,}")
        if most_us is not None and us > most_us:
            faults.append(f"{us:.0f} us a row are more than {most_us:g}")
        if twin is not None and timing.batch_us_per_row >= twin.batch_us_per_row:
            faults.append(
                f"int8 is not faster than float32 in a batch of {BATCH:,} rows "
                f"({timing.batch_us_per_row:.2f} against {twin.batch_us_per_row:.2f} us a row)"
            )
        return faults

    def _told(
        self, one: Measured, against: LossBound, alone: LossBound, faults: Sequence[str]
    ) -> str:
        if faults:
            return f"refused, {'; '.join(faults)}"
        if one is self.best:
            return "the reference, accepted without a bound"
        worst = max(against.bound, alone.bound)
        return f"accepted, bound of the loss {worst:.4f} <= {self.limits.max_loss:g}"


def _is_exact(model: Model, onnx: bytes, rows: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether the float32 sums of a model's networks agree with their ONNX on `rows`."""
    graph = model.graph()
    if not any(isinstance(branch.predictor, Network) for branch in graph.branches):
        return True
    difference = np.abs(score_of(onnx, *rows) - graph.score(*rows))
    return bool(difference.max(initial=0.0) <= FLOAT_TOLERANCE)


__all__ = ["Limits", "Measured", "judge", "measure"]
