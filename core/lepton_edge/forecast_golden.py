"""The golden windows: what forecasts saw, with the deciles that they gave where they were made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lepton_edge.asof import Window
from lepton_edge.bundle import GOLDEN
from lepton_edge.errors import BundleError
from lepton_edge.forecaster import Forecaster
from lepton_edge.golden import GoldenCheck
from lepton_edge.near import NearWindow
from lepton_edge.near_spec import NearSpec
from lepton_edge.strict_json import parse


def check_windows(forecaster: Forecaster) -> GoldenCheck:
    """Forecast the golden windows again: differences in units of each series' size, for a network
    of free flow; a flip is an issue that something else forecasts.

    Raises BundleError LK652 where they are not understood.
    """
    opened = forecaster.opened
    try:
        golden = parse(opened.read(GOLDEN).decode("utf-8"))
        found = [_compared(forecaster, issue) for issue in golden["issues"]]
        tolerance = float(golden["tolerance"])
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise BundleError(
            "LK652",
            where=str(opened.path / GOLDEN),
            found=f"golden windows are not understood: {error}",
            remedy="export the forecaster again with `lepton run`",
        ) from error
    return GoldenCheck(
        rows=len(found),
        max_abs_diff=max((difference for difference, _ in found), default=0.0),
        flips=sum(flipped for _, flipped in found),
        tolerance=tolerance,
    )


def window_of(forecaster: Forecaster, told: Mapping[str, Any]) -> Window | NearWindow:
    """What an issue saw, from plain data."""
    spec = forecaster.plan.spec
    step = np.array([int(told["issue_s"]) // spec.step_s], dtype=np.int64)
    if isinstance(spec, NearSpec):
        return _near_window(spec, step, told)
    known = {name: _row(told["known"][name]) for name in (c.name for c in spec.known)}
    widths = {rows.shape[1] for rows in known.values()}
    past = _row(told["past"])
    if past.shape[1] != spec.n_past or widths - {spec.n_back + spec.n_ahead}:
        raise ValueError("a window is not as wide as the plan says")
    return Window(step, past, known, _row([told["typical"]])[0])


def _near_window(spec: NearSpec, step: np.ndarray, told: Mapping[str, Any]) -> NearWindow:
    """Of all series; ValueError where it is not."""
    n = len(spec.neighbours)
    wanted = {"": (n, spec.n_past)}
    wanted |= {c.name: (1 if c.is_shared else n, spec.n_back + spec.n_ahead) for c in spec.known}
    rows = {"": told["past"], **{c.name: told["known"][c.name] for c in spec.known}}
    found = {name: np.concatenate([_row(one) for one in told]) for name, told in rows.items()}
    if any(found[name].shape != shape for name, shape in wanted.items()):
        raise ValueError("a window is not of all series, or not as wide as the plan says")
    past = found.pop("")
    return NearWindow(step, past[None], {name: known[None] for name, known in found.items()})


def _compared(forecaster: Forecaster, told: Mapping[str, Any]) -> tuple[float, int]:
    code = np.array([forecaster.plan.codes[told["series"]]])
    factors = forecaster.calibration().peek(int(told["issue_s"]))
    made = forecaster.forecast(code, window_of(forecaster, told), factors)
    wanted = np.array(told["quantiles"], dtype=np.float64)
    habits = forecaster.plan.habits
    size = made.scale[0] if habits is None else habits.free[code[0]]
    difference = np.abs(made.quantiles[0] - wanted) / size
    largest = float(np.nan_to_num(difference, nan=np.inf).max())
    return largest, int(forecaster.plan.rungs[made.rung[0]] != told["rung"])


def _row(values: list[float | None]) -> np.ndarray:
    return np.array([[np.nan if value is None else value for value in values]], dtype=np.float64)


__all__ = ["check_windows", "window_of"]
