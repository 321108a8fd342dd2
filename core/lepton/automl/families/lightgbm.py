"""Gradient boosted trees by LightGBM, one thread a fit, deterministic.

Boosting stops early on the log-loss of the selection part: it moves with every row, where a
ranking metric of few positives moves in jumps. Configurations follow Holzmueller et al.
(arXiv 2407.04491) and TabArena's search space, their learning rates raised for minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lepton.automl.families.base import Expired, Family, Fitted, Fold, Params, Range
from lepton.features.fitted import fit_tree_preprocess
from lepton.graph.trees import Trees

_FIXED = {
    "objective": "binary",
    "metric": "binary_logloss",
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "feature_pre_filter": False,  # binned columns are shared by fits of other leaf sizes
    "verbosity": -1,
}
_SOFT = {"objective": "cross_entropy", "metric": "cross_entropy"}
"""The same loss and leaves where targets are probabilities, which `binary` would round up."""
_MAX_ROUNDS = 1500


def _params(
    lr: float, leaves: int, min_data: int, columns: float, rows: float = 1.0, **more: Any
) -> Params:
    return {
        "learning_rate": lr,
        "num_leaves": leaves,
        "min_data_in_leaf": min_data,
        "feature_fraction": columns,
        "bagging_fraction": rows,
        "bagging_freq": 1 if rows < 1 else 0,
        "extra_trees": False,
        "lambda_l2": 0.0,
        **more,
    }


PORTFOLIO = (
    _params(0.05, 31, 100, 0.5, 0.8, lambda_l2=10.0),
    _params(0.08, 31, 40, 0.8, 0.9, lambda_l2=1.0),
    _params(0.04, 50, 40, 1.0, 0.75),
    _params(0.04, 15, 100, 0.5, 0.9, lambda_l2=10.0),
    _params(0.05, 39, 3, 0.46, 0.88, extra_trees=True),
    _params(0.06, 8, 20, 0.73, extra_trees=True),
    _params(0.03, 84, 3, 0.53, 0.98),
    _params(0.04, 180, 12, 0.4, extra_trees=True, lambda_l2=1.6),
)
OF_SHARES = (
    _params(0.05, 15, 50, 0.3, 0.5, lambda_l2=5.0),
    _params(0.05, 15, 50, 0.15, 0.5, lambda_l2=5.0),
    _params(0.05, 15, 50, 0.3, 0.2, lambda_l2=5.0),
    _params(0.05, 15, 200, 0.3, 0.3, lambda_l2=5.0),
    _params(0.05, 31, 50, 0.5, 0.8, lambda_l2=10.0),
    _params(0.04, 7, 20, 0.5, 0.7, lambda_l2=5.0),
)
"""Rows of one asset or series resemble each other: few columns and rows a tree, small trees."""
SMALL = (_params(0.15, 8, 40, 0.8, 0.9, lambda_l2=1.0, rounds=80),)
FAST = _params(0.2, 15, 40, 0.5, lambda_l2=10.0, rounds=30)
SPACE = {
    "learning_rate": Range(0.02, 0.15, log=True),
    "num_leaves": Range(4, 200, log=True, whole=True),
    "min_data_in_leaf": Range(1, 200, log=True, whole=True),
    "feature_fraction": Range(0.3, 1.0),
    "lambda_l2": Range(0.0, 30.0),
    "extra_trees": Range(choices=(False, True)),
}


@dataclass(frozen=True)
class Boosted:
    """A fitted forest as LightGBM's text, which is its canonical content."""

    text: str

    @cached_property
    def booster(self) -> Any:
        """The native forest."""
        import lightgbm

        return lightgbm.Booster(model_str=self.text)


class _Watch:
    """Callback: remembers the best round, stops when patience or time has run out."""

    order, before_iteration = 30, False

    def __init__(self, patience: int, expired: Expired) -> None:
        self.best, self.rounds, self.cut_short = np.inf, 1, False
        self._patience, self._expired = patience, expired

    def __call__(self, env: Any) -> None:
        from lightgbm.callback import EarlyStopException

        at = env.iteration + 1
        loss = env.evaluation_result_list[0][2] if env.evaluation_result_list else -float(at)
        if loss < self.best:
            self.best, self.rounds = loss, at
        self.cut_short = self._expired()
        if self.cut_short or at - self.rounds >= self._patience:
            raise EarlyStopException(env.iteration, env.evaluation_result_list)


def _share(fold: Fold) -> tuple[Any, Any]:
    import lightgbm

    train = lightgbm.Dataset(fold.X, fold.y, params=dict(_FIXED), free_raw_data=True)
    valid = lightgbm.Dataset(
        fold.X_valid, fold.y_valid, reference=train, params=dict(_FIXED), free_raw_data=True
    )
    return train.construct(), valid.construct()


def _fit(fold: Fold, params: Params, seed: int, expired: Expired) -> Fitted:
    train, valid = fold.shared
    patience = int(np.clip(3 / params["learning_rate"], 25, 150))
    watch = _Watch(patience, expired)
    return _trained(train, [valid], {**params, **_loss(fold.y)}, seed, watch)


def _refit(fold: Fold, params: Params, seed: int, expired: Expired) -> Fitted:
    import lightgbm

    train = lightgbm.Dataset(fold.X, fold.y, params=dict(_FIXED), free_raw_data=True)
    watch = _Watch(int(params["rounds"]), expired)
    return _trained(train, [], {**params, **_loss(fold.y)}, seed, watch)


def _loss(y: np.ndarray) -> Params:
    """What is settled of the objective beyond the usual: shares ask for another name of it."""
    return _SOFT if bool(((y > 0) & (y < 1)).any()) else {}


def _trained(train: Any, valid: list[Any], params: Params, seed: int, watch: _Watch) -> Fitted:
    import lightgbm

    rounds = int(params.get("rounds", _MAX_ROUNDS))
    settings = {name: value for name, value in params.items() if name != "rounds"}
    booster = lightgbm.train(
        {**_FIXED, **settings, "seed": seed},
        train,
        num_boost_round=rounds,
        valid_sets=valid,
        callbacks=[watch],
        keep_training_booster=True,
    )
    kept = min(watch.rounds, booster.current_iteration())
    cut_short = watch.cut_short and booster.current_iteration() < rounds
    text = booster.model_to_string(num_iteration=kept)
    told = {name: value for name, value in params.items() if name not in _SOFT}
    return Fitted(Boosted(text), {**told, "rounds": kept}, cut_short)


def _shorter(estimator: Boosted, params: Params, n: int) -> Fitted:
    text = estimator.booster.model_to_string(num_iteration=n)
    return Fitted(Boosted(text), {**params, "rounds": n})


def _neighbour(params: Params, rng: np.random.Generator) -> Params:
    """A step from `params`: each setting moves with probability a half."""
    moved: dict[str, Any] = {name: value for name, value in params.items() if name != "rounds"}

    def times(name: str, spread: float, low: float, high: float) -> float:
        factor = float(np.exp(rng.normal(0, spread))) if rng.random() < 0.5 else 1.0
        return float(np.clip(moved[name] * factor, low, high))

    moved["learning_rate"] = round(times("learning_rate", 0.4, 0.01, 0.15), 4)
    moved["num_leaves"] = int(times("num_leaves", 0.5, 4, 200))
    moved["min_data_in_leaf"] = int(times("min_data_in_leaf", 0.7, 3, 400))
    moved["feature_fraction"] = round(times("feature_fraction", 0.3, 0.3, 1.0), 3)
    moved["bagging_fraction"] = round(times("bagging_fraction", 0.15, 0.6, 1.0), 3)
    moved["bagging_freq"] = 1 if moved["bagging_fraction"] < 1 else 0
    moved["lambda_l2"] = round(max(moved["lambda_l2"], 0.3), 3)
    moved["lambda_l2"] = round(times("lambda_l2", 1.0, 0.1, 50), 3)
    if rng.random() < 0.15:
        moved["extra_trees"] = not moved["extra_trees"]
    return moved


def _cost(params: Params) -> float:
    """Rounds until convergence, times the work of a round."""
    rounds = float(params.get("rounds", 8 / params["learning_rate"]))
    leaves = float(params["num_leaves"])
    return float(rounds * leaves**0.6 * (0.2 + float(params["feature_fraction"])))


def _margin(estimator: Boosted, X: np.ndarray) -> np.ndarray:
    return np.asarray(estimator.booster.predict(X, raw_score=True, num_threads=1))


def _predictor(estimator: Boosted) -> Trees:
    return Trees.from_lightgbm(estimator.booster)


def _importance(estimator: Boosted) -> np.ndarray:
    return np.asarray(estimator.booster.feature_importance("gain"), dtype=np.float64)


FAMILY = Family(
    name="lightgbm",
    portfolio=PORTFOLIO,
    neighbours=_neighbour,
    preprocess=fit_tree_preprocess,
    share=_share,
    fit=_fit,
    refit=_refit,
    cost=_cost,
    margin=_margin,
    predictor=_predictor,
    importance=_importance,
    dump=lambda estimator: estimator.text.encode("utf-8"),
    parse=lambda content: Boosted(content.decode("utf-8")),
    small=SMALL,
    shorter=_shorter,
    has_bags=True,
    takes_soft_targets=True,
    space=SPACE,
    fast=FAST,
    of_shares=OF_SHARES,
)

__all__ = ["FAMILY", "Boosted"]
