"""What a battery would have been worth on days that no model had seen: a page of the report.

Each day it is full at the begin and planned once, from the forecast of that day and whole days of
earlier errors; what it does is set against a plan that knows the day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from lepton.forecast.spec import Page, Story
from solutions.energy_load.dispatch import (
    Battery,
    dispatch_day,
    reduction,
    standard_errors,
    water_fill,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEVELS: Final = tuple(f"q{level}" for level in range(10, 100, 10))
MEMORY_DAYS: Final = 60
FEWEST_DAYS: Final = 14
TOP_DAYS: Final = 20
MOST_BATTERIES: Final = 3


@dataclass(frozen=True, eq=False)
class Days:
    """Whole days of one meter: begins (n,) local midnights, or the local hour of issue, at: (n,
    intervals) UTC; load (n, intervals) kW; quantiles (n, intervals, 9)."""

    begins: pd.DatetimeIndex
    at: np.ndarray
    load: np.ndarray
    quantiles: np.ndarray


@dataclass(frozen=True, eq=False)
class Dispatched:
    """planned, best: discharge in kW (n, intervals) by the forecast and by knowing the day."""

    days: Days
    planned: np.ndarray
    best: np.ndarray

    def gains(self) -> pd.DataFrame:
        """day, highest, after, after_best: highest loads in kW; fell, could_fall: by how much."""
        load = self.days.load
        fell, could = (
            np.array([reduction(day, done) for day, done in zip(load, told, strict=True)])
            for told in (self.planned, self.best)
        )
        high = load.max(axis=1)
        day = self.days.begins.normalize()
        told = {"highest": high, "after": high - fell, "after_best": high - could}
        return pd.DataFrame({"day": day, **told, "fell": fell, "could_fall": could})


def dispatch_pages(story: Story) -> tuple[Page, ...]:
    """A page where the table battery is there and one of them is behind a meter that is forecast
    for whole days; none otherwise."""
    batteries = story.tables.get("battery")
    if batteries is None or batteries.empty or story.judged.empty:
        return ()
    found: list[str] = []
    pieces: list[tuple[str, str, Any]] = []
    for row in batteries.head(MOST_BATTERIES).to_dict("records"):
        told = {str(name): value for name, value in row.items()}
        meter = _meter(told, story)
        done = dispatched(story, meter, battery_of(told))
        if done is None:
            found.append(f"{told['battery_id']}: too few whole days of {meter} are known.")
            continue
        found += list(_found(str(told["battery_id"]), meter, done, told, story.tables))
        pieces += list(_pieces(meter, done, story))
    text = (
        "What a battery would have done on the holdout: planned once a day by the forecast, full "
        "at the begin of each day, charged when nobody needs it. The share is that of the fall of "
        "peaks that a plan with the day known would have reached."
    )
    return (Page("dispatch", "Dispatch of the battery", "Dispatch", text, found, pieces),)


def battery_of(row: Mapping[str, Any]) -> Battery:
    """What it can give in a day: between its least and largest charge, less the way out's share of
    the losses of a round trip."""
    low, high, eff = (_or(row.get(name), usual) for name, usual in _USUAL.items())
    return Battery(float(row["p_kw"]), float(row["e_kwh"]) * (high - low) * np.sqrt(eff))


_USUAL: Final = {"soc_min": 0.0, "soc_max": 1.0, "eff": 1.0}


def dispatched(story: Story, meter: str, battery: Battery) -> Dispatched | None:
    """Every whole day of the holdout, by what was known before it; None where days are too few."""
    past, days = whole_days(story.past, meter), whole_days(story.judged, meter)
    if past is None or days is None or past.load.shape[1] != days.load.shape[1]:
        return None
    load = np.concatenate([past.load, days.load])
    quantiles = np.concatenate([past.quantiles, days.quantiles])
    errors, first, step_h = standard_errors(load, quantiles), len(past.load), story.step_s / 3_600
    if first < FEWEST_DAYS:
        return None
    planned, best = [], []
    for day in range(first, len(load)):
        memory = errors[max(0, day - MEMORY_DAYS) : day]
        planned.append(dispatch_day(load[day], quantiles[day], memory, battery, step_h))
        best.append(water_fill(load[day], battery, step_h))
    return Dispatched(days, np.stack(planned), np.stack(best))


def whole_days(rows: pd.DataFrame, meter: str) -> Days | None:
    """The issues of one meter all of whose usual number of intervals are known; None for none."""
    own = rows[rows["entity"] == meter]
    sizes = own.groupby("issued_at").size()
    if sizes.empty:
        return None
    usual = int(sizes.mode().iloc[-1])
    own = own[own["issued_at"].isin(sizes.index[sizes == usual])]
    own = own.sort_values(["issued_at", "event_at"])
    local = own["local_at"] if "local_at" in own else own["event_at"].dt.tz_localize(None)
    shape = (-1, usual)
    return Days(
        pd.DatetimeIndex(local.to_numpy().reshape(shape)[:, 0]),
        own["event_at"].dt.tz_localize(None).to_numpy().reshape(shape),
        own["target"].to_numpy().reshape(shape),
        own[list(LEVELS)].to_numpy().reshape(*shape, len(LEVELS)),
    )


def _meter(row: Mapping[str, Any], story: Story) -> str:
    """The meter that a battery is behind, else the largest."""
    named = row.get("meter_id")
    if isinstance(named, str) and named:
        return named
    size = story.judged["target"].abs().groupby(story.judged["entity"]).sum()
    return str(size.idxmax())


def _found(
    name: str,
    meter: str,
    done: Dispatched,
    row: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
) -> Iterator[str]:
    gains = done.gains()
    battery = battery_of(row)
    yield (
        f"{name} at {meter}, {battery.power_kw:,.0f} kW and {battery.energy_kwh:,.0f} kWh a day: "
        f"on {len(gains)} days it lowered the day's peak by {gains['fell'].mean():,.0f} kW on the "
        f"mean, {_share(gains):.0%} of what was possible."
    )
    top = gains.nlargest(TOP_DAYS, "highest")
    yield f"On the {len(top)} days of the highest loads it reached {_share(top):.0%} of that."
    high, after, best = (gains[one].max() for one in ("highest", "after", "after_best"))
    yield (
        f"The highest load of all days fell from {high:,.0f} to {after:,.0f} kW; to know each day "
        f"would have left {best:,.0f}."
    )
    money = earned(done, row, tables.get("prices"))
    if money is None:
        yield "No prices were delivered: what the energy itself was worth is not told."
    else:
        yield (
            f"Energy that it gave was worth {money['given']:,.0f} at the hour's price, charging it "
            f"in the cheapest hours of the same day cost {money['taken']:,.0f}, wear "
            f"{money['wear']:,.0f}: {money['kept']:+,.0f} in all, beside what lower peaks save."
        )


def _share(gains: pd.DataFrame) -> float:
    could = float(gains["could_fall"].sum())
    return float(gains["fell"].sum()) / could if could > 0 else float("nan")


def earned(
    done: Dispatched, row: Mapping[str, Any], prices: pd.DataFrame | None
) -> dict[str, float] | None:
    """Money of the energy given and taken, wear and what is kept, over all days whose prices are
    known; None without prices. Charging takes the cheapest intervals of the day at full power."""
    if prices is None or prices.empty:
        return None
    known = prices.drop_duplicates("valid_at", keep="last").set_index("valid_at")["price_per_mwh"]
    known.index = pd.DatetimeIndex(known.index).tz_convert("UTC").tz_localize(None)
    hours = pd.DatetimeIndex(done.days.at.ravel()).floor("h")
    price = known.reindex(hours).to_numpy().reshape(done.days.load.shape) / 1_000
    step_h = 24 / done.days.load.shape[1]
    eff, given, taken, cycles = _or(row.get("eff"), 1.0), 0.0, 0.0, 0.0
    for of_day, discharge in zip(price, done.planned, strict=True):
        if not np.isfinite(of_day).all():
            continue
        energy = discharge * step_h
        given += float((energy * of_day).sum())
        taken += _charged(of_day, float(energy.sum()) / eff, float(row["p_kw"]) * step_h)
        cycles += float(energy.sum()) / float(row["e_kwh"])
    wear = cycles * _or(row.get("cycle_cost"), 0.0)
    return {"given": given, "taken": taken, "wear": wear, "kept": given - taken - wear}


def _charged(price: np.ndarray, energy: float, most: float) -> float:
    """Cost of so much energy in the cheapest intervals, at most so much in each."""
    cost = 0.0
    for one in np.sort(price):
        amount = min(energy, most)
        cost, energy = cost + amount * float(one), energy - amount
    return cost


def _or(value: object, usual: float) -> float:
    """A number, or the usual one where it is missing."""
    number = float(str(value)) if value is not None else float("nan")
    return number if np.isfinite(number) else usual


def _pieces(meter: str, done: Dispatched, story: Story) -> Iterator[tuple[str, str, Any]]:
    gains = done.gains()
    share = gains["fell"] / gains["could_fall"].where(gains["could_fall"] > 0)
    if share.notna().any():
        yield (
            f"{meter}: the best and the worst day",
            "Load as it came and its forecast of 80 %, what was left of it by the plan, and what "
            "knowing the day would have left.",
            _drawn(done, (int(share.argmax()), int(share.argmin())), share, story.unit),
        )
    month = gains["day"].dt.to_period("M").astype("str")
    told = gains.groupby(month)[["highest", "after", "after_best"]].max()
    told["share of possible, %"] = 100 * gains.groupby(month)[["fell", "could_fall"]].sum().pipe(
        lambda one: one["fell"] / one["could_fall"]
    )
    names = {"highest": "highest load, kW", "after": "after", "after_best": "day known"}
    yield (
        f"{meter}: highest load of each month",
        "What a charge by the month's peak is paid for.",
        told.rename_axis("month").reset_index().rename(columns=names),
    )


def _drawn(done: Dispatched, picked: tuple[int, int], share: pd.Series, unit: str) -> Figure | None:
    from lepton.report.drawing import (
        BLUE,
        INK,
        MUTED,
        PALE,
        RED,
        WIDE,
        date_axis,
        dress,
        name_of,
        new_figure,
    )

    figure = new_figure(WIDE[0], 3.2)
    grid: Any = figure.subplots(1, 2)
    days = done.days
    for axes, day, told in zip(grid, picked, ("best", "worst"), strict=True):
        hours = days.begins[day] + (days.at[day] - days.at[day][0])
        dress(axes, ylabel=unit)
        low, high = days.quantiles[day, :, 0], days.quantiles[day, :, -1]
        axes.fill_between(hours, low, high, color=PALE, lw=0, label="forecast, 80 %")
        axes.plot(hours, days.load[day], color=INK, lw=1.5, label="load")
        axes.plot(hours, days.load[day] - done.planned[day], color=BLUE, lw=1.6, label="by plan")
        rest = days.load[day] - done.best[day]
        axes.plot(hours, rest, color=RED, lw=1.2, ls="--", label="day known")
        title = f"{told}, {days.begins[day]:%d %b %Y}: {share.iloc[day]:.0%}"
        axes.set_title(name_of(title), fontsize=10, color=INK)
        axes.tick_params(axis="x", labelcolor=MUTED)
        axes.margins(x=0)
        date_axis(axes)
    below: Any = {"loc": "outside lower center", "ncols": 4}
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, **below, frameon=False, fontsize=9, labelcolor=INK)
    return figure


__all__ = [
    "Days",
    "Dispatched",
    "battery_of",
    "dispatch_pages",
    "dispatched",
    "earned",
    "whole_days",
]
