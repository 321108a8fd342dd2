"""Queues and incidents of a network: judged on the holdout, and told beside a batch of forecasts.

Everything is told by the bundle, interval after interval, as a device that runs all the time would.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from lepton.evaluation.results import Evaluation, MetricResult
from lepton.forecast.judged import instants
from lepton.forecast.near_known import habits_of
from lepton.forecast.near_lessons import Span
from lepton.forecast.panel import seconds_of
from lepton_edge.near_spec import NearSpec
from lepton_edge.queues import NO_ALARM

if TYPE_CHECKING:
    from lepton.forecast.panel import PanelDataset
    from lepton.forecast.watching import Chances, Record
    from lepton_edge.forecaster import Forecaster

BACK_S: Final = 6 * 3_600
"""How much of its past a network is watched before it is told of: queues are found anew in it."""
DRAWS: Final = 300
WARNED: Final = "share of queues with an alarm before or when they began"
TRUE: Final = "share of alarms in which congestion came until an hour after them"
LEAD: Final = "median minutes by which an alarm came before its queue, of those that were warned of"
FALSE: Final = "alarms in which nothing came, by hundred days of a series"


def chances_of(forecaster: Forecaster, panel: PanelDataset) -> Chances:
    """The bundle's chances of congestion, where its model forecasts."""
    from lepton.forecast.matrix import Matrix
    from lepton_edge.asof import Features
    from lepton_edge.forecaster import judged_near

    plan = forecaster.plan
    assert isinstance(plan.spec, NearSpec)
    spec = plan.spec
    codes = np.array([plan.codes.get(n, len(plan.codes)) for n in panel.ids], dtype=np.int64)

    def told(asked: Matrix) -> np.ndarray:
        made = Features(asked.X, asked.scale, asked.step)
        found = forecaster.onset(made, asked.shape, codes[asked.series])
        rung, _ = judged_near(spec, plan.reading, made, asked.shape)
        found[rung > 0] = np.nan
        return found if found.shape[1] else np.full((len(asked), 1), np.nan)

    return told


def recorded(
    panel: PanelDataset,
    look: NearSpec,
    forecaster: Forecaster,
    span: Span,
    *,
    is_whole: bool = False,
) -> Record:
    """What a watching device would have seen over a span, of large networks over its newest part;
    is_whole: over all of it, however large they are."""
    from lepton.export.edge import edge_faults
    from lepton.forecast.watching import MOST_WATCHED, record_of

    assert forecaster.plan.watch is not None
    habits = habits_of(forecaster.plan, panel, look, span.first_s)
    with edge_faults():
        chances = chances_of(forecaster, panel)
        return record_of(
            panel,
            look,
            habits,
            span,
            chances,
            forecaster.plan.watch,
            most=None if is_whole else MOST_WATCHED,
        )


def with_watch(
    found: Evaluation, panel: PanelDataset, look: NearSpec, forecaster: Forecaster, span: Span
) -> Evaluation:
    """The evaluation with its alarms and queues, and what they were worth beside other policies."""
    from lepton.forecast.watching import incidents_of, stays_of, watched

    spec = forecaster.plan.watch
    if spec is None:
        return found
    record = recorded(panel, look, forecaster, span)
    made = watched(record, spec, look.neighbours)
    blind = replace(record, chance=np.full(record.chance.shape, np.nan))
    worth, slow = made.worth, watched(blind, spec, look.neighbours).worth
    facts = {
        "watch_queues": float(worth.queues),
        "watch_alarms": float(worth.alarms),
        "watch_false": float(worth.false),
        "watch_cost": worth.cost,
        "watch_cost_never": spec.queue.c_miss * worth.queues,
        "watch_cost_slow": slow.cost,
        "watch_warned_slow": float(slow.warned),
        "watch_false_slow": float(slow.false),
        "watch_threshold": spec.queue.threshold,
        "watch_hours": len(record.at_s) * record.step_s / 3_600,
    }
    return replace(
        found,
        metrics=(*found.metrics, *_metrics(made.alarms, made.queues, worth.false_per_100_days)),
        facts={**found.facts, **facts},
        alarms=made.alarms,
        queues=made.queues,
        stays=stays_of(made.told.alarm, record),
        incidents=incidents_of(made.told.incident, record),
    )


def told_beside(
    rows: pd.DataFrame, entity: str, panel: PanelDataset, look: NearSpec, forecaster: Forecaster
) -> pd.DataFrame:
    """Forecasts with what is told at their issue: alarm, the number of the queue that the series is
    in, missing for none; alarm_since; incident, whether one is told behind the series.

    entity: the column that names the series. A queue has the same number within one batch only.
    """
    from lepton.forecast.watching import replayed

    spec = forecaster.plan.watch
    if spec is None or rows.empty:
        return rows
    asked = seconds_of(rows["issued_at"])
    span = Span(int(asked.min()) - BACK_S, int(asked.max()) + 1)
    record = recorded(panel, look, forecaster, span, is_whole=True)
    told = replayed(record, spec, look.neighbours)
    at = np.searchsorted(record.at_s, asked)
    code = pd.Index(record.ids).get_indexer(pd.Index(rows[entity]))
    alarm = pd.Series(told.alarm[at, code], index=rows.index)
    begun = {one: record.at_s[int((told.alarm == one).any(axis=1).argmax())] for one in set(alarm)}
    is_open = alarm != NO_ALARM
    return rows.assign(
        alarm=alarm.astype("Int64").where(is_open),
        alarm_since=instants(alarm.map(begun).to_numpy()).set_axis(rows.index).where(is_open),
        incident=told.incident[at, code],
    )


def open_alarms(frame: pd.DataFrame, entity: str) -> pd.DataFrame:
    """One row an issue and open alarm of forecasts as `told_beside` gives them: issued_at, alarm,
    alarm_since, the highest chance in it, how many series it has, and which; no column either
    where nothing is watched."""
    if "alarm" not in frame:
        return pd.DataFrame()
    own = frame[frame["alarm"].notna()].drop_duplicates(["issued_at", "alarm", entity])
    chances = [name for name in frame.columns if name.startswith("congestion_")]
    own = own.assign(chance=own[chances].max(axis=1) if chances else np.nan)
    found = own.groupby(["issued_at", "alarm", "alarm_since"], as_index=False).agg(
        chance=("chance", "max"), size=(entity, "size"), members=(entity, "; ".join)
    )
    return found.rename(columns={"members": f"{entity}s"})


def _metrics(
    alarms: pd.DataFrame, queues: pd.DataFrame, false_per_100_days: float
) -> Iterator[MetricResult]:
    """Shares and leads with their intervals, days drawn with replacement."""
    rng = np.random.default_rng(0)
    lead = queues["lead_min"]
    yield _share("queues_warned", lead.notna(), queues["begins_at"], rng, WARNED)
    yield _share("alarms_true", alarms["came"], alarms["raised_at"], rng, TRUE)
    told = lead.dropna()
    if len(told):
        low, high = np.quantile(
            [np.median(rng.choice(told, len(told))) for _ in range(DRAWS)], [0.025, 0.975]
        )
        middle = float(told.median())
        yield MetricResult("alarm_lead_min", middle, float(low), float(high), LEAD, "min")
    else:
        yield MetricResult("alarm_lead_min", None, about=LEAD, reason="no queue was warned of")
    yield MetricResult("false_alarms_per_100_days", false_per_100_days, about=FALSE)


def _share(
    name: str, holds: pd.Series, at: pd.Series, rng: np.random.Generator, about: str
) -> MetricResult:
    if holds.empty:
        return MetricResult(name, None, about=about, reason="there was none")
    day = pd.factorize(at.dt.floor("D"))[0]
    count, held = np.bincount(day), np.bincount(day, holds.astype(float))
    drawn = rng.integers(0, len(count), (DRAWS, len(count)))
    low, high = np.quantile(held[drawn].sum(axis=1) / count[drawn].sum(axis=1), [0.025, 0.975])
    return MetricResult(name, float(holds.mean()), float(low), float(high), about)


__all__ = ["open_alarms", "recorded", "told_beside", "with_watch"]
