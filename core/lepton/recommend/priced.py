"""What rules do to lists, and what each costs in NDCG@10: all of them against all but one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from lepton.recommend.families.base import Ranker
from lepton.recommend.interactions import DAY_S
from lepton.recommend.ranking import chunks, masked, ndcg, top
from lepton.recommend.windows import Window
from lepton_edge.shelf import Catalogue, Rule, Shelf

DEPTH = 100
"""Items of a ranking that rules choose from, as on a device."""


@dataclass(frozen=True, eq=False)
class Audit:
    """What rules did to the lists of a window.

    lists: (n, k) positions, -1 where a list is short; fired: rule -> lists that it changed, or
    whose item it placed; removed: rule -> items of the plain lists that it took off; broken: slots
    of lists that break a rule.
    """

    lists: np.ndarray
    fired: dict[str, int]
    removed: dict[str, int]
    broken: int


@dataclass(frozen=True, eq=False)
class Ranked:
    """The best DEPTH items of each customer before rules: item and score (n, DEPTH)."""

    item: np.ndarray
    score: np.ndarray


def ranked(model: Ranker, window: Window, mode: str, shelf: Shelf) -> Ranked:
    """The rankings under what a shelf adds to scores and hides."""
    owned, parts = window.owned, []
    days = (window.known.as_of_s - window.known.pairs.last_s) / DAY_S
    for part in chunks(len(window)):
        customers = window.customers[part]
        told = model.scores(window.known, customers, mode).astype(np.float32)
        best = told.max(axis=1, keepdims=True)
        told = np.where(np.isneginf(told), told, told + shelf.boost * best)
        told[:, ~shelf.allowed] = -np.inf
        told = masked(told, owned[part]) if mode == "new" else told
        _hide_waiting(told, window, customers, shelf, days)
        items = top(told, DEPTH)
        parts.append((items, np.take_along_axis(told, np.maximum(items, 0), axis=1)))
    item, score = (np.vstack(column) for column in zip(*parts, strict=True))
    return Ranked(item, score)


def _hide_waiting(
    told: np.ndarray, window: Window, customers: np.ndarray, shelf: Shelf, days: np.ndarray
) -> None:
    if not shelf.waits.any():
        return
    pairs = window.known.pairs
    for row, customer in enumerate(customers):
        own = slice(pairs.start[customer], pairs.start[customer + 1])
        told[row, shelf.waiting(pairs.item[own], days[own])] = -np.inf


def audit(model: Ranker, window: Window, mode: str, shelf: Shelf, k: int = 10) -> Audit:
    """Lists under the rules, and what each rule did to them."""
    plain = Shelf.of((), Catalogue(tuple("" for _ in shelf.allowed), {}), date.min, mode)
    before = ranked(model, window, mode, plain).item[:, :k]
    after = ranked(model, window, mode, shelf)
    owned = window.owned
    lists = np.full((len(window), k), -1, dtype=np.int64)
    fired = {rule.rule_id: 0 for rule in shelf.rules}
    broken = 0
    for row in range(len(window)):
        seen = owned[row].indices if mode == "new" else None
        items, why = shelf.fill(after.item[row][after.item[row] >= 0], k, seen)
        lists[row, : len(items)] = items
        for number in set(why[why >= 0].tolist()):
            fired[shelf.rules[number].rule_id] += 1
        broken += len(shelf.broken(items, seen))
    removed = {}
    for number, hit in shelf.closed.items():
        name = shelf.rules[number].rule_id
        gone = hit[np.maximum(before, 0)] & (before >= 0)
        removed[name] = int(gone.sum())
        fired[name] += int(gone.any(axis=1).sum())
    return Audit(lists, fired, removed, broken)


def price_of_rules(
    model: Ranker,
    window: Window,
    rules: Sequence[Rule],
    catalogue: Catalogue,
    day: date,
    on_hand: np.ndarray | None = None,
) -> pd.DataFrame:
    """One row a rule and mode: rule, kind, mode, owner, fired, removed, cost (share of NDCG@10 that
    lists gain where only this rule is left out); a last row `all rules` a mode, against none."""
    rows = []
    for mode in ("all", "new"):
        targets = window.targets(mode)

        def score(kept: Sequence[Rule], mode: str = mode) -> tuple[float, Audit]:
            shelf = Shelf.of(kept, catalogue, day, mode, on_hand)
            found = audit(model, window, mode, shelf)
            return float(np.nanmean(ndcg(found.lists, window.targets(mode)))), found

        if not targets.nnz:
            continue
        whole, told = score(rules)
        free, _ = score(())
        for rule in rules:
            if mode in rule.modes:
                without, _ = score([one for one in rules if one is not rule])
                name = rule.rule_id
                facts = (told.fired.get(name, 0), told.removed.get(name, 0))
                rows.append((name, rule.kind, mode, rule.owner, *facts, _share(without, whole)))
        rows.append(("all rules", "", mode, "", len(window), 0, _share(free, whole)))
    columns = ["rule", "kind", "mode", "owner", "fired", "removed", "cost"]
    return pd.DataFrame(rows, columns=columns)


def _share(without: float, whole: float) -> float:
    return (without - whole) / without if without > 0 else 0.0


__all__ = ["DEPTH", "Audit", "Ranked", "audit", "price_of_rules", "ranked"]
