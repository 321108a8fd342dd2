"""The one read of the holdout of a forecast: metrics with intervals, rivals, gates, rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from lepton.evaluation.results import Evaluation, GateResult, MetricResult
from lepton.forecast import scores
from lepton.forecast.matrix import Matrix
from lepton_edge.wall_clock import DAY_S, WallClock

LEVELS: Final = tuple(f"q{round(100 * level):02d}" for level in scores.DECILES)
"""Columns of the deciles in rows that are judged."""
BLOCK_DAYS: Final = 7
RESAMPLES: Final = 500
NAIVE: Final = "seasonal_naive"


@dataclass(frozen=True, eq=False)
class Judged:
    """What is judged. matrix: the holdout's issues; told: name -> deciles (n, leads, 9) in the
    series' unit, of baselines and the bundle; own: name of the bundle's; spans: (series,) range of
    each one's past; ids, zones: names of the series, and of their clocks."""

    matrix: Matrix
    told: Mapping[str, np.ndarray]
    own: str
    baselines: tuple[str, ...]
    spans: np.ndarray
    ids: tuple[str, ...]
    zones: tuple[str, ...]


def judge(
    judged: Judged,
    gates: Mapping[str, float],
    rng: np.random.Generator,
    *,
    parity: float,
    leak: float,
) -> Evaluation:
    """Metrics of the bundle and of its baselines on the same intervals.

    parity: largest difference between bundle and champion, in units of the scale; leak: the same
    between forecasts of the data as they are and of data whose future is noise; 0 is none.
    """
    draws = _draws(judged.matrix, rng)
    results = {name: tuple(_metrics(judged, told, draws)) for name, told in judged.told.items()}
    gated = tuple(_gates(judged, results, draws, gates, parity, leak))
    facts = {"parity_max_abs_diff": parity, "parity_flips": 0.0, "leak_max_abs_diff": leak}
    return Evaluation(
        metrics=results[judged.own],
        baselines={name: results[name] for name in judged.baselines if name in results},
        reference=(),
        gates=gated,
        scored=rows_of(judged),
        facts={name: value for name, value in facts.items() if math.isfinite(value)},
    )


def rows_of(judged: Judged) -> pd.DataFrame:
    """One row an interval that was forecast and is known: entity, issued_at, event_at, local_at (by
    the wall clock, without a zone), lead_h, target, the deciles, and the median of each rival."""
    matrix = judged.matrix
    known = np.isfinite(matrix.y)
    n = np.broadcast_to(np.arange(len(matrix))[:, None], known.shape)[known]
    own = judged.told[judged.own]
    frame = pd.DataFrame(
        {
            "entity": pd.Series(np.array(judged.ids, dtype=object)[matrix.series[n]], dtype="str"),
            "issued_at": instants(matrix.issue_s[n]),
            "event_at": instants(matrix.step[known] * matrix.step_s),
            "local_at": _local(judged, matrix.step[known] * matrix.step_s, matrix.series[n]),
            "lead_h": matrix.column("lead_h")[known],
            "target": matrix.y[known],
            **{name: own[..., at][known] for at, name in enumerate(LEVELS)},
        }
    )
    for name, told in judged.told.items():
        if name != judged.own:
            frame[f"median_{name}"] = told[..., 4][known]
    return frame.sort_values(["entity", "issued_at", "event_at"], kind="stable", ignore_index=True)


def _local(judged: Judged, seconds: np.ndarray, series: np.ndarray) -> pd.Series:
    """What the wall clock of each series shows."""
    shown = np.empty(len(seconds), dtype=np.int64)
    for zone in set(judged.zones):
        here = np.array([one == zone for one in judged.zones])[series]
        shown[here] = WallClock(zone).wall(seconds[here])
    return pd.Series(pd.to_datetime(shown, unit="s")).astype("datetime64[us]")


def instants(seconds: np.ndarray) -> pd.Series:
    """UTC seconds as aware instants."""
    return pd.Series(pd.to_datetime(seconds, unit="s", utc=True)).astype("datetime64[us, UTC]")


def _losses(judged: Judged, told: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Name -> numerator and denominator of each target, (n, leads); the metric is the ratio of
    their sums."""
    matrix = judged.matrix
    y, point = matrix.y, told[..., 4]
    one = np.where(np.isfinite(y), 1.0, np.nan)
    span = judged.spans[matrix.series][:, None]
    naive = judged.told.get(NAIVE)
    inside = np.where(np.isfinite(y), (y >= told[..., 0]) & (y <= told[..., -1]), np.nan)
    found = {
        "rcrps": (scores.crps(y, told) / span, one),
        "wape": (np.abs(y - point), np.abs(y)),
        "coverage80": (inside, one),
        "width80": ((told[..., -1] - told[..., 0]) / span, one),
    }
    if naive is not None:
        found["mase"] = (np.abs(y - point) / span, np.abs(y - naive[..., 4]) / span)
    return found


_ABOUT: Final = {
    "rcrps": "continuous ranked probability score over the range of the series' own past",
    "wape": "sum of absolute errors of the median over the sum of absolute values",
    "coverage80": "share of values inside the 80 % interval",
    "width80": "mean width of the 80 % interval over the range of the series' own past",
    "mase": "mean absolute error over that of last week's value",
}


def _metrics(judged: Judged, told: np.ndarray, draws: _Draws) -> Iterator[MetricResult]:
    for name, (over, under) in _losses(judged, told).items():
        value, low, high = draws.ratio(over, under)
        if math.isfinite(value):
            yield MetricResult(name, value, low, high, _ABOUT[name])
        else:
            yield MetricResult(
                name, None, about=_ABOUT[name], reason="nothing was known to judge by"
            )


@dataclass(frozen=True, eq=False)
class _Draws:
    """Weeks drawn with replacement, the same for everybody (Kuensch 1989)."""

    block: np.ndarray
    weights: np.ndarray

    def sums(self, values: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Sum in each block."""
        each = np.where(known, values, 0.0).sum(axis=1)
        return np.bincount(self.block, each, minlength=self.weights.shape[1])

    def ratio(self, over: np.ndarray, under: np.ndarray) -> tuple[float, float, float]:
        """Ratio of sums and its 95 % interval."""
        known = np.isfinite(over) & np.isfinite(under)
        above, below = self.sums(over, known), self.sums(under, known)
        if not below.sum() > 0:
            return math.nan, math.nan, math.nan
        drawn = (self.weights @ above) / np.maximum(self.weights @ below, 1e-12)
        low, high = np.quantile(drawn, [0.025, 0.975])
        return float(above.sum() / below.sum()), float(low), float(high)


def _draws(matrix: Matrix, rng: np.random.Generator) -> _Draws:
    first = int(matrix.issue_s.min(initial=0)) if len(matrix) else 0
    # of less than four weeks single days are drawn
    last = int(matrix.issue_s.max(initial=0)) if len(matrix) else 0
    days = BLOCK_DAYS if last - first >= 4 * BLOCK_DAYS * DAY_S else 1
    block = (matrix.issue_s - first) // (days * DAY_S)
    n = int(block.max(initial=0)) + 1
    weights = [np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(RESAMPLES)]
    return _Draws(block, np.array(weights, dtype=np.float64))


def _gates(
    judged: Judged,
    results: Mapping[str, tuple[MetricResult, ...]],
    draws: _Draws,
    gates: Mapping[str, float],
    parity: float,
    leak: float,
) -> Iterator[GateResult]:
    made: dict[str, Callable[[float], GateResult]] = {
        "beats_baseline": lambda needed: _beats(judged, results, draws, needed),
        "coverage80": lambda needed: _covers(results[judged.own], needed),
        "parity": lambda needed: GateResult(
            "parity",
            parity <= needed,
            f"at most {needed:g}",
            f"{parity:.2g}",
            "The bundle must answer as the model does; in units of a series' level.",
        ),
        "leakage": lambda needed: GateResult(
            "leakage",
            leak <= needed,
            f"at most {needed:g}",
            f"{leak:.2g}",
            "Noise in place of everything after the issue must change no forecast.",
        ),
    }
    for name, needed in gates.items():
        yield made[name](needed)


def _beats(
    judged: Judged,
    results: Mapping[str, tuple[MetricResult, ...]],
    draws: _Draws,
    needed: float,
) -> GateResult:
    """At least `needed` less loss than the best baseline, and less with 95 % confidence."""
    about = "A forecast that is no better than last week's value is not worth its keep."
    losses = {name: _value(results[name], "rcrps") for name in judged.baselines if name in results}
    losses = {name: loss for name, loss in losses.items() if math.isfinite(loss)}
    if not losses:
        return GateResult("beats_baseline", False, f"{needed:.0%} less", "no baseline", about)
    best = min(losses, key=lambda name: losses[name])
    own, rival = (_losses(judged, judged.told[name])["rcrps"][0] for name in (judged.own, best))
    ratio, _, high = draws.ratio(own, rival)
    passed = ratio <= 1 - needed and high < 1
    found = f"{1 - ratio:.1%} less than {best} (at least {1 - high:.1%})"
    return GateResult("beats_baseline", passed, f"{needed:.0%} less loss", found, about)


def _covers(own: tuple[MetricResult, ...], needed: float) -> GateResult:
    found = _value(own, "coverage80")
    return GateResult(
        "coverage80",
        abs(found - 0.8) <= needed,
        f"80 % +- {needed:.0%}",
        f"{found:.1%}",
        "An interval must hold as much as it says.",
    )


def _value(results: tuple[MetricResult, ...], name: str) -> float:
    for one in results:
        if one.name == name and one.value is not None:
            return one.value
    return math.nan


__all__ = ["LEVELS", "Judged", "instants", "judge", "rows_of"]
