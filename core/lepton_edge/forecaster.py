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
from lepton_edge.forecast_plan import FALLBACK, RUNGS, Plan, read_calibration, read_plan
from lepton_edge.looks import Look
from lepton_edge.near import NearWindow, flows_freely, near_features
from lepton_edge.near_spec import NearSpec
from lepton_edge.readings import Reading
from lepton_edge.runtime import CPU, session

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
    forecast; cell: (n, leads) of the calibration; rung: (n,) place in the plan's rungs; reasons:
    why it is not the first, or what it had to do without, "" where neither; scale: (n,) size of
    each series; onset: (n, spans) chances of congestion, NaN where it is there already.
    """

    code: np.ndarray
    step: np.ndarray
    quantiles: np.ndarray
    blend: np.ndarray
    cell: np.ndarray
    rung: np.ndarray
    reasons: tuple[str, ...]
    scale: np.ndarray
    onset: np.ndarray


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
        self._outputs = [node.name for node in self._model.get_outputs()]
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
        told = self._run(["blend", "quantiles"], made, shape, code, factor)
        return told[0], told[1]

    def onset(self, made: Features, shape: np.ndarray, code: np.ndarray) -> np.ndarray:
        """Chances of congestion (n, spans), NaN for what is congested or has no reading; no column
        where none are told."""
        spec, rule = self.plan.spec, self.plan.onset
        if rule is None or not isinstance(spec, NearSpec) or "onset" not in self._outputs:
            return np.empty((len(code), 0))
        plain = np.ones(made.step.shape)
        found = self._run(["onset"], made, shape, code, plain)[0]
        return np.where(flows_freely(spec.shape_names, shape, rule)[:, None], found, np.nan)

    def _run(
        self,
        names: list[str],
        made: Features,
        shape: np.ndarray,
        code: np.ndarray,
        factor: np.ndarray,
    ) -> list[np.ndarray]:
        """These outputs of the model, batch by batch."""
        whole = {
            "X": made.X,
            "shape": shape,
            "scale": made.scale,
            "row": code.astype(np.int64),
            "factor": factor,
        }
        feed = {name: whole[name] for name in self._inputs}
        parts = [self._model.run(names, one) for one in _batches(feed)]
        if not parts:
            return [np.empty((0, self.plan.spec.n_leads, N_LEVELS)) for _ in names]
        return [np.concatenate(one) for one in zip(*parts, strict=True)]

    def forecast(
        self, code: np.ndarray, window: Window | NearWindow, factors: np.ndarray
    ) -> Forecasts:
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
        rung, reasons = judged(self.plan, made, shape)
        if (rung > 0).any():
            self._stand_in(made, shape, rung, blend, quantiles)
        onset = self.onset(made, shape, code)
        onset[rung > 0] = np.nan
        return Forecasts(code, made.step, quantiles, blend, cell, rung, reasons, made.scale, onset)

    def _features(
        self, code: np.ndarray, window: Window | NearWindow
    ) -> tuple[Features, np.ndarray]:
        """Features and recent past, each series by its own clock and holidays."""
        if isinstance(window, NearWindow):
            return near_rows(self.plan, code, window)
        n_hours = int(self._inputs["shape"][1]) if "shape" in self._inputs else 0
        shape = np.empty((len(code), 0))
        if n_hours:
            shape = recent_shape(_days(self.plan, 0), window, n_hours)
        calendar = self.plan.calendar[code]
        which = np.unique(calendar)
        if len(which) == 1:
            at = int(which[0])
            return features(_days(self.plan, at), window, self.plan.clocks[at]), shape
        n_leads, n_names = self.plan.spec.n_leads, len(self.plan.spec.names)
        X, scale = np.empty((len(code), n_leads, n_names)), np.empty(len(code))
        step = np.empty((len(code), n_leads), dtype=np.int64)
        for at in which:
            here = np.flatnonzero(calendar == at)
            made = features(_days(self.plan, at), _taken(window, here), self.plan.clocks[at])
            X[here], scale[here], step[here] = made.X, made.scale, made.step
        return Features(X, scale, step), shape

    def _stand_in(
        self,
        made: Features,
        shape: np.ndarray,
        rung: np.ndarray,
        blend: np.ndarray,
        quantiles: np.ndarray,
    ) -> None:
        """Write what stands in over the model's deciles, and NaN where nothing can."""
        here, rungs = np.flatnonzero(rung > 0), self.plan.rungs
        feed = {"X": made.X[here], "scale": made.scale[here], "shape": shape[here]}
        feed = {node.name: feed[node.name] for node in self._fallback.get_inputs()}
        told = self._fallback.run(list(rungs[1:-1]), feed)
        for number in range(1, len(rungs)):
            own = rung[here] == number
            found = told[number - 1][own] if number < len(rungs) - 1 else np.nan
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


def near_rows(plan: Plan, code: np.ndarray, window: NearWindow) -> tuple[Features, np.ndarray]:
    """Features of these series out of those of a whole network at one instant."""
    spec, habits = plan.spec, plan.habits
    assert isinstance(spec, NearSpec)
    assert habits is not None
    made = near_features(spec, window, habits, plan.clocks[0])
    return Features(made.X[code], np.ones(len(code)), made.step[code]), made.shape[code]


def judged_near(
    spec: NearSpec, reading: Reading, made: Features, shape: np.ndarray
) -> tuple[np.ndarray, tuple[str, ...]]:
    """What may forecast a network, (n,) 0 for the model and 1 for what is usual, and why.

    A series whose own newest reading is late, or stale, says so; the model goes on while its
    neighbours tell something, and what is usual stands in where none does, or where the whole
    network is stale. What has no reading in all that a forecast looks back on is stale. What is
    not known beside the network is done without."""
    own = made.X[:, 0, spec.names.index("age_min")] * 60 / spec.step_s
    stale = min(reading.stale, spec.n_past)
    is_stale = own > stale
    faults, reasons = [is_stale, own > reading.late], ["stale", "late"]
    for column in spec.known:
        faults.append(np.isnan(made.X[..., spec.names.index(column.name)]).all(axis=1))
        reasons.append(f"known_missing:{column.name}")
    told = np.select(faults, reasons, default="")
    gaps = [f"{side}_gap_{lag}" for side in ("near", "far") for lag in spec.around_lags]
    around = shape[:, [spec.shape_names.index(name) for name in gaps]]
    silent = np.isnan(around).all(axis=1) & is_stale
    silent |= shape[:, spec.shape_names.index("network_age")] > stale
    return silent.astype(np.int64), tuple(told.tolist())


def judged(plan: Plan, made: Features, shape: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """What may forecast, (n,) places in the plan's rungs, and the reason where it is not the model.

    known_missing:COLUMN, a column ahead that was there while learning; recent_missing, values at
    the same wall time; stale, they are older than they were; each is asked for whole issues. Of a
    network late and stale: the newest value of a series is older than the plan's reading says.
    """
    if plan.is_near:
        assert isinstance(plan.spec, NearSpec)
        return judged_near(plan.spec, plan.reading, made, shape)
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


def _cells(spec: Look, made: Features) -> np.ndarray:
    lead_h, hour = (made.X[..., spec.names.index(name)] for name in ("lead_h", "hour"))
    return cells(lead_h, hour)


def _days(plan: Plan, at: int) -> AsOfSpec:
    """The look of one of the calendars of forecasts of days."""
    spec = plan.specs[at]
    assert isinstance(spec, AsOfSpec)
    return spec


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


__all__ = ["RUNGS", "Forecaster", "Forecasts", "judged", "judged_near"]
