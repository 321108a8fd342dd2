"""What a ranking of the Handbook's rows can reach at most, whoever ranks them.

Its simulator (Le Borgne et al. 2022, chapter 3.2) turns a terminal bad for 28 days, drawn evenly
and without any sign of it: until the first label of such a run is known, its frauds can't be told
from other payments. A ranking that puts every other fraud first still draws lots for those.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from lepton import roles
from lepton.dataset import TabularDataset
from lepton.evaluation.scored import scored_frame

TERMINAL_SCENARIO: Final = 2
RUN: Final = pd.Timedelta(days=28)
DRAWS: Final = 20


def unforeseeable(dataset: TabularDataset, data: Path) -> np.ndarray:
    """Mask of the rows that are frauds of a terminal's run of which no label was known yet.

    data: the Handbook's file, whose scenarios no feature may read; only this figure does.
    """
    told = pd.read_parquet(data, columns=["TRANSACTION_ID", "TX_FRAUD_SCENARIO"])
    scenarios = told.set_index(told["TRANSACTION_ID"].astype(str))["TX_FRAUD_SCENARIO"]
    mine = scenarios.reindex(dataset.role(roles.KEY).astype(str)).to_numpy() == TERMINAL_SCENARIO
    frauds = dataset.rows.loc[mine, ["terminal_id", "event_at", "label_at"]]
    early = np.zeros(len(dataset), dtype=bool)
    early[np.flatnonzero(mine)] = _before_first_label(frauds)
    return early


def _before_first_label(frauds: pd.DataFrame) -> np.ndarray:
    """Mask of the frauds that happened before the first label of their run was known."""
    early = np.zeros(len(frauds), dtype=bool)
    for positions in frauds.groupby("terminal_id", sort=False).indices.values():
        event, label = (frauds[name].iloc[positions] for name in ("event_at", "label_at"))
        first = 0
        for number, position in enumerate(positions):
            if event.iloc[number] - event.iloc[first].floor("D") >= RUN:
                first = number
            early[position] = event.iloc[number] < label.iloc[first]
    return early


def ceilings(
    tests: Sequence[TabularDataset],
    early: Sequence[np.ndarray],
    metrics: Sequence[tuple[str, Callable[[pd.DataFrame], float]]],
    rng: np.random.Generator,
) -> dict[str, float]:
    """Mean over folds and draws of each metric, where every fraud that can be known comes first
    and terminals are put in an order by lot behind; early: masks as `unforeseeable` gives."""
    totals = {name: 0.0 for name, _ in metrics}
    for test, unknown in zip(tests, early, strict=True):
        terminals, terminal = np.unique(
            test.rows["terminal_id"].astype(str).to_numpy(), return_inverse=True
        )
        for _ in range(DRAWS):
            lots = rng.random(len(terminals))[terminal] * 0.9
            score = np.where((test.y == 1) & ~unknown, 1.0, lots + 1e-3 * rng.random(len(test)))
            scored = scored_frame(test, score)
            for name, value in metrics:
                totals[name] += value(scored) / (DRAWS * len(tests))
    return totals


__all__ = ["ceilings", "unforeseeable"]
