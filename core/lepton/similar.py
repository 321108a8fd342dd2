"""Past lives that failed, as a bundle remembers them, and what they told of held-out alarms.

Lives are taken from the parts before the holdout, of each failure mode about as many, the newest
first. What they tell is judged on assets of the holdout at the first raise of each life's alarm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from math import inf
from typing import Final

import numpy as np
import pandas as pd

from lepton import roles
from lepton.context import Context
from lepton.dataset import Parts, TabularDataset
from lepton.evaluation.events import alarm_raises
from lepton.evaluation.results import Evaluation
from lepton.features.fit import plan_of as sensors_of
from lepton.features.spec import FeatureSpec, Sensors
from lepton.solution import PastLives
from lepton_edge.alarm_stream import AlarmPlan
from lepton_edge.similar import Match, PastLife, SimilarLives, SimilarPlan

MOST_LIVES: Final = 60
MOST_COLUMNS: Final = 32
MOST_MODES: Final = 8
FEWEST_OF_MODE: Final = 8
"""Failures of a mode with which it is told by name, see DATA.md."""
SPANS: Final = (0.0, 0.25, 0.5, 1.0, 2.0)
"""Times ahead of a failure at which a life is remembered, in horizons."""
REACH: Final = 0.95
"""Share of past lives' own pictures that have a similar life among the others."""
NEIGHBOUR: Final = 3
"""The width is the usual distance to the so many-th closest life."""


def plan_of(ctx: Context, dataset: TabularDataset, parts: Parts) -> SimilarPlan | None:
    """What a bundle remembers of past lives; None where none has failed, or nothing names lives."""
    spec = ctx.solution.similar
    if spec is None:
        return None
    known = parts.before_holdout()
    names = _features(dataset, spec.picture)
    if not names or not {spec.life, spec.left, spec.failed} <= {*known.rows.columns}:
        return None
    return learnt(known, spec, names, spec.ahead_h(ctx.settings))


def learnt(
    known: TabularDataset, spec: PastLives, names: Sequence[str], ahead_h: float
) -> SimilarPlan | None:
    """The plan that the failed lives among the rows `known` teach, None where there is none.

    names: features that a picture may have; ahead_h: hours in `SPANS`.
    """
    rows = known.rows
    shown = _snapshots(rows[rows[spec.failed].to_numpy(dtype=bool)], spec, ahead_h)
    if shown.empty:
        return None
    columns = _telling(shown, names)
    if not columns:
        return None
    scale = np.array([float(shown[name].std(ddof=0)) for name in columns])
    at = known.roles[roles.EVENT_AT]
    lives = [
        _past(name, own, spec, at, columns) for name, own in shown.groupby(spec.life, sort=True)
    ]
    modes = _modes(lives)
    kept = _kept(lives)
    asset = known.roles.get(roles.GROUP, spec.life)
    owner = shown.groupby(spec.life, sort=True)[asset].first().astype(str).to_dict()
    width, reach = _distances(kept, scale, [owner[life.name] for life in kept])
    return SimilarPlan(tuple(columns), _short(scale), width, reach, modes, tuple(kept))


def with_similar(
    ctx: Context,
    holdout: TabularDataset,
    score: np.ndarray,
    evaluation: Evaluation,
    plan: AlarmPlan | None,
) -> Evaluation:
    """`evaluation` with what past lives told at the first raise of each held-out life."""
    spec = ctx.solution.similar
    if spec is None or plan is None or spec.life not in holdout.rows:
        return evaluation
    risk = score if plan.remaining is None else 1.0 - score
    raised = _raised(holdout, spec, risk, plan)
    if plan.similar is None:
        return replace(evaluation, similar=raised)
    pictures = raised.reindex(columns=list(plan.similar.plan.columns)).to_numpy(dtype=np.float64)
    found = pd.DataFrame(
        [_told(plan.similar, picture) for picture in pictures],
        index=raised.index,
        columns=["similar", "told_mode", "share", "told_left_h"],
    )
    columns = [name for name in _SHOWN if name in raised]
    return replace(evaluation, similar=pd.concat([raised[columns], found], axis=1))


_SHOWN: Final = ("group", "life", "raised_at", "mode", "left_h", "failed")


def _raised(
    rows: TabularDataset, spec: PastLives, risk: np.ndarray, plan: AlarmPlan
) -> pd.DataFrame:
    """One row a life's first raise: whose, when, what became of it, with its features."""
    frame = rows.rows
    life = frame[spec.life].astype("str").to_numpy()
    at = rows.role(roles.EVENT_AT)
    scored = pd.DataFrame({"asset_id": life, "event_at": at.array, "score": risk})
    raises = alarm_raises(scored, plan.spec).drop_duplicates("asset_id")
    told = pd.DataFrame(
        {
            "group": rows.role(roles.GROUP).astype("str").array,
            "life": life,
            "raised_at": at.array,
            "left_h": frame[spec.left].to_numpy(dtype=np.float64),
            "failed": frame[spec.failed].to_numpy(dtype=bool),
        }
    )
    if spec.mode in frame:
        told["mode"] = frame[spec.mode].astype("object").to_numpy()
    if plan.similar is not None:
        columns = [n for n in plan.similar.plan.columns if n in frame]
        told = pd.concat([told, frame[columns].reset_index(drop=True)], axis=1)
    keys = raises[["asset_id", "raised_at"]].rename(columns={"asset_id": "life"})
    found = keys.merge(told, on=["life", "raised_at"], how="left", validate="one_to_many")
    return found.drop_duplicates("life", ignore_index=True)


def _told(similar: SimilarLives, picture: np.ndarray) -> tuple[str, str | None, float, float]:
    """Similar lives in words, the likeliest mode with its share, hours that the closest had."""
    found, (mode, share) = similar.matches(picture), similar.likeliest(picture)
    words = "; ".join(
        f"{one.life.name}" + (f" ({one.life.mode})" if one.life.mode else "") + f", {_hours(one)}"
        for one in found
    )
    return words, mode, share, found[0].left_h if found else np.nan


def _hours(match: Match) -> str:
    hours = match.left_h
    return f"{hours:.0f} h left" if hours < 72 else f"{hours / 24:.0f} days left"


def _features(dataset: TabularDataset, patterns: Sequence[str]) -> list[str]:
    """Features of the sensors that fit one of `patterns`: a device has all of them."""
    nodes = FeatureSpec.from_json(dataset.spec).nodes
    names = [n for node in nodes if isinstance(node, Sensors) for n in sensors_of(node).names]
    return [name for name in names if any(fnmatchcase(name, one) for one in patterns)]


def _snapshots(failed: pd.DataFrame, spec: PastLives, ahead_h: float) -> pd.DataFrame:
    """Of each life the last row at least so many hours before its failure, once each."""
    ordered = failed.sort_values([spec.life, spec.left], kind="stable")
    found = [
        ordered[ordered[spec.left] >= span * ahead_h].drop_duplicates(spec.life) for span in SPANS
    ]
    shown = pd.concat(found).drop_duplicates([spec.life, spec.left])
    return shown.sort_values([spec.life, spec.left], kind="stable")


def _telling(shown: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """The features that differ among the pictures, at most `MOST_COLUMNS`: the furthest off."""
    spread = shown[list(names)].std(ddof=0)
    told = spread[np.isfinite(spread) & (spread > 1e-9)]
    most = set(told.sort_values(ascending=False, kind="stable").index[:MOST_COLUMNS])
    return [name for name in names if name in most]


def _past(
    name: object, own: pd.DataFrame, spec: PastLives, at: str, columns: Sequence[str]
) -> PastLife:
    newest = own.iloc[0]
    failed_at = newest[at] + pd.Timedelta(hours=float(newest[spec.left]))
    mode = own[spec.mode].iloc[0] if spec.mode in own else None
    pictures = own[list(columns)].to_numpy(dtype=np.float64)
    return PastLife(
        str(name),
        failed_at.floor("s").isoformat(),
        None if pd.isna(mode) else str(mode),
        1.0,
        _short(own[spec.left].to_numpy(dtype=np.float64)),
        tuple(map(_short, pictures)),
    )


def _modes(lives: Sequence[PastLife]) -> tuple[str, ...]:
    """Modes with enough failures, the most frequent ones where they are many."""
    counts = pd.Series([life.mode for life in lives], dtype=object).value_counts()
    return tuple(sorted(counts[counts >= FEWEST_OF_MODE].index[:MOST_MODES]))


def _kept(lives: Sequence[PastLife]) -> list[PastLife]:
    """At most `MOST_LIVES`, of each mode about as many, the newest; each stands for its share."""
    newest = sorted(lives, key=lambda life: (life.failed_at, life.name), reverse=True)
    mode = pd.Series([life.mode or "" for life in newest])
    place = mode.groupby(mode).cumcount().to_numpy()
    chosen = np.argsort(place, kind="stable")[:MOST_LIVES]
    whole, part = mode.value_counts(), mode.iloc[chosen].value_counts()
    return [
        replace(newest[at], weight=float(whole[mode[at]] / part[mode[at]]))
        for at in chosen.tolist()
    ]


def _distances(
    lives: Sequence[PastLife], scale: np.ndarray, owner: Sequence[str]
) -> tuple[float, float]:
    """Width and reach: how far pictures lie from the lives of other assets.

    Without another asset's life there is nothing to judge by: the width is one spread, the reach
    endless.
    """
    pictures = np.array([one for life in lives for one in life.pictures]) / scale
    whose = np.repeat(np.arange(len(lives)), [len(life.pictures) for life in lives])
    asset = np.unique(np.array(owner), return_inverse=True)[1]
    closest, neighbour = [], []
    for at, picture in enumerate(pictures):
        offset = pictures - picture
        known = np.isfinite(offset)
        count = known.sum(axis=1)
        distance = np.where(known, offset, 0.0) ** 2 @ np.ones(offset.shape[1])
        distance = np.where(count > 0, distance / np.maximum(count, 1), inf)
        by_life = np.full(len(lives), inf)
        np.minimum.at(by_life, whose, distance)
        by_life = np.sort(by_life[asset != asset[whose[at]]])
        by_life = by_life[np.isfinite(by_life)]
        if len(by_life):
            closest.append(by_life[0])
            neighbour.append(by_life[min(NEIGHBOUR, len(by_life)) - 1])
    if not closest:
        return 1.0, inf
    return max(float(np.median(neighbour)), 1e-6), float(np.quantile(closest, REACH))


def _short(values: np.ndarray) -> tuple[float, ...]:
    """Numbers to five digits: a bundle is read whole by a small device."""
    return tuple(float(f"{value:.5g}") for value in values)


__all__ = ["learnt", "plan_of", "with_similar"]
