"""Which issues forecasts of the next minutes learn from, are chosen by and judged by.

An issue forecasts every series at once, and there are hundreds a day: of each some series are
taken. Some issues are learnt from once more as if a part of the series were dead, so that what
flows around a series is known to stand for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton.forecast.families.base import Lesson
from lepton.forecast.matrix import Matrix, joined
from lepton.forecast.near import NearIssues, build_near
from lepton.forecast.panel import PanelDataset
from lepton.forecast.usual import Days
from lepton_edge.habits import Habits
from lepton_edge.near_spec import NearSpec

MOST_LEARNT: Final = 120_000
"""Issues of a series that are learnt from, those with dead series not counted."""
DEAD_COPIES: Final = 0.4
"""Issues with dead series, as a share of the others."""
DEAD_SHARES: Final = (0.1, 0.5)
"""Least and largest share of the series that are dead in one of them."""
BLIND_SHARE: Final = 0.3
"""Share of the instants with dead series at which nothing is known beside the network either."""
NEW_COPIES: Final = 0.2
"""Issues of series as if they were new, as a share of the others."""
_NEW_GROUPS: Final = 6
"""Parts of the series that are new together."""
MOST_ASKED: Final = 60_000
"""Issues of a series that models are chosen by, or judged by."""


@dataclass(frozen=True)
class Span:
    """Instants of issue from `first_s` to before `last_s`, UTC seconds."""

    first_s: int
    last_s: int

    def instants(self, step_s: int, every: int = 1) -> np.ndarray:
        """Every so many intervals, ascending."""
        first = -(-self.first_s // step_s) * step_s
        return np.arange(first, self.last_s, every * step_s, dtype=np.int64)


@dataclass(frozen=True)
class NearLearning:
    """How much is learnt from. most: issues of a series; copies, new: shares of them with dead
    series, and of series as if new; left_out: codes of series that are never learnt from."""

    most: int = MOST_LEARNT
    copies: float = DEAD_COPIES
    new: float = NEW_COPIES
    left_out: tuple[int, ...] = ()
    seed: int = 0


def learnt_from(
    panel: PanelDataset, spec: NearSpec, days: Days, span: Span, learning: NearLearning
) -> Matrix:
    """Issues at any time with some series each, some of them with dead ones; single precision."""
    at = span.instants(spec.step_s)
    n, rng = len(panel.ids), np.random.default_rng(learning.seed)
    share = min(1.0, learning.most / max(1, len(at) * n))
    picked = rng.random((len(at), n)) < share
    again = rng.random((len(at), n)) < share * learning.copies
    dead = rng.random((len(at), n)) < rng.uniform(*DEAD_SHARES, (len(at), 1))
    blind = rng.random(len(at)) < BLIND_SHARE
    for mask in (picked, again):
        mask[:, list(learning.left_out)] = False
    parts = [build_near(panel, spec, NearIssues(at, picked), days, np.float32)]
    if learning.copies:
        parts.append(build_near(panel, spec, NearIssues(at, again, dead, blind), days, np.float32))
    made = joined(parts)
    return made.take(np.argsort(made.issue_s, kind="stable"))


def new_ones(
    panel: PanelDataset, spec: NearSpec, days: Days, span: Span, learning: NearLearning
) -> Matrix:
    """Issues of series of which nothing was known before the last hour, in turns of a part of the
    network; single precision."""
    at = span.instants(spec.step_s)
    n, rng = len(panel.ids), np.random.default_rng([learning.seed, 1])
    share = min(1.0, _NEW_GROUPS * learning.new * learning.most / max(1, len(at) * n))
    parts = []
    for turn, group in enumerate(np.array_split(rng.permutation(n), _NEW_GROUPS)):
        own = at[turn::_NEW_GROUPS]
        picked = rng.random((len(own), n)) < share
        picked[:, np.setdiff1d(np.arange(n), group)] = False
        picked[:, list(learning.left_out)] = False
        issues = NearIssues(own, picked)
        parts.append(build_near(panel, spec, issues, days.as_if_new(group), np.float32))
    return joined(parts)


def asked_of(
    panel: PanelDataset,
    spec: NearSpec,
    habits: Habits | Days,
    span: Span,
    *,
    most: int | None = MOST_ASKED,
    dead: np.ndarray | None = None,
) -> Matrix:
    """Issues of all series, at every interval or so many apart that there are at most `most`.

    dead: (n,) mask of series without any past.
    """
    n = len(panel.ids)
    every = 1
    if most is not None:
        every = max(1, -(-len(span.instants(spec.step_s)) * n // most))
        # no number of intervals that fits into an hour, so that all minutes are asked
        while every > 1 and 3_600 % (every * spec.step_s) == 0:
            every += 1
    at = span.instants(spec.step_s, every)
    masked = None if dead is None else np.broadcast_to(dead, (len(at), n))
    return build_near(panel, spec, NearIssues(at, np.ones((len(at), n), bool), masked), habits)


def near_lesson(asked: Matrix, learnt: Matrix) -> Lesson:
    """A lesson of issues as they are asked for, and of those that are learnt from."""
    return Lesson(asked.learnable, learnt.learnable)


__all__ = [
    "NearLearning",
    "Span",
    "asked_of",
    "learnt_from",
    "near_lesson",
    "new_ones",
]
