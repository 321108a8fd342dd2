"""What was learnt of a fleet's healthy sensors, as data: what `sensors` turns readings into."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, Final

import numpy as np

from lepton_edge.errors import BundleError

Row = tuple[float, ...]
Table = tuple[Row, ...]

SCALES: Final = ("fast", "medium", "slow")
WHAT: Final = (
    "residual",
    "fast",
    "medium",
    "slow",
    "fast_medium",
    "medium_slow",
    "own",
    "spread",
    "slope_medium",
    "slope",
    "outside",
    "missing",
    "unseen_h",
)
"""Statistics of a channel; see `SensorBank.step` for what each of them is."""
AGE: Final = "age_h"
OF_ASSET: Final = ("health", "n_missing", AGE)
CLOCKS: Final = (AGE,)
"""Features that tell the age: what an age-blind model goes without."""
ONLY_SENSORS: Final = ("missing", "unseen_h")


@dataclass(frozen=True)
class SensorPlan:
    """What was learnt of healthy assets, and which features follow from it.

    sensors, settings: columns, in the order in which values come; kept: positions of the sensors
    that vary; what: statistics to yield, of `WHAT`. K sensors kept, S settings, R regimes:
    setting_mean, setting_scale (S); centroids (R, S) of standardised settings; reach (R): how far
    from its centroid a healthy row is; mean, std (R, K) of healthy values; slopes, R tables (K, S):
    their change a standardised setting away from the centroid; limit (K): no residual counts for
    more. drifts (D, K): directions of wear; plane (P, K), plane_variance (P): principal healthy
    residuals; index_mean, index_std (D + 2): the healthy drifts, T2 and Q.
    half_lives_s: of the three scales; tick_s: the usual time between readings; n_own: readings
    that make an asset's own baseline; band: residuals beyond it are outside.
    """

    sensors: tuple[str, ...]
    settings: tuple[str, ...]
    kept: tuple[int, ...]
    setting_mean: Row
    setting_scale: Row
    centroids: Table
    reach: Row
    mean: Table
    std: Table
    slopes: tuple[Table, ...]
    limit: Row
    drifts: Table
    plane: Table
    plane_variance: Row
    index_mean: Row
    index_std: Row
    half_lives_s: tuple[float, float, float]
    tick_s: float
    n_own: int
    band: float
    what: tuple[str, ...] = WHAT

    @cached_property
    def indices(self) -> tuple[str, ...]:
        """The channels that are made of all sensors."""
        if not self.kept:
            return ()
        return (*(f"drift_{d + 1}" for d in range(len(self.drifts))), "pca_t2", "pca_q")

    @cached_property
    def channels(self) -> tuple[str, ...]:
        """Sensors that vary, then indices."""
        return (*(self.sensors[at] for at in self.kept), *self.indices)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The features, in order: `<channel>_<what>`, statistic by statistic; the asset's last."""
        return self.select(self.what)

    def select(self, what: Sequence[str]) -> tuple[str, ...]:
        """Names of the features with the statistics `what`, and of those of the whole asset."""
        told = [(self.channels, one) for one in self.what if one not in ONLY_SENSORS]
        sensors = self.channels[: len(self.kept)]
        told += [(sensors, one) for one in self.what if one in ONLY_SENSORS]
        found = (f"{name}_{one}" for names, one in told if one in what for name in names)
        return (*found, *OF_ASSET)

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data."""
        told: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return told

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> SensorPlan:
        """The plan that `to_json` wrote; BundleError LK645 where it is not understood."""
        names = {one.name for one in fields(cls)}
        try:
            if set(told) != names:
                raise ValueError(f"fields {sorted(set(told) ^ names)} are too many or missing")
            plan = cls(**{name: _tuples(value) for name, value in told.items()})
            _check(plan)
        except (IndexError, TypeError, ValueError) as error:
            raise BundleError(
                "LK645",
                where="sensor plan",
                found=str(error),
                remedy="take the plan as the kit wrote it, or the runtime of the same version",
            ) from error
        return plan


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _check(plan: SensorPlan) -> None:
    """ValueError where the parts of a plan do not fit together."""
    unknown = sorted(set(plan.what) - set(WHAT))
    if unknown:
        raise ValueError(f"unknown statistic {unknown[0]!r}")
    K, R, S = len(plan.kept), len(plan.centroids), len(plan.settings)
    if any(not 0 <= at < len(plan.sensors) for at in plan.kept):
        raise ValueError("a position of a sensor lies outside the sensors")
    if len(set(plan.names)) < len(plan.names):
        raise ValueError("two features have one name")
    n_index = len(plan.indices)
    shapes: Sequence[tuple[str, Any, tuple[int, ...]]] = (
        ("setting_mean", plan.setting_mean, (S,)),
        ("setting_scale", plan.setting_scale, (S,)),
        ("centroids", plan.centroids, (R, S)),
        ("reach", plan.reach, (R,)),
        ("mean", plan.mean, (R, K)),
        ("std", plan.std, (R, K)),
        ("slopes", plan.slopes, (R, K, S)),
        ("limit", plan.limit, (K,)),
        ("drifts", plan.drifts, (len(plan.drifts), K)),
        ("plane", plan.plane, (len(plan.plane), K)),
        ("plane_variance", plan.plane_variance, (len(plan.plane),)),
        ("index_mean", plan.index_mean, (n_index,)),
        ("index_std", plan.index_std, (n_index,)),
        ("half_lives_s", plan.half_lives_s, (len(SCALES),)),
    )
    for name, value, shape in shapes:
        found = np.array(value, dtype=np.float64)
        if found.size != np.prod(shape) or not np.isfinite(found).all():
            raise ValueError(f"{name} is no table of {shape} finite numbers")
    if R < 1 or min(*plan.half_lives_s, plan.tick_s, plan.n_own) <= 0:
        raise ValueError("times and the own baseline must be positive, with at least one regime")


__all__ = ["AGE", "CLOCKS", "OF_ASSET", "ONLY_SENSORS", "SCALES", "WHAT", "SensorPlan"]
