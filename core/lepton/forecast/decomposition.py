"""A series taken apart by Prophet: trend, year, week, day and holidays, and what that costs.

It has no lags and no weather, so as a forecaster it is far behind; what it is good for is to be
read, and ranges so long that nothing recent helps. Hours go in by the wall clock without a zone.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.forecast.families.prophet import MOST_ROWS, hushed, quiet
from lepton.forecast.holidays import named_holidays
from lepton.forecast.panel import OK, PanelDataset, seconds_of
from lepton.forecast.reconcile import Hierarchy
from lepton_edge.wall_clock import DAY_S, WallClock

FEWEST_DAYS: Final = 56
YEAR_DAYS: Final = 400
TWO_YEARS: Final = 730
AHEAD_DAYS: Final = 365
PARTS: Final = ("trend", "yearly", "weekly", "daily")


@dataclass(frozen=True, eq=False)
class Decomposition:
    """One series taken apart.

    name: of the series; mean: its size; trend: at, value, is_ahead (beyond the history); year: day
    of the year 0 to 364, week: hours from Monday, day: hours, and the effect of each, in the
    series' unit; holidays: holiday, days, effect; error: mean absolute error over mean size on the
    days kept apart, None for none; rows, cpu_s: what the fit took.
    """

    name: str
    mean: float
    trend: pd.DataFrame
    year: pd.DataFrame
    week: pd.DataFrame
    day: pd.DataFrame
    holidays: pd.DataFrame
    error: float | None
    rows: int
    cpu_s: float


@quiet()
def decompose(
    panel: PanelDataset, hierarchy: Hierarchy | None, until_s: int, seed: int
) -> Decomposition | str:
    """The total of the series, or the largest of them, on what was known at `until_s`; a sentence
    where it cannot be.

    Of more than `MOST_ROWS` hours the latest count.
    """
    if find_spec("prophet") is None:
        return "Prophet is not installed, so nothing is taken apart: pip install prophet."
    name = _largest(panel, hierarchy)
    hourly = _hourly(panel, name)
    past = hourly[hourly["at_s"] < until_s].tail(MOST_ROWS)
    days = (past["at_s"].max() - past["at_s"].min()) / DAY_S if len(past) else 0
    if days < FEWEST_DAYS:
        return f"{name} has {days:.0f} days of history, too few to be taken apart."
    started = _cpu_s()
    holidays = _holidays(panel, name, hourly)
    model = _fitted(past, holidays, days, seed)
    told = _told(model, past, days)
    effects = _effects(model, past, holidays)
    error = _error(model, hourly[hourly["at_s"] >= until_s])
    return Decomposition(
        name,
        float(past["y"].abs().mean()),
        *told,
        effects,
        error,
        len(past),
        round(_cpu_s() - started, 1),
    )


def _largest(panel: PanelDataset, hierarchy: Hierarchy | None) -> str:
    """The root of most leaves, else the series of the largest mean size."""
    if hierarchy is not None:
        return hierarchy.nodes[max(hierarchy.roots, key=lambda at: hierarchy.sums[at].sum())]
    size = panel.rows["y"].abs().groupby(panel.rows["series_id"]).mean()
    return str(size.idxmax())


def _hourly(panel: PanelDataset, name: str) -> pd.DataFrame:
    """at_s (UTC), ds (what the wall clock shows), y: measured hours in the order of time."""
    rows = panel.rows[panel.rows["series_id"] == name]
    if "quality" in rows:
        rows = rows[rows["quality"] == OK]
    rows = rows.dropna(subset=["y"])
    hour = seconds_of(rows["ts"]) // 3_600 * 3_600
    found = rows.groupby(hour)["y"].mean().rename_axis("at_s").reset_index()
    clock = WallClock(panel.zones[panel.ids.index(name)])
    shown = clock.wall(found["at_s"].to_numpy(dtype=np.int64))
    return found.assign(ds=pd.to_datetime(shown, unit="s"))


def _holidays(panel: PanelDataset, name: str, hourly: pd.DataFrame) -> pd.DataFrame:
    """ds, holiday: those of the series' country; none where it is not told."""
    row = panel.series.iloc[panel.ids.index(name)]
    country, subdiv = (row.get(column) for column in ("country", "subdiv"))
    if not isinstance(country, str) or not country:
        return pd.DataFrame({"ds": pd.to_datetime([]), "holiday": pd.Series([], dtype="str")})
    years = range(int(hourly["ds"].dt.year.min()), int(hourly["ds"].dt.year.max()) + 2)
    named = named_holidays(country, subdiv if isinstance(subdiv, str) else None, years)
    return pd.DataFrame(
        {"ds": pd.to_datetime(list(named), unit="D"), "holiday": list(named.values())}
    )


def _fitted(past: pd.DataFrame, holidays: pd.DataFrame, days: float, seed: int) -> Any:
    from prophet import Prophet

    model = Prophet(
        # in less than two years growth and season are one and the same
        growth="linear" if days >= TWO_YEARS else "flat",
        uncertainty_samples=0,
        holidays=holidays if len(holidays) else None,
        yearly_seasonality=days >= YEAR_DAYS,
        weekly_seasonality=True,
        daily_seasonality=True,
    )
    return hushed(model).fit(past[["ds", "y"]], seed=seed)


def _told(
    model: Any, past: pd.DataFrame, days: float
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Trend, year, week and day as curves."""
    first, last = past["ds"].min().normalize(), past["ds"].max().normalize()
    ahead = last + pd.Timedelta(days=AHEAD_DAYS)
    line = pd.date_range(first, ahead, freq="7D")
    year = pd.date_range("2023-01-01", periods=365, freq="D")
    week = pd.date_range("2023-01-02", periods=168, freq="h")
    every = {"trend": line, "yearly": year, "weekly": week, "daily": week[:24]}
    found = {}
    for part, at in every.items():
        told = model.predict(pd.DataFrame({"ds": at}))
        found[part] = told[part].to_numpy() if part in told else np.full(len(at), np.nan)
    trend = {"at": line, "value": found["trend"], "is_ahead": line > last}
    frames = [
        pd.DataFrame({"at": np.arange(len(found[part])), "effect": found[part]})
        for part in PARTS[1:]
    ]
    return pd.DataFrame(trend), frames[0], frames[1], frames[2]


def _effects(model: Any, past: pd.DataFrame, holidays: pd.DataFrame) -> pd.DataFrame:
    """holiday, days, effect: of holidays that the history has, the strongest first."""
    seen = holidays[holidays["ds"].isin(past["ds"].dt.normalize())]
    if seen.empty:
        return pd.DataFrame(columns=["holiday", "days", "effect"])
    told = model.predict(pd.DataFrame({"ds": seen["ds"].sort_values().unique()}))
    rows = []
    for name, own in seen.groupby("holiday", sort=False):
        effect = told.loc[told["ds"].isin(own["ds"]), str(name)].mean()
        rows.append((str(name), own["ds"].nunique(), float(effect)))
    found = pd.DataFrame(rows, columns=["holiday", "days", "effect"])
    return found.sort_values("effect", key=np.abs, ascending=False, ignore_index=True)


def _error(model: Any, later: pd.DataFrame) -> float | None:
    """Mean absolute error over mean size."""
    if later.empty:
        return None
    point = model.predict(later[["ds"]])["yhat"].to_numpy()
    size = float(later["y"].abs().mean())
    return float(np.abs(later["y"].to_numpy() - point).mean()) / size if size > 0 else None


def _cpu_s() -> float:
    """Of this process and of those that it has started and seen end: Stan is one of its own."""
    own, others = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


__all__ = ["Decomposition", "decompose"]
