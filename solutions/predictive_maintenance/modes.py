"""What a fleet's failures are enough for: a probability, remaining lives, or oddness alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from lepton.task import Allowed, TaskSpec

FAILURE, REMAINING_LIFE, ANOMALY = "failure", "remaining_life", "anomaly"
FAILURES: Final = {FAILURE: 20, REMAINING_LIFE: 8}
"""Failures with readings before them that a task takes, see DATA.md."""
ASSETS: Final = 8
"""Assets that have failed, so that each part of a split by asset has some of them."""
ROWS: Final = 100
"""Readings within the horizon of a failure, and others, with which a probability is learnt."""
ABOUT: Final = {
    FAILURE: "failure within the horizon",
    REMAINING_LIFE: "the remaining life",
    ANOMALY: "how far readings lie from health",
}


@dataclass(frozen=True)
class Known:
    """Failures that readings lead to, the assets that they befell, readings shortly before one and
    not, and whether readings are of lives."""

    failures: int
    assets: int
    before: int
    others: int
    has_lives: bool = True

    def allows(self, task: str, *, by_group: bool) -> bool:
        """Whether they are enough for `task`."""
        if task == ANOMALY or (task == REMAINING_LIFE and not self.has_lives):
            return task == ANOMALY
        enough = self.failures >= FAILURES[task] and (not by_group or self.assets >= ASSETS)
        return enough and (task == REMAINING_LIFE or min(self.before, self.others) >= ROWS)


def allows(task: TaskSpec, rows: pd.DataFrame, by_group: bool) -> Allowed:
    """The task asked for where the failures are enough; else the next that they are enough for."""
    found = known(rows)
    order = (FAILURE, REMAINING_LIFE, ANOMALY)
    asked = order[order.index(task.name) :]
    chosen = next(one for one in asked if found.allows(one, by_group=by_group))
    return Allowed(chosen, "" if chosen == task.name else _why(task.name, chosen, found))


def known(rows: pd.DataFrame) -> Known:
    """What assembled rows know of failures; of rows that stand alone, each is its own asset."""
    failed = _column(rows, "failed")
    before, others = int((failed == 1).sum()), int((failed == 0).sum())
    if "is_failure" not in rows:
        # nothing is left of a life where rows stand alone
        return Known(before, before, before, others, has_lives=False)
    lives = rows.loc[rows["is_failure"].to_numpy(dtype=bool), ["life_id", "asset_id"]]
    lives = lives.drop_duplicates("life_id")
    return Known(len(lives), int(lives["asset_id"].nunique()), before, others)


def _column(rows: pd.DataFrame, name: str) -> np.ndarray:
    if name not in rows:
        return np.full(len(rows), np.nan)
    return rows[name].to_numpy(dtype=np.float64, na_value=np.nan)


def _why(asked: str, chosen: str, found: Known) -> str:
    seen = f" and {ROWS} readings shortly before them" if asked == FAILURE else ""
    had = f", with {found.before:,} such readings" if asked == FAILURE else ""
    more = (
        f"; {FAILURES[REMAINING_LIFE]} failures of {ASSETS} assets would allow "
        f"{ABOUT[REMAINING_LIFE]}"
        if chosen == ANOMALY and asked == FAILURE and found.has_lives
        else ""
    )
    return (
        f"{ABOUT[chosen].capitalize()} (`{chosen}`) is judged, since {ABOUT[asked]} (`{asked}`) "
        f"takes {FAILURES[asked]} failures of {ASSETS} assets{seen}, and {found.failures:,} of "
        f"{found.assets:,} are known{had}{more}."
    )


__all__ = ["ANOMALY", "FAILURE", "REMAINING_LIFE", "Known", "allows", "known"]
