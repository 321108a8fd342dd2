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
FOUND: Final = "#1f5fa8"
POSSIBLE: Final = "#b9c4d0"


def card_precision_by_day(evaluation: Evaluation) -> Drawing | None:
    """Customers found a day among the first `ALERTS_PER_DAY`, against the most there were."""
    scored = evaluation.scored
    if scored.empty or not (scored["target"] == 1).any():
        return None
    found = daily_card_precision(scored, ALERTS_PER_DAY) * ALERTS_PER_DAY
    most = daily_card_precision(scored, ALERTS_PER_DAY, ceiling=True) * ALERTS_PER_DAY
    drawing = _drawing()
    axes = drawing.subplots()
    axes.bar(most.index, most, color=POSSIBLE, width=0.9, label="possible")
    axes.bar(found.index, found, color=FOUND, width=0.6, label="found")
    axes.set_ylabel("defrauded customers a day")
    axes.legend(frameon=False)
    drawing.autofmt_xdate()
    return drawing


def value_by_alerts(evaluation: Evaluation) -> Drawing | None:
    """Share of the defrauded money that is found, by alerts a day."""
    scored = evaluation.scored
    lost = _lost(scored)
    if not lost.sum() > 0:
        return None
    days = scored["event_at"].dt.floor("D").nunique()
    share = np.cumsum(lost[np.argsort(-scored["score"].to_numpy(), kind="stable")]) / lost.sum()
    alerts = np.arange(1, len(share) + 1) / days
    shown = alerts <= 5 * ALERTS_PER_DAY
    drawing = _drawing()
    axes = drawing.subplots()
    axes.plot(alerts[shown], 100 * share[shown], color=FOUND)
    axes.axvline(ALERTS_PER_DAY, color=POSSIBLE, linestyle="--")
    axes.set_xlabel("alerts a day")
    axes.set_ylabel("defrauded money found, %")
    axes.set_ylim(0, 100)
    return drawing


def recall_by_amount(evaluation: Evaluation) -> Drawing | None:
    """Share of frauds that are alerted, by band of amount, with their number."""
    frauds = evaluation.scored[evaluation.scored["target"] == 1]
    if frauds.empty or "value" not in frauds:
        return None
    labels = [_band(low, high) for low, high in pairwise(BANDS)]
    bands = pd.cut(frauds["value"].astype("float64"), list(BANDS), right=False, labels=labels)
    return _recall(frauds, bands, "amount")


def recall_by_typology(evaluation: Evaluation) -> Drawing | None:
    """Share of frauds that are alerted, by kind; None where the rows do not carry the kind."""
    frauds = evaluation.scored[evaluation.scored["target"] == 1]
    if "typology" not in frauds or not frauds["typology"].notna().any():
        return None
    return _recall(frauds, frauds["typology"], "typology")


def _band(low: float, high: float) -> str:
    return f"{low:g} to {high:g}" if high < BANDS[-1] else f"{low:g} and more"


def _recall(frauds: pd.DataFrame, groups: pd.Series, label: str) -> Drawing:
    found = frauds["decision"].groupby(groups, observed=True).agg(["mean", "size"])
    drawing = _drawing()
    axes = drawing.subplots()
    places = np.arange(len(found))
    axes.barh(places, 100 * found["mean"], color=FOUND)
    axes.set_yticks(places, [f"{name} (n={n})" for name, n in found["size"].items()])
    axes.set_xlim(0, 100)
    axes.set_xlabel("frauds alerted, %")
    axes.set_ylabel(label)
    return drawing


def _lost(scored: pd.DataFrame) -> np.ndarray:
    is_fraud = scored["target"].to_numpy(dtype=np.float64) == 1
    if "value" not in scored:
        return np.asarray(is_fraud.astype(np.float64))
    return np.asarray(scored["value"].to_numpy(dtype=np.float64) * is_fraud)


def _drawing() -> Drawing:
    from matplotlib.figure import Figure as Drawn

    return Drawn(figsize=(7.2, 3.2), layout="constrained")


FIGURES: Final = (
    Figure(
        "Customers found each day",
        f"Defrauded customers among the {ALERTS_PER_DAY} highest-scored of each day, against the "
        "most that any score could find there; a customer once found does not count again.",
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
)

__all__ = ["FIGURES"]
