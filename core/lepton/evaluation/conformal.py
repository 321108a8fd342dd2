"""Intervals that cover a wanted share of new assets, from predictions that did not see their asset.

Conformal prediction (Vovk, Gammerman & Shafer 2005) where whole assets are exchangeable and rows of
one asset are not independent: each asset counts once, its rows share its weight, and the asset to
come counts as one more of infinite error (Dunn, Wasserman & Ramdas 2023; Lee, Barber & Willett
2023). With out-of-fold predictions it is cross-conformal (Vovk 2015), whose coverage is close to
the nominal one and guaranteed only for the model of each fold (Barber et al. 2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from lepton.errors import SearchError
from lepton.evaluation.intervals import resamples
from lepton.evaluation.results import MetricResult

KNOTS: Final = 8
"""Most places at which the spread of errors is estimated."""
FEWEST_A_KNOT: Final = 8.0
"""Assets' worth of rows that each of them needs."""
FEWEST_A_BIN: Final = 20.0
"""Assets' worth of rows that a bin of predictions with a margin of its own needs."""
_NARROWEST: Final = 0.05
"""Least spread, as a share of the mean one: no interval is scaled to nothing."""


@dataclass(frozen=True)
class Scale:
    """Typical size of an error as a function of the prediction: lines between knots."""

    knots: tuple[float, ...]
    sizes: tuple[float, ...]

    def of(self, prediction: np.ndarray) -> np.ndarray:
        """Size of the error at each prediction, in the target's unit, above 0."""
        return np.asarray(np.interp(prediction, self.knots, self.sizes))


@dataclass(frozen=True)
class Conformal:
    """A margin around predictions, by bins of the prediction, and the range of the target.

    level: share of assets covered; edges: where the next bin begins, ascending; margins: one more
    than edges, in units of the scale (of the target where there is none), infinite where too few
    assets tell; low, high: the target's range, to which intervals are clipped.
    """

    level: float
    margins: tuple[float, ...]
    edges: tuple[float, ...] = ()
    scale: Scale | None = None
    low: float = 0.0
    high: float = np.inf

    def interval(
        self, prediction: np.ndarray, lower: np.ndarray, upper: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(low, high) of each row; lower, upper: quantiles, or both the prediction itself."""
        margin = np.asarray(self.margins)[np.searchsorted(self.edges, prediction, side="right")]
        if self.scale is not None:
            margin = margin * self.scale.of(prediction)
        low, high = lower - margin, upper + margin
        # a negative margin may turn narrow quantiles round: their middle is left
        middle = (lower + upper) / 2
        turned = low > high
        low, high = np.where(turned, middle, low), np.where(turned, middle, high)
        return np.clip(low, self.low, self.high), np.clip(high, self.low, self.high)

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data; what is infinite is None."""
        scale = self.scale and {"knots": list(self.scale.knots), "sizes": list(self.scale.sizes)}
        return {
            "level": self.level,
            "margins": [margin if np.isfinite(margin) else None for margin in self.margins],
            "edges": list(self.edges),
            "scale": scale,
            "low": self.low,
            "high": self.high if np.isfinite(self.high) else None,
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Conformal:
        """What `to_json` wrote; KeyError or TypeError on other data."""
        scale = told["scale"] and Scale(
            tuple(told["scale"]["knots"]), tuple(told["scale"]["sizes"])
        )
        return cls(
            float(told["level"]),
            tuple(np.inf if margin is None else float(margin) for margin in told["margins"]),
            tuple(float(edge) for edge in told["edges"]),
            scale,
            float(told["low"]),
            np.inf if told["high"] is None else float(told["high"]),
        )


@dataclass(frozen=True)
class Calibration:
    """Rows with known targets and predictions by models that did not see their asset.

    y, prediction, asset: one entry a row, asset: codes; lower, upper: quantiles of the target,
    None for intervals around the prediction itself.
    """

    y: np.ndarray
    prediction: np.ndarray
    asset: np.ndarray
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper quantile of each row, or twice the prediction."""
        lower = self.prediction if self.lower is None else self.lower
        return lower, self.prediction if self.upper is None else self.upper

    @property
    def errors(self) -> np.ndarray:
        """How far each target lies outside its bounds; negative inside (Romano et al. 2019)."""
        lower, upper = self.bounds
        return np.asarray(np.maximum(lower - self.y, self.y - upper))


def fit_conformal(
    rows: Calibration,
    *,
    level: float = 0.9,
    low: float = 0.0,
    high: float = np.inf,
    bins: int = 1,
    is_scaled: bool = False,
) -> Conformal:
    """The margin at which a new asset's interval holds its target with probability `level`.

    low, high: the target's range (0 to the cap of a capped remaining life); bins: margins of their
    own for so many ranges of the prediction, fewer where assets are few (Mondrian conformal, Vovk
    2005); is_scaled: margins in units of the error's typical size at each prediction (normalised
    conformal, Papadopoulos et al. 2002), so that one margin serves all levels.
    Raises SearchError LK441 where a number is not finite, or nothing is there.
    """
    _check(rows, level)
    weight = asset_weights(rows.asset)
    errors, scale = rows.errors, None
    if is_scaled:
        sizes = np.abs(rows.y - rows.prediction)
        scale = fit_scale(rows.prediction, sizes, weight)
        errors = errors / scale.of(rows.prediction)
    edges = _edges(rows.prediction, weight, bins)
    place = np.searchsorted(edges, rows.prediction, side="right")
    margins = [
        _margin(errors, weight, rows.asset, place == at, level) for at in range(len(edges) + 1)
    ]
    return Conformal(level, tuple(margins), tuple(edges.tolist()), scale, low, high)


def asset_weights(asset: np.ndarray) -> np.ndarray:
    """One over the number of rows of each row's asset: each asset counts once."""
    _, codes, counts = np.unique(asset, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / counts[codes])


def conformal_rank(
    errors: np.ndarray, weight: np.ndarray, level: float, to_come: float = 1.0
) -> float:
    """The smallest error that holds `level` of the weight and of one more, infinite error.

    to_come: weight of the asset to come. Infinite where the others weigh too little beside it:
    with a weight of one an asset, where they are fewer than `level` / (1 - `level`).
    """
    if not len(errors):
        return np.inf
    order = np.argsort(errors, kind="stable")
    held = np.cumsum(weight[order])
    # rounding of a sum of weights must not cost a whole asset
    wanted = level * (held[-1] + to_come) * (1 - 1e-12)
    at = int(np.searchsorted(held, wanted))
    return float(errors[order][at]) if at < len(errors) else np.inf


def fit_scale(prediction: np.ndarray, size: np.ndarray, weight: np.ndarray) -> Scale:
    """Mean size of the error between quantiles of the prediction, joined by lines.

    size: of each row's error, 0 or more; weight: of each row, one an asset in all.
    """
    n = int(np.clip(weight.sum() // FEWEST_A_KNOT, 1, KNOTS))
    part = _parts(prediction, weight, n)
    whole = np.bincount(part, weight)
    used = whole > 0
    knots = np.bincount(part, weight * prediction)[used] / whole[used]
    sizes = np.bincount(part, weight * size)[used] / whole[used]
    mean = float(np.average(size, weights=weight))
    sizes = np.maximum(sizes, _NARROWEST * mean if mean > 0 else 1.0)
    return Scale(tuple(knots.tolist()), tuple(sizes.tolist()))


@dataclass(frozen=True)
class Coverage:
    """How intervals did on assets that they were not fitted on; each asset counts once.

    coverage: share of targets inside, 0..1; width: mean, in the target's unit; both with a 95 %
    interval over assets. n_assets, n_rows: what was judged.
    """

    coverage: MetricResult
    width: MetricResult
    n_assets: int
    n_rows: int


def coverage(
    y: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    asset: np.ndarray,
    *,
    rng: np.random.Generator,
    n: int = 200,
) -> Coverage:
    """Coverage and width of the intervals `low` to `high` (limits belong to them)."""
    weight = asset_weights(asset) if len(asset) else np.empty(0)
    codes = np.unique(asset, return_inverse=True)[1]
    held = np.bincount(codes, weight * ((low <= y) & (y <= high)))
    width = np.bincount(codes, weight * (high - low))
    drawn = np.array(list(resamples(np.arange(len(held)), rng, n))).reshape(n, len(held))
    return Coverage(
        _mean("coverage", held, drawn, "share of targets inside their interval", ""),
        _mean("width", width, drawn, "mean width of an interval", "target"),
        len(held),
        len(y),
    )


def _mean(name: str, values: np.ndarray, drawn: np.ndarray, about: str, unit: str) -> MetricResult:
    if not len(values) or not np.isfinite(values).all():
        reason = "no rows" if not len(values) else "an interval is endless"
        return MetricResult(name, None, about=about, unit=unit, reason=reason)
    value = float(values.mean())
    if not len(drawn):
        return MetricResult(name, value, about=about, unit=unit, reason="no resamples")
    low, high = np.quantile(drawn @ values / len(values), [0.025, 0.975])
    return MetricResult(name, value, float(low), float(high), about, unit)


def _margin(
    errors: np.ndarray, weight: np.ndarray, asset: np.ndarray, rows: np.ndarray, level: float
) -> float:
    """Margin of a bin, `rows` (mask): the asset to come has as many rows in it as the others do."""
    n_assets = max(len(np.unique(asset[rows])), 1)
    return conformal_rank(errors[rows], weight[rows], level, weight[rows].sum() / n_assets)


def _edges(prediction: np.ndarray, weight: np.ndarray, bins: int) -> np.ndarray:
    """Inner edges of bins of equal weight, as many as assets allow, at most `bins`."""
    n = int(np.clip(weight.sum() // FEWEST_A_BIN, 1, max(bins, 1)))
    part = _parts(prediction, weight, n)
    firsts = [prediction[part == at].min() for at in np.unique(part)]
    return np.asarray(firsts[1:], dtype=np.float64)


def _parts(prediction: np.ndarray, weight: np.ndarray, n: int) -> np.ndarray:
    """Which of `n` parts of equal weight each row falls into; equal predictions stay together."""
    values, codes = np.unique(prediction, return_inverse=True)
    mass = np.bincount(codes, weight)
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    part = np.minimum((middle * n).astype(np.int64), n - 1)
    return np.asarray(part[codes]) if len(values) else np.empty(0, np.int64)


def _check(rows: Calibration, level: float) -> None:
    lower, upper = rows.bounds
    columns = {"y": rows.y, "prediction": rows.prediction, "lower": lower, "upper": upper}
    faults = [
        f"{name} is not a finite number in {int((~np.isfinite(column)).sum()):,} rows"
        for name, column in columns.items()
        if not np.isfinite(column).all()
    ]
    if not len(rows.y):
        faults.append("no rows")
    if not 0 < level < 1:
        faults.append(f"a level of {level:g} is not between 0 and 1")
    if faults:
        raise SearchError(
            "LK441",
            where="conformal intervals",
            found="; ".join(faults),
            remedy="give out-of-fold predictions of rows whose target is known",
        )


__all__ = [
    "Calibration",
    "Conformal",
    "Coverage",
    "Scale",
    "asset_weights",
    "conformal_rank",
    "coverage",
    "fit_conformal",
    "fit_scale",
]
