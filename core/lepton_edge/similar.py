"""Past lives that failed and looked as an asset does now: the kernel of report and device.

A life is remembered by a few pictures, each a row of features so many hours before its failure. How
far a picture lies from an asset is the mean squared difference of the features that are known of
both, each in its own spread. How likely each failure mode is follows from all lives, those that are
closer counting for more:

    share of a mode = sum of w exp(-d / width) over its lives / the same over all lives
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import inf, isfinite, nan
from typing import Any, Final

import numpy as np

MOST: Final = 3
"""Past lives that are told of one alarm."""

Row = tuple[float, ...]


@dataclass(frozen=True)
class PastLife:
    """A life that failed.

    name: of the life; failed_at: ISO 8601; mode: what it failed of, None where nobody says; weight:
    for how many lives of its mode it stands; left_h: hours to the failure of each picture;
    pictures: one row each, NaN where missing.
    """

    name: str
    failed_at: str
    mode: str | None
    weight: float
    left_h: Row
    pictures: tuple[Row, ...]


@dataclass(frozen=True)
class Match:
    """A past life that looked like this, hours before its failure; distance: 0 for the same."""

    life: PastLife
    left_h: float
    distance: float

    def to_json(self) -> dict[str, Any]:
        """The match as a device tells it."""
        return {
            "life": self.life.name,
            "failed_at": self.life.failed_at,
            "mode": self.life.mode,
            "hours_left": self.left_h,
            "distance": self.distance,
        }


@dataclass(frozen=True)
class SimilarPlan:
    """columns: features of a picture; scale: spread of each; width: distance over which a life
    counts e times less; reach: distance beyond which none is similar; modes: those that are told,
    in the order of their names."""

    columns: tuple[str, ...]
    scale: Row
    width: float
    reach: float
    modes: tuple[str, ...]
    lives: tuple[PastLife, ...]

    def __post_init__(self) -> None:
        if not self.lives or not self.columns or len(self.scale) != len(self.columns):
            raise ValueError("similar lives need a life, and a spread for each column")
        if not (all(one > 0 for one in self.scale) and isfinite(self.width) and self.width > 0):
            raise ValueError("spreads and the width must be positive")
        if not self.reach >= 0:
            raise ValueError("the reach must not be below 0")
        for life in self.lives:
            wide = {len(one) for one in life.pictures}
            if wide != {len(self.columns)} or len(life.left_h) != len(life.pictures):
                raise ValueError(f"the pictures of {life.name!r} do not fit the columns")

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data; missing values and an endless reach are None."""
        return {
            **asdict(self),
            "reach": None if self.reach == inf else self.reach,
            "lives": [
                {**asdict(life), "pictures": [[*map(_known, one)] for one in life.pictures]}
                for life in self.lives
            ],
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> SimilarPlan:
        """The plan that `to_json` wrote; KeyError, TypeError or ValueError on other data."""
        unknown = set(told) ^ {one.name for one in fields(cls)}
        if unknown:
            raise ValueError(f"fields {sorted(unknown)} are too many or missing")
        return cls(
            tuple(map(str, told["columns"])),
            tuple(map(float, told["scale"])),
            float(told["width"]),
            inf if told["reach"] is None else float(told["reach"]),
            tuple(map(str, told["modes"])),
            tuple(_life(one) for one in told["lives"]),
        )


class SimilarLives:
    """The lives of a plan, ready to be compared with."""

    def __init__(self, plan: SimilarPlan) -> None:
        self.plan = plan
        self._scale = np.array(plan.scale)
        self._pictures = np.array([one for life in plan.lives for one in life.pictures])
        self._pictures /= self._scale
        self._left_h = np.array([hours for life in plan.lives for hours in life.left_h])
        sizes = [len(life.pictures) for life in plan.lives]
        self._starts = np.cumsum([0, *sizes[:-1]])
        self._ends = np.cumsum(sizes)
        self._weight = np.array([life.weight for life in plan.lives])
        self._of_mode = np.array(
            [[life.mode == mode for life in plan.lives] for mode in plan.modes], dtype=float
        ).reshape(len(plan.modes), len(plan.lives))

    def picture(self, features: Mapping[str, Any]) -> np.ndarray:
        """What is compared, (columns,), from features by name; NaN where missing."""
        found = [features.get(name) for name in self.plan.columns]
        return np.array([nan if one is None else one for one in found], dtype=np.float64)

    def matches(self, picture: np.ndarray) -> tuple[Match, ...]:
        """Up to `MOST` past lives within reach, the closest first."""
        distance, left_h = self._closest(picture)
        order = np.argsort(distance, kind="stable")[:MOST]
        return tuple(
            Match(self.plan.lives[at], float(left_h[at]), float(distance[at]))
            for at in order.tolist()
            if distance[at] <= self.plan.reach and isfinite(distance[at])
        )

    def shares(self, picture: np.ndarray) -> np.ndarray | None:
        """How likely each mode is, (modes,), in 0..1, with the rest for lives of no such mode;
        None where no life is within reach, or no mode is told."""
        distance, _ = self._closest(picture)
        least = float(distance.min())
        if not len(self.plan.modes) or not isfinite(least) or least > self.plan.reach:
            return None
        weight = self._weight * np.exp((least - distance) / self.plan.width)
        shares: np.ndarray = np.einsum("ml,l->m", self._of_mode, weight) / weight.sum()
        return shares

    def likeliest(self, picture: np.ndarray) -> tuple[str | None, float]:
        """The likeliest mode with its share; None, and NaN, where none is told."""
        shares = self.shares(picture)
        if shares is None or not shares.max() > 0:
            return None, nan
        at = int(shares.argmax())
        return self.plan.modes[at], float(shares[at])

    def _closest(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distance of each life's closest picture (lives,), infinite where nothing is known of
        both, and the hours that it had left then."""
        offsets = self._pictures - picture / self._scale
        known = np.isfinite(offsets)
        square = np.where(known, offsets, 0.0) ** 2
        count = known.sum(axis=1)
        distance = np.full(len(offsets), inf)
        np.divide(square.sum(axis=1), count, out=distance, where=count > 0)
        at = [
            start + int(distance[start:end].argmin())
            for start, end in zip(self._starts.tolist(), self._ends.tolist(), strict=True)
        ]
        return distance[at], self._left_h[at]


def _life(told: Mapping[str, Any]) -> PastLife:
    return PastLife(
        str(told["name"]),
        str(told["failed_at"]),
        None if told["mode"] is None else str(told["mode"]),
        float(told["weight"]),
        tuple(map(float, told["left_h"])),
        tuple(tuple(nan if v is None else float(v) for v in one) for one in told["pictures"]),
    )


def _known(value: float) -> float | None:
    return value if isfinite(value) else None


__all__ = ["MOST", "Match", "PastLife", "SimilarLives", "SimilarPlan"]
