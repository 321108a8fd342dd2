"""Prophet, for decomposition, holidays and long ranges; it has no lags and no memory of yesterday.

Capped: at most two years of hours a series and two hundred series, since a fit takes minutes. It
takes no zones, so each series goes in by its own wall time of a fixed offset.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.errors import SearchError
from lepton.forecast.families.base import Forecaster, Lesson, Params, readable
from lepton.forecast.families.spread import Spread, constant_spread
from lepton.forecast.matrix import Matrix

MOST_ROWS: Final = 17_520
MOST_SERIES: Final = 200
_PARAMS: Final[Params] = {"changepoint_prior_scale": 0.05, "seasonality_prior_scale": 10.0}


@contextmanager
def quiet() -> Iterator[None]:
    """What Prophet says of pandas, and its engine of every chain, is kept from the terminal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("prophet.plot").setLevel(logging.CRITICAL)
        yield


def hushed(model: Any) -> Any:
    """The model, its engine silent: that takes its own level when the model is made."""
    for name in ("cmdstanpy", "prophet"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return model


@dataclass(frozen=True, eq=False)
class ProphetModel:
    """One fitted Prophet a series, its regressors, and how far each was off, relative to scale."""

    models: Mapping[int, Any]
    regressors: tuple[str, ...]
    spread: Spread

    @quiet()
    def quantiles(self, matrix: Matrix) -> np.ndarray:
        """Deciles in units of the scale, (n, leads, 9); NaN for a series that was not fitted."""
        point = np.full(matrix.y.shape, np.nan)
        for code, model in self.models.items():
            rows = matrix.series == code
            if rows.any():
                own = matrix.take(rows)
                told = model.predict(_frame(own, self.regressors))["yhat"].to_numpy()
                point[rows] = told.reshape(own.y.shape) / own.scale[:, None]
        return self.spread.around(point, matrix)


def _frame(matrix: Matrix, regressors: tuple[str, ...]) -> pd.DataFrame:
    """A row a target: ds (UTC without its zone), y, regressors, 0 where unknown."""
    ds = pd.to_datetime(matrix.step.ravel() * matrix.step_s, unit="s")
    told = {name: np.nan_to_num(matrix.column(name).ravel()) for name in regressors}
    return pd.DataFrame({"ds": ds, "y": matrix.y.ravel(), **told})


@quiet()
def _fit(lesson: Lesson, params: Params, seed: int) -> ProphetModel:
    from prophet import Prophet

    matrix = lesson.issued
    codes = np.unique(matrix.series)
    if len(codes) > MOST_SERIES:
        raise SearchError(
            "LK453",
            where="prophet",
            found=f"{len(codes)} series, of which it would fit one after another",
            remedy=f"leave it out of the families, or forecast at most {MOST_SERIES} series",
        )
    known = readable(matrix)
    ends = ("_heating", "_cooling")
    regressors = tuple(name for name in known if name.endswith(ends) or name == "is_holiday")
    models = {}
    for code in codes.tolist():
        frame = _frame(matrix.take(matrix.series == code), regressors).dropna(subset=["y"])
        frame = frame.drop_duplicates("ds").sort_values("ds").tail(MOST_ROWS)
        model = hushed(Prophet(uncertainty_samples=0, **params))
        for name in regressors:
            model.add_regressor(name)
        models[code] = model.fit(frame, seed=seed)
    bare = ProphetModel(models, regressors, Spread(1.0, np.zeros(9)))
    return ProphetModel(models, regressors, constant_spread(matrix.target - _point(bare, matrix)))


def _point(model: ProphetModel, matrix: Matrix) -> np.ndarray:
    return model.quantiles(matrix)[..., 0]


FAMILIES: Final[Mapping[str, Forecaster]] = {
    "prophet": Forecaster(
        "prophet",
        "trend, seasons, holidays and degrees, without any lag",
        _fit,
        _PARAMS,
        cost=200.0,
        available=lambda: find_spec("prophet") is not None,
    )
}

__all__ = ["FAMILIES", "MOST_ROWS", "MOST_SERIES", "ProphetModel", "hushed", "quiet"]
