"""Dense networks by torch, one thread a fit, repeatable with a seed.

As RealMLP-S (Holzmueller et al. 2024) scaled down for two cores and minutes: numbers centred at
their median, robustly scaled and smoothly clipped, dropout, a rate that falls along a cosine,
the epoch with the lowest log-loss on the watched rows. With few positives an epoch draws so many
negatives for each of them as its configuration says, and the log-odds are set right again.
"""

from __future__ import annotations

from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import numpy as np

from lepton.automl.families.base import Expired, Family, Fitted, Fold, Params
from lepton.automl.families.training import Lesson, Schedule, train
from lepton.automl.stored_nets import network_from_bytes, network_to_bytes
from lepton.evaluation.calibration import logit
from lepton.features.fitted import fit_net_preprocess
from lepton.graph.nets import Int8Dense, Network, random_network

LEAST_OF_A_KIND = 10
"""Positives of a finer kind with which it can be learnt beside the target."""
LEAST_KINDS = 2


def _params(hidden: tuple[int, ...], epochs: int, lr: float, dropout: float, **more: Any) -> Params:
    return {
        "hidden": list(hidden),
        "epochs": epochs,
        "learning_rate": lr,
        "dropout": dropout,
        "weight_decay": 0.01,
        "batch": 256,
        "negatives_each": 80,
        "patience": 3,
        "multitask": False,
        **more,
    }


PORTFOLIO = (
    _params((256,), 6, 0.005, 0.3, weight_decay=1.0),
    _params((128, 64), 6, 0.01, 0.15, multitask=True),
    _params((128, 64), 6, 0.01, 0.15),
)
OF_SHARES = (
    _params((64, 64), 20, 0.003, 0.1, patience=6),
    _params((64, 64), 12, 0.003, 0.3, patience=6, weight_decay=0.1),
    _params((128, 64), 20, 0.003, 0.2, patience=6),
)
SMALL = (_params((32, 16), 5, 0.01, 0.15),)


def _fit(fold: Fold, params: Params, seed: int, expired: Expired) -> Fitted:
    valid, target = fold.X_valid, fold.y_valid

    def loss(network: Network) -> float:
        return log_loss(network.margin(valid), target)

    return _trained(fold, params, seed, expired, loss)


def _refit(fold: Fold, params: Params, seed: int, expired: Expired) -> Fitted:
    return _trained(fold, params, seed, expired, None)


def _trained(fold: Fold, params: Params, seed: int, expired: Expired, watch: Any) -> Fitted:
    rng = np.random.default_rng(seed)
    rate = np.clip(fold.y.mean(), 1e-6, 1 - 1e-6)
    start = random_network(fold.X.shape[1], params["hidden"], rng, bias=float(logit(rate)))
    finer = _finer(fold) if params["multitask"] else None
    schedule = Schedule.of({**params, "negatives": _negatives(fold.y, params["negatives_each"])})
    made = train(start, Lesson(fold.X, fold.y, finer), schedule, seed, expired, watch)
    settled = {**params, "rounds": made.epochs, "multitask": finer is not None}
    return Fitted(made.network, settled, made.cut_short)


def log_loss(margin: np.ndarray, y: np.ndarray) -> float:
    """Mean of ln(1 + exp(-z)) where y is 1 and of ln(1 + exp(z)) where it is 0."""
    return float(np.mean(np.logaddexp(0.0, margin) - y * margin))


def _negatives(y: np.ndarray, each: float) -> float:
    """Share of the negatives that gives `each` of them for a positive, at most all."""
    positives = float((y > 0.5).sum())
    return min(1.0, each * positives / max(len(y) - positives, 1.0)) if positives else 1.0


def _finer(fold: Fold) -> np.ndarray | None:
    """Codes of the kinds that are frequent enough, -1 elsewhere; None where too few are."""
    if fold.auxiliary is None:
        return None
    codes, counts = np.unique(fold.auxiliary[fold.auxiliary >= 0], return_counts=True)
    kept = codes[counts >= LEAST_OF_A_KIND]
    if len(kept) < LEAST_KINDS:
        return None
    return np.where(np.isin(fold.auxiliary, kept), fold.auxiliary, -1)


def _neighbour(params: Params, rng: np.random.Generator) -> Params:
    """A step from `params`: width, rate, dropout and decay each move with probability a half."""
    moved = {name: value for name, value in params.items() if name not in ("rounds", "bag")}

    def times(value: float, spread: float, low: float, high: float) -> float:
        factor = float(np.exp(rng.normal(0, spread))) if rng.random() < 0.5 else 1.0
        return float(np.clip(value * factor, low, high))

    widen = times(1.0, 0.5, 0.5, 2.0)
    moved["hidden"] = [int(np.clip(round(n * widen), 8, 256)) for n in params["hidden"]]
    moved["learning_rate"] = round(times(params["learning_rate"], 0.5, 3e-4, 0.02), 5)
    moved["dropout"] = round(times(max(params["dropout"], 0.05), 0.5, 0.05, 0.5), 3)
    moved["weight_decay"] = round(times(params["weight_decay"], 1.0, 1e-3, 0.3), 5)
    return moved


def _cost(params: Params) -> float:
    """Epochs times the work of one, at a hundred columns."""
    sizes = [100, *params["hidden"], 1]
    work = sum(a * b for a, b in pairwise(sizes))
    return float(params["epochs"] * (work + 5000.0) * 1e-4)


def _importance(estimator: Network) -> np.ndarray:
    """Product of the layers' absolute weights along all ways from a column to the end."""
    reach = np.ones((1, 1))
    for layer in reversed(estimator.layers):
        scale = layer.scale if isinstance(layer, Int8Dense) else 1.0
        reach = np.abs(layer.weights * scale).astype(np.float64) @ reach
    return np.asarray(reach[:, 0])


def _warm() -> None:
    import torch  # noqa: F401 - each forked fit would pay for the import again


FAMILY = Family(
    name="net",
    portfolio=PORTFOLIO,
    neighbours=_neighbour,
    preprocess=fit_net_preprocess,
    share=lambda fold: None,
    fit=_fit,
    refit=_refit,
    cost=_cost,
    margin=lambda estimator, X: estimator.margin(X),
    predictor=lambda estimator: estimator,
    importance=_importance,
    dump=network_to_bytes,
    parse=network_from_bytes,
    small=SMALL,
    takes_soft_targets=True,
    has_bags=True,
    available=lambda: find_spec("torch") is not None,
    warm=_warm,
    warm_s=2.5,
    of_shares=OF_SHARES,
)

__all__ = ["FAMILY", "LEAST_OF_A_KIND", "log_loss"]
