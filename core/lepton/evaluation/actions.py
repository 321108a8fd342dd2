"""What the actions of a policy were worth on rows whose outcome is known, and its rules beside it.

Money is what the policy's own table of costs says of each action once the outcome is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from lepton.evaluation.intervals import blocks_of, day_blocks, resamples
from lepton_edge.policy import Action, Policy
from lepton_edge.rules import Rule

_RESAMPLES: Final = 500


@dataclass(frozen=True)
class Worth:
    """Money of each row: `costs` (rows, actions) of every action, `chosen` of the one taken."""

    costs: np.ndarray
    chosen: np.ndarray

    @property
    def saved(self) -> np.ndarray:
        """What each row's action saves against letting the row pass."""
        return np.asarray(self.costs[:, 0] - self.chosen)


def worth_of(rows: pd.DataFrame, actions: Sequence[Action]) -> Worth:
    """What each action costs on `rows`, whose target is known and whose `action` was taken."""
    target = rows["target"].to_numpy(dtype=np.float64)
    costs = np.column_stack([action.cost(target, _values(rows)) for action in actions])
    return Worth(costs, costs[np.arange(len(rows)), _places(rows, actions)])


def action_facts(rows: pd.DataFrame, policy: Policy, rng: np.random.Generator) -> dict[str, float]:
    """Counts and money of the actions, and of fixed thresholds beside them.

    A `_gain` is what the policy saves beyond a rival, as a share of what that saves, with the
    limits of its 95 % interval over days. `policy_gain`: beyond the graph's own threshold, which
    acts by the limited action and was settled ahead under the same capacity. `hindsight_gain`:
    beyond the threshold that would have been best on these very rows within capacity times days
    alerts, on whatever day. `single_gain`: beyond the best threshold, in hindsight, for any one
    action that is not limited. `value_gain`: what the rows of the highest expected saving within
    the same budget, reviewed without any other action, save beyond the hindsight threshold.
    """
    actions = policy.actions
    worth, blocks = worth_of(rows, actions), blocks_of(rows)
    place = _places(rows, actions)
    limited = [at for at, action in enumerate(actions) if action.limited]
    facts = {f"action_{one.name}": float((place == at).sum()) for at, one in enumerate(actions)}
    facts |= _sampled(rows)
    facts["policy_saved"] = float(worth.saved.sum())
    singles = [
        _best_threshold(rows, worth.costs[:, 0] - worth.costs[:, at], len(rows))
        for at in range(1, len(actions))
        if at not in limited
    ]
    if singles:
        single = max(singles, key=lambda saved: float(saved.sum()))
        facts["single_saved"] = float(single.sum())
        facts |= _gain("single_gain", worth.saved, single, blocks, rng)
    if limited:
        facts |= _against_threshold(rows, policy, worth, limited[0], rng)
    return {name: value for name, value in facts.items() if np.isfinite(value)}


def rule_table(
    rows: pd.DataFrame,
    actions: Sequence[Action],
    rules: Sequence[Rule],
    off: Mapping[str, Sequence[str]],
    statements: Mapping[str, str],
) -> pd.DataFrame:
    """One row a rule: what it hit, what of that was positive, and what acting on it was worth.

    missing: features that the rule reads and the data lack, "" where it is on; also_alerted: hits
    on which the policy acted as well; only_policy: rows that the policy acted on and the rule did
    not hit; would_save: money beyond what the policy's actions cost, had the rule been active.
    """
    worth, place = worth_of(rows, actions), _places(rows, actions)
    names = [action.name for action in actions]
    hit_by = rows["rules"].str.split(",")
    positive = rows["target"].to_numpy() == 1
    lines = []
    for rule in rules:
        hits = np.array([rule.name in names_of for names_of in hit_by], dtype=bool)
        at = names.index(rule.action)
        stricter = hits & (place < at)
        is_on = rule.name not in off
        n_hits, n_positive = int(hits.sum()), int((hits & positive).sum())
        lines.append(
            {
                "rule": rule.name,
                "when": statements.get(rule.name, ""),
                "action": rule.action,
                "mode": rule.mode,
                "missing": ", ".join(off.get(rule.name, ())),
                "hits": n_hits,
                "positives": n_positive,
                "precision": n_positive / n_hits if n_hits else np.nan,
                "recall": n_positive / positive.sum() if is_on and positive.any() else np.nan,
                "also_alerted": int((hits & (place > 0)).sum()),
                "only_policy": int((~hits & (place > 0)).sum()),
                "would_save": float((worth.chosen - worth.costs[:, at])[stricter].sum()),
            }
        )
    return pd.DataFrame(lines)


def _values(rows: pd.DataFrame) -> np.ndarray:
    if "value" not in rows:
        return np.zeros(len(rows))
    values: np.ndarray = rows["value"].to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(np.nan_to_num(values, nan=0.0))


def _places(rows: pd.DataFrame, actions: Sequence[Action]) -> np.ndarray:
    order = {action.name: at for at, action in enumerate(actions)}
    places: np.ndarray = rows["action"].map(order).to_numpy(dtype=np.int64)
    return places


def _sampled(rows: pd.DataFrame) -> dict[str, float]:
    drawn = rows["review_sample"].to_numpy(dtype=bool)
    positive = rows["target"].to_numpy() == 1
    return {
        "review_sample": float(drawn.sum()),
        "review_sample_positives": float((drawn & positive).sum()),
    }


def _against_threshold(
    rows: pd.DataFrame,
    policy: Policy,
    worth: Worth,
    limited: int,
    rng: np.random.Generator,
) -> dict[str, float]:
    """The policy, and the rows of the highest expected saving, against fixed thresholds."""
    blocks, actions = blocks_of(rows), policy.actions
    is_limited = _places(rows, actions) == limited
    _, days = np.unique(day_blocks(rows), return_inverse=True)
    n_days = int(days.max(initial=-1)) + 1
    most = len(rows) if policy.capacity is None else int(policy.capacity * n_days)
    saving = worth.costs[:, 0] - worth.costs[:, limited]
    fixed = np.where(rows["decision"].to_numpy() == 1, saving, 0.0)
    best = _best_threshold(rows, saving, most)
    score, value = rows["score"].to_numpy(dtype=np.float64), _values(rows)
    expected = actions[0].cost(score, value) - actions[limited].cost(score, value)
    by_value = np.zeros(len(rows))
    top = np.argsort(-expected, kind="stable")[:most]
    top = top[expected[top] > 0]
    by_value[top] = saving[top]
    by_hand = is_limited | rows["review_sample"].to_numpy(dtype=bool)
    per_day = np.bincount(days, by_hand)
    return {
        "by_hand_per_day": float(per_day.mean()),
        "by_hand_most": float(per_day.max()),
        "fixed_alerts": float((rows["decision"] == 1).sum()),
        "fixed_saved": float(fixed.sum()),
        "hindsight_alerts": float((best != 0).sum()),
        "hindsight_saved": float(best.sum()),
        "value_alerts": float(len(top)),
        "value_saved": float(by_value.sum()),
        **_gain("policy_gain", worth.saved, fixed, blocks, rng),
        **_gain("hindsight_gain", worth.saved, best, blocks, rng),
        **_gain("value_gain", by_value, best, blocks, rng),
    }


def _best_threshold(rows: pd.DataFrame, saving: np.ndarray, most: int) -> np.ndarray:
    """What each row saves under the threshold that is best on these rows, of at most `most`."""
    order = np.argsort(-rows["score"].to_numpy(dtype=np.float64), kind="stable")[:most]
    total = np.concatenate([[0.0], np.cumsum(saving[order])])
    alerted = order[: int(np.argmax(total))]
    found = np.zeros(len(rows))
    found[alerted] = saving[alerted]
    return found


def _gain(
    name: str,
    saved: np.ndarray,
    rival: np.ndarray,
    blocks: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, float]:
    """What `saved` is beyond `rival` as a share of it, with its 95 % interval over days."""
    total = float(rival.sum())
    if total <= 0:
        return {}
    draws = [
        (float(weights @ saved), float(weights @ rival))
        for weights in resamples(blocks, rng, _RESAMPLES)
    ]
    shares = [(mine - other) / other for mine, other in draws if other > 0]
    low, high = np.quantile(shares, [0.025, 0.975]) if shares else (np.nan, np.nan)
    return {
        name: (float(saved.sum()) - total) / total,
        f"{name}_low": float(low),
        f"{name}_high": float(high),
    }


__all__ = ["Worth", "action_facts", "rule_table", "worth_of"]
