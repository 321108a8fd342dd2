"""What the tables of traffic must keep to together: every check of the domain, one verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from lepton.contracts.findings import Finding, told
from lepton.contracts.model import Violation
from solutions.traffic_forecasting.grid import Grid, counters_of, grid_of
from solutions.traffic_forecasting.limits import LIMITS, Limits
from solutions.traffic_forecasting.network_checks import network_violations
from solutions.traffic_forecasting.register import register_of
from solutions.traffic_forecasting.register_checks import register_violations
from solutions.traffic_forecasting.sensor_checks import (
    Detectors,
    counter_findings,
    sensor_findings,
)
from solutions.traffic_forecasting.suspect import Suspect, suspects


def traffic_checks(
    tables: Mapping[str, pd.DataFrame], limits: Limits = LIMITS
) -> Iterator[Violation]:
    """One violation for each rule that canonical tables break; most only warn.

    A detector beyond a second limit is unfit; the table is refused where too many are, and where
    the network as a whole cannot be forecast from it.
    """
    readings = tables["readings"]
    yield from register_violations(tables)
    if not len(readings) or "sensor_id" not in readings:
        return
    grid = grid_of(readings, limits=limits)
    detectors = detectors_of(grid, tables, limits)
    yield from network_violations(detectors, limits)
    share = limits.unfit_share
    yield from told(sensor_findings(detectors, limits), len(grid.ids), share, "detectors")
    counting = list(_counting(tables, limits))
    every = len(grid.ids) + len(counters_of(readings))
    yield from told(counting, every, share, "detectors and counters")


def _counting(tables: Mapping[str, pd.DataFrame], limits: Limits) -> Iterator[Finding]:
    """What detectors break that only count vehicles."""
    readings = tables["readings"]
    names = counters_of(readings)
    if names:
        grid = grid_of(readings[readings["sensor_id"].isin(names)], limits=limits)
        nothing = Suspect.nothing(grid.speed.shape)
        detectors = Detectors(grid, register_of(tables, grid.ids), nothing)
        yield from counter_findings(detectors, limits)


def detectors_of(grid: Grid, tables: Mapping[str, pd.DataFrame], limits: Limits) -> Detectors:
    """The detectors with what the register says of them and what is not to be believed."""
    return Detectors(grid, register_of(tables, grid.ids), suspects(grid, tables, limits))


def unfit_detectors(
    tables: Mapping[str, pd.DataFrame], limits: Limits = LIMITS
) -> dict[str, tuple[str, ...]]:
    """sensor_id -> why it is set aside until it is mended; the others go on."""
    grid = grid_of(tables["readings"], limits=limits)
    found: dict[str, list[str]] = {}
    own = sensor_findings(detectors_of(grid, tables, limits), limits)
    for one in (*own, *_counting(tables, limits)):
        if one.is_unfit:
            found.setdefault(one.entity, []).append(f"{one.code} {one.rule}: {one.shown}")
    return {name: tuple(reasons) for name, reasons in found.items()}


def health(tables: Mapping[str, pd.DataFrame], limits: Limits = LIMITS) -> pd.DataFrame:
    """One row a detector, worst first: share of intervals with a reading that is believed, and the
    share that is absent, 0, doubted, impossible, stuck, apart from its neighbours, dead; is_dead
    and missing_24h at the end of the record."""
    grid = grid_of(tables["readings"], limits=limits)
    found = suspects(grid, tables, limits)
    missing = np.isnan(grid.speed)
    good = ~missing & ~found.any
    last = (missing | found.any)[-grid.a_day :].mean(axis=0)
    frame = pd.DataFrame(
        {
            "sensor_id": pd.Series(list(grid.ids), dtype="str"),
            "good": good.mean(axis=0),
            "absent": (missing & ~grid.zero).mean(axis=0),
            "zero": (missing & grid.zero).mean(axis=0),
            "doubted": found.doubted.mean(axis=0),
            "impossible": found.impossible.mean(axis=0),
            "stuck": found.stuck.mean(axis=0),
            "jump": found.jump.mean(axis=0),
            "dead": found.dead.mean(axis=0),
            "missing_24h": last,
            "is_dead": last > limits.missing_day[1],
        }
    )
    return frame.sort_values(["good", "sensor_id"], ignore_index=True)


__all__ = ["detectors_of", "health", "traffic_checks", "unfit_detectors"]
