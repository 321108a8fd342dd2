"""Fitted forecasters as plain data: JSON, one npz of arrays and LightGBM's texts, no code.

What a model holds is told by its dataclasses. Only kinds that stand in the table below are made
again, and a text is parsed only where its sha256 is the one stated: LightGBM crashes on a cut one.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from lepton.automl.families.lightgbm import Boosted
from lepton_edge.strict_json import parse

ARRAYS: Final = "arrays.npz"
_SIMPLE: Final = (str, int, float, bool, type(None))


@dataclass
class Parts:
    """What a value was taken apart into: arrays by number, texts by name."""

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def files(self) -> dict[str, bytes]:
        """File name -> content."""
        memory = io.BytesIO()
        np.savez(memory, **self.arrays)  # type: ignore[arg-type]
        return {ARRAYS: memory.getvalue(), **{n: t.encode() for n, t in self.texts.items()}}

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> Parts:
        """What `files` gave, each text still unread."""
        with np.load(io.BytesIO(files[ARRAYS]), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return cls(arrays, {n: raw.decode() for n, raw in files.items() if n != ARRAYS})


def taken_apart(value: Any, parts: Parts) -> Any:
    """`value` as JSON, its arrays and texts moved to `parts`; TypeError for what has no form."""
    if isinstance(value, np.ndarray):
        name = f"a{len(parts.arrays)}"
        parts.arrays[name] = value
        return {"array": name}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Boosted):
        name = f"trees-{len(parts.texts)}.txt"
        parts.texts[name] = value.text
        return {"trees": name, "sha256": sha256(value.text.encode())}
    if is_dataclass(value) and type(value).__name__ in _kinds():
        told = {f.name: taken_apart(getattr(value, f.name), parts) for f in fields(value)}
        return {"kind": type(value).__name__, "fields": told}
    if isinstance(value, (tuple, list)):
        return {"list": [taken_apart(one, parts) for one in value]}
    if isinstance(value, Mapping):
        return {"map": [[name, taken_apart(one, parts)] for name, one in value.items()]}
    if isinstance(value, _SIMPLE):
        return value
    raise TypeError(f"{type(value).__name__} cannot be stored")


def put_together(told: Any, parts: Parts) -> Any:
    """What `taken_apart` took apart; ValueError, KeyError or TypeError on other data."""
    if not isinstance(told, dict):
        return told
    if "array" in told:
        return parts.arrays[told["array"]]
    if "trees" in told:
        text = parts.texts[told["trees"]]
        if sha256(text.encode()) != told["sha256"]:
            raise ValueError(f"{told['trees']} does not have the sha256 that is stated")
        return Boosted(text)
    if "list" in told:
        return tuple(put_together(one, parts) for one in told["list"])
    if "map" in told:
        return {name: put_together(one, parts) for name, one in told["map"]}
    kind = _kinds()[told["kind"]]
    given = {name: put_together(one, parts) for name, one in told["fields"].items()}
    return kind(**given)


def sha256_of(value: Any) -> str:
    """sha256 of all that `value` holds, equal for equal content."""
    parts = Parts()
    told = json.dumps(taken_apart(value, parts), sort_keys=True)
    digest = hashlib.sha256(told.encode())
    for name, array in parts.arrays.items():
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def read_json(raw: bytes) -> Any:
    """Strict JSON; ValueError where it is none."""
    return parse(raw.decode("utf-8"))


@cache
def _kinds() -> Mapping[str, type]:
    """Every kind of value that may be stored."""
    from lepton.forecast.ensemble import Weights
    from lepton.forecast.families.gbdt import Base, BoostedPoint, BoostedQuantiles
    from lepton.forecast.families.linear import Linear, Location
    from lepton.forecast.families.near_floor import NearFloor
    from lepton.forecast.families.near_net import NearNet, NearReader
    from lepton.forecast.families.near_trees import NearTrees
    from lepton.forecast.families.net import Net, Reader
    from lepton.forecast.families.profile import Profile
    from lepton.forecast.families.seasonal_naive import SeasonalNaive
    from lepton.forecast.families.splines import Splines
    from lepton.forecast.families.spread import Spread
    from lepton.forecast.near_onset import Onset
    from lepton.graph.nets import Codes, Dense, Int8Dense
    from lepton_edge.habits import Habits
    from lepton_edge.incidents import IncidentSpec
    from lepton_edge.near_spec import OnsetRule
    from lepton_edge.queues import QueueSpec
    from lepton_edge.watch import WatchSpec

    known: tuple[type, ...] = (
        *(Weights, Base, BoostedPoint, BoostedQuantiles, Linear, Location, Net, Reader, Profile),
        *(SeasonalNaive, Splines, Spread, Codes, Dense, Int8Dense),
        *(NearFloor, NearTrees, NearReader, NearNet, Onset, OnsetRule, Habits),
        *(WatchSpec, QueueSpec, IncidentSpec),
    )
    return {kind.__name__: kind for kind in known}


def sha256(content: bytes) -> str:
    """Of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


__all__ = ["ARRAYS", "Parts", "put_together", "read_json", "sha256", "sha256_of", "taken_apart"]
