"""What a stream of forecasts remembers: measurements, editions, calibration, what it has issued.

Time is the stream's own: it moves with what is told, so that lines sent again after a kill give the
same bits. Nothing that was told after an issue can change it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from lepton_edge import state_file
from lepton_edge.bundle import Opened
from lepton_edge.conformal import Rolling, Scores, outside
from lepton_edge.correction import Issue, Running, Value
from lepton_edge.errors import BundleError
from lepton_edge.forecast_plan import Plan
from lepton_edge.forecaster import Forecaster, Forecasts
from lepton_edge.near import is_scored
from lepton_edge.near_spec import NearSpec
from lepton_edge.near_stream import NearStream, editions_of, rings_from, rings_of
from lepton_edge.watch import Seen, Watch, sight

MAGIC: Final = b"lepton-forecast 1 "
REPEATABLE: Final = 4
"""Newest instants of issue whose answers can be given again."""
_GRACE_S: Final = 86_400
"""How late a truth may come and still count for the calibration."""
_NEAR_GRACE_S: Final = 3_600
"""The same for forecasts of the next minutes, which are many."""
_CATCH_UP_S: Final = 7 * 86_400
"""How long after it was due an issue is still made up for."""
_START_AGAIN: Final = "restore the file, or remove it and send the last weeks as history again"


@dataclass(frozen=True, eq=False)
class Issued:
    """What was issued at one instant, a row a series of the bundle.

    first: number of the first interval; given: (n,) whether the series has a forecast of the model;
    outer: (n, leads, 2) blended outer deciles; cell: (n, leads); scale: (n,); scored: (n, leads).
    """

    first: int
    given: np.ndarray
    outer: np.ndarray
    cell: np.ndarray
    scale: np.ndarray
    scored: np.ndarray

    @classmethod
    def empty(cls, plan: Plan, issue_s: int) -> Issued:
        """Nothing issued yet."""
        n, n_leads = len(plan.ids), plan.spec.n_leads
        return cls(
            issue_s // plan.spec.step_s + plan.spec.first_lead,
            np.zeros(n, dtype=bool),
            np.full((n, n_leads, 2), np.nan),
            np.zeros((n, n_leads), dtype=np.int8),
            np.ones(n),
            np.zeros((n, n_leads), dtype=bool),
        )

    def add(self, made: Forecasts, scored: np.ndarray) -> None:
        """Remember forecasts of some series, those of the mask `scored` (n,); what stood in for the
        model is never scored."""
        own = (made.rung == 0) & scored
        code = made.code[own]
        self.given[code], self.scale[code] = True, made.scale[own]
        self.outer[code], self.cell[code] = made.blend[own][..., [0, -1]], made.cell[own]

    def score(
        self, code: np.ndarray, step: np.ndarray, y: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of truths that were not scored: places in them, cells, scores."""
        lead = step - self.first
        inside = (lead >= 0) & (lead < self.cell.shape[1]) & self.given[code]
        at = np.flatnonzero(inside)
        at = at[~self.scored[code[at], lead[at]]]
        row, place = code[at], lead[at]
        self.scored[row, place] = True
        found = outside(y[at], self.outer[row, place], self.scale[row])
        return at, self.cell[row, place].astype(np.int64), found


class ForecastState:
    """A bundle's stream: take in measurements and known columns, issue forecasts.

    now_s: the newest instant of which something was told; due_s: up to which scheduled issues were
    made; None before the first line that has an instant.
    """

    def __init__(self, forecaster: Forecaster) -> None:
        self.forecaster, self.plan = forecaster, forecaster.plan
        spec, n = self.plan.spec, len(self.plan.ids)
        self.rings = rings_of(spec, self.plan.typical)
        self.editions = editions_of(spec, n)
        self.rolling: Rolling = forecaster.calibration()
        self.issued: dict[int, Issued] = {}
        self.answers: dict[int, dict[int, Forecasts]] = {}
        self.now_s: int | None = None
        self.due_s: int | None = None
        self.watch = _watch_of(self.plan)
        self.watched_s: int | None = None
        self.rows = 0

    def measured(
        self, code: np.ndarray, step: np.ndarray, y: np.ndarray, is_truth: np.ndarray
    ) -> None:
        """Take in measurements, row by row; those of `is_truth` tell what forecasts were worth."""
        self.rings.tell(code, step, y)
        good = is_truth & np.isfinite(y)
        code, step, y = code[good], step[good], y[good]
        ends = (step + 1) * self.plan.spec.step_s + self.plan.latency_s.get("y", 0)
        for issue_s, one in self.issued.items():
            at, cell, score = one.score(code, step, y)
            # what comes late counts from the next issue on, as it was not known at the last
            known_s = np.maximum(ends[at], self.rolling.seen_s + 1)
            self.rolling.tell(Scores(known_s, np.full(len(at), issue_s), cell, score))

    def known(
        self, name: str, code: np.ndarray, step: np.ndarray, value: np.ndarray, edition: np.ndarray
    ) -> None:
        """Take in a known column where no newer edition is there; NaN tells nothing."""
        ring = self.editions[name]
        if isinstance(self.rings, NearStream):
            # before the clock goes, what is told is as old as its edition
            now_s = edition if self.now_s is None else self.now_s
            at, code = self.rings.taken(name, code, step, now_s)
            step, value, edition = step[at], value[at], edition[at]
        former = ring.get(code, step[:, None])[:, 0]
        newer = np.isfinite(value) & ~(former > edition)
        code, step = code[newer], step[newer]
        self.rings.tell_known(name, code, step, value[newer])
        ring.put(code, step, edition[newer])

    def issue(self, code: np.ndarray, issue_s: int) -> list[Forecasts]:
        """Forecasts of these series at an instant, not before the last; each only once."""
        answers = self.answers.setdefault(issue_s, {})
        new = np.array([one for one in code.tolist() if one not in answers], dtype=np.int64)
        if len(new):
            factors = self.rolling.factors(issue_s)
            made = self.forecaster.forecast(new, self.rings.window(new, issue_s), factors)
            step = issue_s // self.plan.spec.step_s
            scored = is_scored(step, new) if self.plan.is_near else np.ones(len(new), dtype=bool)
            if scored.any():
                issued = self.issued.setdefault(issue_s, Issued.empty(self.plan, issue_s))
                issued.add(made, scored)
            answers |= {int(one): made for one in new}
        self._forget(issue_s)
        return list({id(one): one for one in (answers[int(c)] for c in code)}.values())

    def watched(self, issue_s: int) -> Seen | None:
        """What is told of queues and incidents at an instant of issue of all series, each only
        once; None where nothing is watched, or where it was told."""
        plan, spec = self.plan, self.plan.spec
        if self.watch is None or (self.watched_s is not None and issue_s <= self.watched_s):
            return None
        assert isinstance(spec, NearSpec)
        assert isinstance(self.rings, NearStream)
        assert plan.habits is not None
        assert plan.watch is not None
        chance = np.full(len(plan.ids), np.nan)
        for made in {id(one): one for one in self.answers[issue_s].values()}.values():
            if made.onset.shape[1]:
                chance[made.code] = made.onset[:, -1]
        window = self.rings.window(np.arange(len(plan.ids)), issue_s)
        seen = sight(spec, window, plan.habits, plan.clocks[0], plan.watch)
        self.watched_s = issue_s
        return self.watch.read(float(issue_s), seen, chance)

    def again(self, code: int, at_s: int) -> Running:
        """What was issued of a series for the intervals from an instant on, moved by how far the
        newest value was off; nothing of it is remembered."""
        issues = []
        for issue_s in sorted(self.answers):
            made = self.answers[issue_s].get(code)
            if made is not None:
                row = int(np.flatnonzero(made.code == code)[0])
                if np.isfinite(made.quantiles[row]).all():
                    issues.append(Issue(issue_s, made.step[row], made.quantiles[row]))
        plan, step_s = self.plan, self.plan.spec.step_s
        now, newest, known = at_s // step_s, self.rings.past.newest(code, at_s // step_s), None
        if newest is not None:
            there_s = (newest[0] + 1) * step_s + plan.latency_s.get("y", 0)
            known = Value(*newest, there_s)
        n = plan.schedule.again_n or plan.spec.n_ahead
        return Running.of(issues).again(known, now, n, plan.correction)

    def passed(self, until_s: int, *, is_open: bool) -> list[tuple[int, bool]]:
        """Let the clock go on; what is due by it: instants, and whether forecasts are only made
        again then.

        is_open: more may come of the instant `until_s` itself, so that what is due then waits.
        """
        last = until_s - 1 if is_open else until_s
        first = until_s - 1 if self.due_s is None else self.due_s
        spec = self.plan.spec
        # of a network only what is not over yet is made up for
        back_s = spec.n_ahead * spec.step_s if self.plan.is_near else _CATCH_UP_S
        span = max(first, last - back_s), last
        due = dict.fromkeys(self.plan.schedule.again(*span), True)
        due |= dict.fromkeys(self.plan.issues(*span), False)
        self.due_s = max(first, last)
        self.now_s = until_s if self.now_s is None else max(self.now_s, until_s)
        return sorted(due.items())

    def _forget(self, now_s: int) -> None:
        spec = self.plan.spec
        grace_s = _NEAR_GRACE_S if self.plan.is_near else _GRACE_S
        kept_s = spec.n_ahead * spec.step_s + self.plan.latency_s.get("y", 0) + grace_s
        for issue_s in [one for one in self.issued if one + kept_s < now_s]:
            del self.issued[issue_s]
        for issue_s in sorted(self.answers)[:-REPEATABLE]:
            del self.answers[issue_s]

    def save(self, path: Path) -> None:
        """Write everything to `path` at once."""
        arrays = {f"rolling.{n}": array for n, array in self.rolling.to_arrays().items()}
        arrays["rings"] = np.frombuffer(self.rings.to_bytes(), dtype=np.uint8)
        for name, ring in self.editions.items():
            arrays[f"editions.step.{name}"], arrays[f"editions.value.{name}"] = (
                ring.step,
                ring.value,
            )
        facts: dict[str, Any] = {
            "bundle": _bundle_of(self.forecaster.opened),
            "clock": [self.now_s, self.due_s],
            "rows": self.rows,
            "watch": None if self.watch is None else self.watch.checkpoint(),
            "watched": self.watched_s,
            "issued": [[issue_s, one.first] for issue_s, one in self.issued.items()],
            "answers": [],
        }
        for number, one in enumerate(self.issued.values()):
            arrays |= {f"issued.{number}.{n}": getattr(one, n) for n in _ISSUED}
        blocks = [
            (issue_s, made)
            for issue_s, by_code in self.answers.items()
            for made in {id(one): one for one in by_code.values()}.values()
        ]
        for number, (issue_s, made) in enumerate(blocks):
            facts["answers"].append([issue_s, list(made.reasons)])
            arrays |= {f"answers.{number}.{n}": getattr(made, n) for n in _ANSWERS}
        text = json.dumps(facts, allow_nan=False).encode()
        arrays["facts"] = np.frombuffer(text, dtype=np.uint8)
        state_file.write(path, MAGIC, arrays)

    @classmethod
    def load(cls, forecaster: Forecaster, path: Path) -> ForecastState:
        """What `save` wrote; BundleError LK614 where damaged, LK653 where another bundle's."""
        arrays = state_file.read(path, MAGIC, _START_AGAIN)
        made = cls(forecaster)
        try:
            facts = json.loads(arrays["facts"].tobytes())
            if facts["bundle"] != _bundle_of(forecaster.opened):
                raise BundleError(
                    "LK653",
                    where=str(path),
                    found="the state of another bundle",
                    remedy="start with an empty folder and send the last weeks as history",
                )
            made._fill(facts, arrays)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            found = f"not a whole state: {type(error).__name__} {error}"
            raise state_file.damaged(path, found, _START_AGAIN) from error
        return made

    def _fill(self, facts: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        self.rings = rings_from(self.plan.spec, arrays["rings"].tobytes())
        for name, ring in self.editions.items():
            for part in ("step", "value"):
                getattr(ring, part)[:] = arrays[f"editions.{part}.{name}"]
        told = {n.partition(".")[2]: a for n, a in arrays.items() if n.startswith("rolling.")}
        self.rolling = Rolling.from_arrays(self.plan.conformal, told)
        (self.now_s, self.due_s), self.rows = facts["clock"], facts["rows"]
        if self.watch is not None and facts["watch"] is not None:
            self.watch = Watch.restored(self.watch.spec, self.watch.neighbours, facts["watch"])
        self.watched_s = facts["watched"]
        for number, (issue_s, first) in enumerate(facts["issued"]):
            parts = [arrays[f"issued.{number}.{name}"] for name in _ISSUED]
            self.issued[issue_s] = Issued(first, *parts)
        for number, (issue_s, reasons) in enumerate(facts["answers"]):
            told = {name: arrays[f"answers.{number}.{name}"] for name in _ANSWERS}
            made = Forecasts(**told, reasons=tuple(reasons))
            by_code = self.answers.setdefault(issue_s, {})
            by_code |= {int(code): made for code in made.code}


_ISSUED: Final = ("given", "outer", "cell", "scale", "scored")
_ANSWERS: Final = ("code", "step", "quantiles", "blend", "cell", "rung", "scale", "onset")


def _watch_of(plan: Plan) -> Watch | None:
    if plan.watch is None or not isinstance(plan.spec, NearSpec):
        return None
    return Watch(plan.watch, plan.spec.neighbours)


def _bundle_of(opened: Opened) -> str:
    """What a state depends on: the model, and the plan with its series and columns."""
    files = {name: digest for name, (digest, _) in sorted(opened.manifest.files.items())}
    told = [files["model.onnx"], files["forecast.json"], files["calibration.npz"]]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


__all__ = ["ForecastState", "Issued"]
