"""Search under a budget: baselines, a portfolio raced over the folds, steps around the best, bags,
and a blend where one is better.

Two fits run at a time, always in the same pairs however many workers there are, so that a
budget in work units gives the same leaderboard on every machine of a platform.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np

import lepton
from lepton.automl.budget import Budget, Meter
from lepton.automl.checkpoint import Checkpoint
from lepton.automl.ensemble import best_blend
from lepton.automl.entrant import Entrant
from lepton.automl.executor import PAIR, Deadline, Executor
from lepton.automl.families import family
from lepton.automl.fits import Bench, Fit, rate
from lepton.automl.journal import Journal, fingerprint
from lepton.automl.leaderboard import Leaderboard
from lepton.automl.machine import available_workers, quiet_and_single_threaded
from lepton.automl.model import Model
from lepton.automl.propose import Source
from lepton.automl.race import RACE_AFTER, RACED_OUT, Runner, is_hopeless
from lepton.automl.trial import Plan, Trial, paces
from lepton.dataset import Parts, TabularDataset, TimeFold
from lepton.errors import SearchError
from lepton.evaluation.calibration import fit_calibration, sigmoid
from lepton.evaluation.results import Metric
from lepton.progress import Progress
from lepton.run_clock import Clock
from lepton.task import TaskKind, TaskSpec

PATIENCE = 40
"""Late configurations without a better score, after which more of them would only overfit."""
MAX_TRIALS = 300
MOST_SKIPPED = 12
"""Configurations in a row that would not end in time, after which no other is asked for."""
FIRST_SHARE = 1 / 3
"""Share of the time that the first configuration may take on all of its folds."""
GRACE_S, GRACE_SHARE = 5.0, 0.1
"""A fit that has not stopped so long after its deadline, at least, is killed: seconds, and a share
of the budget."""
WARM_SHARE = 0.05
"""Share of the time left that the imports of a family may take."""
STARVED = 3
"""With fewer complete trials the choice says little (specs: `starved`)."""


class NaiveRule(Protocol):
    """A baseline as a solution declares it."""

    @property
    def name(self) -> str:
        """What the leaderboard calls it."""

    @property
    def fit(self) -> Callable[[TabularDataset], Callable[[TabularDataset], np.ndarray]]:
        """From training rows to a function from rows to scores in 0..1."""


@dataclass(frozen=True)
class SearchSpec:
    """What is searched for, among what, and at which expense.

    families: names in `lepton.automl.families`; metric: rates trials on the valid rows of the
    folds; journal: folder that keeps fits between runs; clock: seconds, monotonic; spent_s:
    seconds of the budget that the run used before; reserve_s: seconds of it that must remain
    for what comes after, None for the usual share; stuck_s: wall seconds after which a fit is
    killed at the latest, also where work units are counted; checkpoint: folder for the best model
    so far.
    """

    task: TaskSpec
    families: tuple[str, ...]
    budget: Budget
    metric: Metric
    seed: int
    journal: Path
    baselines: Sequence[NaiveRule] = ()
    clock: Clock = field(default=time.monotonic)
    workers: int | None = None
    spent_s: float = 0.0
    reserve_s: float | None = None
    stuck_s: float = 900.0
    checkpoint: Path | None = None


def search(parts: Parts, spec: SearchSpec, progress: Progress) -> Leaderboard:
    """The best entrant that the budget finds, with every trial and baseline beside it.

    A configuration that fails is recorded with its reason and the search goes on. In seconds
    the search's share of the budget is kept by a deadline in every fit; what would not finish is
    not begun. Raises SearchError LK411 for an unknown family, LK412 for a task of another
    kind, LK413 where every trial failed.
    """
    _check(spec)
    with quiet_and_single_threaded():
        return _Search(parts, spec, progress).run()


class _Search:
    """The state of one search: what is spent, what was found."""

    def __init__(self, parts: Parts, spec: SearchSpec, progress: Progress) -> None:
        self._parts, self._spec, self._progress = parts, spec, progress
        self._meter = Meter(spec.budget, spec.clock, spec.spent_s, spec.reserve_s)
        self._folds = parts.folds
        self._places = _newest_first(len(self._folds), spec.budget)
        self._bench = Bench(self._folds, spec.seed, spec.clock)
        self._executor = Executor(
            self._bench,
            Journal(spec.journal, _fingerprint(self._folds, spec)),
            spec.workers or available_workers(),
        )
        self._checkpoint = Checkpoint(spec.checkpoint)
        self._families = usable_families(spec)
        self._source = Source(
            self._families, spec.seed, of_shares=spec.task.kind is TaskKind.REGRESSION
        )
        self._active: list[Runner] = []
        self._trials: list[Trial] = []
        self._entrants: list[tuple[Runner, Entrant]] = []
        self._probed: dict[str, float] = {}
        self._warm: set[str] = set()
        self._n_skipped = self._n_stale = 0

    def run(self) -> Leaderboard:
        """Spend the budget, then say what was found."""
        self._probe()
        baselines = self._rate_baselines()
        while batch := self._next_batch():
            tasks = [(runner.plan, place) for runner, place in batch]
            fits = self._executor.run(tasks, self._deadline())
            for (runner, place), fit in zip(batch, fits, strict=True):
                runner.add(place, fit)
                self._meter.work_units += 1
                self._offer(place, fit)
            self._settle()
        return self._leaderboard(baselines)

    def _rate_baselines(self) -> dict[str, float]:
        """Name -> score of each baseline on the selection part, fitted on train."""
        train, selection = self._parts.train, self._parts.selection
        return {
            rule.name: float(rate(self._spec.metric, selection, rule.fit(train)(selection)))
            for rule in self._spec.baselines
        }

    def _next_batch(self) -> list[tuple[Runner, int]]:
        """The next fits, at most a pair: what is under way first, then a new configuration."""
        if self._is_over():
            return []
        room = int(min(PAIR, self._meter.left_units))
        batch = [(runner, place) for runner in self._active for place in runner.ready][:room]
        while len(batch) < room and (runner := self._next_runner()):
            self._active.append(runner)
            batch += [(runner, place) for place in runner.ready][: room - len(batch)]
        return batch

    def _next_runner(self) -> Runner | None:
        if len(self._trials) + len(self._active) >= MAX_TRIALS or self._n_stale >= PATIENCE:
            return None
        left = self._meter.left_units - sum(len(one.places) - len(one.fits) for one in self._active)
        if self._entrants and left < len(self._places):
            return None
        best = self._best()
        for _ in range(MOST_SKIPPED):  # the late proposals never end by themselves
            plan = self._source.next(best[0].plan if best else None)
            if plan is None:
                return None
            if self._fits_in(plan) or not (self._trials or self._active):
                self._warm_up(plan.family)
                return Runner(plan, self._places)
            self._n_skipped += 1
            if self._meter.is_over():
                return None
        return None

    def _is_over(self) -> bool:
        return self._meter.is_over() and (bool(self._entrants) or bool(self._trials))

    def _probe(self) -> None:
        """Where seconds are counted: a small model at once, and from its pace how many folds, the
        newest, the budget allows for."""
        fast = next((n for n in self._families if family(n).fast is not None), None)
        if self._spec.budget.seconds is None or fast is None:
            return
        before, place = self._meter.spent.seconds, self._places[0]
        plan = Plan(fast, family(fast).fast or {}, "probe")
        (fit,) = self._executor.run([(plan, place)], self._deadline())
        if fit.model is None:
            return
        self._offer(place, fit)
        made_s = max(self._meter.spent.seconds - before - fit.seconds, 0.0)
        self._probed[fast] = fit.seconds / family(fast).cost(fit.model.params)
        first = family(fast).portfolio[0]
        fold_s = made_s + self._probed[fast] * family(fast).cost(first)
        n = int(FIRST_SHARE * self._meter.left_s * PAIR / max(fold_s, 1e-9))
        self._places = self._places[: max(1, n)]

    def _deadline(self) -> Deadline:
        limit_s = self._meter.fit_limit_s
        if self._spec.budget.seconds is None:
            return Deadline(self._meter.fit_deadline(), self._spec.stuck_s)
        grace_s = max(GRACE_S, GRACE_SHARE * self._spec.budget.seconds)
        kill_after_s = min(max(limit_s, 0.0) + grace_s, self._spec.stuck_s)
        return Deadline(self._meter.fit_deadline(), kill_after_s)

    def _offer(self, place: int, fit: Fit) -> None:
        """Let a single fit be the checkpoint until there is an entrant."""
        if self._spec.checkpoint is None or fit.model is None or fit.margin is None:
            return
        valid = self._folds[place].valid
        model = replace(fit.model, calibration=fit_calibration(fit.margin, valid.y))
        score = rate(self._spec.metric, valid, sigmoid(fit.margin))
        self._write(model, score, 1)

    def _write(self, model: Model, score: float, n_folds: int) -> None:
        spent_s = self._meter.spent.seconds
        self._checkpoint.offer(model, score, n_folds, done=self._meter.done, after_s=spent_s)

    def _settle(self) -> None:
        """Take out of the race what is complete, has failed or has lost."""
        incumbent = self._best()
        for runner in self._active:
            if incumbent is not None and len(runner.fits) == RACE_AFTER and not runner.is_over:
                rng = np.random.default_rng([self._spec.seed, len(self._trials)])
                if is_hopeless(runner, incumbent[0], self._folds, self._spec.metric, rng):
                    runner.reason = RACED_OUT
        for runner in [one for one in self._active if one.is_over]:
            self._active.remove(runner)
            self._record(runner)

    def _record(self, runner: Runner) -> None:
        score = None
        before = self._best_score()
        if runner.is_complete:
            found = runner.entrant(self._competed(), self._spec.metric)
            if np.isfinite(found.score):
                self._entrants.append((runner, found))
                score = found.score
                self._offer_entrant(found)
            else:
                runner.reason = f"{self._spec.metric.name} is {found.score}"
        trial = runner.trial(score)
        self._trials.append(trial)
        if not trial.failed:
            self._source.tell(runner.plan, score)
        late = trial.origin != "portfolio"
        self._n_stale = self._n_stale + 1 if late and self._best_score() <= before else 0
        self._tell(trial)

    def _offer_entrant(self, found: Entrant) -> None:
        """Let an entrant be the checkpoint, calibrated on the newest fold."""
        if self._spec.checkpoint is not None:
            y = self._folds[-1].valid.y
            calibration = fit_calibration(found.margins[-1], y)
            model = replace(found.newest, calibration=calibration)
            self._write(model, found.score, max(len(found.models), 2))

    def _tell(self, trial: Trial) -> None:
        left = self._meter.left_s
        self._progress.step(
            f"{trial.family} {len(self._trials)}"
            + (f" failed: {trial.reason}" if trial.failed else ""),
            done=self._meter.done,
            best=self._best_score() if self._entrants else None,
            left_s=max(left, 0.0) if np.isfinite(left) else None,
        )

    def _competed(self) -> tuple[TimeFold, ...]:
        """The folds that everything is compared on."""
        return self._folds[min(self._places) :]

    def _fits_in(self, plan: Plan) -> bool:
        """Whether a fit is likely to end in time, judged by the fits of its family so far, and by
        what has to be imported and made for it."""
        left_s = self._meter.left_s
        if not np.isfinite(left_s):
            return True
        kind = family(plan.family)
        if plan.family not in self._warm and kind.warm_s > WARM_SHARE * left_s:
            return False
        pace = paces(self._trials, plan.family)
        pace += [self._probed[plan.family]] if plan.family in self._probed and not pace else []
        expected_s = float(np.median(pace)) * kind.cost(plan.params) if pace else 0.0
        is_made = all(self._bench.is_ready(plan.family, place) for place in self._places)
        made_s = 0.0 if is_made else self._bench.longest_s
        return expected_s <= self._meter.fit_limit_s and expected_s + made_s <= left_s

    def _warm_up(self, name: str) -> None:
        if name not in self._warm:
            family(name).warm()
            self._warm.add(name)

    def _best(self, name: str | None = None) -> tuple[Runner, Entrant] | None:
        """The entrant with the highest score (of a family); the first of equals."""
        rated = [one for one in self._entrants if name in (None, one[0].plan.family)]
        return max(rated, key=lambda one: one[1].score, default=None)

    def _best_score(self) -> float:
        best = self._best()
        return best[1].score if best else -np.inf

    def _leaderboard(self, baselines: dict[str, float]) -> Leaderboard:
        """What was found; raises SearchError LK413 where there is no model."""
        found = self._best()
        if found is None:
            raise _all_failed(self._trials)
        single = found[1]
        blend = best_blend([one for _, one in self._entrants], self._competed(), self._spec.metric)
        kind = single.newest.family
        others = {name: self._best(name) for name in self._families if name != kind}
        return Leaderboard(
            metric=self._spec.metric.name,
            trials=tuple(self._trials),
            baselines=baselines,
            best=blend or single,
            single=single,
            others={name: one[1] for name, one in others.items() if one},
            budget=self._spec.budget,
            spent=self._meter.spent,
            seed=self._spec.seed,
            notes=tuple(self._notes(baselines)),
        )

    def _notes(self, baselines: dict[str, float]) -> Iterator[str]:
        failed = [trial for trial in self._trials if trial.failed]
        complete = [trial for trial in self._trials if trial.score is not None and not trial.reason]
        n_raced_out = sum(trial.raced_out for trial in self._trials)
        if len(complete) < STARVED:
            yield f"starved: the budget let {len(complete)} trials finish, fewer than {STARVED}"
        if len(self._places) < len(self._folds):
            yield (
                f"starved: {len(self._places)} of {len(self._folds)} folds were used, the newest"
            )
        for name in self._spec.families:
            if name not in self._families:
                lacks = not family(name).available()
                why = (
                    "the library that fits it is not installed"
                    if lacks
                    else "it learns outcomes, and these targets are shares"
                )
                yield f"the family {name} is left out: {why}"
        if failed:
            yield f"{len(failed)} trials failed, the first with: {failed[0].reason}"
        if n_raced_out:
            yield f"{n_raced_out} trials were raced out after {RACE_AFTER} folds"
        if self._n_skipped:
            yield f"{self._n_skipped} configurations were not begun for want of time"
        if self._executor.n_resumed:
            yield f"{self._executor.n_resumed} fits were taken from the journal"
        better = [name for name, score in baselines.items() if score >= self._best_score()]
        if better:
            yield f"no model beats the baseline {', '.join(sorted(better))} on the selection part"


def _newest_first(n_folds: int, budget: Budget) -> tuple[int, ...]:
    """Places of the folds that the budget allows, the newest first."""
    units = budget.work_units
    n = n_folds if units is None else min(n_folds, units)
    return tuple(range(n_folds - 1, n_folds - 1 - n, -1))


def usable_families(spec: SearchSpec) -> list[str]:
    """Those whose library is installed and that can learn the task's targets: a regression's are
    shares between 0 and 1 (a fractional response, Papke & Wooldridge 1996)."""
    soft = spec.task.kind is TaskKind.REGRESSION
    kinds = [family(name) for name in spec.families]
    return [one.name for one in kinds if one.available() and (one.takes_soft_targets or not soft)]


def _check(spec: SearchSpec) -> None:
    if spec.task.kind not in (TaskKind.BINARY, TaskKind.REGRESSION):
        raise SearchError(
            "LK412",
            where=f"task {spec.task.name}",
            found=f"its kind is '{spec.task.kind}'",
            remedy="this version searches binary tasks and regressions",
        )
    if not usable_families(spec):
        raise SearchError(
            "LK414",
            where=f"task {spec.task.name}",
            found="no family to search among whose library is installed and that learns its target",
            remedy="name at least one family in the solution, and install its extra",
        )


def _fingerprint(folds: Sequence[TimeFold], spec: SearchSpec) -> str:
    task = spec.task
    asked = {
        "task": [task.name, str(task.kind), task.table, task.target],
        "seed": spec.seed,
        "kit": lepton.__version__,
    }
    return fingerprint(folds, asked)


def _all_failed(trials: Sequence[Trial]) -> SearchError:
    return SearchError(
        "LK413",
        where="search",
        found=f"all {len(trials)} trials failed",
        remedy="mend the first reason, or raise the budget",
        details=sorted({f"{trial.family}: {trial.reason}" for trial in trials})[:5],
    )


__all__ = ["NaiveRule", "SearchSpec", "search"]
