"""Champions with fewer members beside the best one: the smallest whose loss is bounded is chosen.

A member that is left out is one forest or network less to carry and to run. What that costs is
known from the selection's forecasts, which no member had seen; accepted is what loses, at the
stated confidence by a one-sided bootstrap over weeks, no more than the tolerance.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.forecast.board import ForecastBoard, Selected
from lepton.forecast.champion import Champion
from lepton.forecast.graph import to_onnx
from lepton.forecast.matrix import Matrix
from lepton.forecast.scores import crps
from lepton_edge.atomic import write_bytes
from lepton_edge.conformal import horizon_blocks
from lepton_edge.wall_clock import DAY_S

WHOLE: Final = "whole blend"
WEEK_S: Final = 7 * DAY_S
RESAMPLES: Final = 2_000
MOST: Final = 7
"""Members of which all combinations are tried; more are few."""
REPEATS: Final = 5


@dataclass(frozen=True)
class Artefact:
    """A champion as it could be shipped: families; score on the selection with its interval;
    loss, loss_bound: relative rise of the score against the whole blend, and its one-sided upper
    bound. Of what is accepted, bytes of its graph, and one_ms: CPU milliseconds of one series'
    forecast from features; None of what is not."""

    name: str
    members: tuple[str, ...]
    score: float
    low: float
    high: float
    loss: float
    loss_bound: float
    bytes: int | None
    one_ms: float | None
    accepted: bool
    why: str


@dataclass(frozen=True, eq=False)
class ForecastFront:
    """champion: the one that is shipped, called `chosen`; artefacts: what each costs and loses."""

    champion: Champion
    artefacts: Mapping[str, Artefact]
    chosen: str
    notes: tuple[str, ...] = ()
    metric: str = "rcrps"

    def to_frame(self) -> pd.DataFrame:
        """One row an artefact, the smallest first, under the names of a report's front."""
        rows = [
            {
                "name": one.name,
                "kind": "blend" if len(one.members) > 1 else one.members[0],
                "score": one.score,
                "low": one.low,
                "high": one.high,
                "loss": one.loss,
                "bound": one.loss_bound,
                "bytes": math.nan if one.bytes is None else one.bytes,
                "us_per_row": math.nan if one.one_ms is None else 1_000 * one.one_ms,
                "accepted": one.accepted,
                "control": False,
                "chosen": one.name == self.chosen,
                "why": one.why,
            }
            for one in self.artefacts.values()
        ]
        return pd.DataFrame(rows).sort_values("bytes", kind="stable", ignore_index=True)

    def save(self, folder: Path) -> None:
        """Write everything as plain data into `folder`."""
        self.champion.save(folder / "champion")
        facts = {
            "artefacts": [vars(one) for one in self.artefacts.values()],
            "chosen": self.chosen,
            "notes": list(self.notes),
        }
        text = json.dumps(facts, indent=1, allow_nan=False) + "\n"
        write_bytes(folder / "front.json", text.encode())

    @classmethod
    def load(cls, folder: Path) -> ForecastFront:
        """What `save` wrote into `folder`."""
        facts: dict[str, Any] = json.loads((folder / "front.json").read_text(encoding="utf-8"))
        found = [
            Artefact(**{**one, "members": tuple(one["members"])}) for one in facts["artefacts"]
        ]
        champion = Champion.load(folder / "champion")
        return cls(
            champion, {one.name: one for one in found}, facts["chosen"], tuple(facts["notes"])
        )


def compress(
    board: ForecastBoard,
    sample: Matrix,
    spans: np.ndarray,
    *,
    max_loss: float,
    confidence: float,
    rng: np.random.Generator,
    step: Callable[[str], None] = lambda text: None,
) -> ForecastFront:
    """The whole blend and every part of it, the smallest inside the bound chosen.

    max_loss: relative rise of the score that is put up with; sample: issues that are timed.
    """
    whole = board.champion
    weeks = _Weeks.of(board.selected, rng)
    best = _losses(board.selected, whole, spans)
    found: dict[str, Artefact] = {}
    champions: dict[str, Champion] = {}
    for members in _parts(tuple(whole.members)):
        left_out = [name for name in whole.members if name not in members]
        champion = whole.without(left_out) if left_out else whole
        name = "+".join(members) if left_out else WHOLE
        own = _losses(board.selected, champion, spans)
        score, low, high = weeks.mean(own)
        loss, bound = weeks.rise(own, best, confidence)
        accepted = not left_out or bound <= max_loss
        why = "what the others are compared with" if not left_out else _why(bound, max_loss)
        size = len(to_onnx(champion, {})) if accepted else None
        cost = _one_ms(champion, sample) if accepted else None
        found[name] = Artefact(
            name, members, score, low, high, loss, bound, size, cost, accepted, why
        )
        champions[name] = champion
        step(name)
    able = [one for one in found.values() if one.accepted]
    chosen = min(able, key=lambda one: (one.bytes or 0, one.loss_bound))
    return ForecastFront(champions[chosen.name], found, chosen.name)


def _parts(members: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """All of them first, then every part, larger ones first; only singles and pairs of many."""
    yield members
    sizes = range(len(members) - 1, 0, -1) if len(members) <= MOST else (2, 1)
    for size in sizes:
        yield from combinations(members, size)


def _losses(selected: Selected, champion: Champion, spans: np.ndarray) -> np.ndarray:
    """Loss of each of the selection's targets before calibration, (n, leads), NaN where unknown."""
    block = horizon_blocks(selected.lead_h)
    told = champion.weights.blend(selected.quantiles, selected.series, block)
    return np.asarray(crps(selected.y, told) / spans[selected.series][:, None])


def _why(bound: float, max_loss: float) -> str:
    if bound <= max_loss:
        return f"loses at most {bound:.1%}"
    return f"may lose {bound:.1%}, where {max_loss:.1%} is put up with"


def _one_ms(champion: Champion, sample: Matrix) -> float:
    """Median CPU milliseconds of one series' forecast from its features."""
    one = sample.take(np.array([0]))
    took = []
    for _ in range(REPEATS):
        began = time.process_time()
        champion.blend(one)
        took.append(1_000 * (time.process_time() - began))
    return float(np.median(took))


@dataclass(frozen=True, eq=False)
class _Weeks:
    """Weeks drawn with replacement, the same for all (Kuensch 1989)."""

    block: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, selected: Selected, rng: np.random.Generator) -> _Weeks:
        first = selected.issue_s.min(initial=0) if len(selected.issue_s) else 0
        block = (selected.issue_s - first) // WEEK_S
        n = int(block.max(initial=0)) + 1
        drawn = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
        return cls(block, drawn.astype(np.float64))

    def _drawn(self, losses: np.ndarray) -> tuple[float, np.ndarray]:
        known = np.isfinite(losses)
        n = self.weights.shape[1]
        total = np.bincount(self.block, np.where(known, losses, 0.0).sum(axis=1), minlength=n)
        count = np.bincount(self.block, known.sum(axis=1), minlength=n)
        drawn = (self.weights @ total) / np.maximum(self.weights @ count, 1.0)
        return float(total.sum() / max(count.sum(), 1)), drawn

    def mean(self, losses: np.ndarray) -> tuple[float, float, float]:
        """Mean loss and its 95 % interval."""
        mean, drawn = self._drawn(losses)
        low, high = np.quantile(drawn, [0.025, 0.975])
        return mean, float(low), float(high)

    def rise(self, own: np.ndarray, best: np.ndarray, confidence: float) -> tuple[float, float]:
        """Relative rise of the mean loss, and its one-sided upper bound."""
        (mean, drawn), (other, drawn_other) = self._drawn(own), self._drawn(best)
        ratio = drawn / np.maximum(drawn_other, 1e-12) - 1
        return mean / max(other, 1e-12) - 1, float(np.quantile(ratio, confidence))


__all__ = ["Artefact", "ForecastFront", "compress"]
