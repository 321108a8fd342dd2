"""The cloud of healthy rows: learnt without targets, scored by the distance from it."""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np

from lepton.automl.families.base import Expired, Family, Fitted, Fold, Params
from lepton.dataset import TabularDataset
from lepton.features.fitted import medians
from lepton.graph.ellipsoid import Ellipsoid, fit_ellipsoid
from lepton.graph.nodes import Impute, Preprocess, SmoothClip, Standardize

PORTFOLIO: Final[tuple[Params, ...]] = ({"plane": 0.9},)
"""plane: share of healthy variance that T2's directions hold."""
MAD: Final = 1.4826
"""Scales the median absolute deviation to a normal sigma (Rousseeuw & Croux 1993)."""
LIMIT: Final = 3.0
"""Healthy deviations beyond which no column counts for much more."""
_FIELDS: Final = ("plane", "variance", "mean", "spread")
"""Arrays of an ellipsoid."""


def _preprocess(train: TabularDataset) -> Preprocess:
    """Median for missing, robustly standardized, outliers drawn in; texts are not read.

    A sensor that is broken says more at once than several that show wear: drawn in, it cannot
    outweigh them.
    """
    impute = Impute(medians(train.X))
    filled = impute.apply(train.X)
    middle, scale = medians(filled), MAD * medians(np.abs(filled - medians(filled)))
    plain = filled.std(axis=0)
    scale = np.where(scale > 0, scale, np.where(plain > 0, plain, 1.0))
    steps = (impute, Standardize(middle, scale), SmoothClip(LIMIT))
    return Preprocess(len(train.numeric), steps, len(train.categorical))


def _fit(fold: Fold, params: Params, seed: int, expired: Expired) -> Fitted:
    """One decomposition of a small matrix: it needs neither targets nor a deadline."""
    return Fitted(fit_ellipsoid(fold.X, params["plane"]), dict(params))


def _importance(estimator: Ellipsoid) -> np.ndarray:
    """What a healthy deviation of each column alone adds to T2 and Q."""
    squares = estimator.plane**2
    along = (squares / estimator.variance[:, None]).sum(axis=0) / len(squares)
    off = np.maximum(1.0 - squares.sum(axis=0), 0.0)
    return np.asarray(along / estimator.spread[0] + off / estimator.rest / estimator.spread[1])


def _dump(estimator: Ellipsoid) -> bytes:
    content = {name: getattr(estimator, name).tolist() for name in _FIELDS}
    content["rest"] = estimator.rest
    return json.dumps(content, allow_nan=False).encode("utf-8")


def _parse(content: bytes) -> Ellipsoid:
    values: dict[str, Any] = json.loads(content)
    arrays = {name: np.asarray(values[name], dtype=np.float64) for name in _FIELDS}
    return Ellipsoid(rest=float(values["rest"]), **arrays)


FAMILY = Family(
    name="ellipsoid",
    portfolio=PORTFOLIO,
    neighbours=lambda params, rng: params,
    preprocess=_preprocess,
    share=lambda fold: None,
    fit=_fit,
    refit=_fit,
    cost=lambda params: 1.0,
    margin=lambda estimator, X: estimator.margin(X),
    predictor=lambda estimator: estimator,
    importance=_importance,
    dump=_dump,
    parse=_parse,
)

__all__ = ["FAMILY"]
