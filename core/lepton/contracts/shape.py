"""What a table looks like as a whole: shares, days and hours that no single row can break.

Each kind of rule is a function of the valid rows; it says nothing where there are too few of
them. Which rules a table has, with which limits, stands in its contract.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

_FEW_ROWS = 500
_FEW_DAYS = 28
_FEW_IN_A_WEEK = 200
_EXAMPLES = 3
_HOURS = 24
_DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class Odd:
    """Something that a rule found: what, in words, on which column, with examples."""

    about: str
    column: str | None
    examples: tuple[str, ...] = ()


def _late(rows: pd.DataFrame, given: Mapping[str, Any]) -> Odd | None:
    """More rows than allowed whose later instant lies over `limit_s` behind the earlier one."""
    seconds = (rows[given["later"]] - rows[given["earlier"]]).dt.total_seconds()
    share = float((seconds > given["limit_s"]).mean())
    if len(rows) < _FEW_ROWS or share <= given["max_share"]:
        return None
    about = f"{share:.2%} lie over {given['limit_s'] / 3_600:g} h behind {given['earlier']}"
    return Odd(f"{about}, {given['max_share']:.2%} are usual", given["later"])


def _repeated(rows: pd.DataFrame, given: Mapping[str, Any]) -> Odd | None:
    """More rows than allowed that repeat another one in `columns` within `within_s`."""
    ordered = rows.sort_values(given["at"], kind="stable").dropna(subset=given["columns"])
    gap = ordered.groupby(given["columns"], sort=False)[given["at"]].diff().dt.total_seconds()
    share = float((gap <= given["within_s"]).sum() / max(len(rows), 1))
    if len(rows) < _FEW_ROWS or share <= given["max_share"]:
        return None
    names = ", ".join(given["columns"])
    about = f"{share:.2%} repeat {names} within {given['within_s']:g} s"
    return Odd(f"{about}, {given['max_share']:.2%} are usual", None)


def _volume(rows: pd.DataFrame, given: Mapping[str, Any]) -> Odd | None:
    """Days far from the median of the same weekday in the `weeks` before; whole days only."""
    daily = _by_day(rows[given["column"]])
    daily = daily.iloc[1:-1]
    if len(daily) < _FEW_DAYS or daily.median() < 20:
        return None
    usual = _same_weekday_median(daily, int(given["weeks"]))
    change = (daily / usual - 1).dropna()
    odd = change[(change < given["low"]) | (change > given["high"])]
    if odd.empty:
        return None
    shown = tuple(f"{day:%Y-%m-%d}: {value:+.0%}" for day, value in odd.items())[:_EXAMPLES]
    about = f"on {len(odd)} of {len(change)} days far from the same weekday's median"
    return Odd(about, given["column"], shown)


def _same_weekday_median(daily: pd.Series, weeks: int) -> pd.Series:
    """Median of the same weekday in the weeks before each day; NaN before four of them."""
    before = pd.concat([daily.shift(7 * week) for week in range(1, weeks + 1)], axis=1)
    usual: pd.Series = before.median(axis=1).where(before.notna().sum(axis=1) >= 4)
    return usual


def _by_day(at: pd.Series) -> pd.Series:
    """Rows of each day from the first to the last."""
    days: pd.Series = at.dt.floor("D").value_counts().sort_index()
    if not len(days):
        return days
    whole = pd.date_range(days.index[0], days.index[-1], freq="D")
    return pd.Series(days.reindex(whole, fill_value=0))


def _hours(rows: pd.DataFrame, given: Mapping[str, Any]) -> Odd | None:
    """The newest week's hours of day against those of all weeks before."""
    at = rows[given["column"]]
    newest = at > at.max() - 7 * _DAY
    recent, before = _profile(at[newest]), _profile(at[~newest])
    if min(recent.sum(), before.sum()) < _FEW_IN_A_WEEK or before.std() == 0 or recent.std() == 0:
        return None
    correlation = float(np.corrcoef(recent, before)[0, 1])
    if correlation >= given["min_correlation"]:
        return None
    about = f"hours of the newest week correlate by {correlation:.2f} with those before"
    return Odd(f"{about}, {given['min_correlation']:g} is usual", given["column"])


def _profile(at: pd.Series) -> np.ndarray:
    return np.bincount(at.dt.hour, minlength=_HOURS).astype(np.float64)


def _rate(rows: pd.DataFrame, given: Mapping[str, Any]) -> Odd | None:
    """A share of positives outside `low`..`high`."""
    known = rows[given["target"]].dropna()
    rate = float((known == 1).mean()) if len(known) >= _FEW_ROWS else np.nan
    if np.isnan(rate) or given["low"] <= rate <= given["high"]:
        return None
    about = f"{rate:.3%} are positive, {given['low']:.2%} to {given['high']:.2%} are usual"
    return Odd(about, given["target"])


def _daily_rate(rows: pd.DataFrame, given: Mapping[str, Any]) -> Odd | None:
    """Days whose share of positives is over `max_z` standard deviations from the usual one.

    The deviation is the larger of the binomial one and the days' own scatter (1.4826 MAD,
    Rousseeuw & Croux 1993): frauds come in bursts, which alone are no fault of the data.
    """
    known = rows[[given["at"], given["target"]]].dropna()
    if len(known) < _FEW_ROWS:
        return None
    daily = known.groupby(known[given["at"]].dt.floor("D"))[given["target"]].agg(["sum", "size"])
    rate = daily["sum"].sum() / daily["size"].sum()
    if len(daily) < _FEW_DAYS or not 0 < rate < 1:
        return None
    z = (daily["sum"] - rate * daily["size"]) / np.sqrt(rate * (1 - rate) * daily["size"])
    scatter = 1.4826 * float((z - z.median()).abs().median())
    odd = daily.loc[z.abs() / max(scatter, 1.0) > given["max_z"]]
    if odd.empty:
        return None
    shares = odd["sum"] / odd["size"]
    shown = tuple(f"{day:%Y-%m-%d}: {share:.2%}" for day, share in shares.items())[:_EXAMPLES]
    about = f"on {len(odd)} of {len(daily)} days far from the usual {rate:.2%}"
    return Odd(about, given["target"], shown)


def _outliers(rows: pd.DataFrame, given: Mapping[str, Any]) -> Odd | None:
    """Values over `times` the `quantile`: a unit that changed inside the table."""
    values = rows[given["column"]].dropna()
    if len(values) < _FEW_ROWS:
        return None
    limit = given["times"] * float(values.quantile(given["quantile"], interpolation="lower"))
    odd = values[values > limit]
    if odd.empty or limit <= 0:
        return None
    shown = tuple(f"{value:g}" for value in odd.nlargest(_EXAMPLES))
    about = f"{len(odd):,} values above {limit:g}, {given['times']:g} times the "
    return Odd(f"{about}{given['quantile']:.2%} quantile", given["column"], shown)


@dataclass(frozen=True)
class Shape:
    """A kind of rule: its arguments, and the function that finds what breaks it."""

    arguments: tuple[str, ...]
    find: Callable[[pd.DataFrame, Mapping[str, Any]], Odd | None]


SHAPES: Mapping[str, Shape] = {
    "late_share": Shape(("earlier", "later", "limit_s", "max_share"), _late),
    "repeated_share": Shape(("columns", "at", "within_s", "max_share"), _repeated),
    "daily_volume": Shape(("column", "weeks", "low", "high"), _volume),
    "hour_profile": Shape(("column", "min_correlation"), _hours),
    "positive_share": Shape(("target", "low", "high"), _rate),
    "daily_positive_share": Shape(("target", "at", "max_z"), _daily_rate),
    "outliers": Shape(("column", "quantile", "times"), _outliers),
}
"""Kinds of rule on a whole table, by the name that a contract gives them."""

__all__ = ["SHAPES", "Odd", "Shape"]
