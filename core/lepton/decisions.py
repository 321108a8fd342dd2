"""Decisions of many rows: what a bundle is told of them, and its own runtime asked for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lepton import roles
from lepton.context import Context
from lepton.dataset import Parts, TabularDataset
from lepton.evaluation.results import Evaluation
from lepton.evaluation.scored import microseconds

if TYPE_CHECKING:
    from lepton.export.context import Decisions
    from lepton_edge.bundle import Opened
    from lepton_edge.decider import Decided, Decider
    from lepton_edge.runtime import Runtime, Scores

FEWEST_DAYS = 3.0
"""Rows that are new to the model must cover this many days to say what a day's places are worth."""


def for_bundle(ctx: Context, parts: Parts) -> Decisions | None:
    """What the bundle is told of decisions; None where its threshold is all.

    The price of a day's places is settled on the rows before the holdout that no model has learnt
    from; where they are too few, on the selection part, which a refitted model knows.
    """
    from lepton.export.context import Decisions

    policy = ctx.policy
    if policy is None:
        return None
    return Decisions(
        policy=policy,
        unseen=_unseen(parts),
        review_sample=ctx.config.review_sample,
        phrases=ctx.solution.reasons,
        rules=ctx.rules,
    )


def _unseen(parts: Parts) -> TabularDataset:
    recent = parts.recent
    if recent is None or not len(recent):
        return parts.selection
    at = recent.role(roles.EVENT_AT)
    covers = (at.max() - at.min()).total_seconds() / 86_400 >= FEWEST_DAYS
    return recent if covers else parts.selection


def learnt_levels(parts: Parts) -> dict[str, list[str]]:
    """Categorical feature -> the categories it has in the rows before the holdout with a label."""
    known = [part for part in (parts.train, parts.selection, parts.between) if part is not None]
    return {
        name: sorted(set[str]().union(*(part.rows[name].dropna().unique() for part in known)))
        for name in parts.train.categorical
    }


def decide(
    opened: Opened,
    runtime: Runtime,
    rows: TabularDataset,
    inputs: tuple[np.ndarray, np.ndarray],
    scores: Scores,
) -> Decided | None:
    """What the bundle does with each of `rows`, in their order; None where it has scores alone.

    rows: with every feature that the bundle's rules may read; inputs: the model's own columns.
    """
    from lepton.export.decision import values_of
    from lepton_edge.decider import Decider, Rows, has_decisions

    if not has_decisions(opened):
        return None
    decider = Decider(opened, runtime, tuple(map(str, rows.rows.columns)))
    return decider.decide(
        Rows(
            keys=rows.role(roles.KEY).tolist(),
            at=microseconds(rows.role(roles.EVENT_AT)).tolist(),
            value=values_of(rows),
            numeric=inputs[0],
            categorical=inputs[1],
            fields=_rule_fields(decider, rows.rows),
        ),
        scores,
    )


def columns_read(opened: Opened, rows: TabularDataset) -> tuple[str, ...]:
    """Columns of `rows` that the bundle's policy and rules read beside the model's inputs."""
    from lepton_edge.decider import fields_read

    columns, numbers, texts = fields_read(opened)
    return tuple(n for n in (*columns.values(), *numbers, *texts) if n in rows.rows)


def _rule_fields(decider: Decider, frame: pd.DataFrame) -> Mapping[str, Any]:
    """The columns that the rules read: float64 with NaN, or text with "" for missing."""
    fields: dict[str, Any] = {}
    for rule in decider.rules.rules:
        for name in rule.reads:
            fields[name] = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
        for name in rule.texts:
            fields[name] = frame[name].astype(object).fillna("").to_numpy(dtype=object)
    return fields


def beside(frame: pd.DataFrame, decided: Decided | None) -> pd.DataFrame:
    """`frame` with the decisions of its rows: reasons and rules as one text each."""
    if decided is None:
        return frame
    texts = decided.texts()
    drawn = np.array(texts.pop("review_sample"), dtype=bool)
    columns = {
        name: pd.Series(values, index=frame.index, dtype="str") for name, values in texts.items()
    }
    return frame.assign(**columns, review_sample=drawn)


def judged(ctx: Context, evaluation: Evaluation, rows: TabularDataset) -> Evaluation:
    """`evaluation` with what its actions and rules were worth, where there are any."""
    from lepton.evaluation.actions import action_facts, rule_table

    policy, scored = ctx.policy, evaluation.scored
    if policy is None or "action" not in scored:
        return evaluation
    facts = action_facts(scored, policy, ctx.rng("actions"))
    rules, table = ctx.rules, pd.DataFrame()
    if rules is not None:
        present = {*rows.rows.columns}
        needs = {rule.name: {*rule.reads, *rule.texts} - present for rule in rules.rules}
        off = {name: sorted(missing) for name, missing in needs.items() if missing}
        table = rule_table(scored, policy.actions, rules.rules, off, rules.statements)
    return replace(evaluation, facts={**evaluation.facts, **facts}, rules=table)


__all__ = ["beside", "columns_read", "decide", "for_bundle", "judged", "learnt_levels"]
