"""The golden lists: histories with the lists that they gave where the bundle was made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np

from lepton_edge.bundle import GOLDEN, RECOMMEND, Opened
from lepton_edge.errors import BundleError
from lepton_edge.golden import GoldenCheck
from lepton_edge.recommender import Recommender
from lepton_edge.strict_json import parse


def is_recommend(opened: Opened) -> bool:
    """Whether the bundle recommends."""
    return RECOMMEND in opened.manifest.content


def check_lists(recommender: Recommender) -> GoldenCheck:
    """Make the golden lists again; a flip is a list with another item at a place. BundleError LK662
    where they are not understood."""
    opened = recommender.opened
    try:
        golden = parse(opened.read(GOLDEN).decode("utf-8"))
        found = [_compared(recommender, told) for told in golden["lists"]]
        tolerance = float(golden["tolerance"])
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise BundleError(
            "LK662",
            where=str(opened.path / GOLDEN),
            found=f"golden lists are not understood: {error}",
            remedy="export the model again with `lepton run`",
        ) from error
    return GoldenCheck(
        rows=len(found),
        max_abs_diff=max((difference for difference, _ in found), default=0.0),
        flips=sum(flipped for _, flipped in found),
        tolerance=tolerance,
    )


def _compared(recommender: Recommender, told: Mapping[str, Any]) -> tuple[float, int]:
    history, weight, _ = recommender.history(told["items"], told["days_since"], told["counts"])
    shelf = recommender.shelf(date.fromisoformat(told["day"]), told["mode"])
    seen = history if told["mode"] == "new" else None
    made = recommender.recommend(history, weight, shelf, k=len(told["listed"]), seen=seen)
    listed = [recommender.catalogue.items[at] for at in made.item.tolist()]
    if listed != told["listed"]:
        return float("inf"), 1
    wanted = np.array([np.nan if one is None else one for one in told["scores"]])
    gap = np.abs(made.score - wanted)
    return float(gap[~np.isnan(gap)].max(initial=0.0)), 0


__all__ = ["check_lists", "is_recommend"]
