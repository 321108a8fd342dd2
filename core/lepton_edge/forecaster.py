"""Forecasts with a verified bundle: windows in, deciles out, and what stood in where and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from lepton_edge.asof import Features, Window, features, recent_shape
from lepton_edge.asof_spec import AsOfSpec
from lepton_edge.bundle import MODEL, Manifest, Opened, open_bundle
from lepton_edge.conformal import Rolling, cells
from lepton_edge.errors import BundleError
from lepton_edge.forecast_plan import FALLBACK, Plan, read_calibration, read_plan
from lepton_edge.runtime import CPU, session

RUNGS: Final = ("model", "profile", "seasonal_naive", "none")
"""What forecasts, best first: each needs less than the one before; the last is no forecast."""
N_LEVELS: Final = 9
BATCH: Final = 250
"""Issues of one call of the model, so that memory stays bounded."""
_MORE_MISSING: Final = 0.05
_DAYS_OLDER: Final = 1.5
"""What may be missing, or older, beyond what was usual while learning."""


@dataclass(frozen=True, eq=False)
class Forecasts:
    """n forecasts, each of all leads.

    code: (n,) of the series; step: (n, leads) number since 1970 of each interval; quantiles, blend:
    (n, leads, 9) deciles in the series' unit after and before calibration, NaN where there is no
    forecast; cell: (n, leads) of the calibration; rung: (n,) place in `RUNGS`; reasons: why it is
    not the first, "" where it is; scale: (n,) size of each series.
    """

    code: np.ndarray
    step: np.ndarray
    quantiles: np.ndarray
    blend: np.ndarray
    cell: np.ndarray
    rung: np.ndarray
    reasons: tuple[str, ...]
    scale: np.ndarray


class Forecaster:
    """A bundle ready to forecast.

    Raises BundleError where it is not whole (LK601 to LK608), forecasts nothing (LK650) or does not
    fit its plan (LK651), ProviderError LK991 where the provider is not there.
    """

    def __init__(
        self, bundle: Path | Opened, *, provider: str = CPU, allow_fallback: bool = False
    ) -> None:
        opened = bundle if isinstance(bundle, Opened) else open_bundle(Path(bundle))
        self.opened = opened
        self.plan: Plan = read_plan(opened)
        self._model = session(
            opened.model, str(opened.path / MODEL), provider, allow_fallback=allow_fallback
        )
        where = str(opened.path / FALLBACK)
        self._fallback = session(
            _listed(opened, FALLBACK), where, provider, allow_fallback=allow_fallback
        )
        self.provider: str = self._model.get_providers()[0]
        self._inputs = {node.name: node.shape for node in self._model.get_inputs()}
        self._same_shapes()

    @property
    def manifest(self) -> Manifest:
        """What the bundle says of itself."""
        return self.opened.manifest

    def calibration(self) -> Rolling:
        """The calibration as the bundle carries it, to go on from."""
        return read_calibration(self.opened, self.plan.conformal)

    def blend(
        self, made: Features, shape: np.ndarray, code: np.ndarray, factor: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Deciles (n, leads, 9) before and after calibration, from ready features.

        shape: (n, hours) of the recent past; code: (n,) of the series; factor: (n, leads). Nothing
        stands in for what is missing.
        """
        whole = {
            "X": made.X,
            "shape": shape,
            "scale": made.scale,
            "row": code.astype(np.int64),
            "factor": factor,
        }
        feed = {name: whole[name] for name in self._inputs}
        parts = [self._model.run(["blend", "quantiles"], one) for one in _batches(feed)]
        if not parts:
            none = np.empty((0, self.plan.spec.n_leads, N_LEVELS))
            return none, none
        before, after = zip(*parts, strict=True)
        return np.concatenate(before), np.concatenate(after)

    def forecast(self, code: np.ndarray, window: Window, factors: np.ndarray) -> Forecasts:
        """Forecasts of series from what they see; factors: (16,) of the calibration, or (n, 16)."""
        made, shape = self._features(code, window)
        return self.ready(code, made, shape, factors)

    def ready(
        self, code: np.ndarray, made: Features, shape: np.ndarray, factors: np.ndarray
    ) -> Forecasts:
        """As `forecast`, from ready features; code: the number of series for a new one, which has
        mean weights."""
        cell = _cells(self.plan.spec, made)
        table = np.broadcast_to(factors, (len(code), factors.shape[-1]))
        factor = np.take_along_axis(table, cell, axis=1)
        blend, quantiles = self.blend(made, shape, code, factor)
        rung, reasons = judged(self.plan, made)
        if (rung > 0).any():
            self._stand_in(made, rung, blend, quantiles)
        return Forecasts(code, made.step, quantiles, blend, cell, rung, reasons, made.scale)

    def _features(self, code: np.ndarray, window: Window) -> tuple[Features, np.ndarray]:
        """Features and recent past, each series by its own clock and holidays."""
        n_hours = int(self._inputs["shape"][1]) if "shape" in self._inputs else 0
        shape = np.empty((len(code), 0))
        if n_hours:
            shape = recent_shape(self.plan.spec, window, n_hours)
        calendar = self.plan.calendar[code]
        which = np.unique(calendar)
        if len(which) == 1:
            at = int(which[0])
            return features(self.plan.specs[at], window, self.plan.clocks[at]), shape
        n_leads, n_names = self.plan.spec.n_leads, len(self.plan.spec.names)
        X, scale = np.empty((len(code), n_leads, n_names)), np.empty(len(code))
        step = np.empty((len(code), n_leads), dtype=np.int64)
        for at in which:
            here = np.flatnonzero(calendar == at)
            made = features(self.plan.specs[at], _taken(window, here), self.plan.clocks[at])
            X[here], scale[here], step[here] = made.X, made.scale, made.step
        return Features(X, scale, step), shape

    def _stand_in(
        self, made: Features, rung: np.ndarray, blend: np.ndarray, quantiles: np.ndarray
    ) -> None:
        """Write what stands in over the model's deciles, and NaN where nothing can."""
        here = np.flatnonzero(rung > 0)
        feed = {"X": made.X[here], "scale": made.scale[here]}
        feed = {node.name: feed[node.name] for node in self._fallback.get_inputs()}
        told = self._fallback.run(list(RUNGS[1:-1]), feed)
        for number in range(1, len(RUNGS)):
            own = rung[here] == number
            found = told[number - 1][own] if number < len(RUNGS) - 1 else np.nan
            blend[here[own]] = quantiles[here[own]] = found

    def _same_shapes(self) -> None:
        spec = self.plan.spec
        wanted = {"X": [spec.n_leads, len(spec.names)], "scale": []}
        found = {name: list(self._inputs.get(name, [""]))[1:] for name in wanted}
        names = list(self.manifest.numeric)
        if found != wanted or names != list(spec.names):
            raise BundleError(
                "LK651",
                where=str(self.opened.path / MODEL),
                found=f"inputs {found}, where the plan has {wanted}",
                remedy="export the forecaster again with `lepton run`",
            )


def judged(plan: Plan, made: Features) -> tuple[np.ndarray, tuple[str, ...]]:
    """What may forecast, (n,) places in `RUNGS`, and the reason where it is not the model.

    known_missing:COLUMN, a column ahead that was there while learning; recent_missing, values at
    the same wall time; stale, they are older than they were; each is asked for whole issues.
    """
    names, usual = plan.spec.names, plan.usual
    read = ["recent_1", *(known.name for known in plan.spec.known)]
    places = [names.index(name) for name in (*read, "age_days")]
    columns = made.X[..., places]
    unknown = np.isnan(columns[..., :-1])
    age = np.where(unknown[..., 0], -np.inf, columns[..., -1]).max(axis=1)
    allowed = [usual.recent, *(usual.known.get(name, 0.0) for name in read[1:])]
    is_missing = unknown.mean(axis=1) > np.array(allowed) + _MORE_MISSING
    is_stale = age > usual.age_days + _DAYS_OLDER
    is_fault = is_missing.any(axis=1) | is_stale
    if not is_fault.any():
        return np.zeros(len(columns), dtype=np.int64), ("",) * len(columns)
    reasons = [""] * len(columns)
    told = [*(f"known_missing:{name}" for name in read[1:]), "recent_missing", "stale"]
    faults = np.column_stack([is_missing[:, 1:], is_missing[:, 0], is_stale])
    for row in np.flatnonzero(is_fault):
        reasons[row] = told[int(faults[row].argmax())]
    return np.where(is_fault, _stand_in_of(names, made.X), 0), tuple(reasons)


def _stand_in_of(names: tuple[str, ...], X: np.ndarray) -> np.ndarray:
    """The best that can stand in: the calendar's mean, last week or the last day, or nothing."""
    weeks, week, day = (
        np.isfinite(X[..., names.index(name)]).all(axis=1)
        for name in ("week_mean", "week_1", "day_mean")
    )
    return np.where(weeks, 1, np.where(day | week, 2, 3))


def _cells(spec: AsOfSpec, made: Features) -> np.ndarray:
    lead_h, hour = (made.X[..., spec.names.index(name)] for name in ("lead_h", "hour"))
    return cells(lead_h, hour)


def _batches(feed: Mapping[str, np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    size = len(next(iter(feed.values())))
    for at in range(0, size, BATCH):
        yield {name: values[at : at + BATCH] for name, values in feed.items()}


def _taken(window: Window, here: np.ndarray) -> Window:
    known = {name: rows[here] for name, rows in window.known.items()}
    return Window(window.step[here], window.past[here], known, window.typical[here])


def _listed(opened: Opened, name: str) -> bytes:
    if name in opened.manifest.files:
        return opened.read(name)
    raise BundleError(
        "LK651",
        where=str(opened.path),
        found=f"{name} is not listed, and nothing could stand in for the model",
        remedy="export the forecaster again with `lepton run`",
    )


__all__ = ["RUNGS", "Forecaster", "Forecasts", "judged"]
