"""What the features stage of a forecast gives: the series, and what may be looked at."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from lepton.dataset import SwitchedOff
from lepton.forecast.cleaning import AUDIT
from lepton.forecast.panel import PanelDataset, seconds_of
from lepton.forecast.spec import Cuts
from lepton.frames import read_parquet, write_parquet
from lepton_edge.looks import Look, look_from_json
from lepton_edge.near_spec import NearSpec
from lepton_edge.neighbours import Neighbours


@dataclass(frozen=True, eq=False)
class Prepared:
    """panel: the series; looks: series -> what its forecasts look at; cuts: where selection and
    holdout begin; task: name of the one that is learnt; audit: values that were changed in the
    panel, as `cleaning.Cleaned` has them."""

    panel: PanelDataset
    looks: Mapping[str, Look]
    cuts: Cuts
    task: str = ""
    audit: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(AUDIT)))

    def __len__(self) -> int:
        return len(self.panel.rows)

    @property
    def numeric(self) -> tuple[str, ...]:
        """Names of the features of a forecast."""
        return next(iter(self.looks.values())).names

    @property
    def categorical(self) -> tuple[str, ...]:
        """None: series are told apart by their own past."""
        return ()

    @property
    def switched_off(self) -> tuple[SwitchedOff, ...]:
        """None: columns that are missing have no features."""
        return ()

    @property
    def why(self) -> str:
        """Nothing: what was asked for is what is learnt."""
        return ""

    def save(self, folder: Path) -> None:
        """Write tables as parquet and the rest as JSON into `folder`."""
        panel = self.panel
        write_parquet(panel.rows, folder / "rows.parquet")
        write_parquet(panel.series, folder / "series.parquet")
        write_parquet(self.audit, folder / "audit.parquet")
        for name, table in (("known", panel.known), ("firsts", panel.firsts)):
            if table is not None:
                write_parquet(table, folder / f"{name}.parquet")
        facts = {
            "step_s": panel.step_s,
            "latency_s": dict(panel.latency_s),
            "is_known_perfectly": panel.is_known_perfectly,
            "neighbours": None if panel.neighbours is None else panel.neighbours.to_json(),
            "looks": self._looks(),
            "cuts": vars(self.cuts),
            "task": self.task,
        }
        (folder / "prepared.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")

    def _looks(self) -> dict[str, Any]:
        """Series -> its look; "" -> that of all, where they are forecast together."""
        first = next(iter(self.looks.values()))
        if isinstance(first, NearSpec):
            return {"": first.to_json()}
        return {name: look.to_json() for name, look in self.looks.items()}

    @classmethod
    def load(cls, folder: Path) -> Prepared:
        """What `save` wrote into `folder`."""
        facts: dict[str, Any] = json.loads((folder / "prepared.json").read_text(encoding="utf-8"))
        beside = {
            name: read_parquet(folder / f"{name}.parquet")
            for name in ("known", "firsts")
            if (folder / f"{name}.parquet").is_file()
        }
        near = facts["neighbours"]
        panel = PanelDataset(
            read_parquet(folder / "rows.parquet"),
            read_parquet(folder / "series.parquet"),
            facts["step_s"],
            beside.get("known"),
            facts["latency_s"],
            is_known_perfectly=facts["is_known_perfectly"],
            firsts=beside.get("firsts"),
            neighbours=None if near is None else Neighbours.from_json(near),
        )
        audit = read_parquet(folder / "audit.parquet")
        looks = {name: look_from_json(told) for name, told in facts["looks"].items()}
        if "" in looks:
            looks = dict.fromkeys(panel.ids, looks[""])
        return cls(panel, looks, Cuts(**facts["cuts"]), facts["task"], audit)


def limits_of(prepared: Prepared) -> tuple[str, ...]:
    """What limits the forecasts of this history, a sentence each."""
    return tuple(_limits(prepared))


def _limits(prepared: Prepared) -> Iterator[str]:
    panel = prepared.panel
    if panel.is_known_perfectly and panel.known is not None:
        yield (
            "Weather was only delivered as it was seen, and counts as foreseen: results are those "
            "of perfect weather, and real forecasts will be worse."
        )
    if panel.known is None:
        yield "No weather was delivered: forecasts rest on the past and the calendar alone."
    days = (prepared.cuts.end_s - prepared.cuts.start_s) / 86_400
    if days < 400:
        yield f"The history has {days:.0f} days: what only a whole year shows was not seen."
    first = panel.rows.groupby("series_id")["ts"].min()
    young = first[seconds_of(first) > prepared.cuts.selection_s]
    if len(young):
        yield f"{len(young):,} series began after learning had ended: {', '.join(young.index[:5])}."


__all__ = ["Prepared", "limits_of"]
