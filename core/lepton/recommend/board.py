"""What a search for recommendations found: every family in every window, and the champion."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lepton.recommend.champion import Champion

METRIC = "ndcg10"


@dataclass(frozen=True)
class Trial:
    """One family: NDCG@10 in both modes, the mean over windows (None where it failed), how far it
    is from the best simple rule with its 95 % interval in `all`, CPU seconds, what there is to
    say."""

    family: str
    ndcg10_all: float | None
    ndcg10_new: float | None
    gain_low: float | None
    gain_high: float | None
    seconds: float
    note: str = ""


@dataclass(frozen=True, eq=False)
class RecommendBoard:
    """champion: refitted on all before the holdout; trials: best first by `all`; floor: name of
    the best simple rule; recall: mode -> share of what customers took that the first stage puts
    forward; spent_units: fits; spent_s: seconds."""

    champion: Champion
    trials: tuple[Trial, ...]
    floor: str
    recall: dict[str, float]
    spent_units: int
    spent_s: float
    notes: tuple[str, ...] = ()

    @property
    def metric(self) -> str:
        """What trials are compared by, higher is better."""
        return METRIC

    @property
    def best_family(self) -> str:
        """Of the mode `all`."""
        return self.champion.families["all"]

    @property
    def best_score(self) -> float:
        """NDCG@10 of the champion in `all`."""
        told = {trial.family: trial.ndcg10_all for trial in self.trials}
        return float(told[self.best_family] or 0.0)

    def to_frame(self) -> pd.DataFrame:
        """One row a family, the best first."""
        frame = pd.DataFrame([asdict(trial) for trial in self.trials])
        numbers = ["ndcg10_all", "ndcg10_new", "gain_low", "gain_high"]
        return frame.astype(dict.fromkeys(numbers, "float64"))

    def save(self, folder: Path) -> None:
        """Write everything as plain data into `folder`."""
        self.champion.save(folder / "champion")
        facts = {
            "trials": [asdict(one) for one in self.trials],
            "floor": self.floor,
            "recall": self.recall,
            "spent_units": self.spent_units,
            "spent_s": self.spent_s,
            "notes": list(self.notes),
        }
        (folder / "recommend_board.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> RecommendBoard:
        """What `save` wrote into `folder`."""
        facts: dict[str, Any] = json.loads((folder / "recommend_board.json").read_text("utf-8"))
        trials = tuple(Trial(**one) for one in facts.pop("trials"))
        notes = tuple(facts.pop("notes"))
        champion = Champion.load(folder / "champion")
        return cls(champion=champion, trials=trials, notes=notes, **facts)


__all__ = ["METRIC", "RecommendBoard", "Trial"]
