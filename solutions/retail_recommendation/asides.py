"""What a report tells beside lists: what cleaning left, segments, churn, spend and stock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import pandas as pd

from lepton.errors import SearchError
from lepton.recommend.spec import Aside
from solutions.retail_recommendation.cleaning import Cleaned
from solutions.retail_recommendation.customer_features import DAY, money
from solutions.retail_recommendation.customer_models import HORIZON_D
from solutions.retail_recommendation.customer_quality import CustomerQuality, judge_customers
from solutions.retail_recommendation.dataset import cleaned
from solutions.retail_recommendation.segments import SEGMENTS, judge_movement, movement, rfm
from solutions.retail_recommendation.stock_risk import judge_demand, stock_at_risk

FIRST: Final = 15
DEMAND_D: Final = 14.0


def asides(tables: Mapping[str, pd.DataFrame], settings: Mapping[str, float]) -> tuple[Aside, ...]:
    """Tables of what cleaning left, months, segments and their movement, churn and spend by tenths,
    demand, and items at risk; each with its naive baseline where something is told ahead."""
    whole = cleaned(tables, settings)
    rows = whole.rows[whole.rows["event"] == "purchase"]
    end = rows["event_at"].max().floor("D") + DAY
    return (
        _funnel(whole),
        _months(rows),
        *_segments(rows, end),
        *_customers(rows, end),
        *_stock(rows, tables.get("stock"), end),
    )


def _funnel(whole: Cleaned) -> Aside:
    table = pd.DataFrame(
        [
            ("rows that came", None, whole.came),
            *((step.reason, step.dropped, step.left) for step in whole.funnel),
        ],
        columns=["reason", "left out", "left"],
    )
    caption = (
        f"{whole.unmatched:,} returns are of what the customer had not bought before; "
        f"{whole.respelt:,} rows wrote an item in other letters than most do."
    )
    return Aside("What cleaning left out", caption, table)


def _months(rows: pd.DataFrame) -> Aside:
    lines = rows.assign(money=money(rows), month=rows["event_at"].dt.strftime("%Y-%m"))
    groups = lines.groupby("month")
    table = pd.DataFrame(
        {
            "orders": groups["order_id"].nunique(),
            "customers": groups["customer_id"].nunique(),
            "items": groups["item_id"].nunique(),
            "revenue": groups["money"].sum().round(0),
        }
    )
    spent = lines.groupby("customer_id")["money"].sum().sort_values(ascending=False)
    best = spent.head(max(len(spent) // 5, 1)).sum() / max(spent.sum(), 1e-9)
    return Aside(
        "Months",
        f"The best fifth of customers bring {best:.0%} of revenue.",
        table.reset_index(),
    )


def _segments(rows: pd.DataFrame, end: pd.Timestamp) -> Iterator[Aside]:
    now, before = rfm(rows, end), rfm(rows, end - HORIZON_D * DAY)
    groups = now.groupby("segment")
    table = pd.DataFrame(
        {
            "customers": groups.size(),
            "share of revenue": (groups["spent"].sum() / now["spent"].sum()).round(3),
            "days since the last order": groups["recency_d"].median().round(0),
            "orders": groups["orders"].mean().round(1),
        }
    )
    yield Aside(
        "Segments",
        "Customers by fifths of recency, frequency and money.",
        table.reindex([name for name in SEGMENTS if name in table.index]).reset_index(),
    )
    told = judge_movement(rows, end - HORIZON_D * DAY, HORIZON_D)
    counts = movement(before, now).rename_axis("from").rename_axis(None, axis=1).reset_index()
    yield Aside(
        f"Movement in {HORIZON_D:g} days",
        f"Told by where most of a segment moved the time before, {told.moves:.0%} of segments are "
        f"right; {told.naive:.0%} where each customer is taken to stay.",
        counts,
    )


def _customers(rows: pd.DataFrame, end: pd.Timestamp) -> Iterator[Aside]:
    title = f"Churn and spend in {HORIZON_D:g} days"
    try:
        found = judge_customers(rows, end - HORIZON_D * DAY, np.random.default_rng(0))
    except SearchError as error:
        yield Aside(title, "", f"Not told: {error.found}.")
        return
    yield Aside(title, "Judged on the last days, which nothing was learnt from.", _judged(found))
    told = found.told.sort_values("churn")
    tenth = np.minimum(np.arange(len(told)) * 10 // max(len(told), 1) + 1, 10)
    groups = told.groupby(tenth)
    yield Aside(
        "Churn by tenths",
        "What was told beside what came: the nearer, the more it can be relied on.",
        groups.agg(
            customers=("lost", "size"), told=("churn", "mean"), came=("lost", "mean"),
            spend_told=("spend", "mean"), spend_came=("spent", "mean"),
        ).round(3).rename_axis("tenth").reset_index(),
    )  # fmt: skip


def _judged(found: CustomerQuality) -> pd.DataFrame:
    names = {
        "churn_auc": "who orders no more, AUC (naive: days since the last order)",
        "spend_spearman": "spend, Spearman (naive: past spend)",
        "spend_capture10": "money of the best tenth (naive: past spend)",
    }
    return pd.DataFrame(
        [
            (names[name], one.model, one.naive, f"{one.low:+.3f} to {one.high:+.3f}")
            for name, one in found.metrics.items()
        ],
        columns=["", "model", "naive", "difference, 95 %"],
    ).round(3)


def _stock(rows: pd.DataFrame, stock: pd.DataFrame | None, end: pd.Timestamp) -> Iterator[Aside]:
    told = judge_demand(rows, stock, end - DEMAND_D * DAY, DEMAND_D)
    caption = (
        f"Pieces an item in {DEMAND_D:g} days are told with a mean error of {told.rate:.1f}; "
        f"{told.naive:.1f} where as many are expected as in the days before."
    )
    if stock is None:
        yield Aside("Stock at risk", caption, "No counts of stock were delivered.")
        return
    found = stock_at_risk(rows, stock, end).head(FIRST)
    columns = ["on_hand", "on_order", "lead_time_d", "rate_d", "cover_d", "chance_out", "lost"]
    yield Aside("Stock at risk", caption, found[columns].round(2).reset_index())


__all__ = ["asides"]
