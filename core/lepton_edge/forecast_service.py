"""JSON lines in, forecasts out: measurements and editions as they come, issues when they are due.

One line in, one line out. What is taken in is answered with how many values, and with how many of
them are `missing` or `suspect` by the bundle's own rule; a request, and every instant of the
bundle's schedule that has passed, with forecasts. A wrong line is answered with an error and
changes nothing. The state is written every so many lines and at the end, and an answer
that says `saved` is in it; after a kill the lines since then are sent again, and forecasts that the
state knows already are answered as before. Of a network that is watched every scheduled issue also
tells the open alarms, one a queue, and behind which series an incident is told.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from lepton_edge.errors import RowError
from lepton_edge.forecast_lines import Told, read_line
from lepton_edge.forecast_state import ForecastState
from lepton_edge.forecaster import Forecaster, Forecasts
from lepton_edge.lines import Storage, object_of, refused, told

STATE: Final = "forecast.state"
MOST_AHEAD_S: Final = 45 * 86_400
"""How far one line may move the clock; farther only a line with nothing but `at` can."""


class ForecastService:
    """A bundle that answers lines.

    storage: where the state lies, None for none. Raises BundleError LK614 or LK653 where the state
    there is damaged or another bundle's.
    """

    def __init__(self, forecaster: Forecaster, storage: Storage | None = None) -> None:
        self.forecaster, self.plan = forecaster, forecaster.plan
        self.storage = storage or Storage(Path(), every=1 << 62)
        self._path = None if storage is None else storage.folder / STATE
        self.state = ForecastState(forecaster)
        if self._path is not None and self._path.is_file():
            self.state = ForecastState.load(forecaster, self._path)
        self.unsaved = self.refused = self.lines = 0

    def answer(self, line: bytes) -> str:
        """The answer to one line as JSON; an error is an answer too."""
        return json.dumps(self.answered(line), allow_nan=False)

    def answered(self, line: bytes) -> dict[str, Any]:
        """The answer to one line."""
        self.lines += 1
        try:
            event = read_line(self.plan, object_of(line))
            self._check_clock(event)
        except RowError as error:
            self.refused += 1
            return told(error, self.lines)
        self.state.rows += 1
        found = {"row": self.lines, **self._taken(event)}
        self.unsaved += 1
        if self.unsaved >= self.storage.every:
            self.save()
            found["saved"] = True
        return found

    def save(self) -> None:
        """Write the state."""
        if self._path is not None:
            self.state.save(self._path)
        self.unsaved = 0

    def _check_clock(self, event: Told) -> None:
        """Refuse what cannot be issued any more, and what would let the clock run away."""
        now_s = self.state.now_s
        if now_s is None:
            return
        when = event.at_s if event.issue_s is None else event.issue_s
        is_tick = event.issue_s is None and not event.n_values
        if when is not None and when > now_s + MOST_AHEAD_S and not is_tick:
            field = "ts" if event.issue_s is None else "issue_at"
            found = f"{_iso(when)}, {(when - now_s) // 86_400:,} days after the stream's clock"
            raise refused("LK295", field, found, 'check it, or send {"at": ...} alone before')
        if event.issue_s is not None and event.issue_s < now_s:
            known = {} if event.is_again else self.state.answers.get(event.issue_s, {})
            if not all(int(code) in known for code in event.code):
                found = f"{_iso(event.issue_s)}, before {_iso(now_s)}, up to which all is known"
                remedy = "ask for now, or replay the lines into an empty state up to then"
                raise refused("LK295", "issue_at", found, remedy)

    def _taken(self, event: Told) -> dict[str, Any]:
        if event.issue_s is not None:
            return self._requested(event)
        issued = self._pass(event.at_s, is_open=event.n_values > 0)
        if event.y is not None and event.is_truth is not None:
            is_truth = event.is_truth & (not event.is_history)
            self.state.measured(event.code, event.step, event.y, is_truth)
        for name, values in event.known.items():
            self.state.known(name, event.code, event.step, values, event.edition[name])
        found: dict[str, Any] = {"taken": event.n_values}
        unseen = {"missing": event.missing, "suspect": event.suspect}
        found |= {name: count for name, count in unseen.items() if count}
        return {**found, "issued": issued} if issued else found

    def _requested(self, event: Told) -> dict[str, Any]:
        assert event.issue_s is not None
        if event.is_again:
            issued = self._pass(event.issue_s, is_open=True)
            found = self._again(event.code, event.issue_s)
            return {**found, "issued": issued} if issued else found
        is_repeated = event.issue_s in self.state.answers and all(
            int(code) in self.state.answers[event.issue_s] for code in event.code
        )
        issued = [] if is_repeated else self._pass(event.issue_s, is_open=True)
        found = self._issue(event.code, event.issue_s)
        found |= {"repeated": True} if is_repeated else {}
        return {**found, "issued": issued} if issued else found

    def _pass(self, until_s: int | None, *, is_open: bool) -> list[dict[str, Any]]:
        """Let the clock go on, and issue what is due on the way."""
        state = self.state
        if until_s is None or (state.due_s is not None and until_s <= state.due_s):
            return []
        every = np.arange(len(self.plan.ids))
        due = state.passed(until_s, is_open=is_open)
        return [
            self._again(every, at) if again else {**self._issue(every, at), **self._watched(at)}
            for at, again in due
        ]

    def _watched(self, at_s: int) -> dict[str, Any]:
        """Open alarms and incidents of a network that is watched."""
        seen, ids = self.state.watched(at_s), self.plan.ids
        if seen is None:
            return {}
        alarms = [
            {
                "alarm": one.alarm,
                "since": _iso(int(one.since_s)),
                "call": one.is_call,
                "chance": one.chance if math.isfinite(one.chance) else None,
                "head": ids[one.head],
                "tail": ids[one.tail],
                _ID: [ids[code] for code in one.members],
            }
            for one in seen.queues
        ]
        return {"alarms": alarms, "incidents": [ids[code] for code in seen.incidents]}

    def _again(self, code: np.ndarray, at_s: int) -> dict[str, Any]:
        """What was issued before, made again at an instant, of the series that have any of it."""
        made = [(self.plan.ids[one], self.state.again(one, at_s)) for one in code.tolist()]
        step_s = self.plan.spec.step_s
        forecasts = [
            {
                _ID: name,
                "ts": _iso(int(one.step[0]) * step_s),
                "quantiles": _finite(one.quantiles),
            }
            for name, one in made
            if len(one.step)
        ]
        return {"issue_at": _iso(at_s), "step_s": step_s, "again": True, "forecasts": forecasts}

    def _issue(self, code: np.ndarray, issue_s: int) -> dict[str, Any]:
        made = self.state.issue(code, issue_s)
        wanted = set(code.tolist())
        forecasts = [
            one
            for block in made
            for one in self._told(block)
            if self.plan.codes[one[_ID]] in wanted
        ]
        return {
            "issue_at": _iso(issue_s),
            "step_s": self.plan.spec.step_s,
            "forecasts": forecasts,
        }

    def _told(self, made: Forecasts) -> list[dict[str, Any]]:
        starts = made.step[:, 0] * self.plan.spec.step_s
        return [
            {
                _ID: self.plan.ids[int(code)],
                "ts": _iso(int(starts[row])),
                "rung": self.plan.rungs[int(made.rung[row])],
                "reason": made.reasons[row],
                "quantiles": _finite(made.quantiles[row]),
                **self._onset(made.onset[row]),
            }
            for row, code in enumerate(made.code)
        ]

    def _onset(self, chances: np.ndarray) -> dict[str, Any]:
        """Chances of congestion by minutes ahead, null where it is there or nothing is known."""
        rule = self.plan.onset
        if rule is None or not len(chances):
            return {}
        minutes = [span * self.plan.spec.step_s // 60 for span in rule.spans]
        if not np.isfinite(chances).all():
            return {"onset": None}
        told = zip(minutes, chances.tolist(), strict=True)
        return {"onset": {str(ahead): chance for ahead, chance in told}}


_ID: Final = "series_id"


def _finite(quantiles: np.ndarray) -> list[list[float]] | None:
    return quantiles.tolist() if math.isfinite(float(quantiles.sum())) else None


def _iso(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, tz=UTC).isoformat().replace("+00:00", "Z")


def has_forecast(answer: Mapping[str, Any]) -> bool:
    """Whether an answer has forecasts in it."""
    return "forecasts" in answer or "issued" in answer


__all__ = ["ForecastService", "has_forecast"]
