"""The best model so far as a file that can score, from a search's first minutes on."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from lepton.automl.entrant import sha256
from lepton.automl.model import Model
from lepton.errors import ExportError
from lepton_edge import atomic

APART = 0.1
"""Share of the budget that lies between two checkpoints at least: an export costs time too."""


@dataclass
class Checkpoint:
    """`model.onnx` and then `model.json`, which states its sha256, in a folder; None: nowhere."""

    folder: Path | None
    _rank: tuple[int, float] = field(default=(0, -math.inf))
    _done: float = field(default=-math.inf)

    def offer(
        self, model: Model, score: float, n_folds: int, *, done: float, after_s: float
    ) -> bool:
        """Whether `model` was written: the first one, then the first that was judged on more
        folds, then better ones. done: share of the budget spent; after_s: since the search began.
        """
        rank = (n_folds, score)
        more_folds = n_folds > self._rank[0]
        due = more_folds or done - self._done >= APART
        if self.folder is None or not np.isfinite(score) or rank <= self._rank or not due:
            return False
        try:
            content = model.graph().to_onnx()
        except ExportError:
            return False
        facts = {
            "family": model.family,
            "score": score,
            "folds": n_folds,
            "after_s": round(after_s, 3),
            "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "fingerprint": model.fingerprint,
            "sha256": sha256(content),
        }
        atomic.write_bytes(self.folder / "model.onnx", content)
        atomic.write_text(self.folder / "model.json", json.dumps(facts, indent=1) + "\n")
        self._rank, self._done = rank, done
        return True


__all__ = ["Checkpoint"]
