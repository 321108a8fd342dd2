"""Batches of fits: taken from the journal, or made in processes that may be killed."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from lepton.automl.children import Died, can_fork, run_jobs
from lepton.automl.families.base import Expired
from lepton.automl.fits import Bench, Fit
from lepton.automl.journal import Journal
from lepton.automl.trial import Plan
from lepton.errors import IntegrityError

PAIR = 2
"""Fits of a batch, however many workers there are: what is tried does not depend on them."""

Task = tuple[Plan, int]
"""A configuration and the place of the fold that it is fitted on: one work unit."""


@dataclass(frozen=True)
class Deadline:
    """When a fit has to stop by itself, and the wall seconds after which it is killed."""

    expired: Expired
    kill_after_s: float


class Executor:
    """Makes the fits of a search, at most `workers` at a time, each on one thread."""

    def __init__(self, bench: Bench, journal: Journal, workers: int) -> None:
        self._bench, self._journal = bench, journal
        self._workers = max(1, min(PAIR, workers))
        self._broken: dict[tuple[str, int], str] = {}
        self.n_resumed = 0

    def run(self, batch: Sequence[Task], deadline: Deadline) -> list[Fit]:
        """The fits of `batch` in its order; what fails, hangs or crashes is a fit with a reason."""
        kept = [self._journal.find(plan.trial_id, place) for plan, place in batch]
        fresh = [task for task, found in zip(batch, kept, strict=True) if found is None]
        self.n_resumed += len(batch) - len(fresh)
        made = iter(self._made(fresh, deadline))
        return [next(made) if found is None else found for found in kept]

    def _made(self, tasks: Sequence[Task], deadline: Deadline) -> list[Fit]:
        wanted = dict.fromkeys((plan.family, place) for plan, place in tasks)
        with ThreadPoolExecutor(max_workers=self._workers) as pool:
            list(pool.map(self._prepare, wanted))
            jobs = [partial(self._job, task, deadline.expired) for task in tasks]
            if can_fork():
                limits_s = [deadline.kill_after_s] * len(jobs)
                answers = run_jobs(jobs, limits_s, self._workers)
            else:
                answers = list(pool.map(lambda job: job(), jobs))
        return [self._taken(*pair) for pair in zip(tasks, answers, strict=True)]

    def _prepare(self, wanted: tuple[str, int]) -> None:
        try:
            self._bench.prepare(*wanted)
        except Exception as error:  # a family's library may raise anything
            self._broken[wanted] = f"{type(error).__name__}: {error}"[:500]

    def _job(self, task: Task, expired: Expired) -> bytes:
        """Fit, and write what came out; the journal's line of it."""
        plan, place = task
        reason = self._broken.get((plan.family, place))
        fit = Fit(0.0, reason) if reason else self._bench.run(plan, place, expired)
        return self._journal.keep(plan.trial_id, place, fit)

    def _taken(self, task: Task, answer: bytes | Died) -> Fit:
        """The fit of an answer, its line in the journal."""
        plan, place = task
        if isinstance(answer, Died):
            answer = self._journal.keep(plan.trial_id, place, Fit(0.0, answer.reason))
        try:
            return self._journal.add(answer)
        except (OSError, ValueError, IntegrityError) as error:
            return Fit(0.0, f"its model could not be kept: {error}"[:500])


__all__ = ["PAIR", "Deadline", "Executor", "Task"]
