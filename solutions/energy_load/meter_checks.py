"""What one meter's series must keep to: regular, complete, plausible and in one unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from lepton.contracts.findings import Finding, when
from lepton.contracts.regular import (
    Regular,
    level_shifts,
    longest_gap,
    runs,
    unit_factor,
    worst_missing_share,
)
from solutions.energy_load.limits import GIVING, TAKING, UNEVEN, Limits
from solutions.energy_load.power import HOUR
from solutions.energy_load.suspect import Suspect, bound_kw, suspects

WINDOW_D: Final = 30


@dataclass(frozen=True)
class Metered:
    """One meter: its series on its grid, what the register says of it, the events it had, and
    whether it begins later than the table does."""

    meter_id: str
    series: Regular
    known: Mapping[str, object]
    events: pd.DataFrame | None = None
    is_later: bool = False

    @property
    def outages(self) -> pd.DataFrame | None:
        """Events that explain zeros."""
        return None if self.events is None else self.events[self.events["kind"] == "outage"]

    @property
    def type(self) -> str:
        """What is behind it; "" where nobody says."""
        return str(self.known.get("type", ""))

    @property
    def n(self) -> int:
        """Values that came."""
        return int((~np.isnan(self.series.values)).sum())

    def finding(
        self, code: str, rule: str, count: int, shown: str, remedy: str, *, is_unfit: bool = False
    ) -> Finding:
        """A finding of this meter."""
        return Finding(
            code, rule, self.meter_id, count, len(self.series.values), shown, remedy, "power_kw",
            "load", is_unfit,
        )  # fmt: skip


def meter_findings(meter: Metered, limits: Limits) -> Iterator[Finding]:
    """Every rule that the series of one meter breaks by itself."""
    yield from _grid(meter)
    yield from _history(meter, limits)
    if not meter.n:
        return
    if meter.n > 1 and np.nanmin(meter.series.values) == np.nanmax(meter.series.values):
        yield _constant(meter)
        return
    yield from _gaps(meter, limits)
    found = suspects(meter.series, meter.known, meter.outages, limits)
    yield from _suspect(meter, found, limits)
    yield from _over(meter, limits)
    believed = replace(meter, series=meter.series.without(found.any))
    if believed.n:
        yield from _jumps(believed, limits)
        yield from _signs(believed)
    yield from _levels(meter, limits)


def _grid(meter: Metered) -> Iterator[Finding]:
    series = meter.series
    if series.off_grid:
        yield meter.finding(
            "LK242",
            "does not begin at a whole interval",
            series.off_grid,
            f"{series.off_grid:,} instants between steps of {_minutes(series.step)}",
            "deliver one interval length a meter, or say it in meters.interval_min",
            is_unfit=series.off_grid > 0.05 * max(meter.n, 1),
        )
    if not HOUR / 60 <= series.step <= HOUR or (HOUR % series.step).value:
        yield meter.finding(
            "LK242",
            "is not read by an hour, or a whole part of one",
            meter.n,
            f"every {_minutes(series.step)}",
            "deliver intervals of 15, 30 or 60 minutes",
            is_unfit=True,
        )


def _minutes(step: pd.Timedelta) -> str:
    return f"{step / pd.Timedelta(minutes=1):g} min"


def _history(meter: Metered, limits: Limits) -> Iterator[Finding]:
    days = len(meter.series.values) / meter.series.a_day
    if days < limits.history_d[1] and _begins(meter):
        yield meter.finding(
            "LK258",
            f"is new, with less than {limits.history_d[1]:g} days of history",
            len(meter.series.values),
            f"{days:.1f} days from {when(meter.series.first)}",
            "nothing: it is forecast like others of its kind until it has a past",
        )
        return
    for least, about, is_unfit in (
        (limits.history_d[1], "a forecast cannot be fitted", True),
        (limits.history_d[0], "the year's course cannot be learnt", False),
    ):
        if days < least:
            yield meter.finding(
                "LK258",
                f"has less than {least:g} days of history: {about}",
                len(meter.series.values),
                f"{days:.1f} days from {when(meter.series.first)}",
                f"deliver {least:g} days or more, or tell connected_at in meters where it is new",
                is_unfit=is_unfit,
            )
            return


def _begins(meter: Metered) -> bool:
    """Whether the register says that the meter was connected when its values begin."""
    told = meter.known.get("connected_at")
    if not meter.is_later or not isinstance(told, pd.Timestamp):
        return False
    return bool(told >= meter.series.first - pd.Timedelta(days=1))


def _constant(meter: Metered) -> Finding:
    return meter.finding(
        "LK246",
        "has the same value throughout: nothing can be learnt of it",
        meter.n,
        f"{np.nanmin(meter.series.values):g} kW",
        "look at the meter, or leave it out",
        is_unfit=True,
    )


def _gaps(meter: Metered, limits: Limits) -> Iterator[Finding]:
    series = meter.series
    share, since = worst_missing_share(series, WINDOW_D)
    gap, begin = longest_gap(series)
    missing = int(np.isnan(series.values).sum())
    warn, fail = limits.gap_share
    if share > warn:
        yield meter.finding(
            "LK243",
            f"lacks over {fail if share > fail else warn:.1%} of intervals in {WINDOW_D} days",
            missing,
            f"{share:.2%} from {when(since)}",
            "deliver what is missing, or let the history begin behind it",
            is_unfit=share > fail,
        )
    short, long = (pd.Timedelta(hours=hours) for hours in limits.gap_h)
    if gap > short:
        yield meter.finding(
            "LK243",
            f"has a gap of over {(long if gap > long else short) / HOUR:g} h",
            int(gap / series.step),
            f"{gap / HOUR:g} h from {when(begin)}",
            "deliver what is missing, or let the history begin behind it",
            is_unfit=gap > long,
        )


def _suspect(meter: Metered, found: Suspect, limits: Limits) -> Iterator[Finding]:
    series = meter.series
    for code, rule, mask, remedy in (
        (
            "LK246",
            f"repeats one value for {limits.stuck_h[0]:g} h or more",
            found.stuck,
            "look at the meter or its gateway: what it repeats counts as missing",
        ),
        (
            "LK247",
            "is 0 where something always flows",
            found.zero,
            "send what was missing as missing, or tell the outage in events",
        ),
        (
            "LK249",
            f"spikes over {limits.spike[0]:g} robust deviations from the days around",
            found.spike,
            "look at the pulses of the meter: these values count as missing",
        ),
    ):
        if mask.any():
            yield meter.finding(code, rule, int(mask.sum()), _worst(series, mask), remedy)
    stuck_h = longest_h(found.stuck, series)
    if stuck_h >= limits.stuck_h[1]:
        share = float(found.stuck.sum()) / meter.n
        yield meter.finding(
            "LK246",
            f"stands still for {limits.stuck_h[1]:g} h or more",
            int(found.stuck.sum()),
            f"{stuck_h:g} h",
            "look at the meter or its gateway; these values are set aside",
            is_unfit=share > limits.stuck_share,
        )


def longest_h(mask: np.ndarray, series: Regular) -> float:
    """Hours of the longest stretch of a mask."""
    _, length = runs(mask)
    return float(length.max(initial=0) * (series.step / HOUR))


def _worst(series: Regular, mask: np.ndarray) -> str:
    first, length = runs(mask)
    place = int(length.argmax())
    at = series.at[first[place]]
    return f"{length[place]} from {when(at)} at {series.values[first[place]]:g} kW"


def _over(meter: Metered, limits: Limits) -> Iterator[Finding]:
    series, values = meter.series, meter.series.values
    bound = bound_kw(meter.known, limits)
    with np.errstate(invalid="ignore"):
        over = np.abs(values) > bound
    if over.any():
        yield meter.finding(
            "LK248",
            f"is over {limits.over_max:g} times what its connection bears",
            int(over.sum()),
            _worst(series, over) + f", bound {bound:g} kW",
            "check its unit, and p_max_kw and p_contract_kw in meters",
            is_unfit=float(over.sum()) / meter.n > 0.05,
        )


def _jumps(meter: Metered, limits: Limits) -> Iterator[Finding]:
    series, values = meter.series, meter.series.values
    low, high = np.nanquantile(values, [0.01, 0.99])
    steps = np.abs(np.diff(values))
    jumps = steps > limits.step_share[0] * (high - low)
    share = float(jumps.mean()) if len(jumps) else 0.0
    if share > limits.step_share[1] and meter.type not in UNEVEN:
        first = int(np.flatnonzero(jumps)[0]) + 1
        yield meter.finding(
            "LK248",
            f"changes by over {limits.step_share[0]:.0%} of its range within an interval",
            int(jumps.sum()),
            f"to {values[first]:g} kW at {when(series.at[first])}",
            "look for rows of another meter, or for a table that is not in order",
        )


def _signs(meter: Metered) -> Iterator[Finding]:
    """Power that is given back where nothing can be, or taken by what only gives."""
    values = meter.series.values[~np.isnan(meter.series.values)]
    installed = any(float(str(meter.known.get(name, 0))) > 0 for name in ("pv_kwp", "wind_kw"))
    if meter.type in GIVING:
        wrong, rule = values > 0.02 * np.abs(values).max(), "is positive, though it only gives"
    elif meter.type in TAKING and not installed:
        wrong, rule = values < 0, "is negative, though nothing there gives anything back"
    else:
        # a net load of unknown kind: only one that is given back almost always is odd
        wrong, rule = values < 0, "is negative nearly always"
        if wrong.mean() < 0.95:
            return
    share = float(wrong.mean())
    if share > 0:
        yield meter.finding(
            "LK259",
            rule,
            int(wrong.sum()),
            f"{share:.2%} of values, down to {values.min():g} and up to {values.max():g} kW",
            "check the sign: consumption is positive; or its type and pv_kwp in meters",
            is_unfit=share > 0.5 and bool(meter.type),
        )


def _levels(meter: Metered, limits: Limits) -> Iterator[Finding]:
    """Levels that change at once: as units do, or without an event that explains it."""
    series = _unexplained(meter)
    for shift in level_shifts(series, *limits.shift):
        unit = unit_factor(shift.ratio, series.step)
        if unit is not None:
            yield unit_finding(meter, unit, f"from {when(shift.at)}")
        elif meter.type not in UNEVEN:
            yield meter.finding(
                "LK251",
                f"changes its level at once, to outside {limits.shift[0]:g} to "
                f"{limits.shift[1]:g} of it",
                int((series.at >= shift.at).sum()),
                f"{shift.ratio:.2f} times from {when(shift.at)}",
                "train again; what lies before counts little for what comes",
            )


def _unexplained(meter: Metered) -> Regular:
    """The series without what happened during events that were told."""
    if meter.events is None:
        return meter.series
    at, told = meter.series.at, np.zeros(len(meter.series.values), dtype=bool)
    for begin, end in zip(meter.events["starts_at"], meter.events["ends_at"], strict=True):
        told |= np.asarray((at + meter.series.step > begin) & (at < end))
    return meter.series.without(told)


def unit_finding(meter: Metered, unit: str, since: str) -> Finding:
    """A level that changed as units do: never trained on."""
    return meter.finding(
        "LK252",
        "changes its level as a change of unit does",
        meter.n,
        f"{unit}, {since}",
        "give the unit of each file in the mapping: unit: {from: MW, to: kW}",
        is_unfit=True,
    )


__all__ = ["Metered", "longest_h", "meter_findings", "unit_finding"]
