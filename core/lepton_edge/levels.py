"""Categories that a model has never learnt from: scored as unknown, and counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from lepton_edge.bundle import Opened
from lepton_edge.strict_json import parse

LEVELS: Final = "levels.json"


class Levels:
    """The categories that each feature had where the model learnt; none where nobody kept them."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.known = {str(name): frozenset(levels) for name, levels in told.items()}

    def unseen(self, names: Sequence[str], categorical: np.ndarray) -> dict[str, int]:
        """Feature -> rows whose category is new; features without such rows are left out.

        categorical: text (rows, names), "" where missing, which is never new.
        """
        counts = {
            name: sum(value not in self.known[name] for value in column if value != "")
            for name, column in zip(names, categorical.T, strict=True)
            if name in self.known
        }
        return {name: count for name, count in counts.items() if count}


def levels_of(opened: Opened) -> Levels:
    """The levels that a bundle carries; bundles of older kits carry none."""
    if LEVELS not in opened.manifest.files:
        return Levels({})
    return Levels(parse(opened.read(LEVELS).decode("utf-8")))


__all__ = ["LEVELS", "Levels", "levels_of"]
