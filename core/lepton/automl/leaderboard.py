"""What a search has found: every trial, the baselines, and the best model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd

from lepton.automl.budget import Budget, Spent
from lepton.automl.model import Model
from lepton.automl.trial import Trial
from lepton.errors import IntegrityError
from lepton_edge import atomic


@dataclass(frozen=True)
class Leaderboard:
    """Trials in the order they ended, and the models worth keeping.

    metric: name of what `score` means, on the selection part; baselines: name -> score;
    best: fitted on train; others: best model of each further family; notes: what a reader
    should know, one sentence each.
    """

    metric: str
    trials: tuple[Trial, ...]
    baselines: Mapping[str, float]
    best: Model
    best_score: float
    others: Mapping[str, Model]
    budget: Budget
    spent: Spent
    seed: int = 0
    notes: tuple[str, ...] = field(default=())

    def to_frame(self) -> pd.DataFrame:
        """One row a baseline or trial, the best first; a failed trial has no score."""
        rows = [
            {"name": name, "family": "baseline", "score": score, "seconds": 0.0, "note": ""}
            for name, score in self.baselines.items()
        ]
        rows += [
            {
                "name": f"{trial.family}-{trial.trial_id[:6]}",
                "family": trial.family,
                "score": trial.score,
                "seconds": trial.seconds,
                "note": trial.reason or _told(trial),
            }
            for trial in self.trials
        ]
        frame = pd.DataFrame(rows, columns=["name", "family", "score", "seconds", "note"])
        frame["score"] = frame["score"].astype("float64")
        return frame.sort_values("score", ascending=False, kind="stable", ignore_index=True)

    @property
    def best_fit_s(self) -> float:
        """Seconds of the longest fit of the best model's configuration."""
        seconds = [t.seconds for t in self.trials if t.params == self.best.params]
        return max(seconds, default=0.0)

    def save(self, folder: Path) -> None:
        """Write `leaderboard.json` and the models' folders into `folder`."""
        self.best.save(folder / "best")
        for name, model in self.others.items():
            model.save(folder / f"other-{name}")
        facts = {
            "metric": self.metric,
            "trials": [asdict(trial) for trial in self.trials],
            "baselines": dict(self.baselines),
            "best": self.best.fingerprint,
            "best_score": self.best_score,
            "others": {name: model.fingerprint for name, model in self.others.items()},
            "budget": asdict(self.budget),
            "spent": asdict(self.spent),
            "seed": self.seed,
            "notes": list(self.notes),
        }
        atomic.write_text(folder / "leaderboard.json", json.dumps(facts, indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Leaderboard:
        """The leaderboard in `folder`; raises IntegrityError LK631 where it is not whole."""
        try:
            facts = json.loads((folder / "leaderboard.json").read_text(encoding="utf-8"))
            return cls(
                metric=facts["metric"],
                trials=tuple(Trial(**trial) for trial in facts["trials"]),
                baselines=facts["baselines"],
                best=_stated(folder / "best", facts["best"]),
                best_score=facts["best_score"],
                others={
                    name: _stated(folder / f"other-{name}", stated)
                    for name, stated in facts["others"].items()
                },
                budget=Budget(**facts["budget"]),
                spent=Spent(**facts["spent"]),
                seed=facts["seed"],
                notes=tuple(facts["notes"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IntegrityError(
                "LK631",
                where=str(folder),
                found=f"the leaderboard cannot be read: {error}",
                remedy="run the search again",
            ) from error


def _stated(folder: Path, fingerprint: str) -> Model:
    model = Model.load(folder)
    if model.fingerprint != fingerprint:
        raise ValueError(f"{folder.name} is another model than the one stated")
    return model


def _told(trial: Trial) -> str:
    settings = (f"{name}={value}" for name, value in sorted(trial.params.items()))
    return f"{trial.origin}: " + ", ".join(settings)


__all__ = ["Leaderboard"]
