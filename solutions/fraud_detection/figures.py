"""What a fraud report shows beside the core's own figures."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from lepton.evaluation.results import Evaluation
from lepton.solution import Figure
from solutions.fraud_detection.metrics import ALERTS_PER_DAY, daily_card_precision

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

BANDS: Final = (0.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1e9)
"""Edges of the amount bands, in the currency of `amount`."""


def card_precision_by_day(evaluation: Evaluation) -> Drawing | None:
    """Customers found a day among the first `ALERTS_PER_DAY`, against the most there were."""
    from lepton.report import drawing

    scored = evaluation.scored
    if scored.empty or not (scored["target"] == 1).any():
        return None
    found = daily_card_precision(scored, ALERTS_PER_DAY) * ALERTS_PER_DAY
    most = daily_card_precision(scored, ALERTS_PER_DAY, ceiling=True) * ALERTS_PER_DAY
    figure = drawing.new_figure()
    axes = drawing.new_axes(figure, xlabel="", ylabel="defrauded customers a day")
    axes.bar(most.index, most, color=drawing.PALE, width=0.9, label="perfect score")
    axes.bar(found.index, found, color=drawing.BLUE, width=0.6, label="found")
    axes.set_ylim(0, 1.3 * max(found.max(), most.max()))
    drawing.legend(axes, "upper left")
    drawing.date_axis(axes)
    return figure


def value_by_alerts(evaluation: Evaluation) -> Drawing | None:
    """Share of the defrauded money that is found, by alerts a day."""
    from lepton.report import drawing

    scored = evaluation.scored
    lost = _lost(scored)
    if not lost.sum() > 0:
        return None
    days = scored["event_at"].dt.floor("D").nunique()
    share = np.cumsum(lost[np.argsort(-scored["score"].to_numpy(), kind="stable")]) / lost.sum()
    alerts = np.arange(1, len(share) + 1) / days
    shown = alerts <= 5 * ALERTS_PER_DAY
    figure = drawing.new_figure()
    axes = drawing.new_axes(figure, xlabel="alerts a day", ylabel="defrauded money found, %")
    axes.plot(alerts[shown], 100 * share[shown], color=drawing.BLUE, linewidth=2)
    axes.axvline(ALERTS_PER_DAY, color=drawing.MUTED, linestyle="--", linewidth=1)
    axes.set_ylim(0, 100)
    return figure


def recall_by_amount(evaluation: Evaluation) -> Drawing | str:
    """Share of frauds that are alerted, by band of amount, with their number."""
    from lepton.report import slices

    scored = evaluation.scored
    if "value" not in scored or not (scored["target"] == 1).any():
        return "No fraud with an amount in these days."
    labels = [_band(low, high) for low, high in pairwise(BANDS)]
    bands = pd.cut(scored["value"].astype("float64"), list(BANDS), right=False, labels=labels)
    drawn: Drawing | None = slices.bars(slices.recall_by(scored, bands), "frauds alerted, %")
    return drawn or "No fraud has an amount within the bands."


def _band(low: float, high: float) -> str:
    return f"{low:g} to {high:g}" if high < BANDS[-1] else f"{low:g} and more"


def _lost(scored: pd.DataFrame) -> np.ndarray:
    is_fraud = scored["target"].to_numpy(dtype=np.float64) == 1
    if "value" not in scored:
        return np.asarray(is_fraud.astype(np.float64))
    return np.asarray(scored["value"].to_numpy(dtype=np.float64) * is_fraud)


FIGURES: Final = (
    Figure(
        "Customers found each day",
        f"Defrauded customers among the {ALERTS_PER_DAY} highest-scored of each day. Pale: what a "
        "perfect score finds; it finds each on the first day, and nobody counts twice, so that a "
        "day may hold more found than pale.",
        card_precision_by_day,
    ),
    Figure(
        "Money found by alert budget",
        "Defrauded money among the highest-scored transactions; the dashed line is the alert "
        "budget that the solution starts with.",
        value_by_alerts,
        section="value",
    ),
    Figure(
        "By amount",
        "Bands in the currency of the amounts.",
        recall_by_amount,
        section="segments",
    ),
)

__all__ = ["FIGURES"]
