"""Recommends with a verified bundle: a history in; items, scores and reasons out; no state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np

from lepton_edge.bundle import MODEL, Opened, open_bundle
from lepton_edge.errors import BundleError, RowError
from lepton_edge.runtime import CPU, session
from lepton_edge.shelf import MODES, Catalogue, Rule, Shelf

CATALOGUE: Final = "catalogue.json"
RULES: Final = "rules.json"
PLAN: Final = "recommend.json"
LONGEST_HISTORY: Final = 200
"""Items of a history that count: the ones with the highest weights."""
DAY_S: Final = 86_400
_OUTPUTS: Final = ["item", "score", "because", "share"]


@dataclass(frozen=True, eq=False)
class Listed:
    """A list, best first. item: (n,) positions; score: (n,) float32; rule: (n,) number of the rule
    that put it there, -1 for none; because: (n, 2) positions of what was taken before that speaks
    most for it, -1 where nothing does; share: (n, 2) what they add to its score."""

    item: np.ndarray
    score: np.ndarray
    rule: np.ndarray
    because: np.ndarray
    share: np.ndarray


class Recommender:
    """A bundle ready to recommend; stateless, so that a new customer, or what somebody just took,
    counts at once.

    Raises BundleError where it is not whole (LK601 to LK608) or recommends nothing (LK660).
    """

    def __init__(self, bundle: Path | Opened, *, provider: str = CPU) -> None:
        opened = bundle if isinstance(bundle, Opened) else open_bundle(Path(bundle))
        absent = [name for name in (CATALOGUE, RULES, PLAN) if name not in opened.manifest.files]
        if absent:
            raise BundleError(
                "LK660",
                where=str(opened.path),
                found=f"no {absent[0]}: this bundle recommends nothing",
                remedy="give the bundle of a task that recommends",
            )
        self.opened = opened
        self.catalogue = Catalogue.of(_json(opened, CATALOGUE))
        self.rules = tuple(Rule.of(one) for one in _json(opened, RULES)["rules"])
        plan = _json(opened, PLAN)
        self.half_life_days = float(plan["half_life_days"])
        self._place = {item: at for at, item in enumerate(self.catalogue.items)}
        self._session = session(opened.model, str(opened.path / MODEL), provider)
        self.provider: str = self._session.get_providers()[0]

    def shelf(self, day: date, mode: str = "all", on_hand: np.ndarray | None = None) -> Shelf:
        """The rules as they hold on `day`; made once, used for every customer.

        Raises RowError LK663 for an unknown mode.
        """
        if mode not in MODES:
            raise RowError("LK663", where="mode", found=f"'{mode}'", remedy="give all or new")
        return Shelf.of(self.rules, self.catalogue, day, mode, on_hand)

    def history(
        self, items: list[str], days_since: list[float], counts: list[float] | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions, weights and days since the last time of what a customer took, one entry an
        item; unknown items are left out. items: an entry each order and item; counts: what each
        entry counts, 1 where it is not told (less for what came back, or was only looked at)."""
        weight: dict[int, float] = {}
        newest: dict[int, float] = {}
        told = [1.0] * len(items) if counts is None else counts
        for item, days, count in zip(items, days_since, told, strict=True):
            place = self._place.get(item)
            if place is not None:
                decayed = count * 2.0 ** (-days / self.half_life_days)
                weight[place] = weight.get(place, 0.0) + decayed
                newest[place] = min(newest.get(place, np.inf), days)
        return (
            np.fromiter(weight, dtype=np.int64, count=len(weight)),
            np.fromiter(weight.values(), dtype=np.float32, count=len(weight)),
            np.fromiter(newest.values(), dtype=np.float64, count=len(newest)),
        )

    def recommend(
        self,
        history: np.ndarray,
        weight: np.ndarray,
        shelf: Shelf,
        *,
        k: int = 10,
        seen: np.ndarray | None = None,
    ) -> Listed:
        """The list for one history. seen: positions that must not be listed."""
        kept, weights = newest(history, weight)
        hidden = np.empty(0, dtype=np.int64) if seen is None else seen
        item, score, because, share = self._session.run(
            _OUTPUTS,
            {
                "history": kept,
                "weight": weights,
                "seen": hidden,
                "allowed": shelf.allowed,
                "boost": shelf.boost,
            },
        )
        open_ = score > np.finfo(np.float32).min
        listed, rule = shelf.fill(item[open_], k, seen)
        return _told(listed, rule, item, score, kept[because], share)


def newest(history: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most LONGEST_HISTORY entries, those of the highest weights, in the order they came in."""
    if len(history) <= LONGEST_HISTORY:
        return history, weight
    kept = np.sort(np.argsort(-weight, kind="stable")[:LONGEST_HISTORY])
    return history[kept], weight[kept]


def _told(
    listed: np.ndarray,
    rule: np.ndarray,
    item: np.ndarray,
    score: np.ndarray,
    because: np.ndarray,
    share: np.ndarray,
) -> Listed:
    """What the graph said of each listed item; nothing of one that only a rule put there."""
    n, width = len(listed), because.shape[1]
    told, parts = np.full((n, width), -1, dtype=np.int64), np.zeros((n, width), dtype=np.float32)
    scores = np.full(n, np.nan, dtype=np.float32)
    place = {one: at for at, one in enumerate(item.tolist())}
    for row, one in enumerate(listed.tolist()):
        at = place.get(one)
        if at is None:
            continue
        scores[row] = score[at]
        if at < len(because):
            told[row], parts[row] = because[at], share[at]
    return Listed(listed, scores, rule, np.where(parts > 0, told, -1), parts)


def _json(opened: Opened, name: str) -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads(opened.read(name).decode("utf-8"))
    return content


__all__ = ["CATALOGUE", "LONGEST_HISTORY", "PLAN", "RULES", "Listed", "Recommender", "newest"]
