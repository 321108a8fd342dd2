"""Artefacts with what each costs and loses; one of them chosen."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from lepton.automl.model import Model
from lepton.errors import IntegrityError
from lepton.graph.timing import Timing
from lepton_edge import atomic

CONTROL = "scratch-"
"""How the names of controls begin."""

Kind = Literal["full", "pruned", "single", "distilled", "shorter", "small", "network", "control"]
"""full: what the search ships, a blend and all its bags where one won (L); pruned: its heaviest
members (M); single: one model of the search (S); distilled: taught by out-of-fold scores (D);
shorter: the first rounds of a model; small: a small shape; network: a pruned network."""

_UNDEFINED = ("low", "high", "loss_bound", "single_bound")


@dataclass(frozen=True)
class Artefact:
    """A model as it could be shipped, measured.

    score, low, high: the metric on the valid rows of all folds with its interval; loss,
    loss_bound: what is lost against the best entrant, and the one-sided upper bound of that;
    single_loss, single_bound: the same against the best single model; NaN where a number cannot
    be given. bytes: of its ONNX file; control_score: the same small shape trained from scratch;
    why: accepted or not.
    """

    name: str
    kind: Kind
    model: Model
    score: float
    low: float
    high: float
    loss: float
    loss_bound: float
    single_loss: float
    single_bound: float
    bytes: int
    timing: Timing
    accepted: bool
    control_score: float | None
    why: str

    @property
    def is_control(self) -> bool:
        """Whether it is another artefact's shape trained from scratch."""
        return self.name.startswith(CONTROL)

    @property
    def row_us(self) -> float:
        """CPU microseconds of a call with one row."""
        return self.timing.row_us

    @property
    def batch_us(self) -> float:
        """CPU microseconds a row in a batch."""
        return self.timing.batch_us_per_row


@dataclass(frozen=True)
class Front:
    """Artefacts by name, the one that is shipped, and the unreduced reference.

    model, reference: refitted on all rows known before the holdout, with the calibration of their
    twins of the folds, and a threshold that alerts on as many of the recent rows as theirs;
    notes: one sentence each.
    """

    artefacts: Mapping[str, Artefact]
    chosen: str
    model: Model
    reference: Model
    metric: str
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """One row an artefact, the smallest first."""
        rows = [
            {
                "name": one.name,
                "kind": one.kind,
                "chosen": one.name == self.chosen,
                "accepted": one.accepted,
                "score": one.score,
                "low": one.low,
                "high": one.high,
                "loss": one.loss,
                "loss_bound": one.loss_bound,
                "single_bound": one.single_bound,
                "control_score": math.nan if one.control_score is None else one.control_score,
                "control": one.is_control,
                "bytes": one.bytes,
                "row_us": one.row_us,
                "batch_us": one.batch_us,
                "why": one.why,
            }
            for one in self.artefacts.values()
        ]
        return pd.DataFrame(rows).sort_values("bytes", kind="stable", ignore_index=True)

    def save(self, folder: Path) -> None:
        """Write `front.json` and the models' folders into `folder`."""
        self.model.save(folder / "model")
        self.reference.save(folder / "reference")
        for place, artefact in enumerate(self.artefacts.values()):
            artefact.model.save(folder / f"artefact-{place}")
        facts = {
            "artefacts": [_artefact_to_json(one) for one in self.artefacts.values()],
            "chosen": self.chosen,
            "model": self.model.fingerprint,
            "reference": self.reference.fingerprint,
            "metric": self.metric,
            "notes": list(self.notes),
        }
        text = json.dumps(facts, indent=1, allow_nan=False)
        atomic.write_text(folder / "front.json", text + "\n")

    @classmethod
    def load(cls, folder: Path) -> Front:
        """The front in `folder`; raises IntegrityError LK632 where it is not whole."""
        try:
            facts = json.loads((folder / "front.json").read_text(encoding="utf-8"))
            artefacts = [
                _artefact_from_json(one, folder / f"artefact-{place}")
                for place, one in enumerate(facts["artefacts"])
            ]
            return cls(
                {one.name: one for one in artefacts},
                facts["chosen"],
                _stated(folder / "model", facts["model"]),
                _stated(folder / "reference", facts["reference"]),
                facts["metric"],
                tuple(facts["notes"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IntegrityError(
                "LK632",
                where=str(folder),
                found=f"the front cannot be read: {error}",
                remedy="run the compression again",
            ) from error


def _artefact_to_json(one: Artefact) -> dict[str, Any]:
    facts = {field.name: getattr(one, field.name) for field in fields(Artefact)}
    for name in _UNDEFINED:
        facts[name] = facts[name] if math.isfinite(facts[name]) else None
    return {**facts, "model": one.model.fingerprint, "timing": asdict(one.timing)}


def _artefact_from_json(facts: Mapping[str, Any], folder: Path) -> Artefact:
    known = {name: math.nan if facts[name] is None else facts[name] for name in _UNDEFINED}
    model = _stated(folder, facts["model"])
    return Artefact(**{**facts, **known, "model": model, "timing": Timing(**facts["timing"])})


def _stated(folder: Path, fingerprint: str) -> Model:
    model = Model.load(folder)
    if model.fingerprint != fingerprint:
        raise ValueError(f"{folder.name} is another model than the one stated")
    return model


__all__ = ["CONTROL", "Artefact", "Front", "Kind"]
