"""The golden rows: inputs with the outputs that the model gave where it was trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lepton_edge.bundle import GOLDEN, Manifest, Opened
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
        """Whether there are rows, every score is within the tolerance and no decision differs."""
        return self.rows > 0 and self.max_abs_diff <= self.tolerance and self.flips == 0


def check_golden(opened: Opened, runtime: Runtime) -> GoldenCheck:
    """Score the golden rows again; raises BundleError LK611 where they are not understood."""
    try:
        golden = _parse(opened.read(GOLDEN), opened.manifest)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise BundleError(
            "LK611",
            where=str(opened.path / GOLDEN),
            found=f"golden rows are not understood: {error}",
            remedy="export the model again with `lepton run`",
        ) from error
    found = runtime.score(golden.numeric, golden.categorical)
    difference = np.nan_to_num(np.abs(found.score - golden.score), nan=np.inf)
    return GoldenCheck(
        rows=len(golden.score),
        max_abs_diff=float(difference.max(initial=0.0)),
        flips=int((found.decision != golden.decision).sum()),
        tolerance=golden.tolerance,
    )


@dataclass(frozen=True)
class _Golden:
    numeric: np.ndarray
    categorical: np.ndarray
    score: np.ndarray
    decision: np.ndarray
    tolerance: float


def _parse(content: bytes, manifest: Manifest) -> _Golden:
    golden = parse(content.decode("utf-8"))
    score = np.array(golden["score"], dtype=np.float64)
    texts = np.empty((len(score), len(manifest.categorical)), dtype=object)
    for column in range(texts.shape[1]):
        texts[:, column] = [row[column] for row in golden["categorical"]]
    return _Golden(
        numeric=_matrix(golden["numeric"], len(score), len(manifest.numeric)),
        categorical=texts,
        score=score,
        decision=np.array(golden["decision"], dtype=np.int64),
        tolerance=float(golden["tolerance"]),
    )


def _matrix(rows: list[list[float | None]], n_rows: int, width: int) -> np.ndarray:
    known = [[np.nan if value is None else value for value in row] for row in rows]
    return np.array(known, dtype=np.float64).reshape(n_rows, width)


__all__ = ["GoldenCheck", "check_golden"]
