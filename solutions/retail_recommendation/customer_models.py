"""Who will stay away, and what the others will spend: learnt at earlier cutoffs, told for now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.errors import SearchError
from solutions.retail_recommendation.customer_features import DAY, customer_features, outcomes
from solutions.retail_recommendation.returned import as_known

HORIZON_D: Final = 90.0
"""Days without an order after which a customer counts as lost."""
CUTOFFS: Final = 4
STEP_D: Final = 30.0
FEWEST: Final = 100
"""Customers of each kind, those who came back and those who did not, that learning needs."""
TREES: Final[Mapping[str, Any]] = {
    "learning_rate": 0.03,
    "num_leaves": 7,
    "min_data_in_leaf": 80,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
    "seed": 0,
}
ROUNDS: Final = 60
"""Chosen by what was known on 2011-09-10 of Online Retail: features of 2011-06-12, the 90 days
after it; more leaves or rounds were worse there."""
LINEAR: Final = 0.03
RIDGE: Final = 100.0
_BINS: Final = 20


@dataclass(frozen=True, eq=False)
class CustomerModels:
    """Trees and a linear model for each of both questions; `predict` takes their mean."""

    churn_trees: Any
    spend_trees: Any
    churn_linear: Any
    spend_linear: Any
    scale: tuple[np.ndarray, np.ndarray]

    def predict(self, features: pd.DataFrame) -> pd.DataFrame:
        """One row a customer, indexed as `features`: churn, the chance of no order within the
        horizon, and spend, the money that is expected in it."""
        linear = _straight(features)
        churn = (
            self.churn_trees.predict(features) + self.churn_linear.predict_proba(linear)[:, 1]
        ) / 2
        score = (self.spend_trees.predict(features) + self.spend_linear.predict(linear)) / 2
        spend = _along(score, *self.scale)
        return pd.DataFrame({"churn": churn, "spend": spend}, index=features.index)


def training_cutoffs(
    cutoff: pd.Timestamp, first: pd.Timestamp, horizon_d: float = HORIZON_D
) -> tuple[pd.Timestamp, ...]:
    """Monthly instants whose outcome was known at `cutoff`, the latest first: at most CUTOFFS of
    them, each with a month of history from `first` on."""
    found = [cutoff - (horizon_d + STEP_D * step) * DAY for step in range(CUTOFFS)]
    return tuple(at for at in found if at >= first + STEP_D * DAY)


def fit_customers(
    rows: pd.DataFrame, cutoff: pd.Timestamp, horizon_d: float = HORIZON_D
) -> CustomerModels:
    """The models of what was known at `cutoff`: features and outcomes of `training_cutoffs`.

    rows: cleaned purchases; those from `cutoff` on are not looked at. Raises SearchError LK442
    where the history is too short, or where too few customers came back or stayed away.
    """
    known = as_known(rows, cutoff)
    first = known["event_at"].min() if len(known) else cutoff
    parts = []
    for at in training_cutoffs(cutoff, first, horizon_d):
        features = customer_features(known, at)
        parts.append((features, outcomes(known, features.index, at, horizon_d)))
    lost = pd.concat([1 - told["stays"] for _, told in parts]) if parts else pd.Series(dtype=float)
    if min(lost.sum(), (1 - lost).sum()) < FEWEST:
        raise _too_few(len(parts), lost, horizon_d)
    features = pd.concat([told for told, _ in parts])
    spent = pd.concat([told["spent"] for _, told in parts]).clip(lower=0.0)
    return _fit(features, lost.to_numpy(), spent.to_numpy())


def _too_few(cutoffs: int, lost: pd.Series, horizon_d: float) -> SearchError:
    return SearchError(
        "LK442",
        where="interactions",
        found=f"{cutoffs} cutoffs with {int(lost.sum()):,} customers who stayed away for "
        f"{horizon_d:g} days and {int((1 - lost).sum()):,} who did not; {FEWEST} are needed",
        remedy="deliver a longer history; until then customers are told apart by recency alone",
    )


def _fit(features: pd.DataFrame, lost: np.ndarray, spent: np.ndarray) -> CustomerModels:
    import lightgbm
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    money, linear = np.log1p(spent), _straight(features)
    trees = {
        objective: lightgbm.train(
            {**TREES, "objective": objective}, lightgbm.Dataset(features, target), ROUNDS
        )
        for objective, target in (("binary", lost), ("regression", money))
    }
    logistic = make_pipeline(StandardScaler(), LogisticRegression(C=LINEAR, max_iter=1_000))
    ridge = make_pipeline(StandardScaler(), Ridge(RIDGE))
    logistic.fit(linear, lost)
    ridge.fit(linear, money)
    score = (trees["regression"].predict(features) + ridge.predict(linear)) / 2
    return CustomerModels(
        trees["binary"], trees["regression"], logistic, ridge, _scale(score, spent)
    )


def _straight(features: pd.DataFrame) -> np.ndarray:
    """Features for a linear model: logarithms that keep the sign, 0 for what is missing."""
    values = features.fillna(0.0).to_numpy(dtype=float)
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


def _scale(score: np.ndarray, spent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middle of each twentieth of the scores, and the money that was spent there, never falling."""
    parts = np.array_split(np.argsort(score, kind="stable"), _BINS)
    middle = np.array([score[part].mean() for part in parts if len(part)])
    paid = np.array([spent[part].mean() for part in parts if len(part)])
    rising = np.maximum.accumulate(paid)
    # the ends go on beyond their means: the sum over all customers stays what it was
    return middle, rising * spent.sum() / max(_along(score, middle, rising).sum(), 1e-9)


def _along(score: np.ndarray, middle: np.ndarray, paid: np.ndarray) -> np.ndarray:
    """Money by score, between the middles by a line, beyond the last one in proportion to exp."""
    inside = np.interp(score, middle, paid)
    beyond = np.clip(score - middle[-1], 0.0, 3.0)
    before = np.clip(middle[0] - score, 0.0, 3.0)
    return np.asarray(inside * np.exp(beyond) * np.exp(-before))


__all__ = [
    "CUTOFFS",
    "HORIZON_D",
    "STEP_D",
    "CustomerModels",
    "fit_customers",
    "training_cutoffs",
]
