"""The page that tells a person what a bundle of forecasts is for and how to use it."""

from __future__ import annotations

from datetime import date
from math import isfinite
from typing import TYPE_CHECKING

from lepton.forecast.champion import Champion
from lepton_edge.forecast_plan import PLAN
from lepton_edge.near_spec import NearSpec
from lepton_edge.readings import Reading, Standing

if TYPE_CHECKING:
    from lepton.export.forecast_bundle import ForecastContext

_EPOCH = date(1970, 1, 1).toordinal()


def forecast_card(champion: Champion, context: ForecastContext) -> str:
    """Markdown: what it forecasts, from what, what it was made with, how to run it."""
    spec, series = champion.spec, champion.series
    hours = spec.n_leads * spec.step_s / 3600
    known = ", ".join(column.name for column in spec.known) or "nothing beside the series itself"
    zones = sorted({one.zone for one in series.specs.values()})
    lines = [
        f"# {context.solution}: forecasts for {context.customer}",
        "",
        f"Deciles of {len(series.ids):,} series for {spec.n_leads} intervals of "
        f"{spec.step_s // 60} minutes ({hours:g} hours), in {context.unit or 'the unit of each'}.",
        "",
        f"- Made by Lepton Kit {context.kit_version}, run {context.run_id}",
        f"- Members: {champion.family}; fingerprint {champion.fingerprint}",
        f"- Reads {_past(champion)}, and {known}",
        f"- Clocks: {', '.join(zones)}; holidays {_holidays(champion)}",
        f"- Outer interval holds {champion.conformal.level:.0%} of the truths, calibrated by the "
        f"last {champion.conformal.window_days} days",
        f"- Where inputs are missing {_instead(champion)}; the answer says so with a reason",
        *_watched(champion),
        *(f"- {note}" for note in context.notes),
        "- Learnt from one customer's history: it knows nothing of others, and drifts as that does",
        "",
        *_USE,
        *_measured(context.reading),
    ]
    return "\n".join(lines) + "\n"


_USE = (
    "## Use on a device",
    "",
    "Python 3.11 or newer with numpy and onnxruntime is enough; no network is used.",
    "",
    "```",
    "PYTHONPATH=BUNDLE/runtime python -m lepton_edge verify BUNDLE",
    "PYTHONPATH=BUNDLE/runtime python -m lepton_edge forecast BUNDLE lines.jsonl",
    "PYTHONPATH=BUNDLE/runtime python -m lepton_edge stream BUNDLE --state STATE < lines.jsonl",
    "```",
    "",
    "One JSON object a line; a list stands for intervals one after another:",
    "",
    "```",
    '{"series_id": "m1", "ts": "2025-01-01T00:00Z", "y": [12.5, 11.9, null]}',
    '{"issued_at": "2025-01-02T06:00Z", "ts": "2025-01-02T00:00Z", "temp": [3.1, 2.9]}',
    '{"issue_at": "2025-01-02T09:00Z", "series_id": "m1"}',
    "```",
    "",
    "`verify` checks every file's sha256 and repeats the golden windows. `stream` keeps its state",
    "in a folder: after a kill, send again what came since the last answer that says `saved`.",
)


def _measured(reading: Reading) -> tuple[str, ...]:
    """What a device takes for measurements, in words; nothing where it takes every value."""
    told = []
    if reading.missing:
        values = ", ".join(f"{value:g}" for value in reading.missing)
        told.append(f"- {values} counts as missing{_unless(reading.standing)}.")
    bounds = (("below", reading.lowest), ("above", reading.highest))
    told += [f"- What is {side} {at:g} is suspect." for side, at in bounds if isfinite(at)]
    if reading.most:
        told.append(f"- {len(reading.most):,} series have a lower limit of their own: {PLAN}.")
    if not told:
        return ()
    return (
        "",
        "## What counts as a measurement",
        "",
        *told,
        "- Neither is looked at, as if `quality` were 1 or 3; the answer counts them, such as",
        '  `{"taken": 1, "missing": 1}`. What only a history shows (values that repeat, a series',
        "  dead for a day) a batch finds and a device does not: send its `quality`.",
    )


def _unless(standing: Standing | None) -> str:
    if standing is None:
        return ""
    return (
        f", unless beside y `{standing.occupancy}` is told, {standing.least:g} or more, or, "
        f"without it, `{standing.flow}` above 0 and up to {standing.most:g}"
    )


def _past(champion: Champion) -> str:
    spec = champion.spec
    if isinstance(spec, NearSpec):
        minutes = spec.n_past * spec.step_s // 60
        return f"the last {minutes} minutes of all series together"
    return f"the last {spec.past_days} days of each series"


def _watched(champion: Champion) -> list[str]:
    """What is told of queues, where a network is watched."""
    if champion.watch is None:
        return []
    queue = champion.watch.queue
    return [
        f"- A stream answers every interval with the open alarms, one a queue: a series is in one "
        f"from a chance of {queue.threshold:.0%} on, or below {queue.enter:.0%} of its free value; "
        f"a missed queue counts {queue.c_miss:g}, a false alarm {queue.c_false:g}; `call` is true "
        "once for each; and with the series behind which an incident is told"
    ]


def _instead(champion: Champion) -> str:
    if isinstance(champion.spec, NearSpec):
        return (
            "neighbours tell of a series without readings; where they do not either, or the whole "
            "network is silent for long, what is usual stands in"
        )
    return "the calendar's mean stands in, then last week"


def _holidays(champion: Champion) -> str:
    days = [spec.holidays[-1] for spec in champion.series.specs.values() if spec.holidays]
    if not days:
        return "not known"
    return f"known until {date.fromordinal(_EPOCH + min(days)).isoformat()}"


__all__ = ["forecast_card"]
