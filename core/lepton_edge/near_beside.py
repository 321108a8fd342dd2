"""What is known beside a network, such as weather and events, as features of the next minutes.

Of each interval the newest edition counts that was there when the forecast was issued. Where none
is, the last one before is carried forward: an observation goes on until the next, and an event
until its end is told or it is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from lepton_edge.wall_clock import HOUR_S

BACK_S: Final = 2 * HOUR_S
"""How long a value is carried forward."""
AHEAD_S: Final = 26 * HOUR_S
"""How far ahead a stream may be told values."""
BEFORE, AHEAD = "_before", "_ahead"
"""What is the same for all intervals ahead: the mean before the issue, and that of the horizon."""


@dataclass(frozen=True)
class NearKnown:
    """A column beside the series of a network.

    is_shared: whether all series have the same; otherwise: what counts where nothing is told, such
    as 0 for no event, None for unknown.
    """

    name: str
    is_shared: bool = False
    otherwise: float | None = None

    @property
    def shape_names(self) -> tuple[str, ...]:
        """Names of what is the same for all intervals ahead. How long an event was there is none:
        there are so few that each is learnt by heart."""
        ends = (BEFORE, AHEAD) if self.otherwise is None else (AHEAD,)
        return tuple(self.name + end for end in ends)

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> NearKnown:
        """What `to_json` wrote; KeyError, TypeError or ValueError on other data."""
        otherwise = told["otherwise"]
        value = None if otherwise is None else float(otherwise)
        return cls(str(told["name"]), bool(told["is_shared"]), value)


@dataclass(frozen=True, eq=False)
class KnownFeatures:
    """ahead: of each column (m, n, leads), its value in each interval ahead; shape: (m, n) of each
    of its `shape_names`; NaN for unknown."""

    ahead: list[np.ndarray]
    shape: list[np.ndarray]


def known_features(
    columns: Sequence[NearKnown], rows: Mapping[str, np.ndarray], first: int, n_series: int
) -> KnownFeatures:
    """Features of columns as they stood at m instants.

    rows: column -> (m, n or 1, intervals), NaN where nothing was told; first: place of the first
    interval ahead.
    """
    ahead, shape = [], []
    for column in columns:
        told = carried(rows[column.name], column.otherwise)
        parts = (told[..., :first], told[..., first:])[-len(column.shape_names) :]
        shape += [_of_all(mean_of(part), n_series) for part in parts]
        ahead.append(_of_all(told[..., first:], n_series))
    return KnownFeatures(ahead, shape)


def carried(rows: np.ndarray, otherwise: float | None) -> np.ndarray:
    """Rows (..., intervals) with the last known value where none is told, `otherwise` before any
    was."""
    found = rows.copy()
    last = np.full(rows.shape[:-1], np.nan if otherwise is None else otherwise)
    for at in range(rows.shape[-1]):
        last = np.where(np.isfinite(rows[..., at]), rows[..., at], last)
        found[..., at] = last
    return found


def mean_of(values: np.ndarray) -> np.ndarray:
    """Mean of what is known along the last axis, NaN where nothing is; term by term."""
    found = np.isfinite(values)
    count = found.sum(axis=-1)
    total = np.zeros(values.shape[:-1])
    for at in range(values.shape[-1]):
        total += np.where(found[..., at], values[..., at], 0.0)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))


def _of_all(values: np.ndarray, n_series: int) -> np.ndarray:
    return np.broadcast_to(values, (values.shape[0], n_series, *values.shape[2:]))


__all__ = [
    "AHEAD_S",
    "BACK_S",
    "KnownFeatures",
    "NearKnown",
    "carried",
    "known_features",
    "mean_of",
]
