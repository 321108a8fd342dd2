"""Whether the simulated network is like real ones: gates that are printed and tested.

What is wanted are published aggregates of a week of 207 loop detectors in Los Angeles, in mph; what
is found may lie 20 % to either side. Then simple forecasters must come in the order in which they
come there: persistence, DLinear over the last hour, trees over the detector's own past, and trees
that see the neighbours too; an hour ahead the usual course of the day beats persistence. Where the
product's network comes among them, `network.py` measures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from lepton.contracts.model import Contract
from lepton.contracts.regular import runs
from lepton.forecast.neighbourhood import from_edges
from lepton.solution import RealismGate
from lepton_edge.neighbours import Neighbours
from solutions.traffic_forecasting.detectors import MPH
from solutions.traffic_forecasting.limits import LIMITS
from solutions.traffic_forecasting.simulate import Simulated
from solutions.traffic_forecasting.simulate import truth as simulated

WITHIN: Final = 0.2
"""Share by which a statistic may differ from the published one."""
PUBLISHED: Final[Mapping[str, float]] = {
    "mean speed, mph": 58.9,
    "5 % of speeds are below, mph": 27.0,
    "half of speeds are below, mph": 63.0,
    "95 % of speeds are below, mph": 69.0,
    "free-flow speed, mph": 66.5,
    "congested, %": 8.7,
    "congested at 08 h, %": 21.0,
    "congested at 17 h, %": 28.0,
    "half of queues are shorter than, min": 15.0,
    "90 % of queues are shorter than, min": 135.0,
    "correlation after 5 min": 0.83,
    "correlation after 15 min": 0.74,
    "correlation after 30 min": 0.65,
    "correlation after 1 h": 0.50,
    "correlation after 1 day": 0.34,
    "sd of a step, mph": 4.3,
    "steps over 10 mph, %": 3.6,
    "neighbours' deviations, correlation": 0.50,
    "the same after 5 min": 0.47,
    "the same after 15 min": 0.43,
    "the same after 30 min": 0.39,
    "missing, %": 8.7,
}
AHEAD: Final = (3, 12)
"""Steps ahead at which forecasters are compared: a quarter of an hour, and an hour."""
LAGS: Final = (0, 1, 2, 3, 5, 8, 11)
NEAR_LAGS: Final = (0, 1, 3)
HOUR, SMOOTH = 12, 5
"""Steps that DLinear looks back on, and those of its moving average."""
LEARN_D, JUDGE_SHARE = 6, 0.2
"""Days that forecasters learn from, before the last share of the record: a week's worth."""
TREES: Final[Mapping[str, Any]] = {
    "objective": "regression_l1",
    "learning_rate": 0.08,
    "num_leaves": 47,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
    "seed": 0,
}
"""Plain settings that the simulator was set against: a gate on the data, not on tuning."""
ROUNDS: Final = 150


def realism(contract: Contract, rng: np.random.Generator, size: int) -> tuple[RealismGate, ...]:
    """The simulator's gates on about `size` rows: weeks of tens of detectors.

    contract: that of the table `readings`; what is judged are readings without failures, but for
    the share that is missing.
    """
    made = simulated(rng, size)
    found = statistics(made)
    gates = [RealismGate(name, found[name], *_around(at)) for name, at in PUBLISHED.items()]
    return (*gates, *_ranking(skill(made)))


def statistics(made: Simulated) -> dict[str, float]:
    """The numbers of `PUBLISHED` as the simulated network has them."""
    v = made.clean.speed / MPH
    local = made.at.tz_convert(str(made.tables["sensors"]["tz"].iloc[0]))
    slot = (local.hour * 12 + local.minute // 5).to_numpy()
    free = np.quantile(v, LIMITS.free_quantile, axis=0)
    jam = v < LIMITS.congested * free
    lasting = 5.0 * np.concatenate([runs(column)[1] for column in jam.T])
    steps = np.diff(v, axis=0)
    low, middle, high = np.quantile(v, (0.05, 0.5, 0.95))
    numbers = [
        v.mean(), low, middle, high, np.median(free), 100 * jam.mean(),
        *(100 * jam[slot // 12 == hour].mean() for hour in (8, 17)),
        np.median(lasting), np.quantile(lasting, 0.9),
        *(_together(v, _own(v.shape[1]), lag) for lag in (1, 3, 6, 12, 288)),
        steps.std(), 100 * (np.abs(steps) > 10).mean(),
        *(_together(_less_profile(v, slot), _pairs(made), lag) for lag in (0, 1, 3, 6)),
        100 * made.failed.missing.mean(),
    ]  # fmt: skip
    return {name: float(value) for name, value in zip(PUBLISHED, numbers, strict=True)}


Pairs = tuple[np.ndarray, np.ndarray]


def _own(n: int) -> Pairs:
    return np.arange(n), np.arange(n)


def _pairs(made: Simulated) -> Pairs:
    """Edges of the graph both ways."""
    code = {name: at for at, name in enumerate(made.ids)}
    edges = made.tables["edges"]
    first, then = (edges[name].map(code).to_numpy() for name in ("from_id", "to_id"))
    return np.concatenate([first, then]), np.concatenate([then, first])


def _together(values: np.ndarray, pairs: Pairs, lag: int) -> float:
    """Mean correlation of the first of each pair with the second so many steps before."""
    later, before = values[lag:], values[: len(values) - lag]
    one = (later - later.mean(axis=0)) / later.std(axis=0)
    other = (before - before.mean(axis=0)) / before.std(axis=0)
    return float(np.mean([one[:, i] @ other[:, j] for i, j in zip(*pairs, strict=True)]) / len(one))


def _less_profile(values: np.ndarray, slot: np.ndarray) -> np.ndarray:
    """Values less the mean of their detector at the same time of the day."""
    return np.asarray(values - _profile(values, slot)[slot])


def _profile(values: np.ndarray, slot: np.ndarray) -> np.ndarray:
    total = np.zeros((288, values.shape[1]))
    np.add.at(total, slot, values)
    return np.asarray(total / np.maximum(np.bincount(slot, minlength=288), 1)[:, None])


def skill(made: Simulated) -> dict[tuple[str, int], float]:
    """(forecaster, steps ahead) -> mean absolute error in mph over the last fifth of the record;
    each learns from the days before it."""
    v = made.clean.speed / MPH
    local = made.at.tz_convert(str(made.tables["sensors"]["tz"].iloc[0]))
    slot = (local.hour * 12 + local.minute // 5).to_numpy()
    cut = int(len(v) * (1 - JUDGE_SHARE))
    begin = max(cut - LEARN_D * 288, 0)
    profile = _profile(v[begin:cut], slot[begin:cut])
    near = from_edges(made.ids, made.tables["edges"])
    found: dict[tuple[str, int], float] = {}
    for ahead in AHEAD:
        learn = np.arange(begin + max(LAGS), cut - ahead, 2)
        judge = np.arange(cut, len(v) - ahead, 3)
        target = v[judge + ahead]
        errors = {
            "persistence": v[judge],
            "usual course": profile[slot[judge + ahead]],
            "DLinear": _dlinear(v, learn, judge, ahead),
            **_trees(v, slot, profile, near, (learn, judge, ahead)),
        }
        for name, told in errors.items():
            found[name, ahead] = float(np.abs(told - target).mean())
    return found


def _dlinear(v: np.ndarray, learn: np.ndarray, judge: np.ndarray, ahead: int) -> np.ndarray:
    """Each detector's last hour taken apart into a moving average and the rest, and a ridge from
    both, one for all detectors (DLinear: Zeng et al. 2023)."""
    from sklearn.linear_model import Ridge

    def parts(at: np.ndarray) -> np.ndarray:
        past = np.stack([v[at - lag] for lag in range(HOUR - 1, -1, -1)], axis=-1)
        past = past - past[..., -1:]
        # ends are repeated, as there
        padded = np.pad(past, ((0, 0), (0, 0), (SMOOTH // 2, SMOOTH // 2)), mode="edge")
        mean = np.lib.stride_tricks.sliding_window_view(padded, SMOOTH, axis=-1).mean(axis=-1)
        return np.concatenate([mean, past - mean], axis=-1).reshape(-1, 2 * HOUR)

    model = Ridge().fit(parts(learn), (v[learn + ahead] - v[learn]).ravel())
    return np.asarray(v[judge] + model.predict(parts(judge)).reshape(len(judge), -1))


def _trees(
    v: np.ndarray,
    slot: np.ndarray,
    profile: np.ndarray,
    near: Neighbours,
    when: tuple[np.ndarray, np.ndarray, int],
) -> dict[str, np.ndarray]:
    """Trees on a detector's own past and its usual course, and the same with its neighbours."""
    import lightgbm

    learn, judge, ahead = when
    told = {}
    for name, codes in (("trees", None), ("trees with neighbours", near.arrays[0])):
        rows = _features(v, slot, profile, codes, (learn, ahead))
        data = lightgbm.Dataset(rows, (v[learn + ahead] - v[learn]).ravel())
        model = lightgbm.train(dict(TREES), data, ROUNDS)
        change = model.predict(_features(v, slot, profile, codes, (judge, ahead)))
        told[name] = v[judge] + np.asarray(change).reshape(len(judge), -1)
    return told


def _features(
    v: np.ndarray,
    slot: np.ndarray,
    profile: np.ndarray,
    codes: np.ndarray | None,
    when: tuple[np.ndarray, int],
) -> np.ndarray:
    """(rows * detectors, n): lags, profile now and then, time of day, and of neighbours the mean
    up- and downstream now and before, and the next one's own speed."""
    at, ahead = when
    columns = [v[at - lag] for lag in LAGS]
    columns += [profile[slot[at]], profile[slot[at + ahead]], v[at] - profile[slot[at]]]
    columns += [np.broadcast_to(slot[at][:, None] / 12, columns[0].shape)]
    if codes is not None:
        padded = np.concatenate([v, np.full((len(v), 1), np.nan)], axis=1)
        for side in (0, 1):
            own = codes[:, side, :3]
            for lag in NEAR_LAGS:
                around = padded[at - lag][:, own]
                columns += [around[..., 0], _known_mean(around)]
    return np.stack(columns, axis=-1).reshape(-1, len(columns))


def _known_mean(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis of what is known; NaN where nothing is."""
    there = np.isfinite(values)
    n = there.sum(axis=-1)
    return np.where(n > 0, np.where(there, values, 0.0).sum(axis=-1) / np.maximum(n, 1), np.nan)


def _ranking(found: Mapping[tuple[str, int], float]) -> Iterator[RealismGate]:
    """Errors of forecasters by those of the one that has to be worse: below 1, as there."""
    soon, late = AHEAD
    persistence = found["persistence", soon]
    yield RealismGate("15 min: persistence, mph", persistence, *_around(3.58))
    for better, worse, ahead, low in (
        ("DLinear", "persistence", soon, 0.85),
        ("trees", "DLinear", soon, 0.80),
        ("trees with neighbours", "trees", soon, 0.90),
        ("usual course", "persistence", late, 0.60),
        ("trees with neighbours", "usual course", late, 0.60),
    ):
        about = f"{5 * ahead} min: {better} / {worse}"
        yield RealismGate(about, found[better, ahead] / found[worse, ahead], low, 0.999)


def _around(value: float) -> tuple[float, float]:
    return value * (1 - WITHIN), value * (1 + WITHIN)


__all__ = ["PUBLISHED", "realism", "skill", "statistics"]
