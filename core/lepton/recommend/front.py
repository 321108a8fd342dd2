"""The device's model in its forms, and the one that is shipped."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lepton.recommend.champion import Champion
from lepton.recommend.edge_forms import EdgeChoice, FormTrial
from lepton.recommend.edge_graph import Form
from lepton.recommend.families.ease_own import EaseOwnRanker, EdgeModel
from lepton_edge.atomic import write_bytes


@dataclass(frozen=True, eq=False)
class EdgeFront:
    """choice: forms as the selection judged them; model: fitted on all before the holdout, whole;
    champion: what all customers are scored with; max_loss: what was allowed."""

    choice: EdgeChoice
    model: EaseOwnRanker
    champion: Champion
    max_loss: float
    notes: tuple[str, ...] = ()

    @property
    def metric(self) -> str:
        """Name of the score that forms are compared by."""
        return "ndcg10_all"

    @property
    def chosen(self) -> str:
        """Name of the form that is shipped."""
        return self.choice.form.name

    def to_frame(self) -> pd.DataFrame:
        """One row a form: score, that of new items, bytes, bound of the share that it loses."""
        rows = [
            (
                one.form.name,
                one.ndcg10_all,
                one.ndcg10_new,
                one.n_bytes,
                one.loss_bound,
                one.form == self.choice.form,
            )
            for one in self.choice.trials
        ]
        columns = ["form", "score", "ndcg10_new", "bytes", "loss_bound", "chosen"]
        return pd.DataFrame(rows, columns=columns)

    def save(self, folder: Path) -> None:
        """Write everything as plain data into `folder`."""
        model = self.model.model
        self.champion.save(folder / "champion")
        memory = io.BytesIO()
        np.savez(memory, similar=model.similar, prior=model.prior)
        write_bytes(folder / "edge.npz", memory.getvalue())
        facts = {
            "form": vars(self.choice.form),
            "trials": [{**vars(one), "form": vars(one.form)} for one in self.choice.trials],
            "own": model.own,
            "half_life_days": self.model.input_half_life_days,
            "max_loss": self.max_loss,
            "notes": list(self.notes),
        }
        (folder / "edge.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> EdgeFront:
        """What `save` wrote into `folder`."""
        facts: dict[str, Any] = json.loads((folder / "edge.json").read_text("utf-8"))
        with np.load(folder / "edge.npz", allow_pickle=False) as file:
            model = EdgeModel(file["similar"], facts["own"], file["prior"])
        trials = tuple(FormTrial(**{**one, "form": Form(**one["form"])}) for one in facts["trials"])
        return cls(
            EdgeChoice(Form(**facts["form"]), trials),
            EaseOwnRanker(model, facts["half_life_days"]),
            Champion.load(folder / "champion"),
            facts["max_loss"],
            tuple(facts["notes"]),
        )


__all__ = ["EdgeFront"]
