"""What the register, the edges and the events must keep to, and whether they name the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from zoneinfo import available_timezones

import pandas as pd

from lepton.contracts.model import Severity, Violation
from lepton.errors import DataError, nearest
from lepton.forecast.holidays import holidays_of

_EXAMPLES: Final = 3
_NAMING: Final = (
    ("readings", "sensor_id", Severity.WARNING),
    ("events", "sensor_id", Severity.WARNING),
    ("edges", "from_id", Severity.WARNING),
    ("edges", "to_id", Severity.WARNING),
)


def register_violations(tables: Mapping[str, pd.DataFrame]) -> Iterator[Violation]:
    """Detectors that the register lacks, zones and countries that are none, edges to oneself."""
    if "sensors" in tables:
        known = set(tables["sensors"]["sensor_id"])
        for table, column, severity in _NAMING:
            if table in tables and column in tables[table]:
                named = tables[table][column].dropna()
                yield from _strangers(table, column, named[~named.isin(known)], severity)
        yield from _zones(tables["sensors"])
        yield from _countries(tables["sensors"])
    if "edges" in tables:
        edges = tables["edges"]
        loops = edges.loc[edges["from_id"] == edges["to_id"], "from_id"]
        if len(loops):
            yield _told("LK279", "leads to where it begins", "edges", "to_id", loops,
                        "leave such rows out")  # fmt: skip


def _strangers(
    table: str, column: str, strange: pd.Series, severity: Severity
) -> Iterator[Violation]:
    if len(strange):
        yield _told(
            "LK279",
            "names detectors that the register does not have",
            table,
            column,
            strange,
            "add them to sensors, or check that both tables name detectors alike",
            severity,
        )


def _zones(sensors: pd.DataFrame) -> Iterator[Violation]:
    if "tz" not in sensors:
        return
    told = sensors["tz"].dropna()
    wrong = told[~told.isin(available_timezones())]
    if len(wrong):
        close = nearest(str(wrong.iloc[0]), available_timezones())
        yield _told(
            "LK279",
            f"is no IANA time zone{close}",
            "sensors",
            "tz",
            wrong,
            "write zones as America/Los_Angeles; PST and -08:00 do not say when clocks change",
            Severity.TABLE,
        )


def _countries(sensors: pd.DataFrame) -> Iterator[Violation]:
    if "country" not in sensors:
        return
    parts = sensors["subdiv"] if "subdiv" in sensors else pd.Series(None, index=sensors.index)
    pairs = pd.DataFrame({"country": sensors["country"], "subdiv": parts}).dropna(subset="country")
    for country, subdiv in pairs.drop_duplicates().itertuples(index=False):
        part = None if pd.isna(subdiv) else str(subdiv)
        try:
            holidays_of(str(country), part, range(2024, 2025))
        except DataError as error:
            named = pairs.loc[pairs["country"] == country, "country"]
            remedy = f"{error.remedy}; until then its holidays are ordinary days"
            yield _told("LK279", error.found, "sensors", "country", named, remedy)


def _told(
    code: str,
    rule: str,
    table: str,
    column: str,
    values: pd.Series,
    remedy: str,
    severity: Severity = Severity.WARNING,
) -> Violation:
    shown = tuple(map(str, values.unique()[:_EXAMPLES]))
    return Violation(code, rule, table, column, severity, len(values), 0, shown, remedy)


__all__ = ["register_violations"]
