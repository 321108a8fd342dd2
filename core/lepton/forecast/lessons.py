"""Which issues are learnt from, selected by and judged: the same for search and evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from lepton.forecast.families.base import Lesson
from lepton.forecast.matrix import Matrix, build
from lepton.forecast.prepared import Prepared
from lepton.forecast.spec import daily_issues, within
from lepton_edge.asof_spec import AsOfSpec
from lepton_edge.wall_clock import DAY_S, HOUR_S

MOST_ROWS: Final = 120_000
"""Intervals that are forecast in all issues that are learnt from; of more, days are left out."""
MOST_ANYWHERE: Final = 9_000
"""Issues at any hour, for what learns from many; their features are held in memory."""
WARM_DAYS: Final = 8
"""Days of a series before its first issue that is learnt from: a week to look back on."""


def lesson_of(prepared: Prepared, settings: Mapping[str, float], *, anywhere: bool) -> Lesson:
    """Every day's issues before the holdout, the selection's own among them.

    anywhere: issues at any hour too, for families that need many.
    """
    cuts = prepared.cuts
    first_s = cuts.start_s + WARM_DAYS * DAY_S
    issued = _issued(prepared, settings, first_s, cuts.holdout_s)
    thin = -(-sum(map(len, issued.values())) * _leads(prepared) // MOST_ROWS)
    if thin > 1:
        # every series keeps other days, and the selection keeps all of them
        issued = {
            name: at[(at >= cuts.selection_s) | ((at // DAY_S + code) % thin == 0)]
            for code, (name, at) in enumerate(issued.items())
        }
    matrix = build(prepared.panel, _days(prepared), issued)
    # what is chosen by is a day's own hours, what is learnt from may be one more
    matrix = made_whole(matrix, prepared, settings, cuts.selection_s)
    if not anywhere:
        return Lesson.of(matrix)
    return Lesson.of(
        matrix, build(prepared.panel, _days(prepared), _anywhere(prepared), np.float32)
    )


def issued_before(prepared: Prepared, settings: Mapping[str, float]) -> Mapping[str, np.ndarray]:
    """The selection's issues, which golden windows and reference statistics are cut from."""
    return _issued(prepared, settings, prepared.cuts.selection_s, prepared.cuts.holdout_s)


def held_out(prepared: Prepared, settings: Mapping[str, float]) -> Matrix:
    """The holdout's issues, every day of every series, a day as long as its clock says."""
    cuts, looks = prepared.cuts, _days(prepared)
    issued = _issued(prepared, settings, cuts.holdout_s, cuts.end_s)
    return made_whole(build(prepared.panel, looks, issued), prepared, settings)


def made_whole(
    made: Matrix, prepared: Prepared, settings: Mapping[str, float], from_s: int = 0
) -> Matrix:
    """The matrix, issues from an instant on asked for as many hours as their day has."""
    ids, looks = np.array(prepared.panel.ids, dtype=object), _days(prepared)
    wanted = np.ones(made.y.shape, dtype=bool)
    for zone in {look.zone for look in looks.values()}:
        own = np.array([looks[name].zone == zone for name in ids])[made.series]
        own &= made.issue_s >= from_s
        look = next(one for one in looks.values() if one.zone == zone)
        wanted[own] = within(look, made.step[own], settings["lead_h"])
    return made.asked(wanted)


def _issued(
    prepared: Prepared, settings: Mapping[str, float], first_s: int, last_s: int
) -> dict[str, np.ndarray]:
    hour = settings["issue_hour"]
    return {
        name: daily_issues(spec, first_s, last_s, hour) for name, spec in _days(prepared).items()
    }


def _days(prepared: Prepared) -> dict[str, AsOfSpec]:
    """The looks of series whose days are forecast."""
    return {name: look for name, look in prepared.looks.items() if isinstance(look, AsOfSpec)}


def _anywhere(prepared: Prepared) -> dict[str, np.ndarray]:
    """Issues a number of hours apart that shares no factor with a day, other ones a series."""
    cuts = prepared.cuts
    first_s, n_series = cuts.start_s + WARM_DAYS * DAY_S, len(prepared.looks)
    hours = max(1, (cuts.holdout_s - first_s) // HOUR_S * n_series // MOST_ANYWHERE)
    while hours > 1 and np.gcd(hours, 24) > 1:
        hours += 1
    stride = hours * max(HOUR_S, prepared.panel.step_s)
    return {
        name: np.arange(first_s + code % hours * HOUR_S, cuts.holdout_s, stride, dtype=np.int64)
        for code, name in enumerate(prepared.looks)
    }


def _leads(prepared: Prepared) -> int:
    return next(iter(prepared.looks.values())).n_leads


__all__ = ["held_out", "issued_before", "lesson_of", "made_whole"]
