"""Logistic regression on standardized numbers and one column a level."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from lepton.automl.families.base import Expired, Family, Fitted, Fold, Params
from lepton.features.fitted import fit_linear_preprocess
from lepton.graph.nodes import Linear

PORTFOLIO: tuple[Params, ...] = ({"C": 0.1}, {"C": 0.01}, {"C": 1.0})


def _fit(fold: Fold, params: Params, seed: int, expired: Expired) -> Fitted:
    """Newton's method: a dozen passes over the rows, so that it needs no deadline inside."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(
        C=params["C"], solver="newton-cholesky", max_iter=50, random_state=seed
    )
    model.fit(fold.X, fold.y)
    weights = np.asarray(model.coef_[0], dtype=np.float64)
    return Fitted(Linear(weights, float(model.intercept_[0])), dict(params))


def _neighbour(params: Params, rng: np.random.Generator) -> Params:
    return {"C": float(np.clip(params["C"] * np.exp(rng.normal(0, 1.0)), 1e-4, 100))}


def _dump(estimator: Linear) -> bytes:
    content = {"weights": estimator.weights.tolist(), "intercept": estimator.intercept}
    return json.dumps(content, allow_nan=False).encode("utf-8")


def _parse(content: bytes) -> Linear:
    values: dict[str, Any] = json.loads(content)
    return Linear(np.asarray(values["weights"], dtype=np.float64), float(values["intercept"]))


FAMILY = Family(
    name="logistic",
    portfolio=PORTFOLIO,
    neighbours=_neighbour,
    preprocess=fit_linear_preprocess,
    share=lambda fold: None,
    fit=_fit,
    refit=_fit,
    cost=lambda params: 1.0,
    margin=lambda estimator, X: estimator.margin(X),
    predictor=lambda estimator: estimator,
    importance=lambda estimator: np.abs(estimator.weights),
    dump=_dump,
    parse=_parse,
    fast=PORTFOLIO[0],
)

__all__ = ["FAMILY"]
