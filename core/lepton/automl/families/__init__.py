"""The kinds of models that search knows, by name; each imports its library when it is asked."""

from __future__ import annotations

import importlib

from lepton.automl.families.base import Family
from lepton.errors import SearchError, nearest

KNOWN = ("lightgbm", "logistic", "net", "ellipsoid")


def family(name: str) -> Family:
    """The family called `name`; raises SearchError LK411 with the nearest known name."""
    if name not in KNOWN:
        raise SearchError(
            "LK411",
            where="families",
            found=f"no family '{name}'{nearest(name, KNOWN)}",
            remedy=f"known are: {', '.join(KNOWN)}",
        )
    found: Family = importlib.import_module(f"lepton.automl.families.{name}").FAMILY
    return found


__all__ = ["KNOWN", "Family", "family"]
