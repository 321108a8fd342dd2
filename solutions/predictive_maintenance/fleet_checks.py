"""What tables must keep to together: sensors to their register, failures to the readings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import pandas as pd

from lepton.contracts.model import Severity, Violation
from solutions.predictive_maintenance.lives import wide

SOFT_SHARE: Final = 0.005
"""Share of a sensor's values outside its register's range that is put up with."""
HARD_SHARE: Final = 0.05
"""More of them than this is no outlier but another unit, or another sensor."""
FEW_OF_A_MODE, FEWEST_OF_A_MODE = 20, 8
"""Failures of a mode with which it can be learnt by itself, and with which at all."""
_EXAMPLES: Final = 3
CODE: Final = "LK239"


def fleet_checks(tables: Mapping[str, pd.DataFrame]) -> Iterator[Violation]:
    """One violation for each rule that canonical tables break together; most only warn."""
    telemetry = wide(tables["telemetry"])
    if "sensors" in tables:
        yield from _outside_range(telemetry, tables["sensors"])
    if "asset_id" not in telemetry:
        return
    for table in ("failures", "maintenance", "assets"):
        if table in tables:
            yield from _unknown_assets(telemetry, tables[table], table)
    if "failures" in tables and "event_at" in telemetry:
        yield from _unseen_failures(telemetry, tables["failures"])
        yield from _rare_modes(tables["failures"])


def _outside_range(telemetry: pd.DataFrame, register: pd.DataFrame) -> Iterator[Violation]:
    """Sensors with values outside the register's range: a unit that changed, a swapped cable."""
    for sensor in register.to_dict("records"):
        name = f"x_{sensor['sensor']}"
        if name not in telemetry:
            continue
        values = telemetry[name].dropna()
        low, high = (
            bound if bound is not None and np.isfinite(bound) else other
            for bound, other in (
                (sensor.get("valid_min"), -np.inf),
                (sensor.get("valid_max"), np.inf),
            )
        )
        outside = values[(values < low) | (values > high)]
        share = len(outside) / max(len(values), 1)
        if share <= SOFT_SHARE:
            continue
        yield Violation(
            CODE,
            f"lies outside {low:g}..{high:g}, its range in the register",
            "telemetry",
            name,
            Severity.TABLE if share > HARD_SHARE else Severity.WARNING,
            len(outside),
            len(values),
            tuple(f"{value:g}" for value in outside.head(_EXAMPLES)),
            "check the unit of these rows in the mapping, or mend the register",
        )


def _unknown_assets(telemetry: pd.DataFrame, table: pd.DataFrame, name: str) -> Iterator[Violation]:
    known = set(telemetry["asset_id"].dropna())
    strangers = table.loc[~table["asset_id"].isin(known), "asset_id"]
    if len(strangers):
        yield _warning(
            name,
            "asset_id",
            "names assets without a reading",
            len(strangers),
            len(table),
            tuple(map(str, strangers.unique()[:_EXAMPLES])),
            "bring their readings, or check that both tables name assets alike",
        )


def _unseen_failures(telemetry: pd.DataFrame, failures: pd.DataFrame) -> Iterator[Violation]:
    """Failures before the first reading of their asset, or long after its last."""
    spans = telemetry.groupby("asset_id")["event_at"].agg(["min", "max"])
    step = telemetry.sort_values("event_at").groupby("asset_id")["event_at"].diff().median()
    mine = spans.reindex(failures["asset_id"])
    at = failures["failed_at"].reset_index(drop=True)
    begin, end = (mine[name].reset_index(drop=True) for name in ("min", "max"))
    late = pd.Timedelta(0) if pd.isna(step) else 10 * step
    unseen = (at < begin) | (at > end + late)
    if unseen.any():
        shown = at[unseen].head(_EXAMPLES)
        yield _warning(
            "failures",
            "failed_at",
            "lies outside the readings of its asset",
            int(unseen.sum()),
            len(failures),
            tuple(f"{when:%Y-%m-%d %H:%M}" for when in shown),
            "bring the readings before these failures, or check the time zone",
        )


def _rare_modes(failures: pd.DataFrame) -> Iterator[Violation]:
    """Modes too rare to be told apart: they count as failures all the same."""
    if "mode" not in failures:
        return
    counts = failures["mode"].dropna().value_counts()
    for mode, count in counts[counts < FEW_OF_A_MODE].items():
        can = "a hazard pooled over modes" if count >= FEWEST_OF_A_MODE else "oddness alone"
        yield _warning(
            "failures",
            "mode",
            f"has {count} failures of mode '{mode}': enough for {can}",
            int(count),
            len(failures),
            (),
            f"bring {FEW_OF_A_MODE} or more to tell this mode from others",
        )


def _warning(
    table: str,
    column: str,
    about: str,
    count: int,
    total: int,
    examples: tuple[str, ...],
    remedy: str,
) -> Violation:
    return Violation(CODE, about, table, column, Severity.WARNING, count, total, examples, remedy)


__all__ = ["fleet_checks"]
