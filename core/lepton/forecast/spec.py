"""What a solution says of its forecasts: which series, what is looked at, when they are issued."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.contracts.model import Column
from lepton.forecast.cleaning import Cleaned, CleanSpec, clean, untouched
from lepton.forecast.panel import PanelDataset
from lepton_edge.asof_spec import AsOfSpec
from lepton_edge.looks import Look
from lepton_edge.near_spec import OnsetRule
from lepton_edge.readings import Reading
from lepton_edge.wall_clock import DAY_S, HOUR_S, WallClock, changes_of
from lepton_edge.watch import WatchSpec

SETTINGS: Final[Mapping[str, float]] = {
    "issue_hour": 0.0,
    "gate_h": 0.0,
    "lead_h": 24.0,
    "latency_h": 0.0,
    "step_min": 0.0,
    "again_h": 6.0,
    "selection_days": 56.0,
    "holdout_days": 56.0,
}
"""issue_hour: local hour at which a day's forecasts are issued; gate_h: hours from then to the
first interval that is forecast; lead_h: hours that are forecast; latency_h: hours after an interval
until its value is there; step_min: minutes of an interval, 0 for the longest that a series has;
again_h: hours ahead for which forecasts are made again, every interval, by the last error, 0 for
never; selection_days, holdout_days: what is kept apart, at most a fifth of the history each."""
SETTING_BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "issue_hour": (0.0, 23.99),
    "gate_h": (0.0, 72.0),
    "lead_h": (1.0, 336.0),
    "latency_h": (0.0, 168.0),
    "step_min": (0.0, 1_440.0),
    "again_h": (0.0, 24.0),
    "selection_days": (7.0, 366.0),
    "holdout_days": (7.0, 366.0),
}
MOST_APART: Final = 0.2
"""Share of the history that selection, and holdout, may have at most."""


@dataclass(frozen=True, eq=False)
class Story:
    """What a run knows when its report is written.

    tables: canonical ones; past, judged: rows of the selection and of the holdout, by models that
    had not seen them, an interval each, sorted: entity, issued_at, event_at, target, the deciles
    q10 to q90, of `judged` local_at too; step_s: seconds of an interval; unit: of the target;
    incidents: those told of the holdout (series, told_at, cleared_at), where they are watched for.
    """

    tables: Mapping[str, pd.DataFrame]
    past: pd.DataFrame
    judged: pd.DataFrame
    step_s: int
    unit: str = ""
    incidents: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True)
class Page:
    """A page of a report: where it stands in it, an opening sentence, what was found in sentences,
    and pieces: title, caption, and a matplotlib figure, a table, or a sentence in its place."""

    anchor: str
    title: str
    short: str
    text: str
    found: Sequence[str] = ()
    pieces: Sequence[tuple[str, str, Any]] = ()


Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class ForecastSpec:
    """panel(tables, settings): the series of canonical tables; looks(panel, settings): series ->
    what its forecasts look at, all with the same names and leads; clean: what of a history is not
    believed, where the panel does not say it itself, and what stands in; beside(rows, panel,
    settings): further columns of forecasts, whose rows have series_id and the deciles;
    also(tables, settings, issued): name -> further table that stands beside forecasts issued at
    these instants and knows nothing later; onset(panel, settings): when congestion is told, of
    forecasts of the next minutes, None for not at all; watch(panel, settings, costs): what is told
    of queues and incidents beside such forecasts, None for nothing; pages(story): what the report
    also says of this domain, no page where the tables do not allow it; reading(panel): which values
    told to a device are measurements, beside what the contract allows."""

    panel: Callable[[Mapping[str, pd.DataFrame], Mapping[str, float]], PanelDataset]
    looks: Callable[[PanelDataset, Mapping[str, float]], Mapping[str, Look]]
    clean: CleanSpec | None = field(default_factory=CleanSpec)
    beside: Callable[[pd.DataFrame, PanelDataset, Mapping[str, float]], pd.DataFrame] | None = None
    onset: Callable[[PanelDataset, Mapping[str, float]], OnsetRule] | None = None
    watch: Callable[[PanelDataset, Mapping[str, float], Mapping[str, float]], WatchSpec] | None = (
        None
    )
    pages: Callable[[Story], Sequence[Page]] | None = None
    also: Callable[[Tables, Mapping[str, float], Sequence[pd.Timestamp]], Tables] | None = None
    reading: Callable[[PanelDataset], Reading] | None = None

    def reading_of(self, panel: PanelDataset, target: Column) -> Reading:
        """Which values a device takes for measurements: within the range that rows are validated
        by, and by what the solution says."""
        found = Reading() if self.reading is None else self.reading(panel)
        lowest, highest = target.minimum, target.maximum
        return replace(
            found,
            lowest=found.lowest if lowest is None else max(lowest, found.lowest),
            highest=found.highest if highest is None else min(highest, found.highest),
        )

    def cleaned(self, panel: PanelDataset) -> Cleaned:
        """The series as they are learnt from and looked at, and what was changed in them."""
        return untouched(panel) if self.clean is None else clean(panel, self.clean)

    def with_beside(
        self, rows: pd.DataFrame, entity: str, panel: PanelDataset, settings: Mapping[str, float]
    ) -> pd.DataFrame:
        """Forecasts with the columns that the solution tells beside them; entity: the column that
        names the series."""
        if self.beside is None or not len(rows):
            return rows
        return rows.join(self.beside(rows.rename(columns={entity: "series_id"}), panel, settings))


@dataclass(frozen=True)
class Cuts:
    """UTC seconds: the first issue that can be learnt from, where selection and holdout begin, and
    the end of what is known."""

    start_s: int
    selection_s: int
    holdout_s: int
    end_s: int


def cuts_of(panel: PanelDataset, settings: Mapping[str, float]) -> Cuts:
    """How the history is cut: everything before selection is learnt from first."""
    start_s, end_s = panel.first_s, panel.end_s
    most = MOST_APART * (end_s - start_s)
    held, selected = (
        int(min(settings[name] * DAY_S, most)) // DAY_S * DAY_S
        for name in ("holdout_days", "selection_days")
    )
    return Cuts(start_s, end_s - held - selected, end_s - held, end_s)


def again_of(settings: Mapping[str, float], step_s: int) -> int:
    """Intervals for which forecasts are made again during the day, 0 for none."""
    return round(settings["again_h"] * HOUR_S) // step_s


def leads_of(lead_h: float, step_s: int, zones: Sequence[str], years: Sequence[int]) -> int:
    """Intervals of `lead_h` hours, and where these are whole days in a zone whose clock changes an
    hour more, for the day that has 25; `within` says which of them belong to a forecast."""
    n_leads = max(1, round(lead_h * HOUR_S) // step_s)
    if lead_h % 24:
        return n_leads
    span = [
        int(pd.Timestamp(year, 1, 1, tz="UTC").timestamp()) for year in (min(years), max(years))
    ]
    changes = any(len(changes_of(zone, *span)[0]) > 1 for zone in dict.fromkeys(zones))
    return n_leads + (HOUR_S // step_s if changes else 0)


def within(look: AsOfSpec, step: np.ndarray, lead_h: float) -> np.ndarray:
    """Which intervals (n, leads) lie less than `lead_h` hours after their first by the wall clock:
    of a whole day 23, 24 or 25 hours."""
    clock, at = WallClock(look.zone), step * look.step_s
    wall = clock.wall(at)
    midnight = wall[:, 0] // DAY_S * DAY_S
    # where the hour after midnight is left out, the day begins with the one that follows
    begin = np.where(clock.instant(midnight) == at[:, 0], midnight, wall[:, 0])
    return np.asarray(wall - begin[:, None] < round(lead_h * HOUR_S))


def daily_issues(spec: AsOfSpec, first_s: int, last_s: int, hour: float) -> np.ndarray:
    """Every day's instant at which the wall clock of the series shows `hour`, from `first_s` to
    before `last_s`; UTC seconds, int64."""
    clock = WallClock(spec.zone)
    first, last = clock.day(np.array([first_s, last_s], dtype=np.int64))
    days = np.arange(first - 1, last + 2, dtype=np.int64)
    at = clock.instant(days * DAY_S + round(hour * HOUR_S))
    at = at // spec.step_s * spec.step_s
    return np.asarray(at[(at >= first_s) & (at < last_s)])


__all__ = [
    "SETTINGS",
    "SETTING_BOUNDS",
    "Cuts",
    "ForecastSpec",
    "Page",
    "Story",
    "again_of",
    "cuts_of",
    "daily_issues",
    "leads_of",
    "within",
]
