"""A batch of forecasts by a bundle: every series at one instant, adding up where sums hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from lepton import nearcasting, roles
from lepton.context import Context
from lepton.contracts.model import Validated
from lepton.errors import ConfigError
from lepton.forecast.cleaning import Cleaned
from lepton.forecast.judged import LEVELS, instants
from lepton.forecast.near_known import habits_of, look_of
from lepton.forecast.spec import ForecastSpec, daily_issues, within
from lepton.hierarchies import told_by
from lepton.nearwatch import open_alarms, told_beside
from lepton_edge.asof_spec import AsOfSpec
from lepton_edge.looks import Look
from lepton_edge.near_spec import NearSpec
from lepton_edge.wall_clock import DAY_S, HOUR_S, WallClock

if TYPE_CHECKING:
    from lepton.forecast.matrix import Matrix
    from lepton.forecast.panel import PanelDataset
    from lepton.forecast.reconcile import Hierarchy
    from lepton_edge.forecaster import Forecaster, Forecasts

SIMILAR: Final = "similar"
"""What forecasts a new series: the shape of series of its kind."""
LOOK_BACK_S: Final = 56 * DAY_S
"""Weeks of its own forecasts by which a batch of forecasts is calibrated."""


def forecasts(
    ctx: Context, bundle: Path, validated: Validated, day: date | None = None
) -> pd.DataFrame:
    """Forecasts of every series by the bundle, one row an interval.

    Issued on the local date `day` at the configured hour, or at the first such hour after all that
    is known. Calibrated by how the bundle would have done in the weeks before, and where series
    add up reconciled by the same weeks. Columns: the entity's, issued_at, event_at, the deciles,
    forecast_by, reason, of a network congestion_MINUTES, reconciled (the method, empty for none),
    of a network alarm, alarm_since and incident, and what the solution tells beside them.
    """
    panel = cleaned(ctx, validated).panel
    looks = spec_of(ctx).looks(panel, ctx.settings)
    issued = issued_by(bundle, _asked(ctx, panel, looks, day))
    if not issued.forecaster.plan.is_near:
        issued = _warmed_up(panel, issued)
    method, nodes, found, sums = "", tuple[str, ...](), issued.found, told_by(bundle)
    if sums is not None and set(sums[1].nodes) <= set(panel.ids):
        method, quantiles = _adding_up(sums, panel, issued)
        found, nodes = replace(found, quantiles=quantiles), sums[1].nodes
    rows = _rows(ctx, panel, issued, found)
    inside = rows[entity_name(ctx)].isin(nodes)
    rows = rows.assign(reconciled=pd.Series(np.where(inside, method, ""), dtype="str"))
    look = issued.looks[0]
    if isinstance(look, NearSpec):
        rows = told_beside(rows, entity_name(ctx), panel, look, issued.forecaster)
    return spec_of(ctx).with_beside(rows, entity_name(ctx), panel, ctx.settings)


def tables_beside(
    ctx: Context, validated: Validated, frame: pd.DataFrame
) -> Mapping[str, pd.DataFrame]:
    """Open alarms of a network, and what the solution also tells at the issues of these forecasts;
    a table without rows says that nothing is open, and takes the place of one told before."""
    if frame.empty:
        return {}
    made = {"alarms": open_alarms(frame, entity_name(ctx))}
    also = spec_of(ctx).also
    if also is not None:
        issued = [pd.Timestamp(at) for at in sorted(frame["issued_at"].unique())]
        made |= also(validated.tables, ctx.settings, issued)
    return {
        name: rows.assign(run_id=ctx.run_id) for name, rows in made.items() if len(rows.columns)
    }


@dataclass(frozen=True, eq=False)
class Asked:
    """Forecasts that are wanted: of which series, what they look at, when issued (UTC seconds), and
    the issues before by which these are calibrated."""

    panel: PanelDataset
    looks: Mapping[str, Look]
    issues: Mapping[str, np.ndarray]
    before: Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Issued:
    """now, found: what was asked for and its forecasts; before, blend: the time before them and
    what was forecast of it, not calibrated; rungs: names of what may forecast; looks: of each
    series; forecaster: the bundle."""

    before: Matrix
    blend: np.ndarray
    now: Matrix
    found: Forecasts
    rungs: tuple[str, ...]
    looks: tuple[Look, ...]
    forecaster: Forecaster


def issued_by(bundle: Path, asked: Asked) -> Issued:
    """Forecasts by the bundle, each calibrated by how it would have done before."""
    from lepton.export.edge import edge_faults
    from lepton.forecast.built import built
    from lepton.forecast.conformal import scores_of
    from lepton.forecast.near_conformal import near_scores
    from lepton_edge.asof import Features
    from lepton_edge.forecaster import Forecaster

    panel, looks = asked.panel, asked.looks
    with edge_faults():
        forecaster = Forecaster(bundle)
    codes = forecaster.plan.codes
    code = np.array([codes.get(name, len(codes)) for name in panel.ids], dtype=np.int64)
    habits, first = None, next(iter(looks.values()))
    if isinstance(first, NearSpec):
        look = look_of(forecaster.plan, panel, first)
        looks = dict.fromkeys(panel.ids, look)
        first_s = min(int(at.min()) for at in asked.issues.values())
        habits = habits_of(forecaster.plan, panel, look, first_s)
    before, now = (built(panel, looks, at, habits) for at in (asked.before, asked.issues))
    with edge_faults():
        rolling = forecaster.calibration()
        plain = np.ones(before.y.shape)
        made = Features(before.X, before.scale, before.step)
        blend, _ = forecaster.blend(made, before.shape, code[before.series], plain)
        scored = near_scores if forecaster.plan.is_near else scores_of
        rolling.tell(scored(before, blend, panel.latency_s.get("y", 0)))
        # of several instants the first: none is calibrated by what it could not know
        factors = rolling.factors(int(now.issue_s.min()))
        made = Features(now.X, now.scale, now.step)
        found = forecaster.ready(code[now.series], made, now.shape, factors)
    own = tuple(looks[name] for name in panel.ids)
    return Issued(before, blend, now, found, forecaster.plan.rungs, own, forecaster)


def _warmed_up(panel: PanelDataset, issued: Issued) -> Issued:
    """The forecasts, those of new series drawn to what series like them do."""
    from lepton.forecast.cold import with_cold

    before, now, found = issued.before, issued.now, issued.found
    made, blend = (with_cold(panel, before, now, one) for one in (found.quantiles, found.blend))
    reasons = tuple(new or old for new, old in zip(made.reasons, found.reasons, strict=True))
    rung = np.where(made.is_alone, len(issued.rungs), found.rung)
    told = replace(
        found, quantiles=made.quantiles, blend=blend.quantiles, reasons=reasons, rung=rung
    )
    return replace(issued, found=told, rungs=(*issued.rungs, SIMILAR))


def _adding_up(
    sums: tuple[str, Hierarchy], panel: PanelDataset, issued: Issued
) -> tuple[str, np.ndarray]:
    """The method and the deciles (n, leads, 9), those of the hierarchy's series adding up."""
    from lepton.forecast.coherent import joint
    from lepton.hierarchies import each_day, taken

    method, hierarchy = sums
    matrix, found = issued.now, issued.found
    past, asked = (
        joint(hierarchy, panel.ids, told.series, told.issue_s, told.y, quantiles)
        for told, quantiles in ((issued.before, issued.blend), (matrix, found.blend))
    )
    made = each_day(hierarchy, method, past, asked, panel.step_s)
    names = [panel.ids[code] for code in matrix.series]
    return method, taken(hierarchy, asked.issue_s, made, names, matrix.issue_s, found.quantiles)


def _asked(ctx: Context, panel: PanelDataset, looks: Mapping[str, Look], day: date | None) -> Asked:
    """The issue of every series on `day`, or the next one."""
    first = next(iter(looks.values()))
    if isinstance(first, NearSpec):
        before, now = nearcasting.forecasts_at(panel, first, day)
        every = (dict.fromkeys(panel.ids, at) for at in (now, before))
        return Asked(panel, looks, *every)
    days = days_of(looks)
    issues = {name: _issue(ctx, look, panel.end_s, day) for name, look in days.items()}
    return Asked(panel, looks, issues, weeks_before(ctx, days, issues))


def days_of(looks: Mapping[str, Look]) -> Mapping[str, AsOfSpec]:
    """The looks of series that are forecast by the day."""
    return {name: look for name, look in looks.items() if isinstance(look, AsOfSpec)}


def weeks_before(
    ctx: Context, looks: Mapping[str, AsOfSpec], issues: Mapping[str, np.ndarray]
) -> Mapping[str, np.ndarray]:
    """The daily issues of the weeks before the first one of each series."""
    hour = ctx.settings["issue_hour"]
    return {
        name: daily_issues(look, int(at[0]) - LOOK_BACK_S, int(at[0]), hour)
        for (name, look), at in zip(looks.items(), issues.values(), strict=True)
    }


def _issue(ctx: Context, look: AsOfSpec, end_s: int, day: date | None) -> np.ndarray:
    """The one instant of issue, (1,)."""
    hour = ctx.settings["issue_hour"]
    if day is not None:
        days = (day - date(1970, 1, 1)).days
        wall = np.array([days * DAY_S + round(hour * HOUR_S)], dtype=np.int64)
        return WallClock(look.zone).instant(wall) // look.step_s * look.step_s
    return daily_issues(look, end_s, end_s + 2 * DAY_S, hour)[:1]


def _rows(ctx: Context, panel: PanelDataset, issued: Issued, found: Forecasts) -> pd.DataFrame:
    matrix = issued.now
    n_leads = matrix.n_leads
    ids = np.repeat(np.array(panel.ids, dtype=object)[matrix.series], n_leads)
    rung = np.array(issued.rungs, dtype=object)[found.rung]
    rows = pd.DataFrame(
        {
            entity_name(ctx): pd.Series(ids, dtype="str"),
            "issued_at": instants(np.repeat(matrix.issue_s, n_leads)),
            "event_at": instants(matrix.step.ravel() * matrix.step_s),
            **{q: found.quantiles[..., at].ravel() for at, q in enumerate(LEVELS)},
            "forecast_by": pd.Series(np.repeat(rung, n_leads), dtype="str"),
            "reason": pd.Series(np.repeat(found.reasons, n_leads), dtype="str"),
            **_chances(issued, found),
        }
    )
    return rows[_told(ctx, issued).ravel()].reset_index(drop=True)


def _chances(issued: Issued, found: Forecasts) -> dict[str, np.ndarray]:
    """congestion_MINUTES: chances that it begins, NaN where it is there or nothing is known."""
    rule, matrix = issued.forecaster.plan.onset, issued.now
    if rule is None or not found.onset.shape[1]:
        return {}
    return {
        f"congestion_{span * matrix.step_s // 60}": np.repeat(found.onset[:, at], matrix.n_leads)
        for at, span in enumerate(rule.spans)
    }


def _told(ctx: Context, issued: Issued) -> np.ndarray:
    """Which intervals (n, leads) are told: a whole day has as many hours as its clock says."""
    told = np.ones(issued.now.step.shape, dtype=bool)
    for code, look in enumerate(issued.looks):
        own = issued.now.series == code
        if isinstance(look, AsOfSpec) and own.any():
            told[own] = within(look, issued.now.step[own], ctx.settings["lead_h"])
    return told


def entity_name(ctx: Context) -> str:
    """The column that names a series."""
    entity = ctx.contract.with_role(roles.ENTITY)
    return entity[0].name if entity else "series_id"


def cleaned(ctx: Context, validated: Validated) -> Cleaned:
    """The series as they are learnt from and looked at, and what was changed in them."""
    spec = spec_of(ctx)
    return spec.cleaned(spec.panel(validated.tables, ctx.settings))


def spec_of(ctx: Context) -> ForecastSpec:
    """What the solution says of its forecasts; ConfigError LK118 where it says nothing."""
    spec = ctx.solution.forecast
    if spec is None:
        raise ConfigError(
            "LK118",
            where=ctx.solution.name,
            found=f"the task '{ctx.task.name}' is a forecast, and nothing says of what",
            remedy="give the solution a ForecastSpec, see solutions/energy_load",
        )
    return spec


__all__ = [
    "Asked",
    "Issued",
    "cleaned",
    "days_of",
    "entity_name",
    "forecasts",
    "issued_by",
    "spec_of",
    "tables_beside",
    "weeks_before",
]
