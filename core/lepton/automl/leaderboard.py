"""What a search has found: every trial, the baselines, and the best model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lepton.automl.budget import Budget, Spent
from lepton.automl.entrant import Entrant
from lepton.automl.families import family
from lepton.automl.model import BLEND, Model
from lepton.automl.trial import Trial, paces
from lepton.errors import IntegrityError
from lepton_edge import atomic


@dataclass(frozen=True)
class Leaderboard:
    """Trials in the order they ended, and the entrants worth keeping.

    metric: name of what `score` means, on the valid rows of all folds together; baselines:
    name -> score; best: what is compressed and shipped; single: the best of one configuration,
    the same where no blend beats it; others: the best of each further family; notes: what a
    reader should know, one sentence each.
    """

    metric: str
    trials: tuple[Trial, ...]
    baselines: Mapping[str, float]
    best: Entrant
    single: Entrant
    others: Mapping[str, Entrant]
    budget: Budget
    spent: Spent
    seed: int = 0
    notes: tuple[str, ...] = field(default=())

    @property
    def best_score(self) -> float:
        """Score of the best entrant."""
        return self.best.score

    @property
    def best_family(self) -> str:
        """Family of the best entrant."""
        return self.best.newest.family

    def to_frame(self) -> pd.DataFrame:
        """One row a baseline, trial or blend, the best first.

        A trial that failed or was raced out has no score; folds: on how many it was fitted.
        """
        rows = [_row(name, "baseline", score, "") for name, score in self.baselines.items()]
        if self.best.newest.members:
            told = _members(self.best.newest)
            rows.append(_row(self.best.name, BLEND, self.best.score, told, len(self.best.models)))
        rows += [
            _row(
                f"{trial.family}-{trial.trial_id[:6]}",
                trial.family,
                trial.score,
                trial.reason or _told(trial),
                trial.folds,
                trial.seconds,
            )
            for trial in self.trials
        ]
        frame = pd.DataFrame(rows)
        frame["score"] = frame["score"].astype("float64")
        return frame.sort_values("score", ascending=False, kind="stable", ignore_index=True)

    def fit_s(self, model: Model) -> float:
        """Seconds that a fit of `model` on one fold took, or took others of its families: of all
        its members together."""
        total_s = 0.0
        for one in model.singles:
            pace = paces(self.trials, one.family)
            total_s += float(np.median(pace)) * family(one.family).cost(one.params) if pace else 0.0
        return total_s

    def save(self, folder: Path) -> None:
        """Write the entrants' folders and then `leaderboard.json` into `folder`."""
        entrants = self._entrants()
        stored = [one.save(folder / f"entrant-{n}") for n, one in enumerate(entrants)]
        facts = {
            "metric": self.metric,
            "trials": [asdict(trial) for trial in self.trials],
            "baselines": dict(self.baselines),
            "entrants": stored,
            "best": entrants.index(self.best),
            "single": entrants.index(self.single),
            "others": {name: entrants.index(one) for name, one in self.others.items()},
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
            entrants = [
                Entrant.load(folder / f"entrant-{n}", stated)
                for n, stated in enumerate(facts["entrants"])
            ]
            return cls(
                metric=facts["metric"],
                trials=tuple(Trial(**trial) for trial in facts["trials"]),
                baselines=facts["baselines"],
                best=entrants[facts["best"]],
                single=entrants[facts["single"]],
                others={name: entrants[n] for name, n in facts["others"].items()},
                budget=Budget(**facts["budget"]),
                spent=Spent(**facts["spent"]),
                seed=facts["seed"],
                notes=tuple(facts["notes"]),
            )
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise IntegrityError(
                "LK631",
                where=str(folder),
                found=f"the leaderboard cannot be read: {error}",
                remedy="run the search again",
            ) from error

    def _entrants(self) -> list[Entrant]:
        """Each entrant once, the best first."""
        found: list[Entrant] = []
        for one in (self.best, self.single, *self.others.values()):
            if not any(one is other for other in found):
                found.append(one)
        return found


def _row(
    name: str, kind: str, score: float | None, note: str, folds: int = 0, seconds: float = 0.0
) -> dict[str, Any]:
    return {
        "name": name,
        "family": kind,
        "score": score,
        "folds": folds,
        "seconds": seconds,
        "note": note,
    }


def _members(model: Model) -> str:
    shares = zip(model.members, model.weights, strict=True)
    return "weighted sum: " + ", ".join(f"{share:.2f} {one.family}" for one, share in shares)


def _told(trial: Trial) -> str:
    settings = (f"{name}={value}" for name, value in sorted(trial.params.items()))
    return f"{trial.origin}: " + ", ".join(settings)


__all__ = ["Leaderboard"]
