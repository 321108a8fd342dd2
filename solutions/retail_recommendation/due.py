"""When a customer needs an item again: cycles of pairs, and the chance that it is bought soon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.errors import SearchError
from solutions.retail_recommendation.customer_features import DAY
from solutions.retail_recommendation.customer_quality import auc
from solutions.retail_recommendation.returned import as_known

HORIZON_D: Final = 28.0
CUTOFFS: Final = 3
FEWEST: Final = 50
OWN, OF_ITEM = 3.0, 10.0
"""Gaps that the item's cycle, and that of all items, count in the mean of logarithms."""


def cycles(rows: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    """One row a customer and item bought before `cutoff`, with when it is due again.

    cycle_d: days from one purchase to the next, the geometric mean of the pair's own gaps, drawn to
    the item's where there are few of them, and that to the one of all items (empirical Bayes);
    n: days on which it was bought; since_d: days since the last; due_at: when the cycle is over;
    share: since_d by cycle_d.
    """
    known = as_known(rows, cutoff)
    days = known[["customer_id", "item_id"]].assign(day=known["event_at"].dt.floor("D"))
    days = days.drop_duplicates().sort_values(["customer_id", "item_id", "day"])
    pair = ["customer_id", "item_id"]
    gap = np.log(days.groupby(pair)["day"].diff().dt.days.astype(float))
    whole = float(gap.mean()) if gap.notna().any() else np.log(30.0)
    of_item = gap.groupby(days["item_id"]).agg(["sum", "count"])
    drawn = (of_item["sum"] + OF_ITEM * whole) / (of_item["count"] + OF_ITEM)
    groups = days.groupby(pair)
    found = pd.DataFrame({"n": groups.size().astype(float), "last": groups["day"].max()})
    own = gap.groupby([days["customer_id"], days["item_id"]]).agg(["sum", "count"])
    prior = found.index.get_level_values("item_id").map(drawn).to_numpy(dtype=float)
    mean = (own["sum"] + OWN * prior) / (own["count"] + OWN)
    found["cycle_d"] = np.exp(mean.reindex(found.index))
    found["since_d"] = (cutoff - found["last"]).dt.total_seconds() / 86_400
    found["share"] = found["since_d"] / found["cycle_d"]
    found["due_at"] = found["last"] + pd.to_timedelta(found["cycle_d"], unit="D")
    return found.drop(columns="last").reset_index()


FEATURES: Final = (
    "log_share", "over", "log_cycle", "log_since", "log_n", "again", "pace", "customer_since",
    "of_orders", "item_trend",
)  # fmt: skip


def due_features(rows: pd.DataFrame, cutoff: pd.Timestamp) -> tuple[pd.DataFrame, np.ndarray]:
    """The pairs of `cycles`, and (pairs, FEATURES) of what is known of them."""
    known = as_known(rows, cutoff)
    found = cycles(known, cutoff)
    again = found.assign(again=found["n"] > 1).groupby("item_id")["again"].agg(["sum", "count"])
    usual = again["sum"].sum() / max(again["count"].sum(), 1)
    rate = (again["sum"] + 20 * usual) / (again["count"] + 20)
    days = known.assign(day=known["event_at"].dt.floor("D")).groupby("customer_id")["day"]
    tenure = np.maximum((cutoff - days.min()).dt.days, 28.0)
    recent = found["customer_id"].map((cutoff - days.max()).dt.days)
    pace = found["customer_id"].map(days.nunique() / tenure)
    of_orders = found["n"] / found["customer_id"].map(days.nunique())
    share = np.log(np.maximum(found["share"], 1e-3))
    made = np.column_stack(
        [
            share,
            np.maximum(share, 0.0),
            np.log(found["cycle_d"]),
            np.log(np.maximum(found["since_d"], 0.5)),
            np.log(found["n"]),
            np.log(np.maximum(found["item_id"].map(rate), 1e-6)),
            np.log(pace),
            np.log1p(recent),
            np.log(of_orders),
            found["item_id"].map(_trend(known, cutoff)),
        ]
    )
    return found, made


def _trend(known: pd.DataFrame, cutoff: pd.Timestamp) -> pd.Series:
    """Logarithm of customers of each item in the last four weeks by those of twelve, a month's
    share of them."""
    age = cutoff - known["event_at"]
    pairs = known[["customer_id", "item_id"]]
    near = pairs[age <= 28 * DAY].drop_duplicates()["item_id"].value_counts()
    wide = pairs[age <= 84 * DAY].drop_duplicates()["item_id"].value_counts()
    every = known["item_id"].unique()
    near, wide = (one.reindex(every).fillna(0.0) for one in (near, wide))
    return pd.Series(np.log((near + 1) / (wide / 3 + 1)))


@dataclass(frozen=True, eq=False)
class DueModel:
    """The chance that a pair is bought within the horizon, learnt at earlier cutoffs."""

    linear: Any

    def predict(self, rows: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
        """The pairs of `cycles` with `chance`, the likeliest first."""
        found, features = due_features(rows, cutoff)
        found["chance"] = self.linear.predict_proba(features)[:, 1]
        return found.sort_values(
            ["chance", "customer_id", "item_id"], ascending=[False, True, True], ignore_index=True
        )


def fit_due(rows: pd.DataFrame, cutoff: pd.Timestamp, horizon_d: float = HORIZON_D) -> DueModel:
    """A model of what was known at `cutoff`; rows from then on are not looked at.

    Raises SearchError LK443 where too few pairs were bought again, or left.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    known = as_known(rows, cutoff)
    parts = []
    for step in range(1, CUTOFFS + 1):
        at = cutoff - step * horizon_d * DAY
        if len(known) and at > known["event_at"].min() + 2 * horizon_d * DAY:
            found, features = due_features(known, at)
            parts.append((features, bought(known, found, at, horizon_d)))
    truth = np.concatenate([told for _, told in parts]) if parts else np.zeros(0)
    if min(truth.sum(), (1 - truth).sum()) < FEWEST:
        raise SearchError(
            "LK443",
            where="interactions",
            found=f"{int(truth.sum()):,} items that customers bought again in {len(parts)} spans "
            f"of {horizon_d:g} days; {FEWEST} are needed",
            remedy="deliver a longer history; until then the cycle alone says what is due",
        )
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=1_000))
    model.fit(np.concatenate([features for features, _ in parts]), truth)
    return DueModel(model)


def bought(
    rows: pd.DataFrame, pairs: pd.DataFrame, cutoff: pd.Timestamp, horizon_d: float
) -> np.ndarray:
    """Whether each pair was bought in the horizon from `cutoff` on, 0 or 1."""
    after = rows[(rows["event_at"] >= cutoff) & (rows["event_at"] < cutoff + horizon_d * DAY)]
    key = pd.MultiIndex.from_frame(after[["customer_id", "item_id"]]).unique()
    asked = pd.MultiIndex.from_frame(pairs[["customer_id", "item_id"]])
    return asked.isin(key).astype(float)


def judge_due(
    rows: pd.DataFrame, cutoff: pd.Timestamp, horizon_d: float = HORIZON_D
) -> Mapping[str, float]:
    """auc, and auc_naive of a list by recency alone; ece: mean distance of chances to shares over
    ten parts; precision10, precision10_naive: share bought of the tenth told first; base."""
    told = fit_due(rows, cutoff, horizon_d).predict(rows, cutoff)
    truth = bought(rows, told, cutoff, horizon_d)
    chance, naive = told["chance"].to_numpy(), -told["since_d"].to_numpy()
    tenth = max(len(told) // 10, 1)
    parts = np.array_split(np.argsort(chance, kind="stable"), 10)
    apart = [abs(chance[part].mean() - truth[part].mean()) * len(part) for part in parts]
    first = np.argsort(-naive, kind="stable")[:tenth]
    return {
        "auc": auc(truth, chance),
        "auc_naive": auc(truth, naive),
        "ece": float(sum(apart) / len(told)),
        "precision10": float(truth[:tenth].mean()),
        "precision10_naive": float(truth[first].mean()),
        "base": float(truth.mean()),
    }


__all__ = ["DueModel", "bought", "cycles", "due_features", "fit_due", "judge_due"]
