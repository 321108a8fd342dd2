"""Forecasts of a hierarchy that add up: bottom-up, and MinT with shrunk out-of-fold covariance.

MinT (Wickramasuriya, Athanasopoulos & Hyndman 2019) projects all nodes' forecasts onto those that
add up, weighing each by what its errors say; the covariance of errors is shrunk to its diagonal
(Schaefer & Strimmer 2005). Errors have to be out of fold: those of the fit flatter good fits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from lepton.errors import DataError

_FEWEST: Final = 30
"""Errors of all nodes at once with which their covariance is estimated."""


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """nodes: leaves last; sums: (nodes, leaves) of 0 and 1, which leaves make up each node;
    parents: of each node, None for a root."""

    nodes: tuple[str, ...]
    leaves: tuple[str, ...]
    sums: np.ndarray
    parents: Mapping[str, str | None] = field(default_factory=dict)

    @classmethod
    def of(cls, parents: Mapping[str, str | None]) -> Hierarchy:
        """From each node's parent, None for none.

        Raises DataError LK267 for an unknown parent or a circle.
        """
        _check(parents)
        inner = {parent for parent in parents.values() if parent is not None}
        leaves = tuple(node for node in parents if node not in inner)
        nodes = (*(node for node in parents if node in inner), *leaves)
        sums = np.zeros((len(nodes), len(leaves)))
        for column, leaf in enumerate(leaves):
            for node in _upwards(leaf, parents):
                sums[nodes.index(node), column] = 1.0
        return cls(nodes, leaves, sums, dict(parents))

    @property
    def roots(self) -> tuple[int, ...]:
        """Places of the nodes that belong to none."""
        return tuple(n for n, name in enumerate(self.nodes) if self.parents.get(name) is None)

    def incoherence(self, forecasts: np.ndarray) -> float:
        """Largest gap between a node and the sum of its leaves; forecasts (nodes, ...)."""
        total = np.tensordot(self.sums, forecasts[-len(self.leaves) :], axes=1)
        return float(np.abs(forecasts - total).max(initial=0.0))


def _upwards(node: str, parents: Mapping[str, str | None]) -> list[str]:
    found = [node]
    while (parent := parents[found[-1]]) is not None:
        found.append(parent)
    return found


def _check(parents: Mapping[str, str | None]) -> None:
    faults = [
        f"{node} belongs to {parent}, which is not there"
        for node, parent in parents.items()
        if parent is not None and parent not in parents
    ]
    for start in parents if not faults else ():
        seen, node = {start}, parents[start]
        while node is not None and node not in seen:
            seen.add(node)
            node = parents[node]
        if node is not None:
            faults.append(f"{start} belongs to itself, by way of others")
    if faults:
        raise DataError(
            "LK267",
            where="series.parent_id",
            found=f"{len(faults)} nodes have no place in a hierarchy",
            remedy="correct parent_id in the table of series",
            details=faults[:10],
        )


def bottom_up(hierarchy: Hierarchy) -> np.ndarray:
    """The projection (nodes, nodes) that believes leaves only."""
    n = len(hierarchy.nodes) - len(hierarchy.leaves)
    return np.concatenate([np.zeros((len(hierarchy.nodes), n)), hierarchy.sums], axis=1)


def mint(hierarchy: Hierarchy, errors: np.ndarray) -> np.ndarray:
    """The projection (nodes, nodes) of least error variance; errors (nodes, n), out of fold, NaN
    where unknown. With few errors of all nodes at once each node is weighed by its variance."""
    return weighed(hierarchy, _covariance(errors))


def by_variance(hierarchy: Hierarchy, errors: np.ndarray) -> np.ndarray:
    """As `mint`, as if errors of different nodes had nothing to do with each other."""
    return weighed(hierarchy, np.diag(_variance(errors)))


def least_squares(hierarchy: Hierarchy) -> np.ndarray:
    """The projection (nodes, nodes) that moves all forecasts as little as can be."""
    return weighed(hierarchy, np.eye(len(hierarchy.nodes)))


def weighed(hierarchy: Hierarchy, covariance: np.ndarray) -> np.ndarray:
    """The projection (nodes, nodes) of generalised least squares with errors of a covariance."""
    S = hierarchy.sums
    inverse = np.linalg.inv(covariance)
    inner = S.T @ inverse
    return np.asarray(S @ np.linalg.solve(inner @ S, inner))


def reconciled(projection: np.ndarray, forecasts: np.ndarray) -> np.ndarray:
    """Forecasts (nodes, ...) that add up."""
    return np.tensordot(projection, forecasts, axes=1)


def coherent_quantiles(
    projection: np.ndarray, point: np.ndarray, errors: np.ndarray, levels: Sequence[float]
) -> np.ndarray:
    """Quantiles (nodes, intervals, levels) of paths that add up.

    point: (nodes, intervals); errors: (days, nodes, intervals), past days of joint out-of-fold
    errors, kept whole: how nodes and hours hang together is in them. Each path adds up; quantiles
    of a sum are not sums of quantiles, so only the paths and the medians do: these are the
    projection of `point`, and the others lie about them as the paths do.
    """
    middle = reconciled(projection, point)
    paths = np.stack([reconciled(projection, point + day) for day in errors])
    told = np.moveaxis(np.quantile(paths, [0.5, *levels], axis=0), 0, -1)
    about = told[..., 1:] - told[..., :1]
    return np.asarray(middle[..., None] + about)


def _covariance(errors: np.ndarray) -> np.ndarray:
    """Covariance of errors shrunk to its diagonal, by the share that least squares asks for."""
    variance = _variance(errors)
    centred = errors - np.nanmean(errors, axis=1, keepdims=True)
    whole = centred[:, np.isfinite(centred).all(axis=0)] / np.sqrt(variance)[:, None]
    n = whole.shape[1]
    if n < _FEWEST:
        return np.diag(variance)
    correlation = whole @ whole.T / n
    noise = (whole**2 @ (whole**2).T / n - correlation**2) / (n - 1)
    off = ~np.eye(len(errors), dtype=bool)
    share = float(np.clip(noise[off].sum() / max((correlation[off] ** 2).sum(), 1e-12), 0, 1))
    shrunk = np.where(off, (1 - share) * correlation, 1.0)
    size = np.sqrt(variance)
    return np.asarray(shrunk * size[:, None] * size[None])


def _variance(errors: np.ndarray) -> np.ndarray:
    """Mean square about the mean of each node's errors, above 0."""
    centred = errors - np.nanmean(errors, axis=1, keepdims=True)
    return np.asarray(np.maximum(np.nanmean(centred**2, axis=1), 1e-12))


__all__ = [
    "Hierarchy",
    "bottom_up",
    "by_variance",
    "coherent_quantiles",
    "least_squares",
    "mint",
    "reconciled",
    "weighed",
]
