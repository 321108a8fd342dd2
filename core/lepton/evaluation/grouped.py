"""Cutting rows by group: what is learnt from some assets is judged on others.

Groups are dealt out by their share of the positives, so that each part has its share of them; no
group is in two parts, and the folds of the selection part are groups again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lepton import roles
from lepton.dataset import Parts, Sealed, TabularDataset, TimeFold
from lepton.errors import SearchError
from lepton.evaluation.folds import WANTED_FOLDS

NO_TARGET = "target not known"
FEWEST_GROUPS = 8
"""With fewer groups a part would be one or two of them, and its score luck."""


def split_by_group(
    dataset: TabularDataset,
    *,
    selection_share: float,
    holdout_share: float,
    min_positives: int,
    rng: np.random.Generator,
) -> Parts:
    """`dataset` as train, selection and sealed holdout with no group in two of them.

    Shares are of the groups; the selection part's folds learn from every group outside the holdout
    that they do not judge. Raises SearchError LK402 without groups or targets, LK406 where there
    are fewer than `FEWEST_GROUPS`, LK405 where a part would have no positive or no negative row,
    which `min_positives` 0 does not ask for.
    """
    _check_roles(dataset)
    known = np.isfinite(dataset.y)
    rows = dataset.take(known)
    group = group_codes(rows)
    place = _dealt(group, rows.y, (holdout_share, selection_share), rng)
    holdout, selection = place[group] == 0, place[group] == 1
    train = ~holdout & ~selection
    masks = {"train": train, "selection": selection, "holdout": holdout}
    if min_positives:
        _check_parts(masks, rows.y, min_positives)
    return Parts(
        train=rows.take(train),
        selection=rows.take(selection),
        holdout=Sealed(rows.take(holdout)),
        cuts={},
        dropped={NO_TARGET: int((~known).sum())},
        counts={
            name: (int(mask.sum()), int((rows.y[mask] > 0).sum())) for name, mask in masks.items()
        },
        folds=group_folds(rows, selection, ~holdout, rng),
        groups={
            name: np.unique(rows.role(roles.GROUP).to_numpy()[mask]).tolist()
            for name, mask in masks.items()
        },
    )


def whole_parts(dataset: TabularDataset, rng: np.random.Generator) -> Parts:
    """Every labelled row learns and is judged, by folds of whole groups; the holdout is empty.

    For benchmarks whose test rows are scored by themselves. Raises SearchError LK402, LK406 as
    `split_by_group`.
    """
    _check_roles(dataset)
    known = np.isfinite(dataset.y)
    rows = dataset.take(known)
    all_rows, none = np.ones(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
    counts = (len(rows), int((rows.y > 0).sum()))
    return Parts(
        train=rows,
        selection=rows,
        holdout=Sealed(rows.take(none)),
        cuts={},
        dropped={NO_TARGET: int((~known).sum())},
        counts={"train": counts, "selection": counts, "holdout": (0, 0)},
        folds=group_folds(rows, all_rows, all_rows, rng),
    )


def group_folds(
    rows: TabularDataset, judged: np.ndarray, learnt: np.ndarray, rng: np.random.Generator
) -> tuple[TimeFold, ...]:
    """The rows `judged` (mask) as folds of whole groups; each learns from all other `learnt`."""
    group = group_codes(rows)
    names, inside = np.unique(group[judged], return_inverse=True)
    n = min(WANTED_FOLDS, len(names))
    place = _dealt(inside, rows.y[judged], tuple([1 / n] * (n - 1)), rng)
    fold_of = np.full(group.max() + 1, -1)
    fold_of[names] = place
    return tuple(
        TimeFold(rows, learnt & ~(judged & (fold_of[group] == number)), mask)
        for number in range(n)
        if (mask := judged & (fold_of[group] == number)).any()
    )


def group_codes(rows: TabularDataset) -> np.ndarray:
    """Number of each row's group, int64, in the order of their names."""
    return np.unique(rows.role(roles.GROUP).astype("str").to_numpy(), return_inverse=True)[1]


def _dealt(
    group: np.ndarray, y: np.ndarray, shares: Sequence[float], rng: np.random.Generator
) -> np.ndarray:
    """Part of each group: 0.. in the order of `shares`, and one more for what is left.

    Groups come in the order of their positives, those with equally many by lot, and each goes to
    the part that lacks most of its share by then.
    """
    wanted = np.array([*shares, 1.0 - sum(shares)])
    positives = np.bincount(group, (y > 0).astype(np.float64))
    order = np.lexsort((rng.random(len(positives)), -positives))
    place, given = np.empty(len(positives), dtype=np.int64), np.zeros(len(wanted))
    for number, one in enumerate(order, 1):
        place[one] = int(np.argmax(wanted * number - given))
        given[place[one]] += 1
    return place


def _check_roles(dataset: TabularDataset) -> None:
    missing = [name for name in (roles.GROUP, roles.TARGET) if not dataset.has(name)]
    if missing:
        raise SearchError(
            "LK402",
            where="split",
            found=f"no column has the role {' and '.join(missing)}",
            remedy="give the column its role in the contract; rows are cut by group only",
        )
    n_groups = dataset.rows.loc[np.isfinite(dataset.y), dataset.roles[roles.GROUP]].nunique()
    if n_groups < FEWEST_GROUPS:
        raise SearchError(
            "LK406",
            where="split",
            found=f"{n_groups} groups (column {dataset.roles[roles.GROUP]}) have a known target",
            remedy=f"deliver at least {FEWEST_GROUPS}, or split along time: `split.by: time`",
        )


def _check_parts(masks: dict[str, np.ndarray], y: np.ndarray, min_positives: int) -> None:
    few = max(5, min_positives // 10)
    needed = {"train": max(few, min_positives // 2), "selection": few, "holdout": few}
    found = {name: (int((y[m] > 0).sum()), int((y[m] < 1).sum())) for name, m in masks.items()}
    if all(found[name][0] >= least and found[name][1] for name, least in needed.items()):
        return
    raise SearchError(
        "LK405",
        where="split",
        found=f"{int((y > 0).sum()):,} positives among {len(y):,} rows are too few, or in too few "
        "groups",
        remedy="bring more history, of more groups"
        if (y > 0).any()
        else "bring the outcomes: a column, or a table, that says what happened to whom",
        details=[
            f"{name}: {positives:,} positives (needs {needed[name]}), {negatives:,} negatives"
            for name, (positives, negatives) in found.items()
        ],
    )


__all__ = ["FEWEST_GROUPS", "group_codes", "group_folds", "split_by_group", "whole_parts"]
