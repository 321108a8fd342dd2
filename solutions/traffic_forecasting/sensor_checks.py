"""What one detector must keep to: on its grid, alive, moving, and as vehicles and roads allow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lepton.contracts.findings import Finding, when
from lepton.contracts.regular import runs
from solutions.traffic_forecasting.grid import Grid
from solutions.traffic_forecasting.limits import Limits
from solutions.traffic_forecasting.register import main_zone
from solutions.traffic_forecasting.suspect import Suspect, missing_share


@dataclass(frozen=True, eq=False)
class Detectors:
    """Readings on their grid, the register (a row a detector, in the grid's order), and what is not
    to be believed."""

    grid: Grid
    register: pd.DataFrame
    suspect: Suspect

    @property
    def zone(self) -> str | None:
        """The clock of most detectors, None where nobody tells it."""
        return main_zone(self.register)

    @property
    def believed(self) -> np.ndarray:
        """Speeds, NaN where they are missing or suspect."""
        return np.where(self.suspect.any, np.nan, self.grid.speed)

    def numbers(self, name: str) -> np.ndarray:
        """A column of the register; NaN where it is not told."""
        return np.asarray(self.register[name].to_numpy(dtype=np.float64, na_value=np.nan))

    def finding(self, column: int, mask: np.ndarray, what: _What, shown: str = "") -> Finding:
        """A finding of the detector in this column of the grid, at the intervals of the mask."""
        return Finding(
            what.code,
            what.rule,
            self.grid.ids[column],
            int(mask.sum()),
            self.grid.n_steps,
            shown or self.worst(column, mask),
            what.remedy,
            what.column,
            "readings",
            what.is_unfit,
        )

    def worst(self, column: int, mask: np.ndarray) -> str:
        """The longest stretch of a mask, in words."""
        first, length = runs(mask)
        place = int(length.argmax())
        at, n = int(first[place]), int(length[place])
        speed = self.grid.speed[at, column]
        about = "" if np.isnan(speed) else f" at {speed:g} km/h"
        return f"{n} from {when(self.grid.at[at])}{about}"


@dataclass(frozen=True)
class _What:
    code: str
    rule: str
    remedy: str
    column: str = "speed_kmh"
    is_unfit: bool = False


def sensor_findings(detectors: Detectors, limits: Limits) -> Iterator[Finding]:
    """Every rule that single detectors break."""
    yield from _off_grid(detectors, limits)
    yield from _history(detectors, limits)
    yield from _dead(detectors, limits)
    yield from _stuck(detectors, limits)
    yield from _physics(detectors, limits)
    yield from _flows(detectors, limits)
    yield from _identity(detectors, limits)


def counter_findings(detectors: Detectors, limits: Limits) -> Iterator[Finding]:
    """Every rule that detectors break which count vehicles and tell no speed; unfit where the
    register does not call them approaches."""
    yield from _speechless(detectors)
    yield from _off_grid(detectors, limits)
    yield from _stuck(detectors, limits)
    yield from _physics(detectors, limits)
    yield from _flows(detectors, limits)


def _speechless(detectors: Detectors) -> Iterator[Finding]:
    what = _What(
        "LK280",
        "counts vehicles and never tells a speed: it is not forecast",
        "deliver its speed_kmh, or say in sensors that its type is approach",
        is_unfit=True,
    )
    told = detectors.register["type"].eq("approach") | detectors.register["signal_id"].notna()
    for column in np.flatnonzero(~told.to_numpy(dtype=bool)).tolist():
        every = np.ones(detectors.grid.n_steps, dtype=bool)
        yield detectors.finding(column, every, what, "no speed at all")


def _off_grid(detectors: Detectors, limits: Limits) -> Iterator[Finding]:
    grid = detectors.grid
    warn, fail = limits.off_grid
    for column in np.flatnonzero(grid.off_grid).tolist():
        count, total = int(grid.off_grid[column]), int(grid.told[:, column].sum())
        if count > warn * total:
            over = fail if count > fail * total else warn
            yield Finding(
                "LK268",
                f"has over {over:.1%} of its readings between two intervals",
                grid.ids[column],
                count,
                total,
                f"{count / total:.2%} off the grid of {grid.step_s // 60} min",
                "set its clock, or deliver the begin of each interval; such readings count for "
                "the interval that they lie in",
                "event_at",
                "readings",
            )


def _history(detectors: Detectors, limits: Limits) -> Iterator[Finding]:
    grid = detectors.grid
    valued = np.isfinite(grid.speed)
    some = valued.any(axis=0)
    first = np.where(some, valued.argmax(axis=0), grid.n_steps)
    days = (grid.n_steps - first) / grid.a_day
    good, least = limits.history_d
    for column in np.flatnonzero(days < good).tolist():
        is_unfit = bool(days[column] < least)
        about = "nothing can be fitted" if is_unfit else "profiles of weekdays cannot be learnt"
        span = least if is_unfit else good
        what = _What(
            "LK280",
            f"has less than {span:g} days of history: {about}",
            f"deliver {span:g} days or more; until then it is forecast from its neighbours and "
            "the usual course of others",
            is_unfit=is_unfit,
        )
        shown = f"{days[column]:.1f} days" if some[column] else "no speed at all"
        yield detectors.finding(column, np.ones(grid.n_steps, dtype=bool), what, shown)


def _dead(detectors: Detectors, limits: Limits) -> Iterator[Finding]:
    """Detectors of which much of a day is missing; unfit where they are so at the end."""
    grid = detectors.grid
    share = missing_share(grid.without(detectors.suspect.any & ~detectors.suspect.dead))
    warn, fail = limits.missing_day
    worst = share.max(axis=0)
    for column in np.flatnonzero(worst > warn).tolist():
        missing = np.isnan(grid.speed[:, column])
        at = when(grid.at[int(share[:, column].argmax())])
        if worst[column] > fail:
            is_now = bool(share[-1, column] > fail)
            still = ", and is so at the end" if is_now else " and was set aside until it was back"
            what = _What(
                "LK270",
                f"lacked over {fail:.0%} of 24 h{still}",
                "look at the detector or its line; it is forecast from its neighbours and its "
                "usual course",
                is_unfit=is_now,
            )
        else:
            what = _What(
                "LK270", f"lacked over {warn:.0%} of 24 h", "look at the detector or its line"
            )
        yield detectors.finding(column, missing, what, f"{worst[column]:.0%} up to {at}")


def _stuck(detectors: Detectors, limits: Limits) -> Iterator[Finding]:
    """Speeds that stand still while those around move, and flows that do."""
    what = _What(
        "LK272",
        f"repeats one speed for {limits.stuck_min:g} min or more while those around move",
        "look at the detector or its line: what it repeats counts as missing",
    )
    for column in _some(detectors.suspect.stuck):
        yield detectors.finding(column, detectors.suspect.stuck[:, column], what)
    flow = detectors.grid.flow
    if flow is None:
        return
    what = _What(
        "LK272",
        f"repeats one flow {limits.flow_stuck} times or more",
        "look at the counter",
        "flow_vph",
    )
    same = np.zeros(flow.shape, dtype=bool)
    same[1:] = (flow[1:] == flow[:-1]) & (flow[1:] != 0)
    for column in _some(same):
        mask = _long(same[:, column], limits.flow_stuck - 1)
        # low counts repeat by chance
        known = flow[:, column][flow[:, column] > 0]
        if mask.any() and mask.mean() > 4 * _by_chance(known, limits.flow_stuck):
            yield detectors.finding(column, mask, what)


def _by_chance(known: np.ndarray, least: int) -> float:
    """Share of values in runs of `least` equal ones where values follow each other at random with
    the share of neighbours that are equal."""
    equal = float((np.diff(known) == 0).mean()) if len(known) > 1 else 0.0
    return least * equal ** (least - 1)


def _long(mask: np.ndarray, least: int) -> np.ndarray:
    """The stretches of a mask that are `least` long or longer."""
    kept = np.zeros(len(mask), dtype=bool)
    for begin, length in zip(*runs(mask), strict=True):
        kept[begin : begin + length] = length >= least
    return kept


def _physics(detectors: Detectors, limits: Limits) -> Iterator[Finding]:
    """What no vehicle and no lane does, and what the detectors around do not."""
    found = detectors.suspect
    for mask, what in (
        (
            found.impossible,
            _What(
                "LK274",
                f"is over {limits.over_limit:g} times what is allowed there, or over "
                f"{limits.occupied_kmh:g} km/h while the detector stays covered",
                "check the unit (mph is mapped with `unit: {from: mph, to: km/h}`) and "
                "speed_limit_kmh; these readings count as missing",
            ),
        ),
        (
            found.jump,
            _What(
                "LK276",
                f"is over {limits.jump_kmh:g} km/h apart from the detectors within "
                f"{limits.near_km:g} km, {limits.jump_steps} times in a row",
                "look at the detector, and at its place and direction in sensors",
            ),
        ),
    ):
        for column in _some(mask):
            own = mask[:, column]
            share = own.sum() / max(np.isfinite(detectors.grid.speed[:, column]).sum(), 1)
            worse = _What(what.code, what.rule, what.remedy, is_unfit=bool(share > 0.1))
            yield detectors.finding(column, own, worse)
    flow, lanes = detectors.grid.flow, detectors.numbers("lanes")
    if flow is None:
        return
    with np.errstate(invalid="ignore"):
        much = flow > limits.lane_vph * lanes
    what = _What(
        "LK274",
        f"carries over {limits.lane_vph:,.0f} veh/h a lane",
        "check lanes, and whether flow is by the hour: a count times the intervals of an hour",
        "flow_vph",
    )
    for column in _some(much):
        top = f"{np.nanmax(flow[:, column]):g} veh/h on {lanes[column]:g} lanes"
        yield detectors.finding(column, much[:, column], what, top)


def _flows(detectors: Detectors, limits: Limits) -> Iterator[Finding]:
    """No vehicle for half an hour of the day, though the detector tells a speed."""
    grid = detectors.grid
    flow, zone = grid.flow, detectors.zone
    if flow is None or zone is None:
        return
    hour = grid.local_hour(zone)
    first, last = limits.day_h
    by_day = (hour >= first) & (hour < last)
    least = max(2, round(60 * limits.zero_flow_min / grid.step_s))
    what = _What(
        "LK273",
        f"counts no vehicle for {limits.zero_flow_min:g} min or more between {first} and {last} h",
        "look at the counter, or send what was missing as missing",
        "flow_vph",
    )
    none = (flow == 0) & by_day[:, None] & ~grid.zero
    for column in _some(none):
        mask = _long(none[:, column], least)
        if mask.any():
            yield detectors.finding(column, mask, what)


def _identity(detectors: Detectors, limits: Limits) -> Iterator[Finding]:
    """Flow that is not density times speed, density from occupancy and the length of vehicles."""
    grid, lanes = detectors.grid, detectors.numbers("lanes")
    if grid.flow is None or grid.occupancy is None:
        return
    density = grid.occupancy * lanes * 1_000 / limits.vehicle_m
    speed = detectors.believed
    with np.errstate(invalid="ignore", divide="ignore"):
        known = np.isfinite(speed) & np.isfinite(density) & (grid.flow > 0)
        apart = np.abs(grid.flow - density * speed) / grid.flow > limits.identity
    apart &= known
    for column in _some(apart):
        share = apart[:, column].sum() / max(known[:, column].sum(), 1)
        if share > limits.identity_share:
            what = _What(
                "LK275",
                f"has a flow that is over {limits.identity:.0%} apart from density times speed in "
                f"over {limits.identity_share:.0%} of readings",
                "check units: flow by the hour and over all lanes, occupancy 0 to 1, and lanes",
                "flow_vph",
            )
            yield detectors.finding(column, apart[:, column], what, f"{share:.0%} of readings")


def _some(mask: np.ndarray) -> list[int]:
    """Columns in which a mask holds anywhere."""
    found: list[int] = np.flatnonzero(mask.any(axis=0)).tolist()
    return found


__all__ = ["Detectors", "counter_findings", "sensor_findings"]
