"""Golden windows of a network: what forecasts saw of all series, with the champion's deciles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from lepton.forecast.champion import Champion
from lepton.forecast.families.near_floor import HABIT
from lepton.forecast.matrix import Matrix
from lepton.forecast.near import near_matrix, window_of
from lepton.forecast.panel import PanelDataset
from lepton_edge.asof import Features
from lepton_edge.forecaster import judged_near
from lepton_edge.near import NearWindow
from lepton_edge.near_spec import NearSpec
from lepton_edge.readings import Reading

N_REAL: Final = 4
MODEL: Final = "model"


@dataclass(frozen=True, eq=False)
class NearCase:
    """One issue of one series: what is seen of all, what has to forecast it, what it is for."""

    name: str
    series: str
    issue_s: int
    window: NearWindow
    rung: str = MODEL


def near_cases(
    champion: Champion,
    panel: PanelDataset,
    issues: Mapping[str, np.ndarray],
    reading: Reading | None = None,
) -> Iterator[NearCase]:
    """Real issues spread over series and time; the last ones without a reading of their own, and
    without any. What has to forecast each follows from how old its readings are, as `reading`
    says."""
    for case in _seen(champion, panel, issues):
        matrix, spec = _matrix(champion, case), champion.spec
        assert isinstance(spec, NearSpec)
        made = Features(matrix.X, matrix.scale, matrix.step)
        rung, _ = judged_near(spec, reading or Reading(), made, matrix.shape)
        yield replace(case, rung=HABIT if rung[0] else MODEL)


def _seen(
    champion: Champion, panel: PanelDataset, issues: Mapping[str, np.ndarray]
) -> Iterator[NearCase]:
    ids = champion.series.ids
    every = [(name, int(at)) for name in ids for at in issues.get(name, ())]
    places = sorted({int(at) for at in np.linspace(0, len(every) - 1, min(N_REAL, len(every)))})
    real = [_real(champion, panel, *every[at]) for at in places]
    yield from real
    for case in real[-1:]:
        dead = case.window.past.copy()
        dead[:, ids.index(case.series)] = np.nan
        yield replace(case, name="dead", window=replace(case.window, past=dead))
        silent = np.full(case.window.past.shape, np.nan)
        window = replace(case.window, past=silent)
        yield replace(case, name="stale", window=window)


def near_native(champion: Champion, case: NearCase) -> np.ndarray:
    """Deciles (leads, 9) of the trained forecaster, or of what stands in."""
    matrix = _matrix(champion, case)
    if case.rung == MODEL:
        return np.asarray(champion.quantiles(matrix)[0])
    return np.asarray(champion.fallback(case.rung, matrix)[0])


def near_told(champion: Champion, case: NearCase) -> dict[str, Any]:
    """A case as plain data."""
    told = {
        "case": case.name,
        "series": case.series,
        "issue_s": case.issue_s,
        "past": [_numbers(row) for row in case.window.past[0]],
        "rung": case.rung,
        "quantiles": near_native(champion, case).tolist(),
    }
    known = case.window.known.items()
    beside = {name: [_numbers(row) for row in rows[0]] for name, rows in known}
    return {**told, "known": beside} if beside else told


def _matrix(champion: Champion, case: NearCase) -> Matrix:
    spec, habits = champion.spec, champion.habits
    assert isinstance(spec, NearSpec)
    assert habits is not None
    made = near_matrix(spec, case.window, habits, np.array([case.issue_s], dtype=np.int64))
    return made.take(np.array([champion.series.ids.index(case.series)]))


def _real(champion: Champion, panel: PanelDataset, name: str, issue_s: int) -> NearCase:
    spec = champion.spec
    assert isinstance(spec, NearSpec)
    return NearCase("real", name, issue_s, window_of(panel, spec, np.array([issue_s])))


def _numbers(values: np.ndarray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


__all__ = ["NearCase", "near_cases", "near_native", "near_told"]
