"""Kinds of forecasters, by name; each imports its library when it is asked."""

from __future__ import annotations

import importlib
from typing import Final

from lepton.errors import SearchError, nearest
from lepton.forecast.families.base import Forecaster

KNOWN: Final = (
    "seasonal_naive",
    "profile",
    "linear",
    "lightgbm",
    "lightgbm_quantile",
    "boosted",
    "net",
    "prophet",
    "persistence",
    "habit",
    "drift",
    "near_trees",
    "near_net",
)
NEAR: Final = ("persistence", "habit", "drift", "near_trees", "near_net")
"""Those that forecast the next minutes of a network."""
_HOME: Final = {
    "lightgbm": "gbdt",
    "lightgbm_quantile": "gbdt",
    "boosted": "gbdt",
    "persistence": "near_floor",
    "habit": "near_floor",
    "drift": "near_floor",
}


def forecaster(name: str) -> Forecaster:
    """The family called `name`; raises SearchError LK451 with the nearest known name."""
    if name not in KNOWN:
        raise SearchError(
            "LK451",
            where="families",
            found=f"no family of forecasters '{name}'{nearest(name, KNOWN)}",
            remedy=f"known are: {', '.join(KNOWN)}",
        )
    home = importlib.import_module(f"lepton.forecast.families.{_HOME.get(name, name)}")
    found: Forecaster = home.FAMILIES[name]
    return found


__all__ = ["KNOWN", "NEAR", "Forecaster", "forecaster"]
