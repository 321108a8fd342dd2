"""Where rules and model agree: who alerts what, and who finds which positives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from lepton.evaluation.results import Evaluation
from lepton.report.drawing import BLUE, INK, MUTED, SERIES, WIDE, new_figure


@dataclass(frozen=True)
class Overlap:
    """Alerts of two ways on the same rows: masks; how the rules' side was made, in words."""

    model: np.ndarray
    rules: np.ndarray
    positive: np.ndarray
    how: str


def overlap(evaluation: Evaluation, baseline: str | None) -> Overlap | None:
    """The model's alerts beside those of the rules; None where nothing stands for rules.

    Rules are those that hit each row where the rows tell it, else the rows that the `baseline`
    scores highest, as many as the model alerts.
    """
    scored = evaluation.scored
    model, positive = (scored[name].to_numpy() == 1 for name in ("decision", "target"))
    if "rules" in scored and scored["rules"].fillna("").ne("").any():
        hit = scored["rules"].fillna("").ne("").to_numpy()
        return Overlap(model, hit, positive, "every row that at least one rule hits")
    if baseline is None or baseline not in evaluation.rival_scores or not model.any():
        return None
    rank = evaluation.rival_scores[baseline].rank(method="first", ascending=False)
    hit = rank.to_numpy() <= model.sum()
    how = f"the {int(model.sum()):,} rows that '{baseline}' scores highest, as many as the model's"
    return Overlap(model, np.asarray(hit), positive, how)


def counts(found: Overlap) -> pd.DataFrame:
    """Both, model alone, rules alone, neither: rows, positives, precision."""
    masks = {
        "both": found.model & found.rules,
        "model alone": found.model & ~found.rules,
        "rules alone": ~found.model & found.rules,
        "neither": ~found.model & ~found.rules,
    }
    rows = [
        (name, int(mask.sum()), int(found.positive[mask].sum())) for name, mask in masks.items()
    ]
    frame = pd.DataFrame(rows, columns=["alerted by", "rows", "positives"])
    frame["share_positive"] = frame["positives"] / frame["rows"].where(frame["rows"] > 0)
    return frame


def venn(found: Overlap, positives: str) -> Figure:
    """Two circles twice: all alerts, and the positives among them, counted in each region."""
    figure = new_figure(WIDE[0], 2.9)
    left, right = figure.subplots(1, 2)
    everything = np.ones(len(found.model), dtype=bool)
    _circles(left, found, everything, "all alerts", "")
    missed = int((found.positive & ~found.model & ~found.rules).sum())
    _circles(
        right, found, found.positive, f"{positives} among them", f"found by neither: {missed:,}"
    )
    return figure


def _circles(axes: Axes, found: Overlap, mask: np.ndarray, title: str, below: str) -> None:
    axes.set_aspect("equal")
    axes.axis("off")
    for x, colour in ((-0.62, BLUE), (0.62, SERIES[1])):
        style: dict[str, Any] = {"alpha": 0.28, "color": colour, "lw": 0}
        axes.add_patch(Circle((x, 0), 1.0, **style))
    regions = (
        (-1.0, found.model & ~found.rules),
        (0.0, found.model & found.rules),
        (1.0, ~found.model & found.rules),
    )
    for x, region in regions:
        text = f"{int((region & mask).sum()):,}"
        axes.text(x, 0, text, ha="center", va="center", fontsize=13, color=INK)
    axes.text(-1.0, 1.08, "model", ha="center", fontsize=10, color=BLUE)
    axes.text(1.0, 1.08, "rules", ha="center", fontsize=10, color="#8a5000")
    axes.text(0, 1.42, title, ha="center", fontsize=10.5, color=INK)
    axes.text(0, -1.3, below, ha="center", fontsize=9.5, color=MUTED)
    axes.set_xlim(-2.2, 2.2)
    axes.set_ylim(-1.45, 1.65)


__all__ = ["Overlap", "counts", "overlap", "venn"]
