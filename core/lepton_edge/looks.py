"""The two ways to look back: days by the wall clock, or the last hour of a whole network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lepton_edge.asof_spec import AsOfSpec
from lepton_edge.near_spec import NEAR, NearSpec

Look = AsOfSpec | NearSpec


def look_from_json(told: Mapping[str, Any]) -> Look:
    """What either `to_json` wrote; KeyError, TypeError or ValueError on other data."""
    if told.get("look") == NEAR:
        return NearSpec.from_json(told)
    return AsOfSpec.from_json(told)


__all__ = ["Look", "look_from_json"]
