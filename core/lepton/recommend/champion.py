"""The champion: which family lists for each mode, and what of it needs no fitting again.

Only forests are kept. All else follows from the interactions of the day, so that a batch is scored
with what customers took since the search.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np

from lepton.graph.trees import Trees
from lepton.recommend.families.base import Ranker
from lepton.recommend.families.lambdarank import Lambdarank, TwoStage
from lepton.recommend.interactions import InteractionDataset
from lepton.recommend.retrieved import fit_retrievers
from lepton.recommend.roster import family
from lepton_edge.atomic import write_bytes

FILE: Final = "champion.npz"
FACTS: Final = "champion.json"


@dataclass(frozen=True, eq=False)
class Champion:
    """families: mode -> name of the family; forests: mode -> trees, where it is the two-stage one;
    seed: of all fits."""

    families: Mapping[str, str]
    forests: Mapping[str, Trees]
    seed: int

    @classmethod
    def of(cls, families: Mapping[str, str], models: Mapping[str, Ranker], seed: int) -> Champion:
        """Of the fitted models by name."""
        forests = {}
        for mode, name in families.items():
            model = models.get(name)
            if isinstance(model, TwoStage):
                forests[mode] = model.forests[mode]
        return cls(dict(families), forests, seed)

    def on(self, known: InteractionDataset) -> ChampionRanker:
        """Ready to list by what is known."""
        rng = np.random.default_rng(self.seed)
        models: dict[str, Ranker] = {}
        for name in sorted(set(self.families.values())):
            recipe = family(name)
            if isinstance(recipe, Lambdarank):
                first = fit_retrievers(known, rng, recipe.retrievers, recipe.depth)
                models[name] = TwoStage(recipe, first, self.forests)
            else:
                models[name] = recipe.fit(known, rng)
        return ChampionRanker({mode: models[name] for mode, name in self.families.items()})

    @property
    def fingerprint(self) -> str:
        """sha256 of what is saved."""
        return hashlib.sha256(json.dumps(self._facts()).encode() + self._arrays()).hexdigest()

    def files(self) -> dict[str, bytes]:
        """File name -> content of what is saved."""
        return {FILE: self._arrays(), FACTS: (json.dumps(self._facts()) + "\n").encode()}

    def save(self, folder: Path) -> None:
        """Write it as JSON and arrays into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.files().items():
            write_bytes(folder / name, content)

    @classmethod
    def load(cls, folder: Path) -> Champion:
        """What `save` wrote into `folder`."""
        facts: dict[str, Any] = json.loads((folder / FACTS).read_text("utf-8"))
        with np.load(folder / FILE, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        forests = {
            mode: Trees(
                width=int(width),
                **{f.name: arrays[f"{mode}_{f.name}"] for f in fields(Trees) if f.name != "width"},
            )
            for mode, width in facts["widths"].items()
        }
        return cls(facts["families"], forests, facts["seed"])

    def _facts(self) -> dict[str, Any]:
        widths = {mode: forest.width for mode, forest in self.forests.items()}
        return {"families": dict(self.families), "widths": widths, "seed": self.seed}

    def _arrays(self) -> bytes:
        arrays = {
            f"{mode}_{f.name}": getattr(forest, f.name)
            for mode, forest in self.forests.items()
            for f in fields(Trees)
            if f.name != "width"
        }
        memory = io.BytesIO()
        np.savez(memory, **arrays)
        return memory.getvalue()


@dataclass(frozen=True, eq=False)
class ChampionRanker:
    """mode -> the model that lists for it."""

    models: Mapping[str, Ranker]

    def scores(
        self, known: InteractionDataset, customers: np.ndarray, mode: str = "all"
    ) -> np.ndarray:
        """Of the mode's own model."""
        return self.models[mode].scores(known, customers, mode)


__all__ = ["Champion", "ChampionRanker"]
