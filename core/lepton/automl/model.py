"""A fitted model: what it was fitted with, how it scores, and how it is kept on disk.

A model is one estimator, or a blend: a weighted sum of the log-odds of several models.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lepton.automl.families import family
from lepton.automl.families.base import Expired, Fold, Params, drawn, never
from lepton.automl.stored_steps import steps_from_json, steps_to_json
from lepton.dataset import TabularDataset
from lepton.errors import IntegrityError
from lepton.evaluation.calibration import IDENTITY, Calibration
from lepton.graph.nodes import OneHot, Preprocess
from lepton.graph.pipeline import Branch, Graph
from lepton_edge import atomic

MOST_MORE_ROUNDS = 1.3
"""A refit on more rows may boost this much longer, rounds growing with the root of the rows."""

BLEND = "blend"
"""What stands for the family of a model that is a weighted sum of others."""

_FORMAT = 2


@dataclass(frozen=True, eq=False)
class Model:
    """A family's estimator with its preprocessing, calibration and threshold.

    params: configuration, settled rounds included; numeric, categorical: names of the
    features it reads; estimator: native; n_rows: rows it was fitted on. A blend has the family
    `BLEND`, its `members` with their `weights`, and neither preprocessing nor estimator of its
    own; the members' calibrations and thresholds are not used.
    """

    family: str
    params: Params
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    preprocess: Preprocess
    estimator: Any = field(repr=False)
    n_rows: int = 0
    calibration: Calibration = IDENTITY
    threshold: float = 0.5
    members: tuple[Model, ...] = ()
    weights: tuple[float, ...] = ()

    @property
    def singles(self) -> tuple[Model, ...]:
        """The models of one estimator each that it is made of: itself unless it is a blend."""
        return self.members or (self,)

    def inputs(self, dataset: TabularDataset) -> tuple[np.ndarray, np.ndarray]:
        """Numbers float64 and texts of the features it reads, in its own order of columns."""
        own = replace(dataset, numeric=self.numeric, categorical=self.categorical)
        return own.X, own.C

    def margin(self, dataset: TabularDataset) -> np.ndarray:
        """Log-odds before calibration by the family's own library, float64 (rows,)."""
        if self.members:
            return blended([one.margin(dataset) for one in self.members], self.weights)
        X = self.preprocess.apply(*self.inputs(dataset))
        return family(self.family).margin(self.estimator, X)

    def score(self, dataset: TabularDataset) -> np.ndarray:
        """Calibrated probability in 0..1, float64 (rows,)."""
        return self.calibration.apply(self.margin(dataset))

    def decide(self, dataset: TabularDataset) -> np.ndarray:
        """1 where the score reaches the threshold, else 0, int64 (rows,)."""
        return (self.score(dataset) >= self.threshold).astype(np.int64)

    def importance(self) -> dict[str, float]:
        """Feature -> what it adds to the margin, on the family's own scale, never negative.

        Of a blend: the members' shares of their own sum, by weight.
        """
        if self.members:
            return self._blended_importance()
        gains = family(self.family).importance(self.estimator)
        widths = [1] * len(self.numeric) + _widths(self.preprocess, len(self.categorical))
        starts = np.concatenate([[0], np.cumsum(widths)])
        names = (*self.numeric, *self.categorical)
        found = {
            name: float(gains[low:high].sum())
            for name, low, high in zip(names, starts[:-1], starts[1:], strict=True)
        }
        gaps = gains[starts[-1] :]
        for column, gain in zip(self.preprocess.missing, gaps, strict=True):
            found[self.numeric[column]] += float(gain)
        return found

    def graph(self) -> Graph:
        """The same as one typed graph, from which every artefact is written."""
        weights = self.weights or (1.0,)
        branches = tuple(
            Branch(one.preprocess, family(one.family).predictor(one.estimator), weight)
            for one, weight in zip(self.singles, weights, strict=True)
        )
        return Graph(self.numeric, self.categorical, branches, self.calibration, self.threshold)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of all that decides its scores and decisions; never of times."""
        return hashlib.sha256(_canonical(self._facts())).hexdigest()

    def save(self, folder: Path) -> None:
        """Write `estimator.txt`, or a folder a member, and then `model.json`, which holds their
        sha256, into `folder`."""
        for place, member in enumerate(self.members):
            member.save(folder / f"member-{place}")
        if not self.members:
            atomic.write_bytes(folder / "estimator.txt", self._content())
        facts = {**self._facts(), "fingerprint": self.fingerprint}
        atomic.write_text(folder / "model.json", json.dumps(facts, indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Model:
        """The model in `folder`; raises IntegrityError LK630 where a hash or the format differs.

        The estimator is parsed only after its hash was found right: LightGBM's reader crashes
        the process on a truncated text.
        """
        try:
            facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
            stated = facts.pop("fingerprint")
            if facts["format"] != _FORMAT:
                raise ValueError(f"its format is {facts['format']}, this version's is {_FORMAT}")
            if hashlib.sha256(_canonical(facts)).hexdigest() != stated:
                raise ValueError("model.json does not have the fingerprint that it states")
            return _blend_from(facts, folder) if facts["members"] else _single_from(facts, folder)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise IntegrityError(
                "LK630",
                where=str(folder),
                found=f"the model cannot be read: {error}",
                remedy="run the search again",
            ) from error

    def _facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "format": _FORMAT,
            "family": self.family,
            "params": dict(self.params),
            "numeric": list(self.numeric),
            "categorical": list(self.categorical),
            "n_rows": self.n_rows,
            "calibration": asdict(self.calibration),
            "threshold": self.threshold,
            "members": [member.fingerprint for member in self.members],
        }
        if self.members:
            return {**facts, "weights": list(self.weights)}
        sha = hashlib.sha256(self._content()).hexdigest()
        steps = steps_to_json(self.preprocess)
        return {**facts, "preprocess": steps, "estimator_sha256": sha}

    def _content(self) -> bytes:
        return family(self.family).dump(self.estimator)

    def _blended_importance(self) -> dict[str, float]:
        found = dict.fromkeys((*self.numeric, *self.categorical), 0.0)
        for member, weight in zip(self.members, self.weights, strict=True):
            gains = member.importance()
            total = sum(gains.values()) or 1.0
            for name, gain in gains.items():
                found[name] += weight * gain / total
        return found


def blend(members: Sequence[Model], weights: Sequence[float]) -> Model:
    """The weighted sum of the log-odds of `members`, blends among them taken apart.

    One member that weighs 1 is that member. ValueError where the members do not read the same
    features in the same order.
    """
    parts = [
        (single, weight * share)
        for member, weight in zip(members, weights, strict=True)
        for single, share in zip(member.singles, member.weights or (1.0,), strict=True)
    ]
    first = parts[0][0]
    if len(parts) == 1 and parts[0][1] == 1.0:
        return first
    if any((m.numeric, m.categorical) != (first.numeric, first.categorical) for m, _ in parts):
        raise ValueError("the members of a blend must read the same features in the same order")
    return Model(
        BLEND,
        {},
        first.numeric,
        first.categorical,
        Preprocess(len(first.numeric), (), len(first.categorical)),
        None,
        max(member.n_rows for member, _ in parts),
        members=tuple(member for member, _ in parts),
        weights=tuple(float(weight) for _, weight in parts),
    )


def blended(margins: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    """Weighted sum of log-odds, in the order in which a blend's graph adds them."""
    total = np.zeros(len(margins[0]))
    for margin, weight in zip(margins, weights, strict=True):
        total += weight * margin
    return total


def refit(
    model: Model,
    rows: TabularDataset,
    *,
    seed: int,
    more_rounds: bool = True,
    expired: Expired = never,
    target: np.ndarray | None = None,
) -> Model | None:
    """`model`'s recipe fitted on `rows`, with its calibration and threshold.

    more_rounds: whether rounds may grow with the rows; target: what a single model learns
    instead of the rows' own target, 0..1. None where `expired` cut it short.
    """
    if model.members:
        return _refit_blend(model, rows, seed=seed, more_rounds=more_rounds, expired=expired)
    kind = family(model.family)
    preprocess = kind.preprocess(rows)
    X, y = preprocess.apply(*model.inputs(rows)), rows.y if target is None else target
    params = _for_rows(model, len(rows)) if more_rounds else model.params
    fold = Fold(X, y, X[:0], y[:0], auxiliary=rows.kinds)
    fitted = kind.refit(fold, *drawn(params, seed), expired)
    if fitted.cut_short:
        return None
    return Model(
        model.family,
        {**params, **fitted.params},
        model.numeric,
        model.categorical,
        preprocess,
        fitted.estimator,
        len(rows),
        model.calibration,
        model.threshold,
    )


def _refit_blend(
    model: Model, rows: TabularDataset, *, seed: int, more_rounds: bool, expired: Expired
) -> Model | None:
    members = []
    for member in model.members:
        fitted = refit(member, rows, seed=seed, more_rounds=more_rounds, expired=expired)
        if fitted is None:
            return None
        members.append(fitted)
    return replace(model, members=tuple(members), n_rows=len(rows))


def _for_rows(model: Model, n_rows: int) -> Params:
    if "rounds" not in model.params or not model.n_rows:
        return model.params
    longer = min(max((n_rows / model.n_rows) ** 0.5, 1.0), MOST_MORE_ROUNDS)
    return {**model.params, "rounds": max(1, round(model.params["rounds"] * longer))}


def _widths(preprocess: Preprocess, n_categorical: int) -> list[int]:
    """Columns that each categorical feature becomes."""
    if isinstance(preprocess.categorical, OneHot):
        return [len(levels) for levels in preprocess.categorical.levels]
    return [int(preprocess.categorical is not None)] * n_categorical


def _single_from(facts: Mapping[str, Any], folder: Path) -> Model:
    content = (folder / "estimator.txt").read_bytes()
    if hashlib.sha256(content).hexdigest() != facts["estimator_sha256"]:
        raise ValueError("estimator.txt does not have the sha256 that model.json states")
    return Model(
        facts["family"],
        facts["params"],
        tuple(facts["numeric"]),
        tuple(facts["categorical"]),
        steps_from_json(facts["preprocess"]),
        family(facts["family"]).parse(content),
        int(facts["n_rows"]),
        Calibration(**facts["calibration"]),
        float(facts["threshold"]),
    )


def _blend_from(facts: Mapping[str, Any], folder: Path) -> Model:
    members = [Model.load(folder / f"member-{place}") for place in range(len(facts["members"]))]
    if [member.fingerprint for member in members] != facts["members"]:
        raise ValueError("its members are not those that model.json states")
    calibration, threshold = Calibration(**facts["calibration"]), float(facts["threshold"])
    found = blend(members, facts["weights"])
    return replace(found, calibration=calibration, threshold=threshold, n_rows=facts["n_rows"])


def _canonical(facts: Mapping[str, Any]) -> bytes:
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


__all__ = ["BLEND", "MOST_MORE_ROUNDS", "Model", "blend", "blended", "refit"]
