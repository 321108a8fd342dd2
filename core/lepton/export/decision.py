"""What a bundle says beyond its score: policy, rules and reasons as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from lepton import roles
from lepton.dataset import TabularDataset
from lepton.evaluation.decision import settle_policy
from lepton.evaluation.scored import microseconds
from lepton.export.cases import Exportable
from lepton.export.context import BundleContext, Decisions
from lepton_edge.decider import DECISION, REASONS, RULES
from lepton_edge.levels import LEVELS
from lepton_edge.policy import Policy, day_numbers, policy_to_json

MOST_LEVELS = 10_000
"""A feature of more categories than this is no category but a name: what is new is not counted."""
_COLUMNS = (roles.KEY, roles.EVENT_AT, roles.VALUE)


def decision_files(model: Exportable, context: BundleContext) -> dict[str, Any]:
    """Name -> content of the bundle's files on decisions; none where it decides by threshold."""
    files: dict[str, Any] = {}
    levels = {n: sorted(ls) for n, ls in context.levels.items() if n in model.categorical}
    files[LEVELS] = {name: known for name, known in levels.items() if len(known) <= MOST_LEVELS}
    decisions = context.decisions
    if decisions is None:
        return files
    policy = settled(model, decisions)
    found = context.sample.roles
    columns = {role: found[role] for role in _COLUMNS if role in found}
    files[DECISION] = {**policy_to_json(policy), "columns": columns}
    files[REASONS] = {
        "groups": groups_of((*model.numeric, *model.categorical), decisions.phrases),
        "typical": typical_values(model, context.sample),
    }
    if decisions.rules is not None:
        files[RULES] = decisions.rules.to_json()
    return files


def settled(model: Exportable, decisions: Decisions) -> Policy:
    """The policy with price and rate of sample settled on rows that are new to the model."""
    rows = decisions.unseen
    own = replace(rows, numeric=model.numeric, categorical=model.categorical)
    at = microseconds(rows.role(roles.EVENT_AT))
    day = day_numbers(at.tolist(), decisions.policy.zone)
    return settle_policy(
        decisions.policy,
        model.score(own),
        np.nan_to_num(values_of(rows), nan=0.0),
        np.array(day, dtype=np.int64),
        days=max(float(np.ptp(at)) / 86_400e6, 1.0),
        review_sample=decisions.review_sample,
    )


def values_of(rows: TabularDataset) -> np.ndarray:
    """What each row is worth in money, float64; NaN where nobody says."""
    if not rows.has(roles.VALUE):
        return np.full(len(rows), np.nan)
    return rows.role(roles.VALUE).to_numpy(dtype=np.float64, na_value=np.nan)


def groups_of(
    features: Sequence[str], phrases: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """Features under the phrase whose pattern fits first; each that none fits names itself."""
    groups: dict[str, list[str]] = {phrase: [] for phrase in phrases}
    for feature in features:
        fitting = (
            phrase
            for phrase, patterns in phrases.items()
            if any(fnmatchcase(feature, pattern) for pattern in patterns)
        )
        groups.setdefault(next(fitting, f"unusual {feature}"), []).append(feature)
    return [{"phrase": phrase, "features": names} for phrase, names in groups.items() if names]


def typical_values(model: Exportable, sample: TabularDataset) -> dict[str, Any]:
    """What each of the model's features usually is in rows whose target is not positive.

    Numbers: the median, null where the feature is missing in most rows; texts: the commonest.
    """
    honest = sample.take(~(sample.y == 1)) if sample.has(roles.TARGET) else sample
    own = replace(honest, numeric=model.numeric, categorical=model.categorical)
    numbers, texts = (side.T for side in (own.X, own.C))
    return {
        "numeric": dict(zip(own.numeric, map(_median, numbers), strict=True)),
        "categorical": dict(zip(own.categorical, map(_commonest, texts), strict=True)),
    }


def _median(values: np.ndarray) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if 2 * len(known) > len(values) else None


def _commonest(values: np.ndarray) -> str:
    counts = Counter(values.tolist())
    return str(min(counts, key=lambda text: (-counts[text], text))) if counts else ""


__all__ = ["MOST_LEVELS", "decision_files", "groups_of", "settled", "typical_values", "values_of"]
