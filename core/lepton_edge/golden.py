"""The golden rows: inputs with the outputs that the model gave where it was trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lepton_edge.bundle import GOLDEN, Opened
from lepton_edge.errors import BundleError
from lepton_edge.runtime import Runtime
from lepton_edge.strict_json import parse


@dataclass(frozen=True)
class GoldenCheck:
    """How far this device is from where the model was trained.

    max_abs_diff: largest difference of a score; flips: rows decided otherwise.
    """

    rows: int
    max_abs_diff: float
    flips: int
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether every score is within the tolerance and no decision differs."""
        return self.max_abs_diff <= self.tolerance and self.flips == 0


def check_golden(opened: Opened, runtime: Runtime) -> GoldenCheck:
    """Score the golden rows again; raises BundleError LK611 where they are not understood."""
    try:
        content = parse(opened.read(GOLDEN).decode("utf-8"))
        score = np.array(content["score"], dtype=np.float64)
        decision = np.array(content["decision"], dtype=np.int64)
        numeric = _matrix(content["numeric"], len(score), len(runtime.manifest.numeric))
        texts = np.empty((len(score), len(runtime.manifest.categorical)), dtype=object)
        for column in range(texts.shape[1]):
            texts[:, column] = [row[column] for row in content["categorical"]]
        tolerance = float(content["tolerance"])
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise BundleError(
            "LK611",
            where=str(opened.path / GOLDEN),
            found=f"golden rows are not understood: {error}",
            remedy="export the model again with `lepton run`",
        ) from error
    found = runtime.score(numeric, texts)
    difference = np.abs(found.score - score)
    largest = float(difference.max(initial=0.0)) if np.isfinite(difference).all() else float("inf")
    return GoldenCheck(len(score), largest, int((found.decision != decision).sum()), tolerance)


def _matrix(rows: list[list[float | None]], n_rows: int, width: int) -> np.ndarray:
    known = [[np.nan if value is None else value for value in row] for row in rows]
    return np.array(known, dtype=np.float64).reshape(n_rows, width)


__all__ = ["GoldenCheck", "check_golden"]
