"""Golden windows: what forecasts saw, with the trained forecaster's own deciles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from lepton.export.near_golden import near_cases, near_told
from lepton.forecast.champion import Champion
from lepton.forecast.matrix import Matrix, from_window
from lepton.forecast.panel import PanelDataset
from lepton_edge.asof import Window
from lepton_edge.asof_spec import AsOfSpec
from lepton_edge.forecaster import RUNGS
from lepton_edge.near_spec import NearSpec
from lepton_edge.readings import Reading

TOLERANCE: Final = 1e-6
"""Largest difference of a decile, in units of the series' size."""
N_REAL: Final = 8
N_CASE: Final = 2
_GONE_DAYS: Final = 14


@dataclass(frozen=True, eq=False)
class Case:
    """One issue: what it sees, what has to forecast it, and what it is there for."""

    name: str
    series: str
    issue_s: int
    window: Window
    rung: str = RUNGS[0]


def golden_windows(
    champion: Champion,
    panel: PanelDataset,
    issues: Mapping[str, np.ndarray],
    reading: Reading | None = None,
) -> dict[str, Any]:
    """Real issues spread over series and time, and some with what is missing, as plain data;
    reading: how old readings of a network may be."""
    if isinstance(champion.spec, NearSpec):
        told = [near_told(champion, one) for one in near_cases(champion, panel, issues, reading)]
        return {"tolerance": TOLERANCE, "issues": told}
    made = list(cases(champion, panel, issues))
    return {"tolerance": TOLERANCE, "issues": [_told(champion, case) for case in made]}


def cases(
    champion: Champion, panel: PanelDataset, issues: Mapping[str, np.ndarray]
) -> Iterator[Case]:
    """The issues of the golden file."""
    every = [(name, int(at)) for name in champion.series.ids for at in issues.get(name, ())]
    real = [_real(champion, panel, *every[at]) for at in _spread(len(every), N_REAL)]
    yield from real
    for case in real[-N_CASE:]:
        poorer = [_with_old_past(champion, case)]
        poorer += [_without_known(champion, case)] if case.window.known else []
        yield from (one for one in poorer if _has_weeks(matrix_of(champion, one)))


def native(champion: Champion, case: Case) -> np.ndarray:
    """Deciles (leads, 9) of the trained forecaster, or of what stands in."""
    matrix = matrix_of(champion, case)
    if case.rung == RUNGS[0]:
        return np.asarray(champion.quantiles(matrix)[0])
    return np.asarray(champion.fallback(case.rung, matrix)[0])


def matrix_of(champion: Champion, case: Case) -> Matrix:
    """What the trained forecaster reads of a case."""
    spec = _days(champion, case.series)
    code = champion.series.ids.index(case.series)
    return from_window(spec, case.window, code, np.array([case.issue_s], dtype=np.int64))


def _real(champion: Champion, panel: PanelDataset, name: str, issue_s: int) -> Case:
    spec = _days(champion, name)
    window = panel.histories[name].window(spec, np.array([issue_s], dtype=np.int64))
    return Case("real", name, issue_s, window)


def _days(champion: Champion, name: str) -> AsOfSpec:
    """The look of a series whose days are forecast."""
    spec = champion.series.specs[name]
    assert isinstance(spec, AsOfSpec)
    return spec


def _without_known(champion: Champion, case: Case) -> Case:
    """The same without any weather from the issue on: a device falls back."""
    n_back = champion.spec.n_back
    known = {name: rows.copy() for name, rows in case.window.known.items()}
    for rows in known.values():
        rows[:, n_back:] = np.nan
    window = replace(case.window, known=known)
    return replace(case, name="known_missing", window=window, rung=RUNGS[1])


def _with_old_past(champion: Champion, case: Case) -> Case:
    """The same after two weeks without any measurement."""
    past = case.window.past.copy()
    past[:, -_GONE_DAYS * champion.spec.a_day :] = np.nan
    window = replace(case.window, past=past)
    return replace(case, name="stale", window=window, rung=RUNGS[1])


def _has_weeks(matrix: Matrix) -> bool:
    """Whether the calendar's mean can stand in."""
    return bool(np.isfinite(matrix.column("week_mean")).all())


def _told(champion: Champion, case: Case) -> dict[str, Any]:
    window = case.window
    return {
        "case": case.name,
        "series": case.series,
        "issue_s": case.issue_s,
        "typical": _numbers(window.typical)[0],
        "past": _numbers(window.past[0]),
        "known": {name: _numbers(rows[0]) for name, rows in window.known.items()},
        "rung": case.rung,
        "quantiles": native(champion, case).tolist(),
    }


def _numbers(values: np.ndarray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


def _spread(n: int, most: int) -> list[int]:
    return sorted({int(at) for at in np.linspace(0, n - 1, min(most, n))}) if n else []


__all__ = ["TOLERANCE", "Case", "cases", "golden_windows", "matrix_of", "native"]
