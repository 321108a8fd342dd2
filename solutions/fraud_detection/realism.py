"""Whether the simulator is as hard as real cards are: gates that are printed and tested.

Rows before `TRAIN_SHARE` of the days train, with the labels known by then; the rows that happen
after are judged. The regression reads what a scorecard would, the trees every feature.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from lepton import roles
from lepton.automl.families import family as family_of
from lepton.automl.families.base import Fold, Params, never
from lepton.contracts.model import Contract, Extras
from lepton.dataset import TabularDataset
from lepton.evaluation.metrics import METRICS
from lepton.features.batch import compute
from lepton.solution import RealismGate
from solutions.fraud_detection.features import FEATURES, ROW
from solutions.fraud_detection.simulate import Simulated, simulate_all
from solutions.fraud_detection.typologies import TYPOLOGIES

TRAIN_SHARE: Final = 0.7
ALERT_SHARE: Final = 0.01
LOGISTIC: Final = "logistic"
LIGHTGBM: Final = "lightgbm"
TREES: Final[Params] = {
    "learning_rate": 0.06,
    "num_leaves": 15,
    "min_data_in_leaf": 30,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "rounds": 100,
}
"""Plain settings that the simulator was set against: a gate on the data, not on tuning."""
SCORECARD: Final = (
    *(node.name for node in ROW),
    *("customer_count_1d", "customer_amount_z_30d", "customer_amount_to_max_30d"),
    *("customer_merchant_count", "customer_country_count", "customer_device_count"),
    *("device_customers_7d", "terminal_fraud_rate_30d", "merchant_fraud_rate_30d"),
)
"""What a bank's scorecard reads: the payment itself, habit, novelty, where frauds were known."""


def realism(contract: Contract, rng: np.random.Generator, size: int) -> tuple[RealismGate, ...]:
    """The simulator's gates on about `size` rows: prevalence, rules, two models, and the ceiling.

    contract: that of the table `transactions`.
    """
    made = simulate_all(rng, size)
    dataset = compute(made.table, contract, FEATURES, Extras())
    truth = made.truth[_places(made, dataset)]
    train, test, judged = _parts(dataset, truth)
    ap = {name: _ap(test, score) for name, score in _models(train, test).items()}
    rule, recall = best_rule(test, ALERT_SHARE)
    return (
        RealismGate("frauds reported, % of rows", 100 * float(np.mean(dataset.y)), 0.1, 0.3),
        RealismGate("true frauds never reported, %", 100 * _never(made), 10.0, 20.0),
        RealismGate(f"best single rule ({rule}): recall at 1 % alerts", recall, 0.0, 0.35),
        RealismGate("logistic scorecard: average precision", ap["logistic"], 0.05, 0.20),
        RealismGate("LightGBM on all features: average precision", ap["lightgbm"], 0.25, 0.45),
        RealismGate("oracle: average precision", _ap(test, oracle(judged)), ap["lightgbm"], 1.0),
    )


def oracle(truth: np.ndarray) -> np.ndarray:
    """The score of one who knows each row's true typology, yet not what will be reported."""
    return np.asarray(np.array([0.0, *(one.reported for one in TYPOLOGIES)])[truth])


def best_rule(rows: TabularDataset, alert_share: float) -> tuple[str, float]:
    """The one feature whose highest or lowest values, or rarest levels, hold the largest share of
    frauds within the share of alerts; chosen on `rows` themselves, so it can only be too good."""
    recalls = {
        name: max(_recall(side, rows.y, alert_share) for side in _sides(values))
        for name, values in _columns(rows)
    }
    best = max(recalls, key=lambda name: recalls[name])
    return best, recalls[best]


def _columns(rows: TabularDataset) -> Iterator[tuple[str, np.ndarray]]:
    for name in rows.numeric:
        yield name, rows.rows[name].to_numpy(dtype=np.float64)
    for name in rows.categorical:
        frauds = pd.Series(rows.y).groupby(rows.rows[name].to_numpy()).mean()
        yield name, rows.rows[name].map(frauds).to_numpy(dtype=np.float64)


def _sides(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The values and their negatives; what is missing is never alerted."""
    return np.nan_to_num(values, nan=-np.inf), np.nan_to_num(-values, nan=-np.inf)


def _recall(score: np.ndarray, y: np.ndarray, alert_share: float) -> float:
    """Share of frauds among the highest scores; of ties, the share that the alerts leave."""
    wanted = int(alert_share * len(score))
    cut = np.partition(score, -wanted)[-wanted]
    above, at = score > cut, score == cut
    left = (wanted - above.sum()) / at.sum() if np.isfinite(cut) else 0.0
    return float((y[above].sum() + left * y[at].sum()) / y.sum())


def _places(made: Simulated, dataset: TabularDataset) -> np.ndarray:
    """Position in the simulated table of each row of `dataset`."""
    position = pd.Series(np.arange(len(made.table)), index=made.table["transaction_id"])
    return position.loc[dataset.role(roles.KEY)].to_numpy()


def _parts(
    dataset: TabularDataset, truth: np.ndarray
) -> tuple[TabularDataset, TabularDataset, np.ndarray]:
    """Rows whose label is known at the cut, rows after it, and the truth of these."""
    event, label = dataset.role(roles.EVENT_AT), dataset.role(roles.LABEL_AT)
    cut = event.min() + (event.max() - event.min()) * TRAIN_SHARE
    later = (event >= cut).to_numpy()
    return dataset.take((label <= cut).to_numpy()), dataset.take(later), truth[later]


def _models(train: TabularDataset, test: TabularDataset) -> Mapping[str, np.ndarray]:
    """Margins on `test`: of trees on every feature, of a regression on those of a scorecard."""
    numeric = tuple(name for name in train.numeric if name in SCORECARD)
    plain = [replace(part, numeric=numeric) for part in (train, test)]
    return {
        "logistic": _margin(LOGISTIC, {"C": 0.1}, *plain),
        "lightgbm": _margin(LIGHTGBM, TREES, train, test),
    }


def _margin(name: str, params: Params, train: TabularDataset, test: TabularDataset) -> np.ndarray:
    family = family_of(name)
    steps = family.preprocess(train)
    X = steps.apply(train.X, train.C)
    nothing = Fold(X, train.y, X[:0], train.y[:0])
    fitted = family.refit(nothing, params, 0, never)
    return family.margin(fitted.estimator, steps.apply(test.X, test.C))


def _ap(rows: TabularDataset, score: np.ndarray) -> float:
    return METRICS["ap"].of(pd.DataFrame({"target": rows.y, "score": score}))


def _never(made: Simulated) -> float:
    return float(1 - made.table["is_fraud"].to_numpy()[made.truth > 0].mean())


__all__ = ["best_rule", "oracle", "realism"]
