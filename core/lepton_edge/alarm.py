"""An alarm a failure mode and life of an asset: raised by m of n scores, cleared after a hold-off.

Score by score and in O(1) memory on a device; a whole fleet's history at once in a batch. Missing
data is never healthy: it makes the condition unknown and neither raises nor clears an alarm.
Hysteresis, delay and shelving follow ISA-18.2 (2016).
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, NamedTuple

import numpy as np

OK: Final = "ok"
RAISED: Final = "raised"
UNKNOWN: Final = "unknown"
LEVELS: Final = ("watch", "plan", "stop")
"""Names of the levels 1, 2 and 3; level 0 is no alarm."""
MOST_COUNTED: Final = 1_000
"""Largest `n` of an alarm: its state keeps so many small numbers."""
_SHORTEST_SKIP: Final = 8
"""Rows that a replay must be able to pass over before it looks for more than the next one."""


@dataclass(frozen=True)
class AlarmSpec:
    """When an alarm is raised, how far it escalates and when it is cleared.

    hi: an alarm is raised when `m` of the last `n` scores reach it; lo: it is cleared once every
    score for `hold_off_s` seconds was below it, at least `dwell_s` seconds after it was raised;
    plan, stop: as `hi`, for the levels above "watch", None for no such level; max_gap_s: seconds
    without a score after which the condition is unknown and counting begins anew.
    Raises ValueError naming everything that does not fit together.
    """

    hi: float
    lo: float
    m: int = 1
    n: int = 1
    hold_off_s: float = 0.0
    dwell_s: float = 0.0
    max_gap_s: float = math.inf
    plan: float | None = None
    stop: float | None = None

    def __post_init__(self) -> None:
        found = _faults(self)
        if found:
            raise ValueError("an alarm needs " + "; ".join(found))

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Score from which each level holds, rising; infinite where there is no such level."""
        stop = math.inf if self.stop is None else self.stop
        return (self.hi, stop if self.plan is None else self.plan, stop)

    def to_json(self) -> dict[str, Any]:
        """The spec as plain data; an endless gap is None."""
        endless = math.isinf(self.max_gap_s)
        return {**asdict(self), "max_gap_s": None if endless else self.max_gap_s}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> AlarmSpec:
        """The spec that `to_json` wrote; KeyError, TypeError or ValueError on other data."""
        unknown = sorted(set(told) - {field.name for field in fields(cls)})
        if unknown:
            raise ValueError(f"an alarm has no {', '.join(unknown)}")
        gap = told["max_gap_s"]
        return cls(**{**told, "max_gap_s": math.inf if gap is None else gap})


class AlarmState(NamedTuple):
    """All that is remembered of one asset and failure mode.

    condition: OK, RAISED or UNKNOWN; is_open: whether an alarm stands, also while nothing is known;
    level: highest that this life's alarm reached, 0 for none yet; window: levels of the last
    scores, at most `n`; newest_s, known_s: instants of the newest reading and of the newest score;
    raised_s: instant at which the alarm opened; below_s: since when scores are below `lo`;
    life: how many replacements came before; acknowledged: level that a person has seen.
    """

    condition: str = UNKNOWN
    is_open: bool = False
    level: int = 0
    window: tuple[int, ...] = ()
    newest_s: float = -math.inf
    known_s: float | None = None
    raised_s: float | None = None
    below_s: float | None = None
    life: int = 0
    acknowledged: int = 0


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """One change of an alarm at the instant `at_s` (seconds since 1970).

    kind: "raised" once a life; "reopened" where the same life's alarm comes back after it was
    cleared; "escalated"; "cleared"; "closed" by a replacement; "unknown" and "known" where scores
    stop and come again. score: None where there was none. is_call: whether a person is called,
    which an alarm that was acknowledged at its level no longer does.
    """

    at_s: float
    kind: str
    condition: str
    level: int
    life: int
    score: float | None = None
    is_call: bool = False


Stepped = tuple[AlarmState, tuple[AlarmEvent, ...]]


def step(spec: AlarmSpec, state: AlarmState, at_s: float, score: float) -> Stepped:
    """The state after the reading at `at_s` (seconds since 1970), and what changed.

    score: larger is worse; a number that is not finite is missing data. A reading older than the
    newest one changes nothing. Raises ValueError where `at_s` is not finite.
    """
    if not math.isfinite(at_s):
        raise ValueError(f"an alarm needs the instant of a reading, not {at_s}")
    if at_s < state.newest_s:
        return state, ()
    state, lost = check(spec, state, at_s)
    if not math.isfinite(score):
        state, more = _lose(state, at_s)
    else:
        state, more = _know(spec, state, at_s, score)
    return state._replace(newest_s=at_s), lost + more


def check(spec: AlarmSpec, state: AlarmState, at_s: float) -> Stepped:
    """The state at `at_s` where no reading has come: unknown once the gap is too long.

    The event bears the instant at which the gap became too long, whenever it is noticed.
    """
    if state.known_s is None or not at_s - state.known_s > spec.max_gap_s:
        return state, ()
    state, events = _lose(state, state.known_s + spec.max_gap_s)
    return (state._replace(window=()) if state.window else state), events


def acknowledge(state: AlarmState) -> AlarmState:
    """The state once a person has seen the alarm: it calls again only at a higher level."""
    return state._replace(acknowledged=state.level)


def reset(state: AlarmState, at_s: float) -> Stepped:
    """The state after a replacement at `at_s`: a new life, of which nothing is known yet."""
    fresh = AlarmState(newest_s=max(at_s, state.newest_s), life=state.life + 1)
    if not state.is_open:
        return fresh, ()
    return fresh, (AlarmEvent(at_s, "closed", UNKNOWN, state.level, state.life),)


def replay(
    spec: AlarmSpec,
    asset: np.ndarray,
    at_s: np.ndarray,
    score: np.ndarray,
    resets: Sequence[tuple[int, float]] = (),
) -> list[tuple[int, AlarmEvent]]:
    """(asset, event) of a whole history, exactly as `step` and `reset` give them one by one.

    asset: codes; at_s: seconds since 1970; score: as for `step`; rows of an asset in the order in
    which they came. resets: (asset, instant) of replacements; readings from that instant on belong
    to the new life. Events are by asset, then in their order. `step` is asked only for rows that
    could change something, so that a healthy fleet costs a few numpy operations a row.
    """
    asset, at_s, score = np.asarray(asset), np.asarray(at_s, float), np.asarray(score, float)
    if not np.isfinite(at_s).all():
        raise ValueError("an alarm needs the instant of each reading")
    order = np.argsort(asset, kind="stable")
    names, starts = np.unique(asset[order], return_index=True)
    told: dict[int, list[float]] = {int(name): [] for name in names}
    for name, at in resets:
        told.get(int(name), []).append(float(at))
    ends = [*starts[1:].tolist(), len(order)]
    return [
        (int(name), event)
        for name, start, end in zip(names, starts.tolist(), ends, strict=True)
        for event in _replay_one(spec, at_s[order[start:end]], score[order[start:end]], told[name])
    ]


class Alarms:
    """The alarms of a fleet, one state a key (an asset, or an asset and a failure mode)."""

    def __init__(self, spec: AlarmSpec) -> None:
        self.spec = spec
        self.states: dict[Hashable, AlarmState] = {}

    def read(self, key: Hashable, at_s: float, score: float) -> tuple[AlarmEvent, ...]:
        """What the reading of `key` at `at_s` changes."""
        self.states[key], events = step(self.spec, self.of(key), at_s, score)
        return events

    def check(self, at_s: float) -> list[tuple[Hashable, AlarmEvent]]:
        """What is no longer known at `at_s`, over all keys."""
        found: list[tuple[Hashable, AlarmEvent]] = []
        for key, state in self.states.items():
            self.states[key], events = check(self.spec, state, at_s)
            found += [(key, event) for event in events]
        return found

    def check_one(self, key: Hashable, at_s: float) -> tuple[AlarmEvent, ...]:
        """What is no longer known of `key` at `at_s`, where it has been read."""
        if key not in self.states:
            return ()
        self.states[key], events = check(self.spec, self.states[key], at_s)
        return events

    def acknowledge(self, key: Hashable) -> None:
        """A person has seen the alarm of `key`."""
        self.states[key] = acknowledge(self.of(key))

    def reset(self, key: Hashable, at_s: float) -> tuple[AlarmEvent, ...]:
        """What a replacement at `at_s` changes: the next life of `key` begins."""
        self.states[key], events = reset(self.of(key), at_s)
        return events

    def of(self, key: Hashable) -> AlarmState:
        """The state of `key`; of one never read, that nothing is known."""
        return self.states.get(key, AlarmState())

    def checkpoint(self) -> str:
        """Everything remembered, as JSON; keys are strings, numbers or tuples of them."""
        states = [[key, state_to_json(state)] for key, state in self.states.items()]
        return json.dumps({"spec": self.spec.to_json(), "states": states}, allow_nan=False)

    @classmethod
    def restored(cls, text: str) -> Alarms:
        """The alarms that `checkpoint` wrote; KeyError, TypeError or ValueError on other text."""
        told = json.loads(text)
        alarms = cls(AlarmSpec.from_json(told["spec"]))
        alarms.states = {
            tuple(key) if isinstance(key, list) else key: state_from_json(state)
            for key, state in told["states"]
        }
        return alarms


def state_to_json(state: AlarmState) -> dict[str, Any]:
    """The state as plain data."""
    seen = math.isfinite(state.newest_s)
    return {
        **state._asdict(),
        "window": list(state.window),
        "newest_s": state.newest_s if seen else None,
    }


def state_from_json(told: Mapping[str, Any]) -> AlarmState:
    """The state that `state_to_json` wrote; KeyError, TypeError or ValueError on other data."""
    if told["condition"] not in (OK, RAISED, UNKNOWN):
        raise ValueError(f"an alarm's condition is never {told['condition']!r}")
    newest = told["newest_s"]
    return AlarmState(
        condition=told["condition"],
        is_open=told["is_open"] is True,
        level=int(told["level"]),
        window=tuple(int(level) for level in told["window"]),
        newest_s=-math.inf if newest is None else float(newest),
        known_s=_instant(told["known_s"]),
        raised_s=_instant(told["raised_s"]),
        below_s=_instant(told["below_s"]),
        life=int(told["life"]),
        acknowledged=int(told["acknowledged"]),
    )


def _instant(value: Any) -> float | None:
    return None if value is None else float(value)


def _faults(spec: AlarmSpec) -> list[str]:
    numbers = [n for n in (spec.hi, spec.lo, spec.plan, spec.stop) if n is not None]
    rising = [spec.lo, *(n for n in (spec.hi, spec.plan, spec.stop) if n is not None)]
    rules = {
        "finite thresholds": all(math.isfinite(n) for n in numbers),
        f"lo <= hi <= plan <= stop, not {rising}": rising == sorted(rising),
        f"1 <= m <= n <= {MOST_COUNTED:,}, not m {spec.m} and n {spec.n}": (
            isinstance(spec.m, int) and isinstance(spec.n, int) and 1 <= spec.m <= spec.n
        )
        and spec.n <= MOST_COUNTED,
        f"a hold-off and a dwell of 0 s or more, not {spec.hold_off_s} and {spec.dwell_s}": (
            0 <= spec.hold_off_s < math.inf and 0 <= spec.dwell_s < math.inf
        ),
        f"a gap above 0 s, not {spec.max_gap_s}": spec.max_gap_s > 0,
    }
    return [rule for rule, holds in rules.items() if not holds]


def _lose(state: AlarmState, at_s: float) -> Stepped:
    """Nothing is known from `at_s` on; time below `lo` must be seen whole, so it begins anew."""
    if state.condition == UNKNOWN:
        return state, ()
    lost = state._replace(condition=UNKNOWN, below_s=None)
    return lost, (AlarmEvent(at_s, "unknown", UNKNOWN, state.level, state.life),)


def _know(spec: AlarmSpec, state: AlarmState, at_s: float, score: float) -> Stepped:
    level = sum(score >= threshold for threshold in spec.thresholds)
    window = (*state.window, level)[-spec.n :]
    reached = sorted(window)[-spec.m] if len(window) >= spec.m else 0
    known = state._replace(window=window, known_s=at_s)
    if state.is_open:
        return _stand(spec, known, at_s, score, reached)
    if reached:
        kind = "reopened" if state.level else "raised"
        level = max(state.level, reached)
        opened = known._replace(condition=RAISED, is_open=True, level=level, raised_s=at_s)
        return opened, (_event(opened, at_s, kind, score),)
    healthy = known._replace(condition=OK)
    if state.condition == OK:
        return healthy, ()
    return healthy, (_event(healthy, at_s, "known", score),)


def _stand(spec: AlarmSpec, state: AlarmState, at_s: float, score: float, reached: int) -> Stepped:
    """An open alarm after one more score, which `state` already counts."""
    below = (at_s if state.below_s is None else state.below_s) if score < spec.lo else None
    raised = at_s if state.raised_s is None else state.raised_s
    if below is not None and _is_over(spec, at_s - below, at_s - raised):
        shut = state._replace(is_open=False, window=(), raised_s=None, below_s=None)
        cleared = shut._replace(condition=OK)
        return cleared, (_event(cleared, at_s, "cleared", score),)
    standing = state._replace(condition=RAISED, below_s=below, level=max(state.level, reached))
    if reached > state.level:
        return standing, (_event(standing, at_s, "escalated", score),)
    if state.condition == RAISED:
        return standing, ()
    return standing, (_event(standing, at_s, "known", score),)


def _event(state: AlarmState, at_s: float, kind: str, score: float) -> AlarmEvent:
    is_call = kind in ("raised", "reopened", "escalated") and state.level > state.acknowledged
    return AlarmEvent(at_s, kind, state.condition, state.level, state.life, score, is_call)


def _is_over(spec: AlarmSpec, below_s: Any, raised_s: Any) -> Any:
    """Whether an alarm is cleared: numbers or arrays of seconds below `lo` and since it opened."""
    return (below_s >= spec.hold_off_s) & (raised_s >= spec.dwell_s)


class _History:
    """The rows of one asset in order of time, and where in them something could change."""

    def __init__(self, spec: AlarmSpec, at: np.ndarray, score: np.ndarray) -> None:
        self.spec, self._at = spec, at
        self.at_s, self.score = at.tolist(), score.tolist()
        level = (score[:, None] >= np.asarray(spec.thresholds)).sum(axis=1)
        known, below = np.isfinite(score), score < spec.lo
        last = np.maximum.accumulate(np.where(known, np.arange(len(at)), -1))
        before = np.concatenate([[-1], last[:-1]])
        gap = (before >= 0) & (at - at[before] > spec.max_gap_s)
        self.level = level.tolist()
        self._known = _places(known)
        self._healthy = _places(~known | gap | (level > 0))
        self._standing = [_places(~known | gap | below | (level > most)) for most in range(4)]
        self._below = _places(~known | gap | ~below)

    def quiet_until(self, state: AlarmState, start: int) -> int:
        """First row from `start` on at which `step` could give an event, or a timer begin."""
        if state.condition == UNKNOWN:
            return _next(self._known, start)
        if not state.is_open:
            return _next(self._healthy, start)
        if state.below_s is None or state.raised_s is None:
            return _next(self._standing[state.level], start)
        end = _next(self._below, start)
        at = self._at[start:end]
        over = np.flatnonzero(_is_over(self.spec, at - state.below_s, at - state.raised_s))
        return start + int(over[0]) if len(over) else max(end, start)

    def passed(self, state: AlarmState, start: int, end: int) -> AlarmState:
        """The state after the quiet rows `start` to `end`, as `step` leaves it row by row."""
        newest = self.at_s[end - 1]
        if state.condition == UNKNOWN:
            return check(self.spec, state._replace(newest_s=newest), newest)[0]
        new = self.level[max(start, end - self.spec.n) : end]
        window = (*state.window, *new)[-self.spec.n :]
        return state._replace(window=window, newest_s=newest, known_s=newest)


def _places(mask: np.ndarray) -> list[int]:
    """Rows where `mask` holds, and one past the last."""
    found: list[int] = np.flatnonzero(mask).tolist()
    return [*found, len(mask)]


def _next(places: list[int], start: int) -> int:
    return places[min(bisect_left(places, start), len(places) - 1)]


def _replay_one(
    spec: AlarmSpec, at: np.ndarray, score: np.ndarray, resets: Sequence[float]
) -> list[AlarmEvent]:
    in_time = at >= np.maximum.accumulate(at)
    history = _History(spec, at[in_time], score[in_time])
    state, start = AlarmState(), 0
    events: list[AlarmEvent] = []
    for instant in sorted(resets):
        end = bisect_left(history.at_s, instant)
        state = _run(history, state, range(start, end), events)
        state, closed = reset(state, instant)
        events += closed
        start = end
    _run(history, state, range(start, len(history.at_s)), events)
    return events


def _run(history: _History, state: AlarmState, rows: range, events: list[AlarmEvent]) -> AlarmState:
    """The state after `rows`; what happened on the way is added to `events`."""
    row = rows.start
    while row < rows.stop:
        quiet = min(history.quiet_until(state, row), rows.stop)
        if quiet - row >= _SHORTEST_SKIP:
            state, row = history.passed(state, row, quiet), quiet
        else:
            state, more = step(history.spec, state, history.at_s[row], history.score[row])
            events += more
            row += 1
    return state


__all__ = [
    "LEVELS",
    "MOST_COUNTED",
    "OK",
    "RAISED",
    "UNKNOWN",
    "AlarmEvent",
    "AlarmSpec",
    "AlarmState",
    "Alarms",
    "acknowledge",
    "check",
    "replay",
    "reset",
    "state_from_json",
    "state_to_json",
    "step",
]
