"""What the features stage of recommendations gives: who took what, the catalogue, and the cuts."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from lepton.dataset import SwitchedOff
from lepton.frames import read_parquet, write_parquet
from lepton.recommend.interactions import InteractionDataset
from lepton.recommend.windows import Window
from lepton_edge.atomic import write_bytes

_ROWS = ("customer", "item", "order", "at_s", "weight", "quantity", "price")


@dataclass(frozen=True, eq=False)
class Prepared:
    """data: who took what; catalogue: one row an item, `item_id` first, and what rules name; days:
    of a window; cutoffs: of the windows that families are compared by, rising, UTC seconds;
    holdout_s: cutoff of the sealed one; task: name of the one that is learnt."""

    data: InteractionDataset
    catalogue: pd.DataFrame
    days: float
    cutoffs: tuple[int, ...]
    holdout_s: int
    task: str = ""
    numeric: tuple[str, ...] = field(default=("customer", "item", "order", "event_at"))

    def __len__(self) -> int:
        return len(self.data)

    @property
    def categorical(self) -> tuple[str, ...]:
        """None: customers and items are told apart by what they did."""
        return ()

    @property
    def switched_off(self) -> tuple[SwitchedOff, ...]:
        """None: columns that are missing have no features."""
        return ()

    @property
    def why(self) -> str:
        """Nothing: what was asked for is what is learnt."""
        return ""

    @property
    def before_holdout(self) -> InteractionDataset:
        """All that may be learnt from."""
        return self.data.before(self.holdout_s)

    def windows(self) -> tuple[Window, ...]:
        """Those that families are compared by."""
        return tuple(Window.at(self.before_holdout, at, self.days) for at in self.cutoffs)

    def holdout(self) -> Window:
        """The sealed window: for the one read of an evaluation."""
        return Window.at(self.data, self.holdout_s, self.days)

    def save(self, folder: Path) -> None:
        """Write everything as plain data into `folder`."""
        data = self.data
        arrays = {name: getattr(data, name) for name in _ROWS}
        arrays |= {"customers": data.customers, "items": data.items}
        if data.words is not None:
            words = data.words
            told = {"data": words.data, "indices": words.indices, "indptr": words.indptr}
            arrays |= {f"words_{n}": v for n, v in told.items()}
            arrays["words_shape"] = np.array(words.shape)
        memory = io.BytesIO()
        np.savez_compressed(memory, **arrays)
        write_bytes(folder / "interactions.npz", memory.getvalue())
        write_parquet(self.catalogue, folder / "catalogue.parquet")
        facts = {
            "as_of_s": data.as_of_s,
            "days": self.days,
            "cutoffs": list(self.cutoffs),
            "holdout_s": self.holdout_s,
            "task": self.task,
        }
        (folder / "interactions.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Prepared:
        """What `save` wrote into `folder`."""
        facts: dict[str, Any] = json.loads((folder / "interactions.json").read_text("utf-8"))
        with np.load(folder / "interactions.npz", allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        words = None
        if "words_shape" in arrays:
            parts = tuple(arrays[f"words_{n}"] for n in ("data", "indices", "indptr"))
            words = sparse.csr_matrix(parts, shape=tuple(arrays["words_shape"]))
        rows = {name: arrays[name] for name in _ROWS}
        data = InteractionDataset(
            arrays["customers"], arrays["items"], **rows, as_of_s=facts["as_of_s"], words=words
        )
        return cls(
            data,
            read_parquet(folder / "catalogue.parquet"),
            facts["days"],
            tuple(facts["cutoffs"]),
            facts["holdout_s"],
            facts["task"],
        )


__all__ = ["Prepared"]
