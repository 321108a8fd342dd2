"""Flows of approaches, forecast some minutes ahead, and the timings that they suggest.

Nothing is switched: every row is a suggestion that a person decides on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from solutions.traffic_forecasting.grid import Grid, grid_of
from solutions.traffic_forecasting.incidents import slots
from solutions.traffic_forecasting.register import main_zone, register_of
from solutions.traffic_forecasting.signals import Approach, Suggestion, suggest

RECENT: Final = 3
"""Intervals whose flow by the usual one tells how busy it is today."""
STEADY: Final = 100.0
"""Vehicles as usual that are added to those that came: who comes at random says little, and how
busy it is differs from the usual by about a tenth (1 / 0.1², the gamma's prior of a Poisson)."""
AHEAD_MIN: Final = 15.0
LOST_S: Final = 4.0
"""Seconds of each phase in which nobody passes."""
STATUS: Final = "suggestion, a person decides"
_COLUMNS: Final = ("signal_id", "cycle_s", "green_s", "loaded", "delay_s", "why")
_WRITTEN: Final = ("issued_at", "for_at", "signal_id", "phase", "green_s", "cycle_s",
                   "flow_ratio", "delay_s", "status", "why")  # fmt: skip


@dataclass(frozen=True, eq=False)
class Counts:
    """Flows of the approaches of signals: columns of the grid, rows of the register `arms`; slot:
    (time,) the time of the day of each interval, by the clock of `zone`; silent: signal -> its
    approaches in the register that deliver no flow at all."""

    grid: Grid
    arms: pd.DataFrame
    zone: str
    slot: np.ndarray
    silent: Mapping[str, tuple[str, ...]]

    @property
    def flow(self) -> np.ndarray:
        """(time, approaches) veh/h, NaN where it is not known."""
        assert self.grid.flow is not None
        return self.grid.flow

    def row(self, at: pd.Timestamp, latency_s: float = 0.0) -> int:
        """How many intervals are over, and told, at an instant."""
        return int((at.timestamp() - latency_s - self.grid.first_s) // self.grid.step_s)

    def begins(self, row: int) -> pd.Timestamp:
        """When the interval of a row begins, also of one behind the last."""
        return pd.Timestamp(self.grid.first_s + row * self.grid.step_s, unit="s", tz="UTC")

    def slot_of(self, row: int) -> int:
        """Its time of the day, also of one behind the last."""
        at = pd.DatetimeIndex([self.begins(row)])
        return int(slots(at, self.grid.step_s, self.zone)[0][0])


def counts_of(tables: Mapping[str, pd.DataFrame]) -> Counts | None:
    """The approaches with signal and phase that deliver flows; None where there is none."""
    told, readings = tables.get("sensors"), tables["readings"]
    needed = {"signal_id", "phase"}
    if told is None or not needed <= set(told) or "flow_vph" not in readings:
        return None
    listed = told[told["signal_id"].notna() & told["phase"].notna()]
    own = readings[readings["sensor_id"].isin(listed["sensor_id"]) & readings["flow_vph"].notna()]
    if own.empty:
        return None
    grid = grid_of(own, counters=True)
    arms = register_of(tables, grid.ids)
    zone = main_zone(arms) or "UTC"
    silent = listed[~listed["sensor_id"].isin(grid.ids)].groupby("signal_id")["sensor_id"]
    named = {str(signal): tuple(sorted(map(str, names))) for signal, names in silent}
    return Counts(grid, arms, zone, slots(grid.at, grid.step_s, zone)[0], named)


def forecast_flows(
    grid: Grid, slot: np.ndarray, at: int, wanted: int, learn: slice | None = None
) -> np.ndarray:
    """Flow (veh/h) of each detector, (n,), at the time `wanted`, as seen before row `at`: the usual
    one then by how busy the last intervals were; NaN where no flow is known.

    slot: (time,) time of the day or week of each row, as `wanted` is one; only rows before `at` are
    looked at, and those of `learn` but the last ones tell what is usual. Raises ValueError where
    there is no flow.
    """
    if grid.flow is None:
        raise ValueError("no flow is delivered")
    known = np.zeros(len(slot), dtype=bool)
    known[learn or slice(None)] = True
    known[max(at - RECENT, 0) :] = False
    usual_then = mean_flow(grid.flow[known & (slot == wanted)])
    return np.asarray(usual_then * _busy(grid, slot, at, known))


def _busy(grid: Grid, slot: np.ndarray, at: int, known: np.ndarray) -> np.ndarray:
    """Vehicles of the last intervals by the usual ones, (n,), drawn to 1; 1 where none is known."""
    assert grid.flow is not None
    came, usual = np.zeros((2, grid.flow.shape[1]))
    for row in range(max(at - RECENT, 0), min(at, len(slot))):
        mean = mean_flow(grid.flow[known & (slot == slot[row])])
        both = np.isfinite(grid.flow[row]) & np.isfinite(mean)
        came += np.where(both, grid.flow[row], 0.0)
        usual += np.where(both, mean, 0.0)
    hours = grid.step_s / 3_600
    return np.asarray((came * hours + STEADY) / (usual * hours + STEADY))


def suggested(
    counts: Counts, flows: np.ndarray, lost_s: float = LOST_S
) -> Iterator[tuple[str, Suggestion]]:
    """(signal, what is suggested) for flows (approaches,) in veh/h; nothing where the flow of one
    of its approaches is not known: that one would have no green."""
    for signal, own in counts.arms.assign(flow=flows).groupby("signal_id", sort=True):
        unknown = own.loc[own["flow"].isna(), "sensor_id"]
        lacking = [*unknown, *counts.silent.get(str(signal), ())]
        if lacking:
            yield str(signal), Suggestion(None, f"no flow of {', '.join(lacking)} is known", np.nan)
        else:
            arms = [approach(arm) for arm in own.to_dict("records")]
            yield str(signal), suggest(arms, lost_s)


def suggestions(
    tables: Mapping[str, pd.DataFrame],
    ahead_min: float = AHEAD_MIN,
    lost_s: float = LOST_S,
) -> pd.DataFrame:
    """One row a signal for the flows so many minutes after the last reading: signal_id, cycle_s,
    green_s (phase -> seconds) or None, loaded, delay_s, why; no row where no approach has signal,
    phase and flows. Nothing is switched: a person decides.
    """
    counts = counts_of(tables)
    if counts is None:
        return pd.DataFrame(columns=list(_COLUMNS))
    _, flows = ahead(counts, counts.grid.n_steps, ahead_min)
    rows = [(signal, *_told(found)) for signal, found in suggested(counts, flows, lost_s)]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def ahead(counts: Counts, row: int, ahead_min: float = AHEAD_MIN) -> tuple[int, np.ndarray]:
    """The row that ends so many minutes after the end of the one before `row`, and its flows as
    seen before `row`."""
    steps = max(1, round(60 * ahead_min / counts.grid.step_s))
    later = row + steps - 1
    return later, forecast_flows(counts.grid, counts.slot, row, counts.slot_of(later))


def suggestion_tables(
    tables: Mapping[str, pd.DataFrame],
    settings: Mapping[str, float],
    issued: Sequence[pd.Timestamp],
) -> Mapping[str, pd.DataFrame]:
    """The table `suggestions`: of each instant, signal and phase what is suggested by what was told
    until then; no table without signals.

    Columns: issued_at, for_at (begin of the interval whose flows are forecast), signal_id, phase
    (empty where no timing is suggested), green_s, cycle_s, flow_ratio (sum of the critical ones),
    delay_s (of a vehicle, with it), status, why.
    """
    counts = counts_of(tables)
    rows: list[tuple[Any, ...]] = []
    for at in issued if counts is not None else ():
        assert counts is not None
        later, flows = ahead(counts, counts.row(at, 3_600 * settings.get("latency_h", 0.0)))
        for signal, found in suggested(counts, flows):
            rows += [(at, counts.begins(later), signal, *own) for own in _phases(found)]
    return {"suggestions": pd.DataFrame(rows, columns=list(_WRITTEN))} if rows else {}


def _phases(found: Suggestion) -> Iterator[tuple[Any, ...]]:
    cycle, greens, loaded, delay, why = _told(found)
    for phase, green in sorted((greens or {"": np.nan}).items()):
        yield phase, green, cycle, loaded, delay, STATUS, why


def _told(found: Suggestion) -> tuple[float, dict[str, float] | None, float, float, str]:
    timing = found.timing
    return (
        np.nan if timing is None else timing.cycle_s,
        None if timing is None else dict(timing.green_s),
        found.loaded,
        np.nan if found.delay_s is None else found.delay_s,
        found.why,
    )


def approach(arm: Mapping[Any, Any]) -> Approach:
    """An arm as the register tells it, with its flow; one lane and seven seconds where it does
    not."""
    lanes, least = arm["lanes"], arm["least_green_s"]
    known = Approach(str(arm["sensor_id"]), str(arm["phase"]), float(arm["flow"]))
    return replace(
        known,
        lanes=known.lanes if pd.isna(lanes) else float(lanes),
        least_green_s=known.least_green_s if pd.isna(least) else float(least),
    )


def mean_flow(rows: np.ndarray) -> np.ndarray:
    """Mean of each column; NaN where nothing is known."""
    there = np.isfinite(rows)
    n = there.sum(axis=0)
    return np.where(n > 0, np.where(there, rows, 0.0).sum(axis=0) / np.maximum(n, 1), np.nan)


__all__ = [
    "Counts",
    "ahead",
    "approach",
    "counts_of",
    "forecast_flows",
    "mean_flow",
    "suggested",
    "suggestion_tables",
    "suggestions",
]
