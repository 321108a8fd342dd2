"""What suggested timings would have been worth on days that are over, and how flows were forecast.

Every quarter of an hour flows are forecast by what was known then; what was suggested is judged by
the flows that came, beside fixed timings that were set by the days before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from solutions.traffic_forecasting.signal_flows import (
    AHEAD_MIN,
    LOST_S,
    RECENT,
    Counts,
    ahead,
    approach,
    mean_flow,
)
from solutions.traffic_forecasting.signals import (
    Approach,
    Suggestion,
    Timing,
    longest,
    mean_delay_s,
    suggest,
)

QUARTER_MIN: Final = 15.0
MEAN, BUSY, KNOWN, SUGGESTED = "fixed_mean", "fixed_busy", "known", "suggested"
"""Fixed timings for the mean flows of the days before and for their busiest hour, that for flows as
they came, and what was suggested."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """Flows (veh/h) of quarters of an hour, (quarters, approaches): told 15 minutes before, usual
    at that time, as in the latest intervals, and came; at: UTC begin of each."""

    at: pd.DatetimeIndex
    told: np.ndarray
    usual: np.ndarray
    latest: np.ndarray
    came: np.ndarray

    def errors(self, ids: tuple[str, ...]) -> pd.DataFrame:
        """One row an approach, then all: mean flow and mean absolute errors, veh/h."""
        known = np.isfinite(self.came + self.told + self.usual + self.latest)
        named = {"told": self.told, "usual": self.usual, "latest": self.latest}
        columns: dict[str, Any] = {"flow": _means(self.came, known)}
        columns |= {name: _means(np.abs(one - self.came), known) for name, one in named.items()}
        return pd.DataFrame({"approach": [*ids, "all"], **columns})


def _means(values: np.ndarray, known: np.ndarray) -> list[float]:
    """Of each column, then of all; NaN where nothing is known."""
    total, n = np.where(known, values, 0.0).sum(axis=0), known.sum(axis=0)
    each = np.where(n > 0, total / np.maximum(n, 1), np.nan)
    return [*each.tolist(), float(total.sum() / n.sum()) if n.sum() else float("nan")]


def forecast_quarters(counts: Counts, first: int) -> Forecast:
    """Every whole quarter of an hour that was forecast from row `first` on, by what was known
    before."""
    steps = max(1, round(60 * QUARTER_MIN / counts.grid.step_s))
    reach = max(1, round(60 * AHEAD_MIN / counts.grid.step_s)) - 1
    rows = np.arange(max(first, RECENT), counts.grid.n_steps - reach - steps + 1, steps)
    told, usual, latest, came = (np.full((len(rows), len(counts.arms)), np.nan) for _ in range(4))
    for number, row in enumerate(rows.tolist()):
        later, told[number] = ahead(counts, row)
        own = counts.slot[:row] == counts.slot[later]
        usual[number] = mean_flow(counts.flow[:row][own])
        latest[number] = mean_flow(counts.flow[row - RECENT : row])
        came[number] = mean_flow(counts.flow[later : later + steps])
    return Forecast(counts.grid.at[rows + reach], told, usual, latest, came)


@dataclass(frozen=True, eq=False)
class Worth:
    """One signal over quarters of an hour: at (UTC), suggestions, loaded and came (sum of critical
    flow ratios, forecast and as it came), flow (veh/h in all), and delays: way -> mean seconds of a
    vehicle, of `MEAN`, `BUSY`, `KNOWN`, `SUGGESTED`."""

    signal: str
    phases: tuple[str, ...]
    at: pd.DatetimeIndex
    suggestions: tuple[Suggestion, ...]
    loaded: np.ndarray
    came: np.ndarray
    flow: np.ndarray
    delays: Mapping[str, np.ndarray]

    def delay(self, way: str) -> float:
        """Mean seconds of a vehicle over all quarters."""
        return float(self.flow @ self.delays[way] / self.flow.sum())

    @property
    def best_fixed(self) -> str:
        """The fixed timing with the least delay."""
        return min((MEAN, BUSY), key=self.delay)

    @property
    def saved_h_a_day(self) -> float:
        """Vehicle hours of a day that suggestions would have saved against the best fixed one."""
        less = self.flow @ (self.delays[self.best_fixed] - self.delays[SUGGESTED])
        return float(less) / 3_600 * 24 / len(self.flow)


def worths(counts: Counts, made: Forecast, first: int, most: int = 20) -> Iterator[Worth]:
    """The signals with most vehicles all of whose approaches deliver flows, the busiest first;
    fixed timings are set by the rows before `first`."""
    busy = pd.Series(np.nan_to_num(mean_flow(made.came)), index=counts.arms.index)
    total = busy.groupby(counts.arms["signal_id"]).sum().sort_values(ascending=False, kind="stable")
    for signal in [name for name in total.index if str(name) not in counts.silent][:most]:
        own = np.flatnonzero(counts.arms["signal_id"] == signal)
        found = _worth(counts, made, first, own)
        if found is not None:
            yield found


def _worth(counts: Counts, made: Forecast, first: int, columns: np.ndarray) -> Worth | None:
    arms = counts.arms.loc[columns].to_dict("records")
    usual = _usual(counts, first, columns)
    known = np.isfinite(made.came[:, columns] + made.told[:, columns]).all(axis=1)
    known &= made.came[:, columns].sum(axis=1) > 0
    if not known.any() or not all(np.isfinite(flow).all() for flow in usual.values()):
        return None
    fixed = {name: _fixed(arms, flow) for name, flow in usual.items()}
    told, came = made.told[known][:, columns], made.came[known][:, columns]
    suggestions = tuple(_suggest(arms, flow) for flow in told)
    best = [_suggest(arms, flow) for flow in came]
    fixed_ways = {name: [timing] * len(came) for name, timing in fixed.items()}
    ways: dict[str, Sequence[Timing | None]] = {
        SUGGESTED: [one.timing for one in suggestions],
        KNOWN: [one.timing for one in best],
        **fixed_ways,
    }
    return Worth(
        str(arms[0]["signal_id"]),
        tuple(sorted({str(arm["phase"]) for arm in arms})),
        made.at[known],
        suggestions,
        np.array([one.loaded for one in suggestions]),
        np.array([one.loaded for one in best]),
        came.sum(axis=1),
        {name: _delays(arms, came, timings, fixed[BUSY]) for name, timings in ways.items()},
    )


def _delays(
    arms: list[dict[Any, Any]],
    came: np.ndarray,
    timings: Sequence[Timing | None],
    instead: Timing,
) -> np.ndarray:
    """Mean seconds of a vehicle in each quarter, (quarters,), by the flows that came; where there
    is no timing another one stays."""
    each = zip(came, timings, strict=True)
    return np.array([mean_delay_s(_arms(arms, flow), timing or instead) for flow, timing in each])


def _usual(counts: Counts, first: int, columns: np.ndarray) -> dict[str, np.ndarray]:
    """Flows (approaches,) that fixed timings are made for: means of all hours before, and of the
    hour of working days with most vehicles."""
    flow = counts.flow[:first, columns]
    local = counts.grid.at[:first].tz_convert(counts.zone)
    work = np.asarray(local.day_of_week < 5)
    hours = [mean_flow(flow[work & np.asarray(local.hour == hour)]) for hour in range(24)]
    return {MEAN: mean_flow(flow), BUSY: max(hours, key=lambda one: float(np.nansum(one)))}


def _fixed(arms: list[dict[Any, Any]], flow: np.ndarray) -> Timing:
    return _suggest(arms, flow).timing or longest(_arms(arms, flow), LOST_S)


def _suggest(arms: list[dict[Any, Any]], flow: np.ndarray) -> Suggestion:
    return suggest(_arms(arms, flow), LOST_S)


def _arms(arms: list[dict[Any, Any]], flow: np.ndarray) -> list[Approach]:
    return [approach({**arm, "flow": one}) for arm, one in zip(arms, flow.tolist(), strict=True)]


__all__ = [
    "BUSY",
    "KNOWN",
    "MEAN",
    "QUARTER_MIN",
    "SUGGESTED",
    "Forecast",
    "Worth",
    "forecast_quarters",
    "worths",
]
