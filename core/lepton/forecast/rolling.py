"""Rolling-origin evaluation: fitted at an instant, asked until the next refit, not the reverse."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import numpy as np

from lepton.automl.children import Died, can_fork, run_jobs
from lepton.forecast import scores
from lepton.forecast.families.base import Forecaster, Lesson
from lepton.forecast.matrix import Matrix, joined
from lepton_edge import conformal

LIMIT_S: Final = 900.0


@dataclass(frozen=True)
class Refit:
    """Fitted on what was there at `at_s`, asked for issues from `from_s` to before `until_s`; UTC
    seconds, the gap between the first two is time that a refit takes, or that is left empty."""

    at_s: int
    until_s: int
    from_s: int | None = None

    @property
    def first_s(self) -> int:
        """The first instant of issue."""
        return self.at_s if self.from_s is None else self.from_s


@dataclass(frozen=True, eq=False)
class Backtest:
    """Forecasts of issues that their models had not seen.

    matrix: the issues in the order of time; quantiles: family -> (n, leads, 9) in the series' own
    unit; failed: family -> why it has none.
    """

    matrix: Matrix
    quantiles: Mapping[str, np.ndarray]
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The families that have forecasts."""
        return tuple(self.quantiles)

    def crps(self) -> Mapping[str, np.ndarray]:
        """Family -> loss of each target, (n, leads)."""
        return {name: scores.crps(self.matrix.y, q) for name, q in self.quantiles.items()}

    def take(self, index: np.ndarray) -> Backtest:
        """The issues at `index`."""
        quantiles = {name: q[index] for name, q in self.quantiles.items()}
        return replace(self, matrix=self.matrix.take(index), quantiles=quantiles)


def backtest(
    lesson: Lesson,
    families: Sequence[Forecaster],
    refits: Sequence[Refit],
    *,
    seed: int,
    latency_s: int = 0,
    workers: int = 1,
) -> Backtest:
    """Every family's forecasts of every refit's issues, each fit in a process of its own.

    latency_s: seconds after an interval's end at which its value may be learnt from.
    """
    jobs, parts = [], []
    for refit in refits:
        known = lesson.known_by(refit.at_s, latency_s)
        issue_s = lesson.issued.issue_s
        asked = lesson.issued.take((issue_s >= refit.first_s) & (issue_s < refit.until_s))
        parts.append(asked)
        jobs += [partial(_forecast, family, known, asked, seed) for family in families]
    told = run_jobs(jobs, [LIMIT_S] * len(jobs), workers) if can_fork() else [j() for j in jobs]
    quantiles, failed = {}, {}
    for number, family in enumerate(families):
        own = told[number :: len(families)]
        reasons = [one.reason for one in own if isinstance(one, Died)]
        if reasons:
            failed[family.name] = reasons[0]
        else:
            read = [_read(one) for one in own if isinstance(one, bytes)]
            quantiles[family.name] = np.concatenate(read)
    return Backtest(joined(parts), quantiles, failed)


def _forecast(family: Forecaster, known: Lesson, asked: Matrix, seed: int) -> bytes:
    model = family.fit(known, family.params, seed)
    file = io.BytesIO()
    np.save(file, model.quantiles(asked) * asked.scale[:, None, None], allow_pickle=False)
    return file.getvalue()


def _read(content: bytes) -> np.ndarray:
    return np.asarray(np.load(io.BytesIO(content), allow_pickle=False))


def horizon_blocks(matrix: Matrix) -> np.ndarray:
    """Number of the block of each lead, (n, leads): within 6 hours, the day, two days, beyond."""
    return conformal.horizon_blocks(matrix.column("lead_h"))


__all__ = ["Backtest", "Refit", "backtest", "horizon_blocks"]
