"""Casting a customer's values to canonical types: strictly, whole columns at once.

A value that does not fit is missing in the result and named as a fault; none is repaired.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal
from zoneinfo import available_timezones

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lepton.contracts.local_time import first_of_two

Ambiguous = Literal["earlier", "later", "order", "refuse"]
OF_CLOCK = "does not exist, or exists twice"
"""What is wrong with a local time that a changing clock skips, or shows twice."""
Epoch = Literal["d", "h", "min", "s", "ms", "us", "ns"]

_ZONED = r"(?:Z|[+-]\d{2}:?\d{2})$"
_ISO = r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?(?:Z|[+-]\d{2}:?\d{2})?$"
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_SECONDS_IN = {"d": 86_400, "h": 3_600, "min": 60}


@dataclass(frozen=True)
class TimeFormat:
    """How instants are written: strptime format, zone of naive ones, or numbers since `origin`.

    zones: the zone of each row, where they differ; series: what each row is of, for local times
    that come twice and are told apart by their order.
    """

    format: str | None = None
    zone: str | None = None
    ambiguous: Ambiguous = "refuse"
    epoch: Epoch | None = None
    origin: pd.Timestamp = field(default_factory=lambda: pd.Timestamp(0, tz="UTC"))
    zones: pd.Series | None = None
    series: pd.Series | None = None


@dataclass(frozen=True)
class Cast:
    """A column in its canonical type, and where it could not be read.

    faults: what is wrong -> mask over the rows; refusal: why the whole column cannot be read,
    as (code, what was found, remedy).
    """

    values: pd.Series
    faults: dict[str, np.ndarray] = field(default_factory=dict)
    refusal: tuple[str, str, str] | None = None


def as_text(source: pd.Series) -> pd.Series:
    """The values as str, missing where they are missing or ""; whole floats without ".0"."""
    if isinstance(source.dtype, pd.StringDtype):
        text = source
    elif pd.api.types.is_bool_dtype(source.dtype):
        text = source.map({True: "true", False: "false"}).astype("str")
    elif pd.api.types.is_float_dtype(source.dtype) and _is_whole(source):
        text = source.astype("Int64").astype("str")
    else:
        text = source.astype("str")
    return text.where(text != "")


def to_text(source: pd.Series) -> Cast:
    """Text as it stands: `007` and `NA` stay."""
    return Cast(as_text(source))


def to_number(source: pd.Series, decimal: str, thousands: str = "") -> Cast:
    """float64; text must be a plain number with `decimal` as its mark.

    thousands: the mark that may stand between groups of three digits; none where "".
    """
    if pd.api.types.is_numeric_dtype(source.dtype) or pd.api.types.is_bool_dtype(source.dtype):
        return Cast(pd.Series(source.to_numpy(dtype=np.float64, na_value=np.nan)))
    text = as_text(source)
    mark = re.escape(decimal)
    whole = rf"\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+|\d+" if thousands else r"\d+"
    plain = rf"^[+-]?(?:(?:(?:{whole})(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d+)?|inf)$"
    fits = _matches(text, plain)
    faults = text.notna().to_numpy() & ~fits
    bare = (
        text.where(fits).str.replace(thousands, "", regex=False) if thousands else text.where(fits)
    )
    read = bare.str.replace(decimal, ".", regex=False)
    numbers = pc.cast(pa.array(read, type=pa.large_string(), from_pandas=True), pa.float64())
    values = pd.Series(numbers.to_numpy(zero_copy_only=False), dtype="float64")
    return Cast(values, {"is not a number": faults})


def to_integer(source: pd.Series, decimal: str, thousands: str = "") -> Cast:
    """float64 holding whole numbers; a fraction is a fault."""
    cast = to_number(source, decimal, thousands)
    values = cast.values.to_numpy()
    with np.errstate(invalid="ignore"):
        broken = np.isfinite(values) & (values != np.floor(values))
    return Cast(cast.values.mask(broken), {**cast.faults, "is not a whole number": broken})


def to_boolean(source: pd.Series) -> Cast:
    """float64 of 0 and 1 from booleans, 0/1, or the words true and false."""
    if pd.api.types.is_numeric_dtype(source.dtype) or pd.api.types.is_bool_dtype(source.dtype):
        values = pd.Series(source.to_numpy(dtype=np.float64, na_value=np.nan))
    else:
        values = as_text(source).map({"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0})
        values = values.astype("float64").reset_index(drop=True)
    wrong = source.notna().to_numpy() & ~values.isin([0.0, 1.0]).to_numpy()
    wrong &= ~(as_text(source).isna().to_numpy())
    return Cast(values.mask(wrong), {"is neither true nor false": wrong})


def to_instant(source: pd.Series, how: TimeFormat) -> Cast:
    """datetime64[us, UTC]; naive times need `how.zone`, numbers need `how.epoch`."""
    if how.epoch:
        return _from_epoch(source, how.epoch, how.origin)
    if isinstance(source.dtype, pd.DatetimeTZDtype):
        return Cast(source.dt.tz_convert("UTC").dt.as_unit("us").reset_index(drop=True))
    if pd.api.types.is_datetime64_dtype(source.dtype):
        return _from_naive(source.dt.as_unit("us"), how)
    if pd.api.types.is_numeric_dtype(source.dtype):
        return _refused(
            len(source),
            "LK215",
            "numbers, no times",
            "write `epoch: s` (or d, h, min, ms, us, ns) beside it",
        )
    return _from_text(as_text(source), how)


def _from_text(text: pd.Series, how: TimeFormat) -> Cast:
    zoned = _matches(text, _ZONED) if how.format is None else _zoned_by(how.format, text)
    present = text.notna().to_numpy()
    # what is no time at all has no zone either: such a cell is a fault by itself
    n_naive = 0 if how.format else int((_matches(text, _ISO) & ~zoned).sum())
    n_zoned = int(zoned.sum())
    if n_zoned and n_naive:
        return _refused(
            len(text),
            "LK214",
            f"{n_naive:,} times without zone among {n_zoned:,} with one",
            "deliver one kind only",
        )
    parsed = _parsed(text, how.format, zoned=bool(n_zoned)).dt.as_unit("us")
    broken = present & parsed.isna().to_numpy()
    cast = Cast(parsed) if n_zoned else _from_naive(parsed, how)
    return Cast(cast.values, {**cast.faults, _expected(how): broken}, cast.refusal)


def _zoned_by(format_: str, text: pd.Series) -> np.ndarray:
    return text.notna().to_numpy() & ("%z" in format_)


def _expected(how: TimeFormat) -> str:
    return f"is not a time of format {how.format}" if how.format else "is not an ISO 8601 time"


def _parsed(text: pd.Series, format_: str | None, *, zoned: bool) -> pd.Series:
    """datetime64 of the text, NaT where it does not fit; unzoned ones stay naive."""
    fits = text if format_ else text.where(_matches(text, _ISO))
    return pd.to_datetime(
        fits.reset_index(drop=True), format=format_ or "ISO8601", errors="coerce", utc=zoned
    )


def _from_naive(times: pd.Series, how: TimeFormat) -> Cast:
    times = times.reset_index(drop=True)
    if how.zones is not None:
        return _by_zone(times, how.zones, _earlier(times, how))
    if how.zone is None:
        first = times.dropna().iloc[:1].astype("str").tolist()
        return _refused(
            len(times),
            "LK213",
            f"{int(times.notna().sum()):,} times without zone (first {', '.join(first)})",
            "write `zone: Europe/Berlin` (or UTC, or whatever their zone is) beside it",
        )
    local = _localized(times, how.zone, _earlier(times, how))
    lost = times.notna().to_numpy() & local.isna().to_numpy()
    return Cast(local, {f"{OF_CLOCK}, in {how.zone}": lost})


def _earlier(times: pd.Series, how: TimeFormat) -> np.ndarray | None:
    """Whether each time is the earlier one of two that clocks show alike; None to refuse both."""
    if how.ambiguous == "refuse":
        return None
    if how.ambiguous == "order":
        return first_of_two(times, how.series)
    return np.full(len(times), how.ambiguous == "earlier")


def _localized(times: pd.Series, zone: str, earlier: np.ndarray | None) -> pd.Series:
    rule = "NaT" if earlier is None else earlier
    local = times.dt.tz_localize(zone, ambiguous=rule, nonexistent="NaT")
    utc: pd.Series = local.dt.tz_convert("UTC")
    return utc


def _by_zone(times: pd.Series, zones: pd.Series, earlier: np.ndarray | None) -> Cast:
    """Naive times of rows in several zones."""
    known = zones.isin(available_timezones()).to_numpy()
    values = pd.Series(pd.NaT, index=times.index, dtype="datetime64[us, UTC]")
    for zone in sorted(set(zones[known])):
        mine = known & (zones == zone).to_numpy()
        told = None if earlier is None else earlier[mine]
        values[mine] = _localized(times[mine], str(zone), told)
    lost = times.notna().to_numpy() & values.isna().to_numpy()
    return Cast(
        values,
        {
            "has no zone that is known": lost & ~known,
            f"{OF_CLOCK}, in its zone": lost & known,
        },
    )


def _from_epoch(source: pd.Series, unit: Epoch, origin: pd.Timestamp) -> Cast:
    cast = to_number(source, ".")
    # whole units and the rest apart: their product in float64 would lose microseconds
    scaled = cast.values.to_numpy() * _SECONDS_IN.get(unit, 1)
    far = np.abs(scaled) / _PER_SECOND.get(unit, 1) > 4e11
    whole = np.floor(np.where(np.isfinite(scaled) & ~far, scaled, 0.0))
    rest = np.where(np.isfinite(scaled) & ~far, scaled - whole, 0.0)
    ticks = _microseconds(whole.astype(np.int64), rest, unit) + origin.value // 1000
    times = pd.Series(pd.DatetimeIndex(ticks.astype("datetime64[us]"), tz="UTC"))
    lost = ~np.isfinite(scaled) | far
    faults = {**cast.faults, "is too far away to be a time": far | np.isinf(scaled)}
    return Cast(times.mask(lost), faults)


def _microseconds(whole: np.ndarray, rest: np.ndarray, unit: Epoch) -> np.ndarray:
    per_second = _PER_SECOND.get(unit, 1)
    if per_second > 10**6:
        return whole // (per_second // 10**6)
    factor = 10**6 // per_second
    return whole * factor + np.round(rest * factor).astype(np.int64)


def _refused(rows: int, code: str, found: str, remedy: str) -> Cast:
    empty = pd.Series(pd.DatetimeIndex(np.full(rows, np.datetime64("NaT", "us")), tz="UTC"))
    return Cast(empty, {}, (code, found, remedy))


def _matches(text: pd.Series, pattern: str) -> np.ndarray:
    """Whether each value has `pattern` in it; False where missing."""
    array = pa.array(text, type=pa.large_string(), from_pandas=True)
    found = pc.match_substring_regex(array, pattern).fill_null(False)
    return np.asarray(found.to_numpy(zero_copy_only=False))


def _is_whole(source: pd.Series) -> bool:
    """Whether all floats are integers small enough to be exact (below 2**53)."""
    values = source.to_numpy(dtype=np.float64, na_value=0.0)
    values = np.nan_to_num(values, nan=0.0, posinf=0.5)
    return bool(np.all((values == np.floor(values)) & (np.abs(values) < 2.0**53)))
