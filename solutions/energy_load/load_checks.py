"""What the tables of energy_load must keep to together: every check of the domain, one verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import pandas as pd

from lepton.contracts.findings import Finding, told
from lepton.contracts.model import Severity, Violation
from lepton.contracts.regular import Regular, regular, unit_factor
from solutions.energy_load.clock_checks import clock_findings
from solutions.energy_load.limits import LIMITS, Limits
from solutions.energy_load.meter_checks import Metered, meter_findings, unit_finding
from solutions.energy_load.network_checks import (
    register_violations,
    sum_findings,
    weather_violations,
)
from solutions.energy_load.power import each_meter, interval_h, register_of, with_power
from solutions.energy_load.suspect import suspects

AGREES: Final = 0.01
"""Share by which power times the interval may miss the energy that is delivered beside it."""
LEVEL_D: Final = 14
"""Days at the end of one delivery and the beginning of the next whose levels are compared."""


def load_checks(tables: Mapping[str, pd.DataFrame], limits: Limits = LIMITS) -> Iterator[Violation]:
    """One violation for each rule that canonical tables break; most only warn.

    A meter beyond a second limit is unfit; the table is refused where too many are.
    """
    load = tables["load"]
    if not {"power_kw", "energy_kwh"} & set(load.columns):
        yield _neither(len(load))
        return
    if "meters" in tables:
        yield from register_violations(tables)
    meters = metered(tables)
    findings = [*_one_by_one(meters, limits), *_energy(load, tables)]
    if "meters" in tables:
        rows = with_power(load, tables["meters"])
        findings += sum_findings(rows, tables["meters"], _suspect_at(meters, limits), limits)
    yield from told(findings, max(len(meters), 1), limits.unfit_share, "meters")
    ends = [meter.series.at[-1] for meter in meters if meter.n]
    if "weather" in tables and ends:
        yield from weather_violations(tables, max(ends), limits)


def unfit_meters(
    tables: Mapping[str, pd.DataFrame], limits: Limits = LIMITS
) -> dict[str, tuple[str, ...]]:
    """meter_id -> why it cannot be forecast until it is mended; those that can are left out."""
    found: dict[str, list[str]] = {}
    for one in _one_by_one(metered(tables), limits):
        if one.is_unfit:
            found.setdefault(one.entity, []).append(f"{one.code} {one.rule}: {one.shown}")
    return {meter: tuple(reasons) for meter, reasons in found.items()}


def delivery_checks(
    before: Mapping[str, pd.DataFrame],
    now: Mapping[str, pd.DataFrame],
    limits: Limits = LIMITS,
) -> Iterator[Violation]:
    """What a delivery breaks by the one before it: levels that changed as units do."""
    former = {meter.meter_id: meter for meter in metered(before)}
    found = []
    current = metered(now)
    for meter in current:
        if meter.meter_id in former:
            ratio = _level(meter.series, first=True) / _level(
                former[meter.meter_id].series, first=False
            )
            unit = unit_factor(ratio, meter.series.step)
            if unit is not None:
                found.append(unit_finding(meter, unit, "against the delivery before"))
    yield from told(found, max(len(current), 1), limits.unfit_share, "meters")


def _level(series: Regular, *, first: bool) -> float:
    """Median absolute value of the first or the last fortnight; NaN where there is none."""
    n = LEVEL_D * series.a_day
    values = np.abs(series.values[:n] if first else series.values[-n:])
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) and np.median(known) > 0 else np.nan


def metered(tables: Mapping[str, pd.DataFrame]) -> list[Metered]:
    """Each meter of the table on its grid, from its first value to its last.

    Rows without a value before and after are no gap: a meter is not there yet, or they stand for
    what is to be forecast.
    """
    known = register_of(tables)
    load = with_power(tables["load"], tables.get("meters"))
    steps = interval_h(load, tables.get("meters"))
    found = []
    for meter_id, rows in each_meter(load):
        step = pd.Timedelta(hours=steps[meter_id])
        series = regular(rows["event_at"], rows["power_kw"].to_numpy(), step)
        if series is not None:
            own = _of_meter(tables["events"], meter_id, known) if "events" in tables else None
            trimmed = series.trimmed()
            is_later = bool(trimmed.first > load["event_at"].min() + pd.Timedelta(days=1))
            found.append(Metered(meter_id, trimmed, known.get(meter_id, {}), own, is_later))
    return found


def _of_meter(
    events: pd.DataFrame, meter_id: str, known: Mapping[str, Mapping[str, object]]
) -> pd.DataFrame:
    """Events of the meter, of those above it, and of all."""
    if "meter_id" not in events:
        return events
    above, at = {meter_id}, known.get(meter_id, {}).get("parent_id")
    while isinstance(at, str) and at not in above:
        above.add(at)
        at = known.get(at, {}).get("parent_id")
    return events[events["meter_id"].isna() | events["meter_id"].isin(above)]


def _one_by_one(meters: list[Metered], limits: Limits) -> Iterator[Finding]:
    for meter in meters:
        yield from meter_findings(meter, limits)
        yield from clock_findings(meter, limits)


def _suspect_at(meters: list[Metered], limits: Limits) -> dict[str, pd.DatetimeIndex]:
    return {
        meter.meter_id: meter.series.at[
            suspects(meter.series, meter.known, meter.outages, limits).any
        ]
        for meter in meters
    }


def _energy(load: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> Iterator[Finding]:
    """Power and energy side by side that are not of the same interval."""
    if not {"power_kw", "energy_kwh"} <= set(load.columns):
        return
    rows = with_power(load, tables.get("meters"))
    hours = rows["meter_id"].map(interval_h(rows, tables.get("meters"))).to_numpy(dtype=float)
    apart = (rows["power_kw"] * hours - rows["energy_kwh"]).abs()
    wrong = apart > AGREES * rows["energy_kwh"].abs().clip(lower=0.01)
    for meter_id, mine in rows[wrong].groupby("meter_id"):
        total = int((rows["meter_id"] == meter_id).sum())
        row = mine.iloc[0]
        yield Finding(
            "LK241",
            f"times the interval misses energy_kwh by over {AGREES:.0%}",
            str(meter_id),
            len(mine),
            total,
            f"{row['power_kw']:g} kW and {row['energy_kwh']:g} kWh at "
            f"{row['event_at']:%Y-%m-%dT%H:%MZ}",
            "check the units of both, or deliver one of them",
            "power_kw",
            "load",
            is_unfit=len(mine) > 0.05 * total,
        )


def _neither(rows: int) -> Violation:
    return Violation(
        "LK240",
        "has neither power nor energy",
        "load",
        "power_kw",
        Severity.TABLE,
        rows,
        rows,
        (),
        "map a column to power_kw (kW) or to energy_kwh (kWh of each interval)",
    )


__all__ = ["delivery_checks", "load_checks", "metered", "unfit_meters"]
