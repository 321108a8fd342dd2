"""What forecasts cost on this machine: CPU time of one series and of many, features included."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from lepton_edge.asof import Window
from lepton_edge.asof_stream import AsOfStream
from lepton_edge.bundle import GOLDEN
from lepton_edge.forecast_golden import window_of
from lepton_edge.forecaster import Forecaster
from lepton_edge.looks import Look
from lepton_edge.near import NearWindow
from lepton_edge.near_stream import NearStream, rings_of
from lepton_edge.strict_json import parse

MANY: Final = 1_000
ROUNDS: Final = 9
_ONES: Final = 20


@dataclass(frozen=True)
class ForecastCost:
    """CPU milliseconds, medians of one thread: one_ms of one series' forecast, many_ms of that of
    `n_many` series at one instant, all of a network; ring buffers, features, model and calibration
    included."""

    one_ms: float
    many_ms: float
    n_many: int
    n_leads: int


def measure(forecaster: Forecaster, n_many: int = MANY) -> ForecastCost:
    """Cost of forecasts whose past is that of the bundle's newest golden window."""
    if forecaster.plan.is_near:
        n_many = len(forecaster.plan.ids)
    rings, issue_s = _filled(forecaster, n_many)
    factors = forecaster.calibration().peek(issue_s)
    code = np.arange(n_many) % len(forecaster.plan.ids)
    at = np.arange(n_many)

    def forecast(rows: np.ndarray) -> None:
        forecaster.forecast(code[rows], rings.window(rows, issue_s), factors)

    one = [_cpu_ms(lambda: forecast(at[:1]), _ONES) for _ in range(ROUNDS + 1)][1:]
    many = [_cpu_ms(lambda: forecast(at), 1) for _ in range(3)]
    n_leads = forecaster.plan.spec.n_leads
    return ForecastCost(float(np.median(one)), float(np.median(many)), n_many, n_leads)


def _filled(forecaster: Forecaster, n: int) -> tuple[AsOfStream | NearStream, int]:
    """Rings of n series, each with the past of the newest complete golden window."""
    golden = parse(forecaster.opened.read(GOLDEN).decode("utf-8"))["issues"]
    newest = max((one for one in golden if one["rung"] == "model"), key=lambda one: one["issue_s"])
    window, spec = window_of(forecaster, newest), forecaster.plan.spec
    issue_s = int(newest["issue_s"])
    step = issue_s // spec.step_s
    past = step + np.arange(-spec.n_past, 0)
    if isinstance(window, NearWindow):
        rings = rings_of(spec, np.empty(0))
        for code, values in enumerate(window.past[0]):
            rings.tell(np.full(len(past), code), past, values)
        around = step + np.arange(-spec.n_back, spec.n_ahead)
        for name, rows in window.known.items():
            for code, values in enumerate(rows[0]):
                rings.tell_known(name, np.full(len(around), code), around, values)
        return rings, issue_s
    return _of_days(spec, window, n, past, step), issue_s


def _of_days(
    spec: Look, window: Window, n: int, past: np.ndarray, step: int
) -> AsOfStream | NearStream:
    """Rings of n series, each with the past of one window."""
    rings = rings_of(spec, np.full(n, window.typical[0]))
    around = step + np.arange(-spec.n_back, spec.n_ahead)
    for code in range(n):
        rings.tell(np.full(len(past), code), past, window.past[0])
        for name, rows in window.known.items():
            rings.tell_known(name, np.full(len(around), code), around, rows[0])
    return rings


def _cpu_ms(call: Callable[[], None], repeats: int) -> float:
    started = time.process_time_ns()
    for _ in range(repeats):
        call()
    return (time.process_time_ns() - started) / 1e6 / repeats


__all__ = ["ForecastCost", "measure"]
