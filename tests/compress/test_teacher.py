"""A teacher tells of each row once, however the folds were cut."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton import roles
from lepton.automl.entrant import Entrant
from lepton.automl.model import Model
from lepton.compress.teacher import Teacher
from lepton.dataset import TimeFold
from lepton.evaluation.grouped import group_folds
from tests.conftest import rows


class _Number:
    """A model whose log-odds are its number."""

    def __init__(self, number: int) -> None:
        self._number = number

    def margin(self, asked: Any) -> np.ndarray:
        return np.full(len(asked), float(self._number))


def _folds() -> tuple[TimeFold, ...]:
    """Folds of groups in the last two thirds of the rows; the first third only learns."""
    bare = rows(300, rate=0.3)
    group = pd.Series([f"g{number % 30}" for number in range(300)], bare.rows.index)
    whole = replace(
        bare, rows=bare.rows.assign(group=group), roles={**bare.roles, roles.GROUP: "group"}
    )
    judged = np.array([int(name[1:]) >= 10 for name in group])
    everything = np.ones(300, dtype=bool)
    return group_folds(whole, judged, everything, np.random.default_rng(1))


def test_a_row_that_another_fold_judged_keeps_the_score_it_had_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folds = _folds()
    learnt: list[set[int]] = []

    def refit(_: Any, part: Any, **__: Any) -> _Number:
        learnt.append(set(part.rows.index))
        return _Number(len(learnt) - 1)

    monkeypatch.setattr("lepton.compress.teacher.refit", refit)
    margins = tuple(np.full(len(fold.valid), 100.0 + at) for at, fold in enumerate(folds))
    recipe: Model = object()  # type: ignore[assignment]
    teacher = Teacher(recipe, Entrant("best", (), margins, 0.0), folds, 0, lambda: False)
    for fold in folds:
        told = teacher.margins(fold.train)
        assert np.isfinite(told).all()
        for row, number in zip(fold.train.rows.index, told, strict=True):
            if number < 100:
                assert row not in learnt[int(number)]
            else:
                assert row in folds[int(number) - 100].valid.rows.index
    judged = set().union(*(fold.valid.rows.index for fold in folds))
    first = teacher.margins(folds[0].train)
    assert {row in judged for row in folds[0].train.rows.index[first < 100]} == {False}
