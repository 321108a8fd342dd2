"""From a fleet's tables to rows that can be learnt from: each reading with its life and its end.

A life goes from commissioning, or the replacement before, to the next failure (observed) or to a
planned replacement or the end of the data (censored). What is not known yet has no target: the
last horizon of a life that did not end in a failure says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from solutions.predictive_maintenance.modes import REMAINING_LIFE

HORIZON_H: Final = "horizon_h"
CAP_H: Final = "cap_h"
RUN_TO_FAILURE: Final = "run_to_failure"
COPIES: Final = "copies"
LOST_SHARE: Final = "lost_share"
SETTINGS: Final[Mapping[str, float]] = {
    HORIZON_H: 168.0,
    CAP_H: 1440.0,
    RUN_TO_FAILURE: 0.0,
    COPIES: 1.0,
    LOST_SHARE: 0.2,
}
"""horizon_h: what is warned of, hours ahead; cap_h: beyond it one remaining life is like another;
run_to_failure: 1 where every asset's data end with its failure and no table of failures says so;
copies: times that remaining lives are learnt from once more as if `lost_share` of each asset's
sensors were missing, 0 for never."""
BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    HORIZON_H: (1e-3, 1e6),
    CAP_H: (1e-3, 1e7),
    RUN_TO_FAILURE: (0.0, 1.0),
    COPIES: (0.0, 8.0),
    LOST_SHARE: (0.0, 0.9),
}
SPANS: Final = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
"""Horizons ahead for which chances to fail are told."""
EDGE: Final = 0.1
"""How far the target of a remaining life keeps from 0 and 1: a fractional response spends effort
where the odds are without bounds, at lives that are longer than the longest that is told apart."""
HOUR: Final = pd.Timedelta(hours=1)
SENSOR: Final = "x_"
EPOCH: Final = pd.Timestamp("2000-01-01", tz="UTC")
REPLACED: Final = "replace"


def assemble(tables: Mapping[str, pd.DataFrame], settings: Mapping[str, float]) -> pd.DataFrame:
    """Readings with `life_id`, `asset_type`, `since_service_h` and their targets, if known:
    `failed` (within the horizon, 0/1), `remaining` (hours to the failure as a share of `cap_h`, at
    most 1, see `drawn_in`), `label_at`, the instant at which `failed` was known, and
    `near_failure`: 1 where `failed` is known to be, else 0. Where failures say it, `failure_mode`:
    what the life ended of, and `failing_mode`: the same where `failed` is 1.

    Rows without an asset are each their own and keep the target that they bring. Order and other
    columns stay.
    """
    readings = wide(tables["telemetry"])
    if "asset_id" not in readings:
        return _cross_sectional(readings)
    if "event_at" not in readings:
        order = readings.groupby("asset_id", sort=False).cumcount()
        readings = readings.assign(event_at=EPOCH + order * HOUR)
    ends = life_ends(readings, tables, run_to_failure=settings[RUN_TO_FAILURE] > 0)
    rows = _targets(_in_lives(readings, ends), settings[HORIZON_H], settings[CAP_H])
    return _serviced(_typed(_near(rows), tables), tables)


def steps(settings: Mapping[str, float]) -> tuple[float, tuple[float, ...]]:
    """The horizon, and the spans ahead for which chances to fail are told, in hours."""
    horizon = settings[HORIZON_H]
    return horizon, tuple(horizon * span for span in SPANS)


def copies(settings: Mapping[str, float], task: str) -> tuple[float, float]:
    """How often assets are learnt from once more, and without which share of their sensors.

    Only for remaining lives. On the sample's held-out assets, one recipe each: without a fifth of
    the sensors their RMSE rose by 1 % where copies were learnt from and by 6 % where not, while a
    failure within the horizon was told no better (average precision .55 and .56).
    """
    return settings[COPIES] if task == REMAINING_LIFE else 0.0, settings[LOST_SHARE]


def _near(rows: pd.DataFrame) -> pd.DataFrame:
    failed = rows["failed"].eq(1) if "failed" in rows else pd.Series(False, rows.index)
    near = failed.fillna(False).astype("bool")
    modes = {"failing_mode": rows["failure_mode"].where(near)} if "failure_mode" in rows else {}
    return rows.assign(near_failure=near.astype("float64"), **modes)


def drawn_in(share: np.ndarray) -> np.ndarray:
    """The target that stands for a share of the longest remaining life, in `EDGE`..1 - `EDGE`."""
    return np.asarray(EDGE + (1.0 - 2.0 * EDGE) * share)


def share_of(score: np.ndarray) -> np.ndarray:
    """The share of the longest remaining life that a score stands for, in 0..1."""
    return np.clip((score - EDGE) / (1.0 - 2.0 * EDGE), 0.0, 1.0)


def wide(telemetry: pd.DataFrame) -> pd.DataFrame:
    """One row an asset and instant; of the long form (sensor, value) each sensor becomes a column,
    bad values missing, the last one where a sensor speaks twice."""
    if not {"sensor", "value", "asset_id", "event_at"} <= set(telemetry.columns):
        return telemetry
    good = telemetry
    if "quality" in good:
        good = good[good["quality"] != "bad"]
    names = SENSOR + good["sensor"].str.casefold().str.replace(r"[^0-9a-z]+", "_", regex=True)
    index = ["asset_id", "event_at"]
    values = (
        good.assign(sensor=names)
        .drop_duplicates([*index, "sensor"], keep="last")
        .pivot(index=index, columns="sensor", values="value")
    )
    values.columns = values.columns.astype("str")
    beside = [n for n in telemetry.columns if n not in ("sensor", "value", "unit", "quality")]
    first = telemetry[beside].drop_duplicates(index)
    found = first.merge(values.reset_index(), on=index, how="left", validate="one_to_one")
    return found.reset_index(drop=True)


def life_ends(
    readings: pd.DataFrame, tables: Mapping[str, pd.DataFrame], *, run_to_failure: bool
) -> pd.DataFrame:
    """One row an end of a life: asset_id, end_at, failed (bool), and the mode of a failure where it
    is told; failures before replacements that follow them within the same instant."""
    parts = []
    if "failures" in tables:
        failures = tables["failures"]
        found = failures[["asset_id", "failed_at", *({"mode"} & {*failures.columns})]]
        parts.append(found.rename(columns={"failed_at": "end_at"}).assign(failed=True))
    elif run_to_failure:
        last = readings.groupby("asset_id", sort=True)["event_at"].max().reset_index()
        parts.append(last.rename(columns={"event_at": "end_at"}).assign(failed=True))
    if "maintenance" in tables:
        work = tables["maintenance"]
        work = work[work["kind"] == REPLACED]
        parts.append(
            pd.DataFrame({"asset_id": work["asset_id"], "end_at": work["done_at"]}).assign(
                failed=False
            )
        )
    if not parts:
        return pd.DataFrame(
            {
                "asset_id": pd.Series(dtype="str"),
                "end_at": pd.Series(dtype="datetime64[us, UTC]"),
                "failed": pd.Series(dtype=bool),
            }
        )
    ends = pd.concat(parts, ignore_index=True)
    return ends.sort_values(["asset_id", "end_at", "failed"], ascending=[True, True, False])


def _in_lives(readings: pd.DataFrame, ends: pd.DataFrame) -> pd.DataFrame:
    """Readings with the number of their life, and the end that comes next, if any."""
    number = np.zeros(len(readings), dtype=np.int64)
    end_at = np.full(len(readings), np.datetime64("NaT", "us"))
    failed = np.zeros(len(readings), dtype=bool)
    mode = np.full(len(readings), None, dtype=object)
    at = _naive(readings["event_at"])
    by_asset = {
        str(asset): (_naive(rows["end_at"]), rows["failed"].to_numpy(dtype=bool), _modes(rows))
        for asset, rows in ends.groupby("asset_id", sort=False)
    }
    for asset, rows in readings.groupby("asset_id", sort=False).indices.items():
        if str(asset) not in by_asset:
            continue
        instants, is_failure, modes = by_asset[str(asset)]
        place = np.searchsorted(instants, at[rows], side="left")
        number[rows] = place
        inside = rows[place < len(instants)]
        end_at[inside] = instants[place[place < len(instants)]]
        failed[inside] = is_failure[place[place < len(instants)]]
        mode[inside] = modes[place[place < len(instants)]]
    life = (
        readings["asset_id"].astype("str") + "#" + pd.Series(number, readings.index).astype("str")
    )
    told = {"failure_mode": pd.Series(mode, readings.index, dtype="str")} if "mode" in ends else {}
    return readings.assign(
        **told,
        life_id=life,
        end_at=pd.Series(end_at, readings.index).dt.tz_localize("UTC"),
        ends_in_failure=failed,
    )


def _modes(ends: pd.DataFrame) -> np.ndarray:
    """What each end was of, None where nobody says."""
    if "mode" not in ends:
        return np.full(len(ends), None, dtype=object)
    found = ends["mode"].astype(object)
    return found.where(ends["mode"].notna(), None).to_numpy(dtype=object)


def _targets(rows: pd.DataFrame, horizon_h: float, cap_h: float) -> pd.DataFrame:
    """Targets of rows whose life is known; censored lives say how long they lasted at least."""
    event, end = rows["event_at"], rows["end_at"]
    last = event.groupby(rows["life_id"]).transform("max")
    ends_in_failure = rows["ends_in_failure"].to_numpy()
    left = end.fillna(last) - event
    hours = left.dt.total_seconds().to_numpy(dtype=np.float64) / 3600.0
    failed = np.where(
        ends_in_failure,
        (hours <= horizon_h).astype(np.float64),
        np.where(hours > horizon_h, 0.0, np.nan),
    )
    share = np.minimum(hours / cap_h, 1.0)
    remaining = np.where(ends_in_failure | (hours >= cap_h), drawn_in(share), np.nan)
    known_after = pd.to_timedelta(np.minimum(hours, horizon_h), unit="h").as_unit("us")
    label_at = (event + known_after).where(np.isfinite(failed))
    given = {} if "failed" in rows else {"failed": failed, "label_at": label_at}
    return rows.drop(columns=["end_at", "ends_in_failure"]).assign(
        **given, remaining=remaining, is_failure=ends_in_failure, hours_seen=hours
    )


def _typed(rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Rows with their asset's type and site, where a register of assets says so."""
    if "assets" not in tables:
        return rows
    register = tables["assets"].drop_duplicates("asset_id").set_index("asset_id")
    found = {
        name: rows["asset_id"].map(register[column])
        for name, column in (("asset_type", "type"), ("site", "site"))
        if column in register
    }
    return rows.assign(**found)


def _serviced(rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Rows with the hours since the last work on their asset, missing before the first."""
    if "maintenance" not in tables:
        return rows
    work = tables["maintenance"]
    done = {
        str(asset): np.sort(_naive(part["done_at"]))
        for asset, part in work.groupby("asset_id", sort=False)
    }
    at, since = _naive(rows["event_at"]), np.full(len(rows), np.nan)
    for asset, places in rows.groupby("asset_id", sort=False).indices.items():
        instants = done.get(str(asset))
        if instants is None:
            continue
        before = np.searchsorted(instants, at[places], side="left")
        known = places[before > 0]
        last = instants[before[before > 0] - 1]
        since[known] = (at[known] - last) / np.timedelta64(1, "h")
    return rows.assign(since_service_h=since)


def _cross_sectional(readings: pd.DataFrame) -> pd.DataFrame:
    """Rows without an asset: each its own group, at instants that only keep their order."""
    names = readings["reading_id"].astype("str")
    found = readings.assign(asset_id=names)
    if "event_at" not in found:
        order = pd.Series(np.arange(len(found)), found.index)
        found = found.assign(event_at=EPOCH + order * HOUR)
    return _near(found)


def _naive(instants: pd.Series) -> np.ndarray:
    found: np.ndarray = (
        instants.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    )
    return found


__all__ = [
    "BOUNDS",
    "SETTINGS",
    "assemble",
    "copies",
    "drawn_in",
    "life_ends",
    "share_of",
    "steps",
    "wide",
]
