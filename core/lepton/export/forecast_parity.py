"""How far a bundle's forecasts are from those of the champion it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lepton.errors import ExportError
from lepton.export.edge import edge_faults
from lepton.export.forecast_golden import TOLERANCE
from lepton.forecast.champion import Champion
from lepton.forecast.matrix import Matrix
from lepton_edge.asof import Features
from lepton_edge.forecast_golden import check_windows
from lepton_edge.forecaster import Forecaster


@dataclass(frozen=True)
class ForecastParity:
    """Champion against bundle.

    max_abs_diff: largest difference of a decile in units of the series' size, over all cases;
    flips: golden issues that something else forecasts; crossings: neighbouring deciles in the wrong
    order; by_case: kind of issue -> largest difference; issues: how many in all.
    """

    max_abs_diff: float
    flips: int
    crossings: int
    by_case: Mapping[str, float]
    issues: int
    tolerance: float = TOLERANCE

    @property
    def passed(self) -> bool:
        """Whether nothing is beyond the tolerance."""
        return self.max_abs_diff <= self.tolerance and not self.flips and not self.crossings


def check_forecasts(champion: Champion, bundle: Path, matrix: Matrix) -> ForecastParity:
    """Forecast `matrix`, the same with a tenth of it missing, and the golden windows on both sides.

    Raises IntegrityError where the bundle is not whole.
    """
    with edge_faults():
        forecaster = Forecaster(bundle)
        golden = check_windows(forecaster)
    cases = {"real": matrix, "holes": _with_holes(matrix), "unknown": _unknown(matrix)}
    by_case, crossings = {"golden": golden.max_abs_diff}, 0
    for name, rows in cases.items():
        told = scored(forecaster, rows, champion.factors(rows))
        difference = np.abs(told - champion.quantiles(rows)) / rows.scale[:, None, None]
        by_case[name] = float(np.nan_to_num(difference, nan=np.inf).max(initial=0.0))
        crossings += int((np.diff(told, axis=-1) < 0).sum())
    return ForecastParity(
        max_abs_diff=max(by_case.values()),
        flips=golden.flips,
        crossings=crossings,
        by_case=by_case,
        issues=golden.rows + sum(len(rows) for rows in cases.values()),
    )


def require_forecasts(parity: ForecastParity) -> None:
    """Raise ExportError LK509 naming the worst case where the bundle is not the champion."""
    if parity.passed:
        return
    worst = max(parity.by_case, key=lambda name: parity.by_case[name])
    raise ExportError(
        "LK509",
        where=f"parity of forecasts on '{worst}' issues",
        found=f"deciles differ by up to {parity.by_case[worst]:.2e} of the series' size (tolerance "
        f"{parity.tolerance:.0e}), {parity.crossings} cross, {parity.flips} golden issues flip",
        remedy="leave out the member that differs, and report this champion",
    )


def scored(forecaster: Forecaster, matrix: Matrix, factor: np.ndarray) -> np.ndarray:
    """The bundle's deciles (n, leads, 9) of a matrix; factor: (n, leads) of the calibration."""
    made = Features(matrix.X.astype(np.float64), matrix.scale, matrix.step)
    return forecaster.blend(made, matrix.shape, matrix.series, factor)[1]


def _with_holes(matrix: Matrix) -> Matrix:
    """A tenth of the features that are measured or forecast missing, at random."""
    rng = np.random.default_rng(0)
    X = matrix.X.copy()
    gone = rng.random(X.shape) < 0.1
    gone[..., : _first(matrix)] = False
    X[gone] = np.nan
    if not matrix.shape_names:
        return replace(matrix, X=X)
    shape = matrix.shape.copy()
    shape[rng.random(shape.shape) < 0.1] = np.nan
    return replace(matrix, X=X, shape=shape)


def _unknown(matrix: Matrix) -> Matrix:
    """Issues that know nothing but the calendar."""
    X = matrix.X[:20].copy()
    X[..., _first(matrix) :] = np.nan
    made = replace(matrix.take(np.arange(len(X))), X=X)
    return replace(made, shape=np.full_like(made.shape, np.nan)) if matrix.shape_names else made


def _first(matrix: Matrix) -> int:
    """Place of the first feature that is measured; of a network they stand in `shape`."""
    return len(matrix.names) if matrix.shape_names else matrix.names.index("last_1")


__all__ = ["ForecastParity", "check_forecasts", "require_forecasts", "scored"]
