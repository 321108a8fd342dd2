"""What competes: one configuration, or a blend of several, with its model of every fold."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lepton.automl.model import Model
from lepton.dataset import Parts, TimeFold
from lepton_edge import atomic


@dataclass(frozen=True, eq=False)
class Entrant:
    """A configuration or blend that was fitted on every fold, or on the newest ones where the
    budget was too small for all.

    models: one a fold of `Parts.folds`, the newest last; margins: its log-odds on that fold's
    valid rows, before calibration, float64 (rows,); score: the task's metric on the valid rows
    of all folds together, greater is better.
    """

    name: str
    models: tuple[Model, ...]
    margins: tuple[np.ndarray, ...]
    score: float

    @property
    def newest(self) -> Model:
        """The model of the newest fold."""
        return self.models[-1]

    @property
    def fingerprint(self) -> str:
        """sha256 of its models' fingerprints."""
        return sha256("\n".join(model.fingerprint for model in self.models).encode())

    @property
    def recipe(self) -> Model:
        """What a refit starts from: the newest model with the median rounds of all folds, since
        each fold's own are settled by few positives."""
        return _typical(self.models)

    def folds(self, parts: Parts) -> tuple[TimeFold, ...]:
        """The folds that its models and margins belong to."""
        return parts.folds[-len(self.models) :]

    def save(self, folder: Path) -> dict[str, Any]:
        """Write its models and margins into `folder`; what `load` has to be told."""
        for place, (model, margin) in enumerate(zip(self.models, self.margins, strict=True)):
            model.save(folder / f"fold-{place}")
            atomic.write_bytes(folder / f"margin-{place}.npy", margin_bytes(margin))
        return {
            "name": self.name,
            "models": [model.fingerprint for model in self.models],
            "margins": [sha256(margin_bytes(margin)) for margin in self.margins],
            "score": self.score,
        }

    @classmethod
    def load(cls, folder: Path, facts: Mapping[str, Any]) -> Entrant:
        """The entrant in `folder`; ValueError where it is another than the one of `facts`."""
        models = [Model.load(folder / f"fold-{place}") for place in range(len(facts["models"]))]
        if [model.fingerprint for model in models] != facts["models"]:
            raise ValueError(f"{folder.name} has other models than those stated")
        margins = [
            read_margin((folder / f"margin-{place}.npy").read_bytes(), stated)
            for place, stated in enumerate(facts["margins"])
        ]
        return cls(facts["name"], tuple(models), tuple(margins), float(facts["score"]))


def margin_bytes(margin: np.ndarray) -> bytes:
    """Log-odds as the content of a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, margin, allow_pickle=False)
    return buffer.getvalue()


def read_margin(content: bytes, stated: str) -> np.ndarray:
    """Log-odds from such content; ValueError where its sha256 is not the one stated."""
    if sha256(content) != stated:
        raise ValueError("log-odds do not have the sha256 that is stated")
    margin: np.ndarray = np.load(io.BytesIO(content), allow_pickle=False)
    return margin


def sha256(content: bytes) -> str:
    """Hexadecimal digest of `content`."""
    return hashlib.sha256(content).hexdigest()


def _typical(models: tuple[Model, ...]) -> Model:
    newest = models[-1]
    if newest.members:
        by_member = zip(*(model.members for model in models), strict=True)
        return replace(newest, members=tuple(_typical(members) for members in by_member))
    if "rounds" not in newest.params:
        return newest
    rounds = int(np.median([int(model.params["rounds"]) for model in models]))
    return replace(newest, params={**newest.params, "rounds": max(1, rounds)})


__all__ = ["Entrant", "margin_bytes", "read_margin", "sha256"]
