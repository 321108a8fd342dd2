"""What competes: one configuration, or a blend of several, with its model of every fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lepton.automl.model import Model


@dataclass(frozen=True, eq=False)
class Entrant:
    """A configuration or blend that was fitted on every fold.

    models: one a fold of `Parts.folds`, the newest last; margins: its log-odds on that fold's
    valid rows, before calibration, float64 (rows,); score: the task's metric on the valid rows
    of all folds together, greater is better.
    """

    name: str
    models: tuple[Model, ...]
    margins: tuple[np.ndarray, ...]
    score: float

    @property
    def newest(self) -> Model:
        """The model of the newest fold."""
        return self.models[-1]


__all__ = ["Entrant"]
