"""What meters must keep to together: the register, sums of children, and the weather's rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from zoneinfo import available_timezones

import numpy as np
import pandas as pd

from lepton.contracts.findings import Finding, when
from lepton.contracts.model import Severity, Violation
from lepton.errors import DataError, nearest
from solutions.energy_load.calendar_days import holidays_of
from solutions.energy_load.limits import Limits
from solutions.energy_load.sun import sun_height

_EXAMPLES: Final = 3
_HOUR: Final = pd.Timedelta(hours=1)
DARK_DEG: Final = -3.0
"""Height of the sun below which no light is left, an hour's mean allowed for."""
DARK_WM2: Final = 10.0


def register_violations(tables: Mapping[str, pd.DataFrame]) -> Iterator[Violation]:
    """Meters that the register lacks, zones, countries and parents that are none."""
    meters, load = tables["meters"], tables["load"]
    known = set(meters["meter_id"])
    if "meter_id" in load:
        strangers = load.loc[~load["meter_id"].isin(known), "meter_id"].dropna()
        if len(strangers):
            yield _table(
                "LK254",
                "names meters that the register does not have",
                ("load", "meter_id"),
                strangers,
                "add them to meters, or check that both tables name meters alike",
                Severity.WARNING,
            )
    for table in ("events", "battery"):
        if table in tables and "meter_id" in tables[table]:
            named = tables[table]["meter_id"].dropna()
            if (~named.isin(known)).any():
                yield _table(
                    "LK254",
                    "names meters that the register does not have",
                    (table, "meter_id"),
                    named[~named.isin(known)],
                    "add them to meters, or check that both tables name meters alike",
                    Severity.WARNING,
                )
    yield from _zones(meters)
    yield from _countries(meters)
    yield from _parents(meters, known)


def _table(
    code: str,
    rule: str,
    place: tuple[str, str],
    values: pd.Series,
    remedy: str,
    severity: Severity = Severity.TABLE,
) -> Violation:
    shown = tuple(map(str, values.unique()[:_EXAMPLES]))
    return Violation(code, rule, *place, severity, len(values), 0, shown, remedy)


def _zones(meters: pd.DataFrame) -> Iterator[Violation]:
    if "tz" not in meters:
        return
    zones = meters["tz"].dropna()
    wrong = zones[~zones.isin(available_timezones())]
    if len(wrong):
        close = nearest(str(wrong.iloc[0]), available_timezones())
        yield _table(
            "LK255",
            f"is no IANA time zone{close}",
            ("meters", "tz"),
            wrong,
            "write zones as Europe/Berlin; CET and +01:00 do not say when clocks change",
        )


def _countries(meters: pd.DataFrame) -> Iterator[Violation]:
    if "country" not in meters:
        return
    parts = meters["subdiv"] if "subdiv" in meters else pd.Series(None, index=meters.index)
    pairs = pd.DataFrame({"country": meters["country"], "subdiv": parts}).dropna(subset="country")
    for country, subdiv in pairs.drop_duplicates().itertuples(index=False):
        part = None if pd.isna(subdiv) else str(subdiv)
        try:
            holidays_of(str(country), part, [2024])
        except DataError as error:
            named = pairs.loc[pairs["country"] == country, "country" if part is None else "subdiv"]
            yield Violation(
                "LK255",
                error.found,
                "meters",
                "country",
                Severity.WARNING,
                len(named),
                len(meters),
                (),
                f"{error.remedy}; until then its holidays are ordinary days",
            )


def _parents(meters: pd.DataFrame, known: set[str]) -> Iterator[Violation]:
    if "parent_id" not in meters:
        return
    parent = dict(zip(meters["meter_id"], meters["parent_id"], strict=True))
    named = meters["parent_id"].dropna()
    if (~named.isin(known)).any():
        yield _table(
            "LK254",
            "names a parent that the register does not have",
            ("meters", "parent_id"),
            named[~named.isin(known)],
            "add the parent to meters, or leave it empty",
        )
    circular = pd.Series([one for one in parent if _is_circular(one, parent)], dtype="str")
    if len(circular):
        yield _table(
            "LK254",
            "is its own parent, by way of others or not",
            ("meters", "parent_id"),
            circular,
            "each meter has one way up that ends at a meter without a parent",
        )


def _is_circular(meter: str, parent: Mapping[str, object]) -> bool:
    seen, at = {meter}, parent.get(meter)
    while isinstance(at, str) and at in parent:
        if at == meter:
            return True
        if at in seen:
            return False
        seen.add(at)
        at = parent[at]
    return False


def sum_findings(
    load: pd.DataFrame,
    meters: pd.DataFrame,
    suspect: Mapping[str, pd.DatetimeIndex],
    limits: Limits,
) -> Iterator[Finding]:
    """Parents whose children do not add up to them, where all of them were read and are believed.

    load: as `with_power` gives it; suspect: instants of each meter that count as missing. What is
    compared is the mean difference by the parent's mean absolute power, by the hour.
    """
    if "parent_id" not in meters:
        return
    hourly = {
        str(meter_id): _by_hour(rows, suspect.get(str(meter_id)))
        for meter_id, rows in load.groupby("meter_id", sort=True)
    }
    begun = _begun(meters, hourly)
    for parent, children in meters.dropna(subset="parent_id").groupby("parent_id")["meter_id"]:
        names = [str(name) for name in children]
        if str(parent) not in hourly or any(name not in hourly for name in names):
            continue
        parts = [hourly[str(parent)], *_filled(names, hourly, begun)]
        together = pd.concat(parts, axis=1, sort=True).dropna()
        if len(together) < 24:
            continue
        above = together.iloc[:, 0]
        apart = above - together.iloc[:, 1:].sum(axis=1)
        share = float(apart.abs().mean() / max(above.abs().mean(), 1e-9))
        warn, fail = limits.children
        limit = fail if share > fail else warn
        if share > warn:
            worst = pd.DatetimeIndex(together.index)[int(apart.abs().argmax())]
            yield Finding(
                "LK253",
                f"differs from the sum of its children by over {limit:.0%}",
                str(parent),
                int((apart.abs() > warn * above.abs()).sum()),
                len(together),
                f"{share:.1%} of its {len(names)} children, most at {when(worst)}",
                "look for a child that is missing, counted twice or in another unit; losses may "
                "be a child of type losses",
                "power_kw",
                "load",
                is_unfit=share > fail,
            )


def _by_hour(rows: pd.DataFrame, suspect: pd.DatetimeIndex | None) -> pd.Series:
    """Hourly means of the hours that are there as a whole."""
    values = rows.set_index("event_at")["power_kw"]
    if suspect is not None:
        values = values[~values.index.isin(suspect)]
    values = values.dropna()
    hours = values.groupby(pd.DatetimeIndex(values.index).floor("h"))
    most = hours.size().mode()
    return hours.mean()[hours.size() == (most.iloc[-1] if len(most) else 1)]


def _begun(meters: pd.DataFrame, hourly: Mapping[str, pd.Series]) -> dict[str, pd.Timestamp]:
    """When each meter was put into service: before that it counts as nothing, not as missing."""
    told = meters.set_index("meter_id")
    if "connected_at" not in told:
        return {}
    known = told["connected_at"].dropna()
    return {str(name): at for name, at in known.items() if str(name) in hourly}


def _filled(
    names: list[str], hourly: Mapping[str, pd.Series], begun: Mapping[str, pd.Timestamp]
) -> Iterator[pd.Series]:
    every = pd.DatetimeIndex(sorted(set().union(*(hourly[name].index for name in names))))
    for name in names:
        values = hourly[name].reindex(every)
        if name in begun:
            values = values.mask(every < begun[name], 0.0)
        yield values.rename(name)


def weather_violations(
    tables: Mapping[str, pd.DataFrame], last: pd.Timestamp, limits: Limits
) -> Iterator[Violation]:
    """Light at night, forecasts that are old or too short for the horizon after the last load."""
    weather = tables["weather"]
    if "meters" in tables:
        yield from _light_at_night(weather, tables["meters"], limits)
    is_forecast = weather["provider"] != "obs" if "provider" in weather else None
    if is_forecast is None or "issued_at" not in weather or not is_forecast.any():
        yield _weather(
            "LK256",
            "has no forecast, only what was seen: results are those of perfect weather",
            "valid_at",
            "store each issue of the forecast with its issued_at; until then noise is added",
        )
        reaches = weather["valid_at"].max()
        if reaches < last:
            yield _weather("LK257", f"ends at {when(reaches)}, before the load does", "valid_at",
                           "deliver weather as far as the load")  # fmt: skip
        return
    issued = weather.loc[is_forecast & (weather["issued_at"] <= last), "issued_at"].max()
    age = np.inf if pd.isna(issued) else (last - issued) / _HOUR
    warn, degraded = limits.weather_age_h
    if age > warn:
        about = "no forecast was issued" if np.isinf(age) else f"the newest is {age:.0f} h old"
        worse = ": forecasts are degraded" if age > degraded else ""
        yield _weather("LK257", f"{about} at the last load{worse}", "issued_at",
                       f"deliver an issue at most {warn:g} h old")  # fmt: skip
    newest = weather.loc[is_forecast & (weather["issued_at"] == issued), "valid_at"].max()
    if not pd.isna(newest) and newest < last + pd.Timedelta(hours=limits.horizon_h) - _HOUR:
        yield _weather(
            "LK256",
            f"does not reach {limits.horizon_h:g} h beyond the last load, only to {when(newest)}",
            "valid_at",
            "deliver issues that cover the horizon; what lies beyond uses the usual weather",
        )


def _weather(code: str, rule: str, column: str, remedy: str) -> Violation:
    return Violation(code, rule, "weather", column, Severity.WARNING, 0, 0, (), remedy)


def _light_at_night(
    weather: pd.DataFrame, meters: pd.DataFrame, limits: Limits
) -> Iterator[Violation]:
    """Radiation while the sun is down at every meter of the station: times in another zone."""
    if not {"ghi_Wm2"} <= set(weather) or not {"lat", "lon"} <= set(meters):
        return
    places = meters.dropna(subset=["lat", "lon"])
    by_station = "station_id" in weather and "station_id" in places
    groups = weather.groupby("station_id") if by_station else [(None, weather)]
    dark_rows = bright = 0
    shown: list[str] = []
    for station, rows in groups:
        mine = places[places["station_id"] == station] if by_station else places
        if mine.empty:
            continue
        at = pd.DatetimeIndex(rows["valid_at"]) + _HOUR / 2
        height = sun_height(float(mine["lat"].mean()), float(mine["lon"].mean()), at)
        dark = (height < DARK_DEG) & rows["ghi_Wm2"].notna().to_numpy()
        wrong = dark & (rows["ghi_Wm2"].to_numpy() > DARK_WM2)
        dark_rows, bright = dark_rows + int(dark.sum()), bright + int(wrong.sum())
        for value, instant in zip(
            rows["ghi_Wm2"][wrong].head(1), rows["valid_at"][wrong].head(1), strict=True
        ):
            shown.append(f"{value:g} W/m2 at {when(instant)}")
    if bright > limits.night_share * max(dark_rows, 1):
        yield Violation(
            "LK256",
            "is bright while the sun is down",
            "weather",
            "ghi_Wm2",
            Severity.WARNING,
            bright,
            dark_rows,
            tuple(shown[:_EXAMPLES]),
            "check the zone of valid_at, and lat and lon in meters",
        )


__all__ = ["register_violations", "sum_findings", "weather_violations"]
