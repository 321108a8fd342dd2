"""Search under a budget: baselines, then a portfolio, then steps around the best.

Two fits run at a time, always in the same pairs however many workers there are, so that a
budget in work units gives the same leaderboard on every machine of a platform.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

import lepton
from lepton.automl.budget import Budget, Clock, Meter
from lepton.automl.families import family
from lepton.automl.fits import Bench, Outcome, rate
from lepton.automl.journal import Journal, fingerprint
from lepton.automl.leaderboard import Leaderboard
from lepton.automl.machine import available_workers, quiet_and_single_threaded
from lepton.automl.model import Model
from lepton.automl.trial import Plan, portfolio_of
from lepton.dataset import Parts, TabularDataset
from lepton.errors import SearchError
from lepton.evaluation.results import Metric
from lepton.progress import Progress
from lepton.task import TaskKind, TaskSpec

PAIR = 2
PATIENCE = 6
"""Pairs around the best without a better score, after which more of them are not worth it."""
MAX_TRIALS = 200
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

    families: names in `lepton.automl.families`; metric: rates trials on the selection part;
    journal: folder that keeps trials between runs; clock: seconds, monotonic.
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


def search(parts: Parts, spec: SearchSpec, progress: Progress) -> Leaderboard:
    """The best model that the budget finds, with every trial and baseline beside it.

    A trial that fails is recorded with its reason and the search goes on. In seconds the
    search's share of the budget is kept by a deadline in every fit; what would not finish is
    not begun. Raises SearchError LK411 for an unknown family, LK412 for a task that is not
    binary, LK413 where every trial failed.
    """
    _check(spec)
    run = _Search(parts, spec, progress)
    with quiet_and_single_threaded():
        baselines = run.rate_baselines()
        run.try_all(portfolio_of(spec.families))
        run.step_around_best()
    return run.leaderboard(baselines)


class _Search:
    """The state of one search: what is spent, what was found."""

    def __init__(self, parts: Parts, spec: SearchSpec, progress: Progress) -> None:
        self._parts, self._spec, self._progress = parts, spec, progress
        self._meter = Meter(spec.budget, spec.clock)
        self._bench = Bench(parts, spec.metric, spec.seed, spec.clock)
        self._journal = Journal(spec.journal, _fingerprint(parts, spec))
        self._outcomes: list[Outcome] = []
        self._seen: set[str] = set()
        self._n_skipped = self._n_resumed = 0

    def rate_baselines(self) -> dict[str, float]:
        """Name -> score of each baseline on the selection part, fitted on train."""
        train, selection = self._parts.train, self._parts.selection
        return {
            rule.name: float(rate(self._spec.metric, selection, rule.fit(train)(selection)))
            for rule in self._spec.baselines
        }

    def try_all(self, plans: Iterable[Plan]) -> None:
        """Try `plans` in pairs until the budget is spent."""
        waiting = [plan for plan in plans if plan.trial_id not in self._seen]
        while waiting and not self._is_over():
            pair, waiting = waiting[:PAIR], waiting[PAIR:]
            self._seen.update(plan.trial_id for plan in pair)
            self._try_pair(pair[: int(min(PAIR, self._meter.left_units))])

    def step_around_best(self) -> None:
        """Try neighbours of the best until the budget, or the hope for better ones, is spent."""
        stale = 0
        for turn in range(MAX_TRIALS):
            if self._is_over() or stale >= PATIENCE or self._best() is None:
                return
            before = self._best_score()
            rng = np.random.default_rng([self._spec.seed, turn])
            n_before = len(self._outcomes)
            self.try_all(self._neighbours(rng))
            stale = 0 if self._best_score() > before else stale + 1
            if len(self._outcomes) == n_before and self._n_skipped:
                return

    def leaderboard(self, baselines: dict[str, float]) -> Leaderboard:
        """What was found; raises SearchError LK413 where there is no model."""
        best = self._best()
        if best is None or best.model is None or best.trial.score is None:
            raise _all_failed(self._outcomes)
        return Leaderboard(
            metric=self._spec.metric.name,
            trials=tuple(outcome.trial for outcome in self._outcomes),
            baselines=baselines,
            best=best.model,
            best_score=best.trial.score,
            others=self._others(best.model.family),
            budget=self._spec.budget,
            spent=self._meter.spent,
            seed=self._spec.seed,
            notes=tuple(self._notes(baselines)),
        )

    def _is_over(self) -> bool:
        return bool(self._outcomes) and (self._meter.is_over() or len(self._outcomes) >= MAX_TRIALS)

    def _try_pair(self, plans: Sequence[Plan]) -> None:
        kept = [(plan, self._journal.find(plan.trial_id)) for plan in plans]
        fresh = [plan for plan, found in kept if found is None and self._fits_in(plan)]
        ran = iter(self._run(fresh))
        for plan, found in kept:
            if found is not None:
                self._n_resumed += 1
                self._record(Outcome(*found))
            elif plan in fresh:
                outcome = next(ran)
                self._journal.add(outcome.trial, outcome.model, outcome.margin)
                self._record(outcome)
            else:
                self._n_skipped += 1

    def _run(self, plans: Sequence[Plan]) -> list[Outcome]:
        for plan in plans:
            self._bench.prepare(plan.family)
        workers = self._spec.workers or available_workers()
        with ThreadPoolExecutor(max_workers=max(1, min(PAIR, workers))) as pool:
            return list(pool.map(self._fit, plans))

    def _fit(self, plan: Plan) -> Outcome:
        return self._bench.run(plan, self._meter.fit_deadline())

    def _record(self, outcome: Outcome) -> None:
        self._outcomes.append(outcome)
        self._meter.work_units += 1
        left = self._meter.left_s
        trial = outcome.trial
        self._progress.step(
            f"{trial.family} {len(self._outcomes)}"
            + (f" failed: {trial.reason}" if trial.failed else ""),
            done=self._meter.done,
            best=self._best_score() if self._best() else None,
            left_s=max(left, 0.0) if np.isfinite(left) else None,
        )

    def _fits_in(self, plan: Plan) -> bool:
        """Whether a fit is likely to end in time, judged by the fits of its family so far."""
        if not np.isfinite(self._meter.left_s):
            return True
        kind = family(plan.family)
        pace = [
            outcome.trial.seconds / kind.cost(outcome.trial.params)
            for outcome in self._outcomes
            if outcome.trial.family == plan.family and not outcome.trial.failed
        ]
        limit_s = self._meter.fit_limit_s
        return not pace or float(np.median(pace)) * kind.cost(plan.params) <= limit_s

    def _neighbours(self, rng: np.random.Generator) -> list[Plan]:
        best = self._best()
        assert best is not None
        kind = family(best.trial.family)
        steps = (kind.neighbours(best.trial.params, rng) for _ in range(PAIR))
        return [Plan(kind.name, params, "neighbour") for params in steps]

    def _best(self, name: str | None = None) -> Outcome | None:
        """The outcome with the highest score (of a family); the first of equals."""
        rated = [
            outcome
            for outcome in self._outcomes
            if outcome.model is not None and name in (None, outcome.trial.family)
        ]
        return max(rated, key=_score, default=None)

    def _best_score(self) -> float:
        best = self._best()
        return _score(best) if best else -np.inf

    def _others(self, best: str) -> dict[str, Model]:
        found = {name: self._best(name) for name in self._spec.families if name != best}
        return {name: one.model for name, one in found.items() if one and one.model}

    def _notes(self, baselines: dict[str, float]) -> Iterator[str]:
        failed = [o.trial for o in self._outcomes if o.trial.failed]
        complete = [o for o in self._outcomes if not o.trial.failed and not o.trial.reason]
        if len(complete) < STARVED:
            yield f"starved: the budget let {len(complete)} trials finish, fewer than {STARVED}"
        if failed:
            yield f"{len(failed)} trials failed, the first with: {failed[0].reason}"
        if self._n_skipped:
            yield f"{self._n_skipped} configurations were not begun for want of time"
        if self._n_resumed:
            yield f"{self._n_resumed} trials were taken from the journal"
        better = [name for name, score in baselines.items() if score >= self._best_score()]
        if better:
            yield f"no model beats the baseline {', '.join(sorted(better))} on the selection part"


def _check(spec: SearchSpec) -> None:
    if spec.task.kind is not TaskKind.BINARY:
        raise SearchError(
            "LK412",
            where=f"task {spec.task.name}",
            found=f"its kind is '{spec.task.kind}'",
            remedy="this version searches binary tasks only",
        )
    if not spec.families:
        raise SearchError(
            "LK414",
            where=f"task {spec.task.name}",
            found="no family to search among",
            remedy="name at least one family in the solution",
        )
    for name in spec.families:
        family(name)


def _fingerprint(parts: Parts, spec: SearchSpec) -> str:
    task = spec.task
    asked = {
        "task": [task.name, str(task.kind), task.table, task.target],
        "families": spec.families,
        "metric": spec.metric.name,
        "seed": spec.seed,
        "kit": lepton.__version__,
    }
    return fingerprint(parts.train, parts.selection, asked)


def _all_failed(outcomes: Sequence[Outcome]) -> SearchError:
    return SearchError(
        "LK413",
        where="search",
        found=f"all {len(outcomes)} trials failed",
        remedy="mend the first reason, or raise the budget",
        details=sorted({f"{o.trial.family}: {o.trial.reason}" for o in outcomes})[:5],
    )


def _score(outcome: Outcome) -> float:
    return -np.inf if outcome.trial.score is None else outcome.trial.score


__all__ = ["NaiveRule", "SearchSpec", "search"]
