"""Rows learnt from once more as if sensors had been missing, so that a lost one is no surprise.

Only rows before the holdout are repeated, only where they are learnt from: nothing is chosen by a
copy or judged on one.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil

import numpy as np
import pandas as pd

from lepton import roles
from lepton.context import Context
from lepton.dataset import Parts, TabularDataset, TimeFold
from lepton.features.batch import with_sensors
from lepton.features.fit import plan_of
from lepton.features.spec import FeatureSpec, Sensors


def with_copies(ctx: Context, dataset: TabularDataset, parts: Parts) -> Parts:
    """`parts` in which folds, and a refit on all rows before the holdout, also learn from copies of
    assets without a share of their sensors; as they are where the settings ask for none for the
    task, or where they were not cut by group.

    dataset: all rows, since features look back on those without a target too.
    """
    asked = ctx.solution.copies
    times, share = (0.0, 0.0) if asked is None else asked(ctx.settings, ctx.task.name)
    if not (times > 0 and share > 0 and parts.groups and parts.folds and _sensors(dataset)):
        return parts
    return joined(parts, copied(dataset, parts, times, share, ctx.rng("copies")))


def copied(
    dataset: TabularDataset, parts: Parts, times: float, share: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Rows that some fold learns from, under the index that they have, as they would be had each
    asset never had `share` of its sensors, at least one.

    times: copies of each asset; of the last, where it is a fraction, so many of the assets.
    """
    whole = parts.folds[0].whole
    learnt = np.any([fold.known | fold.judged for fold in parts.folds], axis=0)
    labels = whole.rows.index[learnt]
    asset = dataset.role(roles.GROUP).astype("str")
    assets = np.unique(asset.loc[labels])
    found = []
    for number in range(ceil(times)):
        n = round(min(times - number, 1.0) * len(assets))
        chosen = np.sort(rng.permutation(assets)[:n])
        own = dataset.take(asset.isin(chosen).to_numpy(dtype=bool))
        rows = with_sensors(_without(own, share, rng)).rows
        found.append(rows.loc[rows.index.intersection(labels, sort=False)])
    return pd.concat(found)


def joined(parts: Parts, copies: pd.DataFrame) -> Parts:
    """`parts` whose folds learn from those `copies` whose rows they learn from."""
    whole = parts.folds[0].whole
    first = int(whole.rows.index.max()) + 1
    place = whole.rows.index.get_indexer(copies.index)
    fresh = copies.set_axis(pd.RangeIndex(first, first + len(copies)))
    rows = pd.concat([whole.rows, fresh[whole.rows.columns]])
    order = np.argsort(rows[whole.roles[roles.EVENT_AT]].to_numpy(), kind="stable")
    more = replace(whole, rows=rows.iloc[order])
    none = np.zeros(len(copies), dtype=bool)
    folds = tuple(
        TimeFold(
            more,
            np.concatenate([fold.known, fold.known[place]])[order],
            np.concatenate([fold.judged, none])[order],
        )
        for fold in parts.folds
    )
    return replace(parts, folds=folds, between=replace(whole, rows=fresh[whole.rows.columns]))


def _sensors(dataset: TabularDataset) -> list[str]:
    """Columns of the sensors from which features are made."""
    nodes = [n for n in FeatureSpec.from_json(dataset.spec).nodes if isinstance(n, Sensors)]
    plans = [plan_of(node) for node in nodes if node.plan is not None]
    return [plan.sensors[at] for plan in plans for at in plan.kept]


def _without(rows: TabularDataset, share: float, rng: np.random.Generator) -> TabularDataset:
    """`rows` in which each asset lacks `share` of its sensors, at least one, throughout."""
    sensors = [name for name in _sensors(rows) if name in rows.rows]
    n_lost = min(max(round(share * len(sensors)), 1), len(sensors))
    code = np.unique(rows.role(roles.GROUP).astype("str"), return_inverse=True)[1]
    lost = np.array(
        [
            np.isin(np.arange(len(sensors)), rng.choice(len(sensors), n_lost, replace=False))
            for _ in range(int(code.max(initial=-1)) + 1)
        ]
    ).reshape(-1, len(sensors))
    values = rows.rows[sensors].to_numpy(dtype=np.float64, na_value=np.nan)
    holed = np.where(lost[code], np.nan, values)
    return replace(rows, rows=rows.rows.assign(**dict(zip(sensors, holed.T, strict=True))))


__all__ = ["copied", "joined", "with_copies"]
