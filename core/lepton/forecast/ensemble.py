"""A blend of forecasters: weights by block of the horizon and by series, shrunk to equal ones.

Quantiles of the same level are averaged, which keeps them sharp (Lichtendahl, Grushka-Cockayne &
Winkler 2013). Weights come from out-of-fold pinball loss. Few days say little about weights, and
equal ones are hard to beat (Stock & Watson 2004), so each estimate is drawn to the one above it:
a series' to that of all series, that of a block to that of all leads, and this one to equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from lepton.errors import SearchError
from lepton.forecast import scores
from lepton.forecast.rolling import Backtest, horizon_blocks
from lepton_edge.conformal import outside, stretched

_ROUNDS: Final = 150
_STEP: Final = 4.0
_SHRINK_DAYS: Final = 60.0
"""Days of forecasts that weigh as much as the weights above."""
_WIDTH_DAYS: Final = 14.0
"""Days of forecasts of a series that weigh as much as those of all for how wide it is."""
_WIDEST: Final = 4.0
_HELD: Final = 0.8
_FEWEST_SCORES: Final = 100
_TOO_BAD: Final = 2.0
"""Loss over that of the best family from which on a family is left out. Measured on two substations
before their test: of weeks that follow, what was a third worse is often the best, and leaving it
out costs up to 12 %."""


@dataclass(frozen=True, eq=False)
class Weights:
    """names: the families; by_cell: (series, blocks, families), each row adding up to 1; width:
    (series,) by how much the deciles of each are drawn from their median, None for as they are."""

    names: tuple[str, ...]
    by_cell: np.ndarray
    width: np.ndarray | None = None

    def blend(
        self, quantiles: Mapping[str, np.ndarray], series: np.ndarray, block: np.ndarray
    ) -> np.ndarray:
        """Blended deciles (n, leads, 9); series (n,), block (n, leads). A series that was not
        weighed has the mean weights."""
        mean = self.by_cell.mean(axis=0, keepdims=True)
        table = np.concatenate([self.by_cell, mean])
        row = np.where(series < len(self.by_cell), series, len(self.by_cell))
        weight = table[row[:, None], np.minimum(block, table.shape[1] - 1)]
        total = sum(
            weight[..., number, None] * quantiles[name] for number, name in enumerate(self.names)
        )
        ordered = scores.ordered(np.asarray(total))
        if self.width is None:
            return ordered
        own = np.append(self.width, 1.0)[row]
        return stretched(ordered, np.broadcast_to(own[:, None], block.shape))

    def of(self, found: Backtest) -> np.ndarray:
        """The blend of a backtest's forecasts."""
        matrix = found.matrix
        return self.blend(found.quantiles, matrix.series, horizon_blocks(matrix))

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        width = None if self.width is None else self.width.tolist()
        return {"names": list(self.names), "by_cell": self.by_cell.tolist(), "width": width}


def equal_weights(names: Sequence[str], n_series: int = 1) -> Weights:
    """All the same."""
    share = np.full((n_series, len(_blocks()), len(names)), 1.0 / len(names))
    return Weights(tuple(names), share)


def fit_weights(found: Backtest, n_series: int) -> Weights:
    """Weights from out-of-fold forecasts of `n_series` series.

    A family whose loss is far above the best one's is left out for every series.
    Raises SearchError LK452 where no family has forecasts.
    """
    names = kept_families(found)
    if not names:
        raise SearchError(
            "LK452",
            where="ensemble",
            found=f"no family has forecasts: {dict(found.failed)}",
            remedy="look at the reasons; a history of a few days is too short for any",
        )
    matrix, block = found.matrix, horizon_blocks(found.matrix)
    unit = matrix.scale[:, None]
    y = matrix.y / unit
    members = np.stack([found.quantiles[name] / unit[..., None] for name in names])
    days = matrix.issue_s // 86_400
    equal = np.full(len(names), 1.0 / len(names))
    everywhere = _shrunk(y, members, equal, np.isfinite(y), days)
    cells = np.empty((n_series, len(_blocks()), len(names)))
    for b in _blocks():
        inside = np.isfinite(y) & (block == b)
        shared = _shrunk(y, members, everywhere, inside, days)
        for s in range(n_series):
            own = inside & (matrix.series == s)[:, None]
            cells[s, b] = _shrunk(y, members, shared, own, days) if n_series > 1 else shared
    made = Weights(names, cells)
    return made if n_series == 1 else replace(made, width=widths_of(found, made, n_series))


def widths_of(found: Backtest, weights: Weights, n_series: int) -> np.ndarray:
    """How much wider than all series' on the mean each one's deciles have to be, (series,).

    Calibration stretches all alike, and large series are more even than small ones: each is drawn
    to the stretch that its own 80 % interval needs (conformal, by series), by how many days say so.
    """
    matrix = found.matrix
    outside_by = outside(matrix.y, weights.of(found), matrix.scale[:, None])
    days = matrix.issue_s // 86_400
    whole = _needed(outside_by)
    width = np.ones(n_series)
    for s in range(n_series):
        own = outside_by[matrix.series == s]
        n_days = len(np.unique(days[matrix.series == s]))
        if np.isfinite(own).sum() >= _FEWEST_SCORES:
            trust = n_days / (n_days + _WIDTH_DAYS)
            width[s] = np.clip((_needed(own) / whole) ** trust, 1 / _WIDEST, _WIDEST)
    return width


def _needed(outside_by: np.ndarray) -> float:
    """By how much an interval has to be stretched to hold its share."""
    known = outside_by[np.isfinite(outside_by)]
    return max(1 + 2 * float(np.quantile(known, _HELD)), 0.05) if len(known) else 1.0


def kept_families(found: Backtest) -> tuple[str, ...]:
    """Those not far behind the best one; loss in units of each issue's scale."""
    unit = found.matrix.scale[:, None]
    losses = {name: scores.mean(loss / unit) for name, loss in found.crps().items()}
    losses = {name: loss for name, loss in losses.items() if np.isfinite(loss)}
    best = min(losses.values(), default=0.0)
    return tuple(name for name, loss in losses.items() if loss <= _TOO_BAD * best)


def _blocks() -> range:
    return range(4)


def _shrunk(
    y: np.ndarray, members: np.ndarray, above: np.ndarray, inside: np.ndarray, days: np.ndarray
) -> np.ndarray:
    """Weights of the targets `inside`, drawn to those above."""
    n_days = len(np.unique(days[inside.any(axis=1)]))
    if not n_days or len(above) == 1:
        return above
    own = best_weights(y[inside], members[:, inside], above)
    trust = n_days / (n_days + _SHRINK_DAYS)
    return np.asarray(trust * own + (1 - trust) * above)


def best_weights(y: np.ndarray, members: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Weights of least pinball loss, none below 0, adding up to 1, by exponentiated gradient
    (Kivinen & Warmuth 1997); y (n,), members (families, n, 9)."""
    weights, total = start.copy(), np.zeros(len(start))
    levels = scores.DECILES
    size = max(float(scores.pinball(y, members[0]).mean()), 1e-12)
    for round_ in range(1, _ROUNDS + 1):
        blend = np.einsum("f,fnq->nq", weights, members)
        slope = (y[:, None] < blend) - levels
        gradient = np.einsum("nq,fnq->f", slope, members) / slope.size
        gradient = (gradient - gradient.mean()) / size
        step = _STEP / np.sqrt(round_)
        weights = weights * np.exp(-step * np.clip(gradient, -1.0, 1.0))
        weights /= weights.sum()
        total += weights
    return np.asarray(total / _ROUNDS)


__all__ = [
    "Weights",
    "best_weights",
    "equal_weights",
    "fit_weights",
    "kept_families",
    "widths_of",
]
