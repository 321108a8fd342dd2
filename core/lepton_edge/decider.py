"""From scores to actions: a bundle's policy, rules and reasons, for one event or for many rows.

Device and pipeline run these same lines, row after row in the order given, so that the same rows
in the same order get the same actions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np

from lepton_edge.bundle import Opened
from lepton_edge.errors import BundleError
from lepton_edge.policy import Policy, policy_from_json
from lepton_edge.reasons import MOST, Reasons, Scorer, read_reasons
from lepton_edge.rules import Rule, RuleBook, read_rules
from lepton_edge.runtime import Runtime, Scores
from lepton_edge.strict_json import parse

DECISION: Final = "decision.json"
REASONS: Final = "reasons.json"
RULES: Final = "rules.json"

T = TypeVar("T")


@dataclass(frozen=True)
class Decided:
    """What is done with each row: the action, why, which rules hit, whether it is drawn to look at.

    One entry a row in each; reasons and rules are empty where there are none.
    """

    action: list[str]
    reasons: list[tuple[str, ...]]
    rules: list[tuple[str, ...]]
    review_sample: list[bool]

    def columns(self) -> dict[str, list[Any]]:
        """Name of each output -> its values."""
        return {
            "action": self.action,
            "reasons": self.reasons,
            "rules": self.rules,
            "review_sample": self.review_sample,
        }

    def texts(self) -> dict[str, list[Any]]:
        """As `columns`, reasons and rules of a row as one text each."""
        return {
            **self.columns(),
            "reasons": ["; ".join(phrases) for phrases in self.reasons],
            "rules": [",".join(names) for names in self.rules],
        }


@dataclass(frozen=True)
class Rows:
    """Rows to decide on, in their order.

    keys: names of the rows; at: instants, us since 1970 (UTC); value: worth in money, NaN counts
    as 0; numeric, categorical: the model's inputs; fields: columns that rules may read, NaN or
    "" for missing.
    """

    keys: Sequence[Any]
    at: Sequence[int]
    value: np.ndarray
    numeric: np.ndarray
    categorical: np.ndarray
    fields: Mapping[str, Any]


class Decider:
    """The policy of a bundle with its state, its rules and its reasons.

    known: names that `fields` will have. Raises BundleError LK617 where the bundle's files of
    decisions are not understood.
    """

    def __init__(self, opened: Opened, runtime: Runtime, known: Sequence[str]) -> None:
        self._runtime = runtime
        content = _content(opened, DECISION)
        manifest = opened.manifest
        self.columns: dict[str, str] = _understood(opened, lambda: dict(content["columns"]))
        self.policy: Policy = _understood(opened, lambda: policy_from_json(content))
        self.names = [action.name for action in self.policy.actions]
        self.rules: RuleBook = _understood(
            opened, lambda: RuleBook(_rules(opened), self.names, known)
        )
        told = _content(opened, REASONS, None)
        self.reasons: Reasons | None = (
            None
            if told is None
            else _understood(
                opened, lambda: read_reasons(told, manifest.numeric, manifest.categorical)
            )
        )

    def decide(self, rows: Rows, scores: Scores) -> Decided:
        """What is done with each of `rows`, whose scores are `scores`."""
        hits = self.rules.of_rows(rows.fields, len(rows.keys))
        of_row = [tuple(np.flatnonzero(row).tolist()) for row in hits]
        value = np.nan_to_num(np.asarray(rows.value, dtype=np.float64), nan=0.0)
        costs = zip(*(one.tolist() for one in self.policy.costs(scores.score, value)), strict=True)
        chosen = [
            self.policy.choose(row, at, key, self.rules.floor(hit))
            for row, at, key, hit in zip(costs, rows.at, rows.keys, of_row, strict=True)
        ]
        alerted = np.array([one.action > 0 for one in chosen], dtype=bool) | (scores.decision == 1)
        reasons: list[tuple[str, ...]] = [()] * len(chosen)
        places = np.flatnonzero(alerted)
        told = self._told(rows.numeric[places], rows.categorical[places])
        for place, phrases in zip(places.tolist(), told, strict=True):
            reasons[place] = self._why(of_row[place], phrases)
        return Decided(
            [self.names[one.action] for one in chosen],
            reasons,
            [self.rules.names(hit) for hit in of_row],
            [one.sample for one in chosen],
        )

    def decide_one(
        self,
        key: object,
        at: int,
        value: float,
        features: Mapping[str, Any],
        inputs: tuple[np.ndarray, np.ndarray],
        score: tuple[float, int],
    ) -> Decided:
        """As `decide`, for one event: `inputs` are its (1, features) arrays for the model."""
        hit = self.rules.of_row(features)
        costs = self.policy.costs(score[0], value if value == value else 0.0)
        chosen = self.policy.choose(costs, at, key, self.rules.floor(hit))
        is_alerted = chosen.action > 0 or score[1] == 1
        return Decided(
            [self.names[chosen.action]],
            [self._why(hit, self._told(*inputs)[0]) if is_alerted else ()],
            [self.rules.names(hit)],
            [chosen.sample],
        )

    def _why(self, hit: tuple[int, ...], phrases: tuple[str, ...]) -> tuple[str, ...]:
        """What active rules say first, then what the model says."""
        return tuple(dict.fromkeys((*self.rules.reasons(hit), *phrases)))[:MOST]

    def _told(self, numeric: np.ndarray, categorical: np.ndarray) -> list[tuple[str, ...]]:
        if self.reasons is None:
            return [()] * len(numeric)
        return self.reasons.phrases(self._scorer, numeric, categorical)

    @property
    def _scorer(self) -> Scorer:
        return lambda numeric, categorical: self._runtime.score(numeric, categorical).score


def has_decisions(opened: Opened) -> bool:
    """Whether the bundle says what to do with a row: those of older kits have scores alone."""
    return DECISION in opened.manifest.files


def fields_read(opened: Opened) -> tuple[dict[str, str], tuple[str, ...], tuple[str, ...]]:
    """Role -> column, and the numeric and the categorical columns, that policy and rules read.

    Raises BundleError LK617 where the bundle's files of decisions are not understood.
    """
    if not has_decisions(opened):
        return {}, (), ()
    columns = _understood(opened, lambda: dict(_content(opened, DECISION)["columns"]))
    rules = _understood(opened, lambda: _rules(opened))
    numbers = [*([columns["value"]] if "value" in columns else []), *_all(r.reads for r in rules)]
    return (
        columns,
        tuple(dict.fromkeys(numbers)),
        tuple(dict.fromkeys(_all(r.texts for r in rules))),
    )


def _all(names: Iterable[Iterable[str]]) -> list[str]:
    return [name for some in names for name in some]


def _rules(opened: Opened) -> tuple[Rule, ...]:
    return read_rules(_content(opened, RULES, {"rules": []})["rules"])


def _content(opened: Opened, name: str, default: Any = None) -> Any:
    if name not in opened.manifest.files:
        return default
    return _understood(opened, lambda: parse(opened.read(name).decode("utf-8")))


def _understood(opened: Opened, read: Callable[[], T]) -> T:
    try:
        return read()
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise BundleError(
            "LK617",
            where=str(opened.path),
            found=f"what it says of decisions is not understood: {error}",
            remedy="export the model again with `lepton run`",
        ) from error


__all__ = [
    "DECISION",
    "REASONS",
    "RULES",
    "Decided",
    "Decider",
    "Rows",
    "fields_read",
    "has_decisions",
]
