"""Which series lie before and behind each other, from edges or from where they lie on roads.

Distances become weights by a Gaussian kernel with the standard deviation of all distances as its
width; what is lighter than 0.1 is no edge (Li et al., DCRNN, 2018). Where nothing tells distances,
`lag_graph` learns from the past who follows whom.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import pandas as pd

from lepton_edge.neighbours import MOST, Neighbours

LIGHTEST: Final = 0.1
"""Weight below which two series are no neighbours."""
_EARTH_M: Final = 6_371_000.0

Edge = tuple[int, int, float]
"""Code of the series that traffic passes first, of the next one, and the weight."""
_Row = list[tuple[int, float]]


def kernel_weights(distance_m: np.ndarray, width_m: float) -> np.ndarray:
    """exp(-(d / width)^2) of each distance, 0 where that is below `LIGHTEST`."""
    away = np.asarray(distance_m, dtype=np.float64)
    weight = np.exp(-np.square(away / width_m)) if width_m > 0 else np.ones(len(away))
    return np.where(weight < LIGHTEST, 0.0, weight)


def kernel_width(first: np.ndarray, distance_m: np.ndarray) -> float:
    """Width of the kernel for edges from `first`: the standard deviation of all distances, and at
    least twice the usual distance to the nearest, as where only a few edges of each are told."""
    if not len(distance_m):
        return 0.0
    nearest = pd.Series(distance_m).groupby(np.asarray(first)).min()
    return max(float(np.std(distance_m)), 2 * float(nearest.median()))


def from_edges(ids: Sequence[str], edges: pd.DataFrame) -> Neighbours:
    """Neighbours of a table of edges: from_id, to_id, and weight or distance_m; series that are
    not among `ids` are left out, edges without either count as one another's equals."""
    code = {name: at for at, name in enumerate(ids)}
    known = edges[edges["from_id"].isin(code) & edges["to_id"].isin(code)]
    known = known[known["from_id"] != known["to_id"]].drop_duplicates(["from_id", "to_id"])
    weight = np.full(len(known), np.nan)
    if "distance_m" in known:
        away = known["distance_m"].to_numpy(dtype=np.float64, na_value=np.nan)
        there = np.isfinite(away)
        width = kernel_width(known["from_id"].to_numpy()[there], away[there])
        weight[there] = kernel_weights(away[there], width)
    if "weight" in known:
        told = known["weight"].to_numpy(dtype=np.float64, na_value=np.nan)
        weight = np.where(np.isfinite(told), told, weight)
    weight = np.where(np.isnan(weight), 1.0, weight)
    pairs = zip(known["from_id"].map(code), known["to_id"].map(code), weight, strict=True)
    return of_edges(ids, ((int(one), int(other), float(w)) for one, other, w in pairs))


def of_edges(ids: Sequence[str], edges: Iterable[Edge]) -> Neighbours:
    """The heaviest `MOST` edges of each series in each direction; weights are cut off at 1."""
    up: list[_Row] = [[] for _ in ids]
    down: list[_Row] = [[] for _ in ids]
    for first, then, weight in edges:
        if weight > 0:
            up[then].append((first, min(weight, 1.0)))
            down[first].append((then, min(weight, 1.0)))
    for side in (up, down):
        for row in side:
            row.sort(key=lambda one: (-one[1], one[0]))
            del row[MOST:]
    return _neighbours(ids, up, down)


def along_roads(
    ids: Sequence[str], road: Sequence[str | None], km: np.ndarray, most: int = MOST
) -> pd.DataFrame:
    """Edges from_id, to_id, distance_m from each series to the next `most` ones of its road.

    road: which carriageway each is on, None for unknown; km: its place, growing the way that
    traffic flows, NaN for unknown.
    """
    rows: list[tuple[str, str, float]] = []
    by_road: dict[str, list[int]] = {}
    for at, name in enumerate(road):
        if name is not None and np.isfinite(km[at]):
            by_road.setdefault(name, []).append(at)
    for members in by_road.values():
        ordered = sorted(members, key=lambda at: (float(km[at]), ids[at]))
        for place, first in enumerate(ordered):
            for then in ordered[place + 1 : place + 1 + most]:
                rows.append((ids[first], ids[then], 1_000 * float(km[then] - km[first])))
    return pd.DataFrame(rows, columns=["from_id", "to_id", "distance_m"])


def apart_m(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Metres between all pairs of places on the globe, (n, n), by the haversine formula."""
    phi, lam = np.radians(lat), np.radians(lon)
    a = np.square(np.sin((phi[:, None] - phi) / 2))
    a = a + np.cos(phi)[:, None] * np.cos(phi) * np.square(np.sin((lam[:, None] - lam) / 2))
    return np.asarray(2 * _EARTH_M * np.arcsin(np.sqrt(np.clip(a, 0.0, 1.0))))


def _neighbours(ids: Sequence[str], up: list[_Row], down: list[_Row]) -> Neighbours:
    codes = [tuple(tuple(code for code, _ in row) for row in side) for side in (up, down)]
    weights = [tuple(tuple(heavy for _, heavy in row) for row in side) for side in (up, down)]
    return Neighbours(tuple(ids), *codes, *weights)


__all__ = [
    "LIGHTEST",
    "Edge",
    "along_roads",
    "apart_m",
    "from_edges",
    "kernel_weights",
    "kernel_width",
    "of_edges",
]
