"""What a search for forecasts found: every family on the selection, their blend, the champion."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lepton.forecast.champion import Champion
from lepton.forecast.matrix import Matrix
from lepton_edge.atomic import write_bytes

BLEND = "ensemble"
CALIBRATED = "calibrated"


@dataclass(frozen=True)
class Trial:
    """One family's fit: its loss on the selection (None where it failed), CPU seconds, its share
    of the blend, and what there is to say."""

    family: str
    score: float | None
    seconds: float
    weight: float = 0.0
    note: str = ""


@dataclass(frozen=True, eq=False)
class Selected:
    """Forecasts of the selection, by models that had not seen it.

    series, issue_s: (n,); lead_h: (n, leads) hours ahead; y: (n, leads) in the series' unit;
    quantiles: name -> (n, leads, 9), families first, then the blend, then it calibrated.
    """

    series: np.ndarray
    issue_s: np.ndarray
    lead_h: np.ndarray
    y: np.ndarray
    quantiles: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, matrix: Matrix, quantiles: Mapping[str, np.ndarray]) -> Selected:
        """Of a matrix and its forecasts."""
        return cls(matrix.series, matrix.issue_s, matrix.column("lead_h"), matrix.y, quantiles)


@dataclass(frozen=True, eq=False)
class ForecastBoard:
    """champion: refitted on all before the holdout; twin: its members as they forecast the
    selection, which they had not seen; metric: what trials are compared by, lower is
    better; trials in the order of their loss; selected: how the weights were found."""

    champion: Champion
    twin: Champion
    metric: str
    trials: tuple[Trial, ...]
    selected: Selected
    best_score: float
    spent_units: int
    spent_s: float
    notes: tuple[str, ...] = field(default=())

    @property
    def best_family(self) -> str:
        """The champion's families."""
        return self.champion.family

    def to_frame(self) -> pd.DataFrame:
        """One row a family, the best first."""
        rows = [(t.family, t.score, t.weight, t.seconds, t.note) for t in self.trials]
        names = ["family", "score", "weight", "seconds", "note"]
        return pd.DataFrame(rows, columns=names).astype({"score": "float64"})

    def save(self, folder: Path) -> None:
        """Write everything as plain data into `folder`."""
        self.champion.save(folder / "champion")
        self.twin.save(folder / "twin")
        facts = {
            "metric": self.metric,
            "trials": [vars(one) for one in self.trials],
            "best_score": self.best_score,
            "spent_units": self.spent_units,
            "spent_s": self.spent_s,
            "notes": list(self.notes),
            "names": list(self.selected.quantiles),
        }
        (folder / "board.json").write_text(
            json.dumps(facts, indent=1, allow_nan=False) + "\n", encoding="utf-8"
        )
        own = self.selected
        arrays = {"series": own.series, "issue_s": own.issue_s, "lead_h": own.lead_h, "y": own.y}
        arrays |= {f"q{at}": one for at, one in enumerate(own.quantiles.values())}
        file = io.BytesIO()
        np.savez(file, **arrays)  # type: ignore[arg-type]
        write_bytes(folder / "selected.npz", file.getvalue())

    @classmethod
    def load(cls, folder: Path) -> ForecastBoard:
        """What `save` wrote into `folder`."""
        facts: dict[str, Any] = json.loads((folder / "board.json").read_text(encoding="utf-8"))
        with np.load(folder / "selected.npz", allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        names = facts.pop("names")
        quantiles = {name: arrays[f"q{at}"] for at, name in enumerate(names)}
        series, issue_s, lead_h, y = (arrays[n] for n in ("series", "issue_s", "lead_h", "y"))
        return cls(
            champion=Champion.load(folder / "champion"),
            twin=Champion.load(folder / "twin"),
            selected=Selected(series, issue_s, lead_h, y, quantiles),
            trials=tuple(Trial(**one) for one in facts.pop("trials")),
            notes=tuple(facts.pop("notes")),
            **facts,
        )


__all__ = ["BLEND", "CALIBRATED", "ForecastBoard", "Selected", "Trial"]
