"""Lists for JSON lines: one question a line, one answer a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import numpy as np

from lepton_edge.errors import RowError
from lepton_edge.recommender import Listed, Recommender
from lepton_edge.shelf import MODES, Shelf
from lepton_edge.strict_json import parse

LONGEST_LINE: Final = 1 << 20
MOST: Final = 40
_KNOWN: Final = ("customer_id", "items", "days_since", "counts", "mode", "k", "exclude", "on_hand")


class RecommendLines:
    """A recommender, and the rules as they hold on `day`."""

    def __init__(self, recommender: Recommender, day: date) -> None:
        self.recommender = recommender
        self._shelves: dict[str, Shelf] = {m: recommender.shelf(day, m) for m in MODES}
        self._day = day
        self.refused = 0

    def answered(self, line: bytes) -> dict[str, Any]:
        """The list for one line, or what is wrong with it: {"error": ...}."""
        try:
            return self._answer(asked_of(line))
        except RowError as error:
            self.refused += 1
            return {"error": str(error)}

    def _answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        made, mode = self.recommender, asked.get("mode", "all")
        history, weight, days = made.history(
            asked["items"], asked["days_since"], asked.get("counts")
        )
        shelf = self._shelves[mode]
        if "on_hand" in asked:
            shelf = made.shelf(self._day, mode, self._pieces(asked["on_hand"]))
        places = {item: at for at, item in enumerate(made.catalogue.items)}
        excluded = [places[one] for one in asked.get("exclude", []) if one in places]
        seen = np.array(excluded, dtype=np.int64)
        seen = np.concatenate([seen, shelf.waiting(history, days)])
        seen = np.union1d(seen, history) if mode == "new" else np.unique(seen)
        listed = made.recommend(history, weight, shelf, k=asked.get("k", 10), seen=seen)
        return {"customer_id": asked.get("customer_id"), "list": self._told(listed, shelf)}

    def _pieces(self, told: Mapping[str, float]) -> np.ndarray:
        return np.array([float(told.get(item, 1.0)) for item in self.recommender.catalogue.items])

    def _told(self, listed: Listed, shelf: Shelf) -> list[dict[str, Any]]:
        items = self.recommender.catalogue.items
        found = []
        for row, at in enumerate(listed.item.tolist()):
            because = [items[one] for one in listed.because[row].tolist() if one >= 0]
            rule = int(listed.rule[row])
            reason = f"because of {' and '.join(because)}" if because else "much wanted of late"
            score = float(listed.score[row])
            found.append(
                {
                    "item_id": items[at],
                    "score": None if np.isnan(score) else round(score, 6),
                    "because": because,
                    "reason": f"rule {shelf.rules[rule].rule_id}" if rule >= 0 else reason,
                }
            )
        return found


def asked_of(line: bytes) -> Mapping[str, Any]:
    """One line's question; RowError LK216 where it is no JSON object, LK217 where a field is
    unknown or not what it must be."""
    try:
        if len(line) > LONGEST_LINE:
            raise ValueError(f"more than {LONGEST_LINE:,} bytes")
        asked = parse(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _refused("LK216", "the line", str(error)[:100]) from error
    if not isinstance(asked, dict):
        raise _refused("LK216", "the line", "not an object")
    unknown = sorted(set(asked) - set(_KNOWN))
    if unknown:
        raise _refused("LK217", unknown[0], f"unknown; known are {', '.join(_KNOWN)}")
    items, days = asked.get("items", []), asked.get("days_since", [])
    if not _are(items, str) or not _are(days, (int, float)) or len(items) != len(days):
        raise _refused("LK217", "items", "needs a list of names, and as many days_since")
    counts = asked.get("counts", [1.0] * len(items))
    if not _are(counts, (int, float)) or len(counts) != len(items):
        raise _refused("LK217", "counts", "needs a number for each item")
    if any(not 0 <= one < 1e6 for one in [*days, *counts]):
        raise _refused("LK218", "days_since or counts", "a number below 0, or beyond all bounds")
    if asked.get("mode", "all") not in MODES:
        raise _refused("LK219", "mode", json.dumps(asked["mode"])[:40])
    k = asked.get("k", 10)
    if type(k) is not int or not 1 <= k <= MOST:
        raise _refused("LK217", "k", f"a whole number from 1 to {MOST} is needed")
    if not _are(asked.get("exclude", []), str):
        raise _refused("LK217", "exclude", "needs a list of names")
    on_hand = asked.get("on_hand", {})
    if not isinstance(on_hand, dict) or not _are(list(on_hand.values()), (int, float)):
        raise _refused("LK217", "on_hand", "needs pieces by item")
    return {"items": items, "days_since": days, **asked}


def _are(values: Any, kind: type | tuple[type, ...]) -> bool:
    return isinstance(values, list) and all(
        isinstance(one, kind) and not isinstance(one, bool) for one in values
    )


def _refused(code: str, where: str, found: str) -> RowError:
    return RowError(code, where=where, found=found, remedy="see the bundle's model-card.md")


__all__ = ["MOST", "RecommendLines", "asked_of"]
