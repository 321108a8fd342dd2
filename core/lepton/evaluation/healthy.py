"""Rows for what is learnt without outcomes: their parts, and whose score is watched for alarms."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from lepton import roles
from lepton.dataset import Parts, Sealed, TabularDataset, TimeFold
from lepton.errors import SearchError
from lepton.evaluation.events import MONTH
from lepton.evaluation.grouped import FEWEST_GROUPS, split_by_group

ALONE_PER_MONTH: Final = 1_000.0
"""Rows that count as a month where rows stand alone."""


def split_healthy(
    dataset: TabularDataset,
    *,
    selection_share: float,
    holdout_share: float,
    rng: np.random.Generator,
) -> Parts:
    """`dataset` as train, selection and sealed holdout, whatever is known of outcomes.

    By group where there are enough of them, else along time: first what trains, then what chooses,
    then what judges, shares of the rows. Raises SearchError LK405 where a part would be empty.
    """
    if dataset.has(roles.GROUP) and dataset.role(roles.GROUP).nunique() >= FEWEST_GROUPS:
        return split_by_group(
            dataset,
            selection_share=selection_share,
            holdout_share=holdout_share,
            min_positives=0,
            rng=rng,
        )
    return _along_time(dataset, selection_share, holdout_share)


def healthy(rows: TabularDataset) -> TabularDataset:
    """The rows that are not known to lie before a failure."""
    return rows.take(rows.y != 1)


def stands_alone(rows: TabularDataset) -> bool:
    """Whether no group has a second row, so that there is no history to watch."""
    return not rows.has(roles.GROUP) or not rows.role(roles.GROUP).duplicated().any()


def readings_per_month(rows: TabularDataset) -> float:
    """Rows of one asset in a month, by the usual time between two of them."""
    usual = 0.0 if stands_alone(rows) else usual_s(rows)
    return MONTH.total_seconds() / usual if usual > 0 else ALONE_PER_MONTH


def usual_s(rows: TabularDataset) -> float:
    """The usual time between two readings of one asset in seconds, 0 where none has two."""
    event, asset = rows.roles[roles.EVENT_AT], rows.roles[roles.GROUP]
    ordered = rows.rows[[asset, event]].sort_values([asset, event])
    between = ordered.groupby(asset, sort=False)[event].diff().dt.total_seconds()
    found = between[between > 0].median()
    return 0.0 if pd.isna(found) else float(found)


def _along_time(dataset: TabularDataset, selection_share: float, holdout_share: float) -> Parts:
    rows = dataset.take(np.argsort(dataset.role(roles.EVENT_AT).to_numpy(), kind="stable"))
    at = rows.role(roles.EVENT_AT)
    first = int(len(rows) * (1.0 - selection_share - holdout_share))
    last = int(len(rows) * (1.0 - holdout_share))
    cuts = {"selection": at.iloc[first], "holdout": at.iloc[last]}
    train = (at < cuts["selection"]).to_numpy()
    holdout = (at >= cuts["holdout"]).to_numpy()
    selection = ~train & ~holdout
    masks = {"train": train, "selection": selection, "holdout": holdout}
    empty = [name for name, mask in masks.items() if not mask.any()]
    if empty:
        raise SearchError(
            "LK405",
            where="split",
            found=f"{len(rows):,} rows leave nothing for the part {' and '.join(empty)}",
            remedy="bring a longer record, or one of more assets",
        )
    return Parts(
        train=rows.take(train),
        selection=rows.take(selection),
        holdout=Sealed(rows.take(holdout)),
        cuts=cuts,
        dropped={},
        counts={
            name: (int(mask.sum()), int((rows.y[mask] > 0).sum())) for name, mask in masks.items()
        },
        folds=(TimeFold(rows, train, selection),),
    )


__all__ = ["healthy", "readings_per_month", "split_healthy", "stands_alone", "usual_s"]
