"""Which series lie before and behind each other, as plain data: what a device needs of a graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

MOST: Final = 4
"""Neighbours that a series has at most in each direction."""
NONE: Final = -1
"""Code that stands in arrays for no neighbour."""

Codes = tuple[tuple[int, ...], ...]
Weights = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Neighbours:
    """For each series its nearest ones against the flow (up) and with it (down), heaviest first.

    ids: the series, whose places are their codes; up, down: codes of at most MOST neighbours a
    series; up_weights, down_weights: a weight in (0, 1] for each of these. No series is its own
    neighbour. Raises ValueError for anything else.
    """

    ids: tuple[str, ...]
    up: Codes
    down: Codes
    up_weights: Weights
    down_weights: Weights

    def __post_init__(self) -> None:
        faults = list(self._faults())
        if faults:
            raise ValueError("; ".join(faults))

    def _faults(self) -> Iterator[str]:
        n = len(self.ids)
        if len(set(self.ids)) != n:
            yield "a series stands twice"
        for name, codes, weights in (
            ("up", self.up, self.up_weights),
            ("down", self.down, self.down_weights),
        ):
            if len(codes) != n or len(weights) != n:
                yield f"{name} has not one entry a series"
                continue
            for own, row, heavy in zip(range(n), codes, weights, strict=True):
                if len(row) != len(heavy) or len(row) > MOST:
                    yield f"{name} of {self.ids[own]}: one weight each is needed, at most {MOST}"
                elif own in row or len(set(row)) < len(row) or any(not 0 <= c < n for c in row):
                    yield f"{name} of {self.ids[own]} names itself, one twice or none of the series"
                elif any(not 0 < weight <= 1 for weight in heavy):
                    yield f"{name} of {self.ids[own]} has a weight outside 0 to 1"

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def n_edges(self) -> int:
        """Neighbours of all series in both directions."""
        return sum(map(len, self.up)) + sum(map(len, self.down))

    @cached_property
    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Codes (n, 2, MOST) int64, up then down, NONE where there is none; weights alike, 0.0."""
        codes = np.full((len(self), 2, MOST), NONE, dtype=np.int64)
        weights = np.zeros((len(self), 2, MOST))
        sides = ((self.up, self.up_weights), (self.down, self.down_weights))
        for side, (rows, heavy) in enumerate(sides):
            for own, row in enumerate(rows):
                codes[own, side, : len(row)] = row
                weights[own, side, : len(row)] = heavy[own]
        return codes, weights

    def of(self, ids: tuple[str, ...]) -> Neighbours:
        """The same for these series in this order: others are nobody's neighbours, and one that is
        not known has none."""
        known = {name: code for code, name in enumerate(self.ids)}
        place = {known[name]: at for at, name in enumerate(ids) if name in known}
        sides: list[tuple[Codes, Weights]] = []
        for rows, heavy in ((self.up, self.up_weights), (self.down, self.down_weights)):
            kept = [
                [
                    (place[code], weight)
                    for code, weight in zip(rows[known[name]], heavy[known[name]], strict=True)
                    if code in place
                ]
                if name in known
                else []
                for name in ids
            ]
            sides.append(
                (
                    tuple(tuple(code for code, _ in row) for row in kept),
                    tuple(tuple(weight for _, weight in row) for row in kept),
                )
            )
        (up, up_weights), (down, down_weights) = sides
        return Neighbours(ids, up, down, up_weights, down_weights)

    @classmethod
    def none(cls, ids: tuple[str, ...]) -> Neighbours:
        """Series of which each stands alone."""
        alone: Any = tuple(() for _ in ids)
        return cls(ids, alone, alone, alone, alone)

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {
            name: list(value) if name == "ids" else [list(row) for row in value]
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Neighbours:
        """What `to_json` wrote; KeyError, TypeError or ValueError on other data."""
        codes: list[Codes] = [
            tuple(tuple(map(int, row)) for row in told[name]) for name in ("up", "down")
        ]
        weights: list[Weights] = [
            tuple(tuple(map(float, row)) for row in told[name])
            for name in ("up_weights", "down_weights")
        ]
        return cls(tuple(map(str, told["ids"])), *codes, *weights)


__all__ = ["MOST", "NONE", "Codes", "Neighbours", "Weights"]
