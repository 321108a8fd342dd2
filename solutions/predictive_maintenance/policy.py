"""What replacing on a prediction costs in a fleet's own lives, against what it could do without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import pandas as pd

from solutions.predictive_maintenance.lives import life_ends
from solutions.predictive_maintenance.replacement import (
    Costs,
    Ends,
    cost_rate,
    cycles,
    plans_by_probability,
    settle,
)

LEVELS_TRIED: Final = 60
LOWEST, HIGHEST = 0.3, 0.999
"""Quantiles of the scores between which a level to order at is looked for."""


@dataclass(frozen=True, eq=False)
class Begun:
    """The lives whose beginning was seen, and which readings are theirs.

    ends: one entry a life; row: places of their readings, in order of time; life, age_h: of each of
    those the life's place in `ends` and the hours since it began.
    A life that was under way when the records began is seen only because it lasted until then, so
    it is left out.
    """

    ends: Ends
    row: np.ndarray
    life: np.ndarray
    age_h: np.ndarray

    def plans(self, score: np.ndarray, costs: Costs, level: float) -> np.ndarray:
        """Planned hour of each life where a part is ordered once `score` (a reading) reaches
        `level`; infinite where it never does."""
        known = np.nan_to_num(score[self.row], nan=-np.inf)
        return plans_by_probability(known, self.life, self.age_h, self.ends, costs, level)

    def rate(self, score: np.ndarray, costs: Costs, level: float) -> float:
        """Money an hour that ordering at `level` costs."""
        plans = self.plans(score, costs, level)
        return cost_rate(cycles(self.ends, plans, costs, inspection=costs.c_inspection))


def begun(rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame], mask: np.ndarray) -> Begun:
    """The lives of the readings where `mask` holds.

    rows: `asset_id`, `event_at`, `life_id`, `is_failure`, `hours_seen`, as `assemble` gives them.
    A life that was cut off lasted until its last reading, one that failed until it did.
    """
    own = rows[mask]
    lives = _lives(own, tables)
    place = lives.index.get_indexer(pd.Index(own["life_id"]))
    at = np.flatnonzero(mask)[place >= 0]
    order = np.argsort(rows["event_at"].to_numpy()[at], kind="stable")
    row, life = at[order], place[place >= 0][order]
    began = lives["end_at"].array.take(life)
    age = rows["event_at"].array.take(row) - began
    return Begun(
        Ends(
            lives["hours"].to_numpy(dtype=np.float64),
            lives["failed"].to_numpy(dtype=bool),
            np.unique(lives["asset_id"].to_numpy(), return_inverse=True)[1],
        ),
        row,
        life,
        np.asarray(age.total_seconds(), dtype=np.float64) / 3600.0,
    )


def _lives(rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a life, by its id: `asset_id`, `end_at` (of the life before), `hours`, `failed`."""
    seen = rows.groupby("life_id", sort=True).agg(
        asset_id=("asset_id", "first"),
        first=("event_at", "min"),
        last=("event_at", "max"),
        failed=("is_failure", "first"),
        left=("hours_seen", "min"),
    )
    ends = life_ends(rows, tables, run_to_failure=False)[["asset_id", "end_at"]]
    found = pd.merge_asof(
        seen.astype({"asset_id": "str"}).reset_index().sort_values("first", kind="stable"),
        ends.astype({"asset_id": "str"}).sort_values("end_at", kind="stable"),
        left_on="first",
        right_on="end_at",
        by="asset_id",
        direction="backward",
        allow_exact_matches=False,
    ).dropna(subset="end_at")
    lasted = (found["last"] - found["end_at"]).dt.total_seconds() / 3600.0
    hours = lasted + found["left"].where(found["failed"], 0.0)
    return found.assign(hours=hours).set_index("life_id").sort_index()


def best_level(told: Begun, score: np.ndarray, costs: Costs) -> float:
    """The level of `score` at which ordering costs least an hour in these lives."""
    seen = score[told.row]
    shares = np.linspace(LOWEST, HIGHEST, LEVELS_TRIED)
    levels = np.unique(np.quantile(seen[np.isfinite(seen)], shares))
    return settle(partial(told.plans, score, costs), told.ends, costs, levels)


__all__ = ["Begun", "begun", "best_level"]
