"""What may be listed, and how rules shape a list: masks for the graph, and a step after it.

Hard filters and boosts are vectors that go into the graph; pins and caps are kept by `Shelf.fill`,
which the pipeline and a device share, so that both list the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import numpy as np

from lepton_edge.errors import BundleError

EXCLUDE: Final = "exclude"
AVAILABLE: Final = "available"
BOOST: Final = "boost"
CAP: Final = "cap"
PIN: Final = "pin"
WAIT: Final = "wait"
KINDS: Final = (EXCLUDE, AVAILABLE, BOOST, CAP, PIN, WAIT)
"""exclude: items are never listed; available: those that are not on hand are not; boost: a share of
the customer's best score on top; cap: at most so many of one value of a column; pin: an item stands
at a place; wait: not within days of being taken."""
MODES: Final = ("all", "new")
BY_SCORE: Final = -1
"""Why an item stands where it does, where no rule put it there."""


@dataclass(frozen=True)
class Rule:
    """One rule. where: column -> values, of each of which an item must have one, none for every
    item; amount: of a boost, a cap (pieces), a pin (place from 0) or a wait (days); by: column
    whose values are capped; start, until: days on which it holds, inclusive; modes: lists it is
    for."""

    rule_id: str
    kind: str
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    amount: float = 0.0
    by: str = ""
    start: date = date.min
    until: date = date.max
    modes: tuple[str, ...] = MODES
    owner: str = ""

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Rule:
        """From a bundle's plain data."""
        days = {n: date.fromisoformat(told[n]) for n in ("start", "until") if told.get(n)}
        return cls(
            str(told["rule_id"]),
            str(told["kind"]),
            {name: tuple(values) for name, values in told.get("where", {}).items()},
            float(told.get("amount", 0.0)),
            str(told.get("by", "")),
            **days,
            modes=tuple(told.get("modes", MODES)),
            owner=str(told.get("owner", "")),
        )

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "rule_id": self.rule_id,
            "kind": self.kind,
            "where": {name: list(values) for name, values in self.where.items()},
            "amount": self.amount,
            "by": self.by,
            "start": self.start.isoformat(),
            "until": self.until.isoformat(),
            "modes": list(self.modes),
            "owner": self.owner,
        }


@dataclass(frozen=True, eq=False)
class Catalogue:
    """items: their names, in the order of the model; columns: name -> (items,) texts, "" where it
    is not told."""

    items: tuple[str, ...]
    columns: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Catalogue:
        """From a bundle's plain data; BundleError LK661 where a column is not as long as items."""
        items = tuple(told["items"])
        columns = {name: np.array(values, dtype="U") for name, values in told["columns"].items()}
        short = sorted(name for name, values in columns.items() if len(values) != len(items))
        if short:
            raise BundleError(
                "LK661",
                where=f"catalogue, column {short[0]}",
                found=f"{len(columns[short[0]]):,} values for {len(items):,} items",
                remedy="copy the whole bundle again, or go back to the previous version",
            )
        return cls(items, columns)

    def matching(self, where: Mapping[str, tuple[str, ...]]) -> np.ndarray:
        """(items,) whether each has one of the values of every column; `item_id` is its name."""
        found = np.ones(len(self.items), dtype=bool)
        for name, values in where.items():
            if name == "item_id":
                found &= np.isin(np.array(self.items, dtype="U"), np.array(values, dtype="U"))
            else:
                found &= np.isin(self.columns[name], np.array(values, dtype="U"))
        return found


@dataclass(frozen=True, eq=False)
class Cap:
    """At most `most` of one list have the same group; group: (items,), -1 for no cap."""

    rule: int
    group: np.ndarray
    most: int


@dataclass(frozen=True, eq=False)
class Shelf:
    """Rules as they hold on one day in one mode.

    rules: all of them; allowed: (items,) whether it may be listed; boost: (items,) float32; caps;
    pins: place -> (rule, item); waits: days that each item must not have been taken within, 0 for
    none; closed: rule -> (items,) what it takes off the shelf.
    """

    rules: tuple[Rule, ...]
    allowed: np.ndarray
    boost: np.ndarray
    caps: tuple[Cap, ...]
    pins: Mapping[int, tuple[int, int]]
    waits: np.ndarray
    closed: Mapping[int, np.ndarray]

    @classmethod
    def of(
        cls,
        rules: Sequence[Rule],
        catalogue: Catalogue,
        day: date,
        mode: str,
        on_hand: np.ndarray | None = None,
    ) -> Shelf:
        """What holds on `day` for lists of `mode`; on_hand: (items,) pieces, None where nobody
        counts, so that everything is available."""
        n = len(catalogue.items)
        allowed, boost = np.ones(n, dtype=bool), np.zeros(n, dtype=np.float32)
        waits, closed = np.zeros(n), {}
        caps: list[Cap] = []
        pins: dict[int, tuple[int, int]] = {}
        for number, rule in enumerate(rules):
            if mode not in rule.modes or not rule.start <= day <= rule.until:
                continue
            hit = catalogue.matching(rule.where)
            if rule.kind == AVAILABLE:
                hit &= np.zeros(n, bool) if on_hand is None else ~(on_hand > 0)
            if rule.kind in (EXCLUDE, AVAILABLE):
                closed[number] = hit
                allowed &= ~hit
            elif rule.kind == BOOST:
                boost[hit] += np.float32(rule.amount)
            elif rule.kind == WAIT:
                waits[hit] = np.maximum(waits[hit], rule.amount)
            elif rule.kind == CAP:
                group = np.unique(catalogue.columns[rule.by], return_inverse=True)[1]
                told = hit & (catalogue.columns[rule.by] != "")
                caps.append(Cap(number, np.where(told, group, -1), int(rule.amount)))
            elif rule.kind == PIN and hit.any():
                pins.setdefault(int(rule.amount), (number, int(np.flatnonzero(hit)[0])))
        return cls(tuple(rules), allowed, boost, tuple(caps), pins, waits, closed)

    def waiting(self, history: np.ndarray, days_since: np.ndarray) -> np.ndarray:
        """Those of `history` (positions) that were taken too lately; days_since: (h,)."""
        return np.asarray(history[days_since < self.waits[history]])

    def fill(
        self, ranked: np.ndarray, k: int, seen: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The list of at most `k` items and the rule that put each there, `BY_SCORE` for none.

        ranked: positions, best first, already without what may not be listed; seen: positions that
        may not be pinned either.
        """
        pinned = self._pinned(k, seen)
        if not self.caps and not pinned:
            return ranked[:k], np.full(min(k, len(ranked)), BY_SCORE)
        held = [{} for _ in self.caps]  # type: list[dict[int, int]]
        for _, item in pinned.values():
            self._count(item, held)
        taken = {item for _, item in pinned.values()}
        others = iter(ranked.tolist())
        items, why = [], []
        for place in range(k):
            if place in pinned:
                number, item = pinned[place]
            else:
                number, item = BY_SCORE, self._next(others, held, taken)
            if item >= 0:
                items.append(item)
                why.append(number)
        return np.array(items, dtype=np.int64), np.array(why, dtype=np.int64)

    def _pinned(self, k: int, seen: np.ndarray | None) -> dict[int, tuple[int, int]]:
        """Pins of open items, in the order of their places, as far as caps have room."""
        found: dict[int, tuple[int, int]] = {}
        hidden = set() if seen is None else set(seen.tolist())
        held = [{} for _ in self.caps]  # type: list[dict[int, int]]
        for place, (number, item) in sorted(self.pins.items()):
            used = {one for _, one in found.values()}
            is_open = place < k and self.allowed[item] and item not in hidden | used
            if is_open and self._has_room(item, held):
                self._count(item, held)
                found[place] = (number, item)
        return found

    def _next(self, others: Any, held: list[dict[int, int]], taken: set[int]) -> int:
        for item in others:
            if item >= 0 and item not in taken and self._has_room(item, held):
                self._count(item, held)
                return int(item)
        return -1

    def _has_room(self, item: int, held: list[dict[int, int]]) -> bool:
        return all(
            cap.group[item] < 0 or counts.get(int(cap.group[item]), 0) < cap.most
            for cap, counts in zip(self.caps, held, strict=True)
        )

    def _count(self, item: int, held: list[dict[int, int]]) -> None:
        for cap, counts in zip(self.caps, held, strict=True):
            group = int(cap.group[item])
            counts[group] = counts.get(group, 0) + 1

    def broken(self, items: np.ndarray, seen: np.ndarray | None = None) -> list[str]:
        """Which rules the list breaks, by their names; `seen` and `twice` for what needs none."""
        faults = [
            self.rules[number].rule_id for number, hit in self.closed.items() if hit[items].any()
        ]
        for cap in self.caps:
            group = cap.group[items]
            if np.bincount(group[group >= 0], minlength=1).max() > cap.most:
                faults.append(self.rules[cap.rule].rule_id)
        if seen is not None and np.isin(items, seen).any():
            faults.append("seen")
        if len(np.unique(items)) < len(items):
            faults.append("twice")
        return faults


__all__ = ["BY_SCORE", "KINDS", "MODES", "Cap", "Catalogue", "Rule", "Shelf"]
