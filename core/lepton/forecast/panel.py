"""Many series in long form, UTC, with what is known beside them and from when on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from lepton.errors import DataError
from lepton_edge.asof_history import ALWAYS, History, Vintages
from lepton_edge.neighbours import Neighbours

OK: Final = 0
MISSING: Final = 1
IMPUTED: Final = 2
SUSPECT: Final = 3
"""Quality of a value; what is missing or suspect is never looked at, what is imputed is never
learnt from nor judged by."""
ZONE: Final = "UTC"


@dataclass(frozen=True, eq=False)
class PanelDataset:
    """Series of one quantity at one interval length.

    rows: series_id (str), ts (UTC, start of the interval), y (float64); quality (int8) and
    available_at (UTC) where the data have them. series: one row a series: series_id, and where
    known tz (IANA), country, subdiv (of its holidays), typical (its size where nothing tells),
    parent_id. known: ts and a column each; series_id where they differ by series, missing in rows
    that count for all; issued_at (UTC) where they are forecasts, whose editions are all kept.
    latency_s: column (y among them) -> seconds after the interval's end at which a measured value
    is there. is_known_perfectly: known columns without issued_at count as known in advance for all
    time; results have to say so.
    firsts: series_id, ts, y, available_at of what was believed of intervals before their row in
    `rows` was there, y NaN for nothing; None where no value was ever judged again.
    neighbours: which series lie before and behind each other, as the data tell it; None where it
    may be learnt from the training part.
    """

    rows: pd.DataFrame
    series: pd.DataFrame
    step_s: int
    known: pd.DataFrame | None = None
    latency_s: Mapping[str, int] = field(default_factory=dict)
    is_known_perfectly: bool = False
    firsts: pd.DataFrame | None = None
    neighbours: Neighbours | None = None

    def __post_init__(self) -> None:
        _check(self)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Series in the order of their codes."""
        return tuple(self.series["series_id"].astype("str"))

    @cached_property
    def zones(self) -> tuple[str, ...]:
        """Zone of each series' wall clock, UTC where it is not told."""
        if "tz" not in self.series:
            return (ZONE,) * len(self.series)
        return tuple(self.series["tz"].fillna(ZONE).astype("str"))

    @cached_property
    def first_s(self) -> int:
        """When the first interval that has a value begins, UTC seconds; 0 without any."""
        return int(seconds_of(self._valued["ts"]).min()) if len(self._valued) else 0

    @cached_property
    def end_s(self) -> int:
        """When the last interval that has a value ends, UTC seconds; 0 without any."""
        valued = self._valued
        return int(seconds_of(valued["ts"]).max()) + self.step_s if len(valued) else 0

    @cached_property
    def _valued(self) -> pd.DataFrame:
        return self.rows[self.rows["y"].notna()]

    @cached_property
    def known_columns(self) -> tuple[str, ...]:
        """Names of the known columns, in the table's order."""
        own = {"series_id", "ts", "issued_at"}
        return () if self.known is None else tuple(c for c in self.known.columns if c not in own)

    @cached_property
    def histories(self) -> Mapping[str, History]:
        """The history of each series, as forecasts may look at it."""
        rows = {str(key): part for key, part in self._editions.groupby("series_id", sort=False)}
        shared = self._known_by_series()
        typical = dict.fromkeys(self.ids, float("nan"))
        if "typical" in self.series:
            typical = dict(zip(self.ids, self.series["typical"].astype(float), strict=True))
        empty = self.rows.iloc[:0]
        return {
            name: History(
                self._past(rows.get(name, empty)),
                {**shared.get("", {}), **shared.get(name, {})},
                typical[name],
            )
            for name in self.ids
        }

    @cached_property
    def targets(self) -> Mapping[str, Vintages]:
        """What each series turned out to be, only values of quality OK."""
        good = self.rows[self._quality(self.rows) == OK]
        parts = {str(key): part for key, part in good.groupby("series_id", sort=False)}
        return {name: self._past(parts.get(name, good.iloc[:0])) for name in self.ids}

    @property
    def _editions(self) -> pd.DataFrame:
        """Every edition of every interval: what was believed first, then the rows."""
        if self.firsts is None or self.firsts.empty:
            return self.rows
        names = ("series_id", "ts", "y", "quality", "available_at")
        rows = self.rows[[name for name in names if name in self.rows]]
        return pd.concat([self.firsts.assign(quality=np.int8(OK)), rows], ignore_index=True)

    def _past(self, rows: pd.DataFrame) -> Vintages:
        step = steps_of(rows["ts"], self.step_s)
        available = (step + 1) * self.step_s + self.latency_s.get("y", 0)
        if "available_at" in rows:
            told = seconds_of(rows["available_at"])
            available = np.where(rows["available_at"].isna(), available, np.maximum(told, 0))
        y = rows["y"].to_numpy(dtype=np.float64, na_value=np.nan)
        unseen = np.isin(self._quality(rows), (MISSING, SUSPECT))
        return Vintages(step, available, np.where(unseen, np.nan, y))

    @staticmethod
    def _quality(rows: pd.DataFrame) -> np.ndarray:
        if "quality" not in rows:
            return np.zeros(len(rows), dtype=np.int8)
        return rows["quality"].to_numpy(dtype=np.int8)

    def _known_by_series(self) -> Mapping[str, Mapping[str, Vintages]]:
        """Series, "" for all, -> column -> vintages."""
        if self.known is None:
            return {}
        if "series_id" not in self.known:
            return {"": self._known_of(self.known)}
        own = self.known["series_id"].notna()
        parts = self.known[own].groupby("series_id", sort=False)
        found = {str(key): self._known_of(part, own=True) for key, part in parts}
        return {**found, "": self._known_of(self.known[~own])}

    def _known_of(self, rows: pd.DataFrame, *, own: bool = False) -> Mapping[str, Vintages]:
        """Column -> vintages; own: without columns that are never told, which may be told for
        all."""
        step = steps_of(rows["ts"], self.step_s)
        found = {}
        for name in self.known_columns:
            value = rows[name].to_numpy(dtype=np.float64, na_value=np.nan)
            end = (step + 1) * self.step_s + self.latency_s.get(name, 0)
            measured = np.full(len(step), ALWAYS) if self.is_known_perfectly else end
            if "issued_at" in rows:
                told = rows["issued_at"]
                measured = np.where(told.isna(), measured, seconds_of(told))
            there = np.isfinite(value)
            if own and not there.any():
                continue
            found[name] = Vintages(step[there], measured[there], value[there])
        return found


def seconds_of(at: pd.Series) -> np.ndarray:
    """UTC seconds since 1970 of aware instants, int64; the least number for none."""
    return np.asarray(at.astype("datetime64[s, UTC]").astype("int64").to_numpy())


def steps_of(at: pd.Series, step_s: int) -> np.ndarray:
    """Numbers since 1970 of the intervals that begin at these instants."""
    return seconds_of(at) // step_s


def _check(panel: PanelDataset) -> None:
    """Raise DataError LK265 with everything that no forecast could be made from."""
    rows, found = panel.rows, []
    if panel.step_s <= 0 or 86_400 % panel.step_s:
        found.append(f"an interval of {panel.step_s} s does not divide a day")
    for name, table in (("rows", rows), ("known", panel.known)):
        if table is not None and not isinstance(table["ts"].dtype, pd.DatetimeTZDtype):
            found.append(f"{name}.ts has no time zone")
    twice = panel.series["series_id"].duplicated()
    if twice.any():
        found.append(f"series {panel.series['series_id'][twice].iloc[0]} is described twice")
    strange = ~rows["series_id"].isin(panel.series["series_id"])
    if strange.any():
        found.append(f"series {rows['series_id'][strange].iloc[0]} is not described")
    keys = ["series_id", "ts", *(["available_at"] if "available_at" in rows else [])]
    if panel.neighbours is not None and panel.neighbours.ids != panel.ids:
        found.append("neighbours are told of other series, or in another order")
    again = rows.duplicated(keys)
    if again.any():
        row = rows[again].iloc[0]
        found.append(f"{int(again.sum())} rows come twice, first {row.series_id} at {row.ts}")
    if not found and (seconds_of(rows["ts"]) % panel.step_s).any():
        found.append(f"ts does not always begin an interval of {panel.step_s} s")
    if found:
        raise DataError(
            "LK265",
            where="panel",
            found=f"{len(found)} faults",
            remedy="validate the tables against their contracts first, then build the panel",
            details=found,
        )


__all__ = ["IMPUTED", "MISSING", "OK", "SUSPECT", "PanelDataset", "seconds_of", "steps_of"]
