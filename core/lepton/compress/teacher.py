"""The teacher of a distillation: the best entrant's log-odds of rows that it had not seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lepton.automl.entrant import Entrant
from lepton.automl.families.base import Expired
from lepton.automl.model import Model, refit
from lepton.compress.distill import out_of_fold
from lepton.dataset import TabularDataset, TimeFold


class Teacher:
    """Out-of-fold log-odds of the rows before the holdout, made when they are first asked for.

    Rows of a fold's valid part: by the model of that fold, which had not learnt from them. Other
    rows that the oldest fold learnt from: by `recipe` fitted on the two thirds of its rows that do
    not hold the row. All other rows have none.
    """

    def __init__(
        self,
        recipe: Model,
        entrant: Entrant,
        folds: Sequence[TimeFold],
        seed: int,
        expired: Expired,
    ) -> None:
        self._recipe, self._folds = recipe, folds
        self._seed, self._expired = seed, expired
        margins = entrant.margins[-len(folds) :]
        self._later = pd.concat(
            [pd.Series(m, f.valid.rows.index) for f, m in zip(folds, margins, strict=True)]
        )
        self._known: pd.Series | None = None

    def margins(self, rows: TabularDataset) -> np.ndarray:
        """Log-odds of `rows`, found by their index, float64; NaN for rows without any."""
        if self._known is None:
            learnt = self._folds[0].train
            first = pd.Series(out_of_fold(len(learnt), self._margin_of), learnt.rows.index)
            # folds of groups learn from rows that other folds judge
            first = first[~first.index.isin(self._later.index)]
            self._known = pd.concat([first, self._later])
        found: np.ndarray = self._known.reindex(rows.rows.index).to_numpy(dtype=np.float64)
        return found

    def _margin_of(self, learnt: np.ndarray, asked: np.ndarray) -> np.ndarray | None:
        rows = self._folds[0].train
        model = refit(
            self._recipe,
            rows.take(learnt),
            seed=self._seed,
            more_rounds=False,
            expired=self._expired,
        )
        return None if model is None else model.margin(rows.take(asked))


__all__ = ["Teacher"]
