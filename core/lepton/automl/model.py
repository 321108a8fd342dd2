"""A fitted model: what it was fitted with, how it scores, and how it is kept on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lepton.automl.families import family
from lepton.automl.families.base import Expired, Params, never
from lepton.automl.stored_steps import steps_from_json, steps_to_json
from lepton.dataset import TabularDataset
from lepton.errors import IntegrityError
from lepton.evaluation.calibration import IDENTITY, Calibration
from lepton.graph.nodes import OneHot, Preprocess
from lepton.graph.pipeline import Graph
from lepton_edge import atomic

MOST_MORE_ROUNDS = 1.3
"""A refit on more rows may boost this much longer, rounds growing with the root of the rows."""

_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Model:
    """A family's estimator with its preprocessing, calibration and threshold.

    params: configuration, settled rounds included; numeric, categorical: names of the
    features it reads; estimator: native; n_rows: rows it was fitted on.
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

    def inputs(self, dataset: TabularDataset) -> tuple[np.ndarray, np.ndarray]:
        """Numbers float64 and texts of the features it reads, in its own order of columns."""
        own = replace(dataset, numeric=self.numeric, categorical=self.categorical)
        return own.X, own.C

    def margin(self, dataset: TabularDataset) -> np.ndarray:
        """Log-odds before calibration by the family's own library, float64 (rows,)."""
        X = self.preprocess.apply(*self.inputs(dataset))
        return family(self.family).margin(self.estimator, X)

    def score(self, dataset: TabularDataset) -> np.ndarray:
        """Calibrated probability in 0..1, float64 (rows,)."""
        return self.calibration.apply(self.margin(dataset))

    def decide(self, dataset: TabularDataset) -> np.ndarray:
        """1 where the score reaches the threshold, else 0, int64 (rows,)."""
        return (self.score(dataset) >= self.threshold).astype(np.int64)

    def importance(self) -> dict[str, float]:
        """Feature -> what it adds to the margin, on the family's own scale, never negative."""
        gains = family(self.family).importance(self.estimator)
        widths = [1] * len(self.numeric) + _widths(self.preprocess, len(self.categorical))
        starts = np.concatenate([[0], np.cumsum(widths)])
        names = (*self.numeric, *self.categorical)
        return {
            name: float(gains[low:high].sum())
            for name, low, high in zip(names, starts[:-1], starts[1:], strict=True)
        }

    def graph(self) -> Graph:
        """The same as one typed graph, from which every artefact is written."""
        predictor = family(self.family).predictor(self.estimator)
        return Graph(
            self.numeric,
            self.categorical,
            self.preprocess,
            predictor,
            self.calibration,
            self.threshold,
        )

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of all that decides its scores and decisions; never of times."""
        return hashlib.sha256(_canonical(self._facts())).hexdigest()

    def save(self, folder: Path) -> None:
        """Write `estimator.*` and then `model.json`, which holds its sha256, into `folder`."""
        content = family(self.family).dump(self.estimator)
        atomic.write_bytes(folder / "estimator.txt", content)
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
            content = (folder / "estimator.txt").read_bytes()
            found = hashlib.sha256(content).hexdigest()
            stated = facts.pop("fingerprint")
            if facts["format"] != _FORMAT or found != facts["estimator_sha256"]:
                raise ValueError("estimator.txt does not have the sha256 that model.json states")
            if hashlib.sha256(_canonical(facts)).hexdigest() != stated:
                raise ValueError("model.json does not have the fingerprint that it states")
            return _from_facts(facts, content)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise IntegrityError(
                "LK630",
                where=str(folder),
                found=f"the model cannot be read: {error}",
                remedy="run the search again",
            ) from error

    def _facts(self) -> dict[str, Any]:
        content = family(self.family).dump(self.estimator)
        return {
            "format": _FORMAT,
            "family": self.family,
            "params": dict(self.params),
            "numeric": list(self.numeric),
            "categorical": list(self.categorical),
            "preprocess": steps_to_json(self.preprocess),
            "n_rows": self.n_rows,
            "calibration": asdict(self.calibration),
            "threshold": self.threshold,
            "estimator_sha256": hashlib.sha256(content).hexdigest(),
        }


def refit(
    model: Model,
    rows: TabularDataset,
    *,
    seed: int,
    more_rounds: bool = True,
    expired: Expired = never,
) -> Model | None:
    """`model`'s recipe fitted on `rows`, with its calibration and threshold.

    more_rounds: whether rounds may grow with the rows. None where `expired` cut it short.
    """
    kind = family(model.family)
    preprocess = kind.preprocess(rows)
    X = preprocess.apply(*model.inputs(rows))
    params = _for_rows(model, len(rows)) if more_rounds else model.params
    fitted = kind.refit(X, rows.y, params, seed, expired)
    if fitted.cut_short:
        return None
    return Model(
        model.family,
        fitted.params,
        model.numeric,
        model.categorical,
        preprocess,
        fitted.estimator,
        len(rows),
        model.calibration,
        model.threshold,
    )


def _for_rows(model: Model, n_rows: int) -> Params:
    if "rounds" not in model.params or not model.n_rows:
        return model.params
    longer = min(max((n_rows / model.n_rows) ** 0.5, 1.0), MOST_MORE_ROUNDS)
    return {**model.params, "rounds": max(1, round(model.params["rounds"] * longer))}


def _widths(preprocess: Preprocess, n_categorical: int) -> list[int]:
    """Columns that each categorical feature becomes."""
    if isinstance(preprocess.categorical, OneHot):
        return [len(levels) for levels in preprocess.categorical.levels]
    return [1] * n_categorical if preprocess.categorical else []


def _from_facts(facts: Mapping[str, Any], content: bytes) -> Model:
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


def _canonical(facts: Mapping[str, Any]) -> bytes:
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


__all__ = ["MOST_MORE_ROUNDS", "Model", "refit"]
