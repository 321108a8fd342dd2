"""Lines of a stream of forecasts, read and checked whole before anything of them is taken in.

A measurement: series_id, ts (start of the interval), y, and quality where it is not 0. What the
bundle takes for missing (a speed of 0, say) or for suspect is not looked at, as if its quality were
1 or 3; occupancy and flow, where the bundle knows such fields, say whether such a 0 is a value
after all. A known column: ts and columns by name, series_id where they belong to one series alone,
issued_at where they are forecasts. A list stands for intervals one after another from ts on. A
request: issue_at, and series_id, a name or a list, where not all are asked for; again true: what
was issued before is made again by what has been measured since. `at` tells when a line came; alone
it lets the clock go on. `history` true: of the past, told late; no clock moves by it.
Of columns that were delivered and that no forecast looks at nothing is taken: a sender need not
change when another version reads others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from lepton_edge.errors import RowError
from lepton_edge.forecast_plan import Plan
from lepton_edge.instants import SECOND_US, microseconds
from lepton_edge.lines import refused
from lepton_edge.near_beside import NearKnown

MOST_VALUES: Final = 100_000
_OWN: Final = frozenset(
    {"series_id", "ts", "y", "quality", "issued_at", "issue_at", "at", "history", "again"}
)
_TRUTH: Final = 0
_SEEN: Final = (0, 2)
"""Qualities of what may be looked at: measured, imputed; missing and suspect may not."""


@dataclass(frozen=True, eq=False)
class Told:
    """What a line tells.

    at_s: when, UTC seconds, None where the clock stays; issue_s: instant asked for, None for none;
    code, step: rows of what is told; y, is_truth: of a measurement, None for none; known: column ->
    values; edition: from when on these are; missing, suspect: how many measurements are none by the
    bundle's rule, and how many cannot be.
    """

    at_s: int | None
    issue_s: int | None
    code: np.ndarray
    step: np.ndarray
    y: np.ndarray | None
    is_truth: np.ndarray | None
    known: Mapping[str, np.ndarray]
    edition: Mapping[str, np.ndarray]
    is_history: bool
    is_again: bool = False
    missing: int = 0
    suspect: int = 0

    @property
    def n_values(self) -> int:
        """How many values it tells."""
        told = 0 if self.y is None else len(self.y)
        return told + sum(len(values) for values in self.known.values())


def read_line(plan: Plan, event: Mapping[str, Any]) -> Told:
    """The line as arrays; RowError LK296, LK297 or LK294 on what cannot be taken in."""
    _only_known_fields(plan, event)
    read = {name: value for name, value in event.items() if name not in plan.unread}
    if len(read) < len(event) and "y" not in read and not _columns(plan, read):
        return _tick(None)
    event = read
    at_s = _seconds(event, "at") if "at" in event else None
    is_history = _is(event, "history")
    if "issue_at" in event:
        return _request(plan, event)
    if "again" in event:
        raise refused("LK296", "again", "belongs to a request", "send it with issue_at")
    columns = _columns(plan, event)
    if "y" not in event and not columns:
        if "at" in event and set(event) == {"at"}:
            return _tick(at_s)
        wanted = "y, a known column or issue_at"
        raise refused("LK296", "*", f"none of {wanted} is told", f"send {wanted}")
    if "y" in event and "series_id" not in event:
        raise refused("LK296", "series_id", "is missing", "name the series that was measured")
    return _values(plan, event, columns, at_s, is_history)


def _columns(plan: Plan, event: Mapping[str, Any]) -> list[str]:
    return [column.name for column in plan.spec.known if column.name in event]


def _request(plan: Plan, event: Mapping[str, Any]) -> Told:
    wrong = sorted(set(event) - {"issue_at", "series_id", "again"})
    if wrong:
        raise refused("LK296", wrong[0], "does not belong to a request", "send it as its own line")
    names = event.get("series_id")
    if names is None:
        code = np.arange(len(plan.ids))
    else:
        asked = names if isinstance(names, list) else [names]
        code = np.array([_code(plan, name) for name in dict.fromkeys(map(_text, asked))])
        if not len(code):
            raise refused(
                "LK296", "series_id", "is an empty list", "name a series, or leave it out"
            )
    told = _only(code, issue_s=_seconds(event, "issue_at"))
    return replace(told, is_again=_is(event, "again"))


def _is(event: Mapping[str, Any], name: str) -> bool:
    told = event.get(name, False)
    if not isinstance(told, bool):
        raise _field(name, told, "is not true or false", "send true, or leave it out")
    return told


def _tick(at_s: int | None) -> Told:
    return _only(np.empty(0, dtype=np.int64), at_s=at_s)


def _only(code: np.ndarray, at_s: int | None = None, issue_s: int | None = None) -> Told:
    return Told(at_s, issue_s, code, np.empty(0, np.int64), None, None, {}, {}, is_history=False)


def _values(
    plan: Plan, event: Mapping[str, Any], columns: list[str], at_s: int | None, is_history: bool
) -> Told:
    step_s = plan.spec.step_s
    start = _seconds(event, "ts")
    if start % step_s:
        found = f"{event['ts']!r:.40} does not begin an interval of {step_s} s"
        raise refused("LK296", "ts", found, "send the start of the interval")
    names = (["y"] if "y" in event else []) + columns
    values = {name: _numbers(event, name) for name in names}
    sizes = {len(one) for one in values.values()}
    if len(sizes) != 1:
        raise refused("LK296", names[-1], "lists are not equally long", "send one value each")
    size = sizes.pop()
    step = start // step_s + np.arange(size, dtype=np.int64)
    code = np.arange(len(plan.ids))
    if "series_id" in event:
        _of_one(plan, columns)
        code = np.array([_code(plan, event["series_id"])])
    ends = (step + 1) * step_s
    if at_s is not None and "y" in event and ends[-1] > at_s:
        found = f"an interval that ends after the line came ({event['at']!r:.40})"
        raise refused("LK296", "ts", found, "send the start of the interval, in UTC")
    issued = _seconds(event, "issued_at") if "issued_at" in event else None
    y, is_truth = _measured(event, values)
    missing, suspect = _unseen(plan, event, y)
    nominal = int(ends[-1]) + plan.latency_s.get("y", 0) if y is not None else issued
    when = at_s if at_s is not None else nominal
    many = len(code) * size
    if many > MOST_VALUES * len(plan.ids):
        raise refused("LK296", names[0], f"{many:,} values in one line", "send shorter lists")
    edition = {n: _edition(plan, n, ends, issued, at_s) for n in columns}
    return Told(
        at_s=None if is_history else when,
        issue_s=None,
        code=np.repeat(code, size),
        step=np.tile(step, len(code)),
        y=None if y is None else np.where(missing | suspect, np.nan, y),
        is_truth=is_truth,
        known={name: np.tile(values[name], len(code)) for name in columns},
        edition={name: np.tile(edition[name], len(code)) for name in columns},
        is_history=is_history,
        missing=int(missing.sum()),
        suspect=int(suspect.sum()),
    )


def _of_one(plan: Plan, columns: list[str]) -> None:
    """Refuse a column of one series alone that all series share."""
    for column in plan.spec.known:
        if isinstance(column, NearKnown) and column.is_shared and column.name in columns:
            found = "is the same for all series, and told of one alone"
            raise refused("LK296", column.name, found, "send it as a line without series_id")


def _edition(
    plan: Plan, name: str, ends: np.ndarray, issued: int | None, at_s: int | None
) -> np.ndarray:
    """From when on each value is: the forecast's issue, else the end of what was measured."""
    if issued is not None:
        return np.full(len(ends), float(issued))
    measured = ends + plan.latency_s.get(name, 0)
    return np.asarray(measured if at_s is None else np.minimum(measured, at_s), dtype=np.float64)


def _measured(
    event: Mapping[str, Any], values: Mapping[str, np.ndarray]
) -> tuple[np.ndarray | None, np.ndarray | None]:
    if "y" not in values:
        if "quality" in event:
            raise refused("LK296", "quality", "belongs to a measurement", "send y, or leave it out")
        return None, None
    told = event.get("quality", _TRUTH)
    quality = told if isinstance(told, list) else [told] * len(values["y"])
    if len(quality) != len(values["y"]) or not all(
        isinstance(one, int) and not isinstance(one, bool) and 0 <= one <= 3 for one in quality
    ):
        raise _field("quality", told, "is not 0, 1, 2 or 3 for each value", "send 0 for a good one")
    marks = np.array(quality)
    return np.where(np.isin(marks, _SEEN), values["y"], np.nan), marks == _TRUTH


def _unseen(
    plan: Plan, event: Mapping[str, Any], y: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Which values stand for none, and which cannot be; as many as y has, none without it."""
    told = {name: _numbers(event, name) for name in plan.reading.beside if name in event}
    for name, values in told.items():
        if y is None:
            raise refused("LK296", name, "belongs to a measurement", "send y, or leave it out")
        if len(values) != len(y):
            raise refused("LK296", name, "lists are not equally long", "send one value each")
        if (values < 0).any():
            raise _field(name, event[name], "is below 0", "send null where it is not known")
    if y is None:
        return np.zeros(0, dtype=bool), np.zeros(0, dtype=bool)
    return plan.reading.judged(_text(event["series_id"]), y, told)


def _numbers(event: Mapping[str, Any], name: str) -> np.ndarray:
    told = event[name]
    values = told if isinstance(told, list) else [told]
    if not values:
        raise refused("LK296", name, "is an empty list", "send a value for each interval")
    for place, value in enumerate(values):
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
            where = f", place {place + 1}" if isinstance(told, list) else ""
            found = f"{value!r:.40}{where} is not a number"
            raise refused("LK296", name, found, "send a number, or null where it is not known")
    try:
        return np.array([np.nan if one is None else one for one in values], dtype=np.float64)
    except OverflowError:
        raise refused("LK296", name, "is beyond the largest number", "check its unit") from None


def _only_known_fields(plan: Plan, event: Mapping[str, Any]) -> None:
    known = _OWN | {column.name for column in plan.spec.known} | set(plan.reading.beside)
    known |= set(plan.unread)
    strange = sorted(set(event) - known)
    if strange:
        remedy = f"known fields are {', '.join(sorted(known))}"
        raise refused("LK296", strange[0], "is not known to this bundle", remedy)


def _seconds(event: Mapping[str, Any], name: str) -> int:
    try:
        told = event.get(name)
        if not isinstance(told, str):
            raise ValueError(f"{told!r:.40} is no instant; write ISO 8601 with an offset")
        return microseconds(told) // SECOND_US
    except ValueError as error:
        remedy = "write instants as ISO 8601 with an offset"
        raise refused("LK297", name, str(error), remedy) from None


def _code(plan: Plan, name: object) -> int:
    text = _text(name)
    if text not in plan.codes:
        remedy = f"the bundle has {len(plan.ids):,} series, such as {plan.ids[0]!r}"
        raise refused("LK294", "series_id", f"{text!r:.60} is none of the bundle's series", remedy)
    return plan.codes[text]


def _text(name: object) -> str:
    if not isinstance(name, str):
        raise _field("series_id", name, "is not text", "send the name of a series")
    return name


def _field(name: str, value: object, found: str, remedy: str) -> RowError:
    return refused("LK296", name, f"{value!r:.40} {found}", remedy)


__all__ = ["Told", "read_line"]
