"""How far a row lies from a healthy cloud, the same in numpy and in ONNX."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from lepton.graph.emit import Builder

SHRINK: Final = 0.01
"""Weight of the unit matrix: columns are many and go together."""
_STILL: Final = 1e-6
_BEYOND: Final = 1e12
"""A distance that does not vary in health counts for nothing: in these units it stays near 0."""


@dataclass(frozen=True, eq=False)
class Ellipsoid:
    """Hotelling's T2 within the plane of the healthy rows and the squared distance Q off it.

    plane (P, K): orthonormal directions of standardised columns; variance (P,): of healthy rows
    along them; rest: mean of Q in health; mean, spread (2,): of the logarithms of both distances
    in health. The margin is the
    sum of both in healthy deviations, so that a row that leaves the cloud either way stands out
    (Jackson & Mudholkar 1979).
    """

    plane: np.ndarray
    variance: np.ndarray
    rest: float
    mean: np.ndarray
    spread: np.ndarray

    @property
    def width(self) -> int:
        """Number of columns it reads."""
        return int(self.plane.shape[1])

    def distances(self, matrix: np.ndarray) -> np.ndarray:
        """(rows, 2): logarithms of one more than T2 and Q, each over its healthy mean."""
        inside = (matrix @ self.plane.T) ** 2
        t2 = inside @ (1.0 / (self.variance * len(self.variance)))
        off = (matrix**2).sum(axis=1) - inside.sum(axis=1)
        q = np.maximum(off, 0.0) / self.rest
        return np.log(1.0 + np.column_stack((t2, q)))

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """Distance from health, float64 (rows,); about 0 for healthy rows, larger is worse."""
        return np.asarray(((self.distances(matrix) - self.mean) / self.spread).sum(axis=1))

    def emit(self, builder: Builder, name: str) -> str:
        """Name of the margin, shape (rows,), in the graph."""
        inside = builder.add("MatMul", name, builder.constant(self.plane.T))
        inside = builder.add("Mul", inside, inside)
        weights = 1.0 / (self.variance * len(self.variance))
        t2 = builder.add("MatMul", inside, builder.constant(weights))
        whole = builder.add("Mul", name, name)
        ones = builder.constant(np.ones(self.width)), builder.constant(np.ones(len(self.plane)))
        sums = builder.add("MatMul", whole, ones[0]), builder.add("MatMul", inside, ones[1])
        off = builder.add("Max", builder.add("Sub", *sums), builder.constant(0.0))
        q = builder.add("Div", off, builder.constant(self.rest))
        parts = [self._emit_log(builder, one, place) for place, one in enumerate((t2, q))]
        return builder.add("Add", *parts)

    def _emit_log(self, builder: Builder, name: str, place: int) -> str:
        log = builder.add("Log", builder.add("Add", name, builder.constant(1.0)))
        above = builder.add("Sub", log, builder.constant(float(self.mean[place])))
        return builder.add("Div", above, builder.constant(float(self.spread[place])))


def fit_ellipsoid(matrix: np.ndarray, share: float) -> Ellipsoid:
    """The cloud of healthy rows (rows, K), standardised.

    share: of their variance that the plane holds.
    """
    K = matrix.shape[1]
    covariance = matrix.T @ matrix / max(len(matrix), 1)
    values, vectors = np.linalg.eigh((1.0 - SHRINK) * covariance + SHRINK * np.eye(K))
    values, vectors = values[::-1], vectors[:, ::-1]
    n = min(int(np.searchsorted(np.cumsum(values) / values.sum(), share)) + 1, K)
    plane = vectors[:, :n].T
    largest = np.abs(plane).argmax(axis=1)
    # eigenvectors have no sign of their own
    plane = plane * np.sign(plane[np.arange(n), largest])[:, None]
    off = float(((matrix**2).sum(axis=1) - ((matrix @ plane.T) ** 2).sum(axis=1)).mean())
    rest = off if n < K and off > _STILL else 1.0
    plane = np.ascontiguousarray(plane)
    bare = Ellipsoid(plane, values[:n].copy(), rest, np.zeros(2), np.ones(2))
    found = bare.distances(matrix)
    spread = found.std(axis=0)
    # where the plane holds all directions, rounding alone lies off it
    telling = (spread > _STILL) & np.array([True, n < K])
    return replace(bare, mean=found.mean(axis=0), spread=np.where(telling, spread, _BEYOND))


__all__ = ["Ellipsoid", "fit_ellipsoid"]
