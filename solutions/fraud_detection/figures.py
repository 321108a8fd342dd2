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
    figure = drawing.new_figure(*drawing.HALF)
    axes = drawing.new_axes(figure, xlabel="", ylabel="defrauded customers a day")
    axes.bar(most.index, most, color=drawing.PALE, width=0.9, label="perfect score")
    axes.bar(found.index, found, color=drawing.BLUE, width=0.6, label="found")
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
    figure = drawing.new_figure(*drawing.HALF)
    axes = drawing.new_axes(figure, xlabel="alerts a day", ylabel="defrauded money found, %")
    axes.plot(alerts[shown], 100 * share[shown], color=drawing.BLUE, linewidth=2)
    axes.axvline(ALERTS_PER_DAY, color=drawing.MUTED, linestyle="--", linewidth=1)
    axes.set_ylim(0, 100)
    return figure


def recall_by_amount(evaluation: Evaluation) -> Drawing | None:
    """Share of frauds that are alerted, by band of amount, with their number."""
    frauds = evaluation.scored[evaluation.scored["target"] == 1]
    if frauds.empty or "value" not in frauds:
        return None
    labels = [_band(low, high) for low, high in pairwise(BANDS)]
    bands = pd.cut(frauds["value"].astype("float64"), list(BANDS), right=False, labels=labels)
    return _recall(frauds, bands)


def recall_by_typology(evaluation: Evaluation) -> Drawing | None:
    """Share of frauds that are alerted, by kind; None where the rows do not carry the kind."""
    return _recall_by(evaluation, "typology")


def recall_by_channel(evaluation: Evaluation) -> Drawing | None:
    """Share of frauds that are alerted, by channel; None where the rows do not carry it."""
    return _recall_by(evaluation, "channel")


def _recall_by(evaluation: Evaluation, column: str) -> Drawing | None:
    frauds = evaluation.scored[evaluation.scored["target"] == 1]
    if column not in frauds or not frauds[column].notna().any():
        return None
    return _recall(frauds, frauds[column])


def _band(low: float, high: float) -> str:
    return f"{low:g} to {high:g}" if high < BANDS[-1] else f"{low:g} and more"


def _recall(frauds: pd.DataFrame, groups: pd.Series) -> Drawing:
    from lepton.report import drawing

    found = frauds["decision"].groupby(groups, observed=True).agg(["mean", "size"])
    figure = drawing.new_figure(*drawing.HALF)
    axes = drawing.new_axes(figure, xlabel="frauds alerted, %", ylabel="")
    places = np.arange(len(found))
    axes.barh(places, 100 * found["mean"], color=drawing.BLUE, height=0.6)
    axes.set_yticks(places, [f"{name} (n={n})" for name, n in found["size"].items()])
    axes.set_xlim(0, 100)
    return figure


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
    ),
    Figure(
        "Frauds alerted by amount",
        "Share of the frauds of each band that the threshold alerts, and how many there were.",
        recall_by_amount,
    ),
    Figure(
        "Frauds alerted by kind",
        "Share of the frauds of each kind that the threshold alerts.",
        recall_by_typology,
    ),
    Figure(
        "Frauds alerted by channel",
        "Share of the frauds of each channel that the threshold alerts.",
        recall_by_channel,
    ),
)

__all__ = ["FIGURES"]
