"""The fitted forecaster that is shipped: members, weights, calibration, what each series looks at.

A champion is a frozen value. It forecasts from a matrix as a device does from its windows, and is
stored as plain data.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from lepton.errors import IntegrityError, SearchError
from lepton.forecast.conformal import Rolling, cells_of, scores_of, stretched
from lepton.forecast.corrected import fit_correction
from lepton.forecast.ensemble import Weights, fit_weights
from lepton.forecast.families import forecaster
from lepton.forecast.families.base import Forecaster, ForecastModel, Lesson
from lepton.forecast.matrix import Matrix, joined
from lepton.forecast.near_onset import Onset
from lepton.forecast.rolling import Backtest, horizon_blocks
from lepton.forecast.stored import (
    Parts,
    put_together,
    read_json,
    sha256,
    sha256_of,
    taken_apart,
)
from lepton.forecast.walk import Walk, WalkSpec
from lepton_edge import atomic
from lepton_edge.conformal import ConformalSpec
from lepton_edge.correction import Correction
from lepton_edge.habits import Habits
from lepton_edge.looks import Look, look_from_json
from lepton_edge.seal import SEAL, is_sealed, sealed
from lepton_edge.wall_clock import HOUR_S
from lepton_edge.watch import WatchSpec

FALLBACKS: Final = ("profile", "seasonal_naive")
"""What stands in where inputs are missing, in this order."""
CHAMPION: Final = "champion.json"
_LEAST_WEIGHT: Final = 1e-3
"""Share of a family in every cell below which it is not worth its fit."""
_CORRECTED_H: Final = 24
"""Hours after a known value up to which its error may move what was forecast."""
_NEAR: Final = ("habits", "onset", "watch")
_RARELY: Final = 0.99
"""Quantile of what was missing while learning: up to it a forecast is made as usual."""


@dataclass(frozen=True)
class Series:
    """The series of a champion in the order of their codes.

    specs: what each looks at, with the same names and leads; typical: size of each where its past
    does not tell, NaN for none; latency_s: column (y among them) -> seconds after an interval's
    end at which its measured value is there.
    """

    ids: tuple[str, ...]
    specs: Mapping[str, Look]
    typical: tuple[float, ...]
    latency_s: Mapping[str, int] = field(default_factory=dict)

    @property
    def spec(self) -> Look:
        """That of the first series, whose names, leads and interval are those of all."""
        return self.specs[self.ids[0]]

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data; zones and holidays once for all series that share them."""
        base = self.spec.to_json()
        calendars: list[dict[str, Any]] = []
        of_series = []
        for name in self.ids:
            told = self.specs[name].to_json()
            calendar = {"zone": told.pop("zone"), "holidays": told.pop("holidays")}
            if calendar not in calendars:
                calendars.append(calendar)
            of_series.append(calendars.index(calendar))
        return {
            "spec": {n: v for n, v in base.items() if n not in ("zone", "holidays")},
            "calendars": calendars,
            "ids": list(self.ids),
            "calendar": of_series,
            "typical": [None if np.isnan(size) else size for size in self.typical],
            "latency_s": dict(self.latency_s),
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Series:
        """What `to_json` wrote; KeyError, TypeError or ValueError on other data."""
        ids = tuple(told["ids"])
        made = [look_from_json({**told["spec"], **one}) for one in told["calendars"]]
        specs = {name: made[at] for name, at in zip(ids, told["calendar"], strict=True)}
        typical = tuple(float("nan") if size is None else size for size in told["typical"])
        return cls(ids, specs, typical, told["latency_s"])


@dataclass(frozen=True)
class Usual:
    """How much was missing while learning: beyond it a device falls back to what needs less.

    known: column -> share of the leads without it; recent: share of the leads without a value at
    the same wall time; age_days: how old that value was.
    """

    known: Mapping[str, float]
    recent: float
    age_days: float

    @classmethod
    def of(cls, spec: Look, matrix: Matrix) -> Usual:
        """What all but one of a hundred issues did not exceed."""

        def rarely(values: np.ndarray) -> float:
            return float(np.quantile(values, _RARELY)) if len(values) else 0.0

        missing = {c.name: np.isnan(matrix.column(c.name)).mean(axis=1) for c in spec.known}
        age = matrix.column("age_days").max(axis=1)
        return cls(
            {name: rarely(share) for name, share in missing.items()},
            rarely(np.isnan(matrix.column("recent_1")).mean(axis=1)),
            rarely(age),
        )

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {"known": dict(self.known), "recent": self.recent, "age_days": self.age_days}


@dataclass(frozen=True, eq=False)
class Champion:
    """members: family -> fitted model, those that weigh; fallbacks: the same of what stands in;
    conformal, calibration: how intervals are calibrated, and the state that this goes on from;
    correction: how forecasts are made again during the day; habits, onset, watch: what is usual,
    how likely congestion is, and what is told of queues, of forecasts of the next minutes."""

    series: Series
    members: Mapping[str, ForecastModel]
    fallbacks: Mapping[str, ForecastModel]
    weights: Weights
    usual: Usual
    conformal: ConformalSpec
    calibration: Mapping[str, np.ndarray]
    correction: Correction = field(default_factory=Correction.none)
    habits: Habits | None = None
    onset: Onset | None = None
    watch: WatchSpec | None = None

    @property
    def spec(self) -> Look:
        """Names, leads and interval of all series."""
        return self.series.spec

    @property
    def family(self) -> str:
        """Its members' names, joined."""
        return "+".join(self.members)

    @property
    def rolling(self) -> Rolling:
        """The calibration where it was left, to go on from."""
        return Rolling.from_arrays(self.conformal, self.calibration)

    @property
    def fingerprint(self) -> str:
        """sha256 of all that decides its forecasts."""
        values = (self.series, self.usual, self.conformal, self.correction)
        parts = [one.to_json() for one in values]
        told = json.dumps(parts, sort_keys=True)
        own = (told, self.members, self.fallbacks, self.weights, self.calibration)
        if self.habits is None:
            return sha256_of(own)
        return sha256_of((*own, self.habits, self.onset, self.watch))

    def blend(self, matrix: Matrix) -> np.ndarray:
        """Blended deciles in the series' unit, (n, leads, 9), before they are calibrated."""
        scale = matrix.scale[:, None, None]
        told = {name: model.quantiles(matrix) * scale for name, model in self.members.items()}
        return self.weights.blend(told, matrix.series, horizon_blocks(matrix))

    def factors(self, matrix: Matrix) -> np.ndarray:
        """How far each target's deciles are stretched, (n, leads), by the scores it has."""
        rolling, cell = self.rolling, cells_of(matrix)
        made = np.empty(cell.shape)
        for issue_s in np.unique(matrix.issue_s):
            here = matrix.issue_s == issue_s
            made[here] = rolling.peek(int(issue_s))[cell[here]]
        return made

    def quantiles(self, matrix: Matrix) -> np.ndarray:
        """Calibrated deciles in the series' unit, (n, leads, 9), never crossing."""
        return stretched(self.blend(matrix), self.factors(matrix))

    def fallback(self, name: str, matrix: Matrix) -> np.ndarray:
        """Deciles of what stands in, in the series' unit, (n, leads, 9)."""
        return np.asarray(self.fallbacks[name].quantiles(matrix) * matrix.scale[:, None, None])

    def without(self, names: Sequence[str]) -> Champion:
        """The champion without some members, whose weight the others get in proportion; equal
        shares where they had none."""
        kept = [name for name in self.weights.names if name not in names]
        by_cell = self.weights.by_cell[..., [self.weights.names.index(name) for name in kept]]
        total = by_cell.sum(axis=-1, keepdims=True)
        equal = np.full_like(by_cell, 1.0 / len(kept))
        shares = np.divide(by_cell, total, out=equal, where=total > 0)
        members = {name: self.members[name] for name in kept}
        weights = replace(self.weights, names=tuple(kept), by_cell=shares)
        return replace(self, members=members, weights=weights)

    def save(self, folder: Path) -> None:
        """Write it as the new folder `folder`, whole or not at all."""
        parts = Parts()
        value = {
            "members": self.members,
            "fallbacks": self.fallbacks,
            "weights": self.weights,
            "calibration": self.calibration,
            **({} if self.habits is None else {n: getattr(self, n) for n in _NEAR}),
        }
        told = {
            "format": 1,
            "series": self.series.to_json(),
            "usual": self.usual.to_json(),
            "conformal": self.conformal.to_json(),
            "correction": self.correction.to_json(),
            "models": taken_apart(value, parts),
            "fingerprint": self.fingerprint,
        }
        files = parts.files()
        told["files"] = {name: sha256(content) for name, content in files.items()}
        with atomic.atomic_directory(folder) as temp:
            for name, content in files.items():
                atomic.write_bytes(temp / name, content)
            atomic.write_bytes(temp / CHAMPION, sealed(told))

    @classmethod
    def load(cls, folder: Path) -> Champion:
        """What `save` wrote; IntegrityError LK656 where it is damaged or not whole."""
        try:
            return _loaded(folder)
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise IntegrityError(
                "LK656",
                where=str(folder),
                found=f"the forecaster cannot be read: {error}",
                remedy="run the search again, or restore the folder",
            ) from error


def fit_champion(
    lesson: Lesson, families: Sequence[Forecaster], walk: Walk, series: Series, spec: WalkSpec
) -> Champion:
    """Fitted on the whole lesson, weighed and calibrated by what the walk's forecasts were worth.

    families: those of the walk, with their parameters. Raises SearchError LK454 where none can be
    fitted for a device.
    """
    weights = _worth_it(fit_weights(_everything(walk), len(series.ids)))
    by_name = {family.name: family for family in families}
    names = [name for name in weights.names if name in by_name and name != "prophet"]
    if not names:
        raise SearchError(
            "LK454",
            where="champion",
            found=f"of the families that weigh ({', '.join(weights.names)}) none runs on a device",
            remedy="search with the linear or the boosted family among the candidates",
        )
    members = {n: by_name[n].fit(lesson, by_name[n].params, spec.seed) for n in names}
    kinds = [forecaster(name) for name in FALLBACKS]
    fallbacks = {
        kind.name: members.get(kind.name) or kind.fit(lesson, kind.params, spec.seed)
        for kind in kinds
    }
    made = Champion(
        series=series,
        members=members,
        fallbacks=fallbacks,
        weights=weights,
        usual=Usual.of(series.spec, lesson.issued),
        conformal=spec.conformal,
        calibration=_calibration(walk, spec),
        correction=_correction(walk, series.spec),
    )
    return made.without([name for name in weights.names if name not in names])


def _worth_it(weights: Weights) -> Weights:
    """Without families that hardly weigh anywhere."""
    kept = [n for n in range(len(weights.names)) if weights.by_cell[..., n].max() > _LEAST_WEIGHT]
    by_cell = weights.by_cell[..., kept]
    names = tuple(weights.names[n] for n in kept)
    shares = by_cell / by_cell.sum(axis=-1, keepdims=True)
    return replace(weights, names=names, by_cell=shares)


def _everything(walk: Walk) -> Backtest:
    """All forecasts of the walk, the warm-up's too."""
    parts = (walk.warmed, walk.members)
    names = [name for name in walk.members.names if name in walk.warmed.names]
    quantiles = {n: np.concatenate([part.quantiles[n] for part in parts]) for n in names}
    return Backtest(joined([part.matrix for part in parts]), quantiles, walk.members.failed)


def _calibration(walk: Walk, spec: WalkSpec) -> dict[str, np.ndarray]:
    """The state after the walk's last issue, its last truths told."""
    rolling = Rolling(spec.conformal)
    rolling.tell(scores_of(walk.warmed.matrix, walk.warmed_blend, spec.latency_s))
    rolling.tell(scores_of(walk.matrix, walk.blend, spec.latency_s))
    for issue_s in np.unique(walk.matrix.issue_s):
        rolling.factors(int(issue_s))
    return rolling.to_arrays()


def _correction(walk: Walk, spec: Look) -> Correction:
    y = np.concatenate([walk.warmed.matrix.y, walk.matrix.y])
    blend = np.concatenate([walk.warmed_blend, walk.blend])
    return fit_correction(y, blend, _CORRECTED_H * HOUR_S // spec.step_s)


def _loaded(folder: Path) -> Champion:
    raw = (folder / CHAMPION).read_bytes()
    if not is_sealed(raw):
        raise ValueError("changed: its own sha256 does not match its bytes")
    told = read_json(raw)
    if told.pop(SEAL) and told["format"] != 1:
        raise ValueError(f"format {told['format']!r}, where 1 is known")
    files = {name: (folder / name).read_bytes() for name in told["files"]}
    for name, content in files.items():
        if sha256(content) != told["files"][name]:
            raise ValueError(f"{name} does not have the sha256 that is stated")
    models = put_together(told["models"], Parts.of(files))
    champion = Champion(
        series=Series.from_json(told["series"]),
        usual=Usual(**told["usual"]),
        conformal=ConformalSpec(**told["conformal"]),
        correction=Correction.from_json(told["correction"]),
        **models,
    )
    if champion.fingerprint != told["fingerprint"]:
        raise ValueError("its content does not have the fingerprint that is stated")
    return champion


__all__ = ["CHAMPION", "FALLBACKS", "Champion", "Series", "Usual", "fit_champion"]
