"""The smallest forecaster whose loss is bounded: fewer members, fewer trees, smaller networks.

A twin of the champion, fitted only on what was known before the newest issues of the walk, is made
smaller in the same ways and scored on those issues, which it never saw. Accepted is what loses, at
the stated confidence by a one-sided paired bootstrap over blocks of days, no more CRPS than the
limit. The accepted recipe with the cheapest forecast of one series is then applied to the champion.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.automl.families.lightgbm import Boosted
from lepton.compress.quantize import quantize
from lepton.forecast import scores
from lepton.forecast.champion import Champion
from lepton.forecast.conformal import Scores, calibrated
from lepton.forecast.families.base import Forecaster, ForecastModel, Lesson
from lepton.forecast.families.gbdt import BoostedPoint, BoostedQuantiles
from lepton.forecast.families.net import Net
from lepton.forecast.graph import to_onnx
from lepton.forecast.ladder import loss_bound
from lepton.forecast.matrix import Matrix
from lepton.forecast.walk import Walk, WalkSpec
from lepton.graph.nets import Network
from lepton_edge.atomic import write_bytes

ROUNDS: Final = 15
MANY: Final = 100
"""Issues of a batch that is timed."""
_FEWEST_BLOCKS: Final = 8
"""Weeks below which single days are drawn."""
_SHARES: Final = (0.5, 0.25)
_FASTER: Final = 4
"""Times the rate, and one part of the rounds, at which forests are grown again."""


@dataclass(frozen=True)
class ForecastLimits:
    """max_loss: share of the CRPS that may be lost; max_ms: CPU of one series' graph, None for
    any; confidence: of the bound."""

    max_loss: float = 0.03
    max_ms: float | None = None
    confidence: float = 0.95


@dataclass(frozen=True)
class Small:
    """A way to a smaller champion: apply(champion, lesson) -> champion, the lesson that it was
    fitted on; twin_of: the recipe that it has to be faster than, "" for none."""

    name: str
    apply: Callable[[Champion, Lesson], Champion]
    twin_of: str = ""


@dataclass(frozen=True)
class ForecastArtefact:
    """One candidate: score is its CRPS on the issues that the twin did not see, loss the share it
    is above the best, loss_bound the upper bound of that; row_ms: CPU of the graph for one issue,
    batch_ms: for each of many; reasons: why it is not accepted."""

    name: str
    score: float
    loss: float
    loss_bound: float
    bytes: int
    row_ms: float
    batch_ms: float
    reasons: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons


@dataclass(frozen=True, eq=False)
class ForecastFront:
    """The candidates in the order of their cost, the one chosen, and the champion it makes."""

    artefacts: tuple[ForecastArtefact, ...]
    chosen: str
    champion: Champion
    notes: tuple[str, ...]

    @property
    def metric(self) -> str:
        """What the artefacts are compared by."""
        return "crps"

    def to_json(self) -> dict[str, Any]:
        """Everything but the champion, as plain data."""
        told = [{**one.__dict__, "reasons": list(one.reasons)} for one in self.artefacts]
        return {"artefacts": told, "chosen": self.chosen, "notes": list(self.notes)}

    def to_frame(self) -> pd.DataFrame:
        """One row an artefact, the smallest first, under the names of a report's front."""
        rows = [
            {
                "name": one.name,
                "kind": "blend",
                "score": one.score,
                "low": math.nan,
                "high": math.nan,
                "loss": one.loss,
                "bound": one.loss_bound,
                "bytes": one.bytes,
                "us_per_row": 1_000 * one.row_ms,
                "accepted": one.accepted,
                "control": False,
                "chosen": one.name == self.chosen,
                "why": "; ".join(one.reasons) or "inside the limits",
            }
            for one in self.artefacts
        ]
        return pd.DataFrame(rows).sort_values("bytes", kind="stable", ignore_index=True)

    def save(self, folder: Path) -> None:
        """Write everything as plain data into `folder`."""
        self.champion.save(folder / "champion")
        text = json.dumps(self.to_json(), indent=1, allow_nan=False) + "\n"
        write_bytes(folder / "front.json", text.encode())

    @classmethod
    def load(cls, folder: Path) -> ForecastFront:
        """What `save` wrote into `folder`."""
        told = json.loads((folder / "front.json").read_text(encoding="utf-8"))
        found = [
            ForecastArtefact(**{**one, "reasons": tuple(one["reasons"])})
            for one in told["artefacts"]
        ]
        champion = Champion.load(folder / "champion")
        return cls(tuple(found), told["chosen"], champion, tuple(told["notes"]))


@dataclass(frozen=True, eq=False)
class Twin:
    """The champion as it would have been at the walk's last refit: with the lesson it knew, the
    issues after it, and the scores with which their calibration begins."""

    champion: Champion
    lesson: Lesson
    judged: Matrix
    before: Scores


def fit_twin(
    champion: Champion, lesson: Lesson, families: Sequence[Forecaster], walk: Walk, spec: WalkSpec
) -> Twin:
    """The twin at the last refit, its members fitted once more with what was known then."""
    refit = spec.refits[-1]
    known = lesson.known_by(refit.at_s, spec.latency_s)
    by_name = {family.name: family for family in families}
    members = {n: by_name[n].fit(known, by_name[n].params, spec.seed) for n in champion.members}
    issue_s = walk.matrix.issue_s
    judged = walk.matrix.take((issue_s >= refit.first_s) & (issue_s < refit.until_s))
    every = champion.rolling.scores
    before = every.take(every.issue_s < refit.first_s)
    return Twin(replace(champion, members=members), known, judged, before)


def compress_champion(
    champion: Champion,
    lesson: Lesson,
    twin: Twin,
    families: Sequence[Forecaster],
    limits: ForecastLimits,
    rng: np.random.Generator,
    *,
    seed: int = 0,
    latency_s: int = 0,
) -> ForecastFront:
    """The front of smaller champions, the cheapest accepted one made of `champion`.

    lesson: that on which the champion was fitted; families: its members' kinds, with parameters.
    """
    recipes = (Small("best", lambda one, _: one), *_recipes(twin.champion, families, seed))
    made = {one.name: one.apply(twin.champion, twin.lesson) for one in recipes}
    losses = {name: _loss(one, twin, latency_s) for name, one in made.items()}
    graphs = {name: to_onnx(one) for name, one in made.items()}
    timing = time_issues(graphs, twin.judged)
    weeks = np.ptp(twin.judged.issue_s) / (7 * 86_400) if len(twin.judged) else 0
    block_days = 7 if weeks >= _FEWEST_BLOCKS else 1
    found = []
    for one in recipes:
        loss, bound = loss_bound(
            losses["best"],
            losses[one.name],
            twin.judged,
            rng,
            confidence=limits.confidence,
            block_days=block_days,
        )
        row, many = timing[one.name]
        artefact = ForecastArtefact(
            one.name,
            scores.mean(losses[one.name]),
            loss,
            bound,
            len(graphs[one.name]),
            row,
            many,
            (),
        )
        slower = bool(one.twin_of) and not _is_faster(timing[one.name], timing[one.twin_of])
        found.append(replace(artefact, reasons=_reasons(artefact, limits, slower, one.twin_of)))
    ordered = tuple(sorted(found, key=lambda one: (one.row_ms, one.bytes)))
    chosen, notes = _chosen(ordered)
    recipe = next(one for one in recipes if one.name == chosen)
    if block_days == 1:
        notes.append(f"only {weeks:.1f} weeks were judged: single days are drawn, not weeks")
    return ForecastFront(ordered, chosen, recipe.apply(champion, lesson), tuple(notes))


def time_issues(graphs: Mapping[str, bytes], matrix: Matrix) -> dict[str, tuple[float, float]]:
    """Name -> CPU milliseconds of one issue, and of each of `MANY`: medians, the graphs taking
    turns, one thread."""
    sessions = {name: _Timed(content, matrix) for name, content in graphs.items()}
    rows: dict[str, list[float]] = {name: [] for name in graphs}
    many: dict[str, list[float]] = {name: [] for name in graphs}
    for turn in range(ROUNDS + 1):
        for name, session in sessions.items():
            one, all_of = session.row_ms(turn), session.batch_ms()
            if turn:  # the first round only warms up
                rows[name].append(one)
                many[name].append(all_of)
    return {name: (float(np.median(rows[name])), float(np.median(many[name]))) for name in graphs}


class _Timed:
    def __init__(self, content: bytes, matrix: Matrix) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session: Any = ort.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
        picked = matrix.take(np.arange(MANY) % len(matrix))
        self._feed = {
            "X": picked.X.astype(np.float64),
            "shape": picked.shape,
            "scale": picked.scale,
            "row": picked.series.astype(np.int64),
            "factor": np.ones(picked.y.shape),
        }
        self._feed = {node.name: self._feed[node.name] for node in self._session.get_inputs()}

    def row_ms(self, turn: int) -> float:
        """Of a few issues, one after another."""
        at = turn % (MANY - 4)
        feeds = [{n: v[i : i + 1] for n, v in self._feed.items()} for i in range(at, at + 4)]
        started = time.process_time_ns()
        for feed in feeds:
            self._session.run(None, feed)
        return (time.process_time_ns() - started) / 1e6 / len(feeds)

    def batch_ms(self) -> float:
        """Of the batch, an issue."""
        started = time.process_time_ns()
        self._session.run(None, self._feed)
        return (time.process_time_ns() - started) / 1e6 / MANY


def _loss(champion: Champion, twin: Twin, latency_s: int) -> np.ndarray:
    """CRPS of each target in units of its scale, calibrated as it would have been."""
    matrix = twin.judged
    told = calibrated(
        matrix,
        champion.blend(matrix),
        before=twin.before,
        spec=champion.conformal,
        latency_s=latency_s,
    )
    return np.asarray(scores.crps(matrix.y, told) / matrix.scale[:, None])


def _recipes(champion: Champion, families: Sequence[Forecaster], seed: int) -> tuple[Small, ...]:
    names = tuple(champion.members)
    found = []
    if len(names) > 1:
        found += [Small(f"without {name}", _without((name,))) for name in names]
        found += [
            Small(f"only {name}", _without(tuple(n for n in names if n != name)))
            for name in names
            if len(names) > 2
        ]
    forests = [n for n in names if isinstance(champion.members[n], BoostedPoint | BoostedQuantiles)]
    if forests:
        found += [Small(f"{share:.0%} of the trees", _truncated(share)) for share in _SHARES]
        grown = {f.name: f for f in families if f.name in forests and "rounds" in f.params}
        if grown:
            fast = {name: _faster(family) for name, family in grown.items()}
            found.append(Small("trees grown faster", _again(fast, seed)))
    nets = [n for n in names if isinstance(champion.members[n], Net)]
    if nets:
        found += [Small("one network", _one_network), Small("int8 network", _int8, "best")]
    if forests and nets and grown:
        found.append(Small("trees grown faster, one network", _both(fast, seed)))
    return tuple(found)


def _without(gone: tuple[str, ...]) -> Callable[[Champion, Lesson], Champion]:
    return lambda champion, _: champion.without(gone)


def _truncated(share: float) -> Callable[[Champion, Lesson], Champion]:
    """Only the first trees of every forest that forecasts."""

    def apply(champion: Champion, lesson: Lesson) -> Champion:
        def cut(trees: Boosted) -> Boosted:
            n = max(1, round(share * trees.booster.num_trees()))
            return Boosted(trees.booster.model_to_string(num_iteration=n))

        def smaller(model: ForecastModel) -> ForecastModel:
            if isinstance(model, BoostedPoint):
                return replace(model, trees=cut(model.trees))
            if isinstance(model, BoostedQuantiles):
                return replace(model, trees=tuple(cut(one) for one in model.trees))
            return model

        return _each(champion, smaller)

    return apply


def _faster(family: Forecaster) -> Forecaster:
    """A quarter of the rounds at four times the rate."""
    params = family.params
    rounds = max(1, int(params["rounds"]) // _FASTER)
    rate = min(0.3, _FASTER * float(params["learning_rate"]))
    return replace(family, params={**params, "rounds": rounds, "learning_rate": rate})


def _again(fast: Mapping[str, Forecaster], seed: int) -> Callable[[Champion, Lesson], Champion]:
    """Members fitted once more in another way."""

    def apply(champion: Champion, lesson: Lesson) -> Champion:
        fitted = {
            n: f.fit(lesson, f.params, seed) for n, f in fast.items() if n in champion.members
        }
        return replace(champion, members={**champion.members, **fitted})

    return apply


def _both(fast: Mapping[str, Forecaster], seed: int) -> Callable[[Champion, Lesson], Champion]:
    again = _again(fast, seed)
    return lambda champion, lesson: _one_network(again(champion, lesson), lesson)


def _one_network(champion: Champion, lesson: Lesson) -> Champion:
    def smaller(model: ForecastModel) -> ForecastModel:
        return replace(model, members=model.members[:1]) if isinstance(model, Net) else model

    return _each(champion, smaller)


def _int8(champion: Champion, lesson: Lesson) -> Champion:
    """Hidden layers of networks in whole numbers, their ranges from the lesson."""

    def smaller(model: ForecastModel) -> ForecastModel:
        if not isinstance(model, Net):
            return model
        rows = model.reader.rows(lesson.issued)
        layers = (quantize(Network(member), rows).layers for member in model.members)
        return replace(model, members=tuple(layers))

    return _each(champion, smaller)


def _each(champion: Champion, smaller: Callable[[ForecastModel], ForecastModel]) -> Champion:
    return replace(champion, members={n: smaller(one) for n, one in champion.members.items()})


def _is_faster(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] <= other[0] and one[1] <= other[1]


def _reasons(
    one: ForecastArtefact, limits: ForecastLimits, slower: bool, twin_of: str
) -> tuple[str, ...]:
    found = []
    if not one.loss_bound <= limits.max_loss:
        found.append(f"may lose {one.loss_bound:.1%} of the CRPS, more than {limits.max_loss:.1%}")
    if limits.max_ms is not None and one.row_ms > limits.max_ms:
        found.append(f"takes {one.row_ms:.2f} ms, more than {limits.max_ms:g}")
    if slower:
        found.append(f"is not faster than '{twin_of}' for one series and for many")
    return tuple(found)


def _chosen(artefacts: Sequence[ForecastArtefact]) -> tuple[str, list[str]]:
    """The cheapest accepted one; where there is none, the best as it is, and a note."""
    accepted = [one for one in artefacts if one.accepted]
    if accepted:
        return accepted[0].name, []
    best = next(one for one in artefacts if one.name == "best")
    told = "; ".join(best.reasons)
    return "best", [f"nothing keeps the limits: the best is shipped as it is, which {told}"]


__all__ = [
    "ForecastArtefact",
    "ForecastFront",
    "ForecastLimits",
    "Twin",
    "compress_champion",
    "fit_twin",
    "time_issues",
]
