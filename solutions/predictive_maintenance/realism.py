"""Whether the simulated fleet is as hard as real ones are: gates that are printed and tested.

Each asset is judged by trees that never saw its failures; healthy levels are taken from the first
days of all lives. Days to failure are counted up to `CAP_D`, of the failures that come if an asset
is left alone, censored lives included: only a simulator knows them. Lives that end without a sign
are left out there, as nobody could count their days, and kept in the average precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.contracts.model import Contract
from lepton.evaluation.metrics import METRICS
from lepton.solution import RealismGate
from solutions.predictive_maintenance.simulate import SETTINGS, Simulated
from solutions.predictive_maintenance.simulate import truth as simulated
from solutions.predictive_maintenance.wear import MODES, SUDDEN

CAP_D: Final = 40.0
SOON_D: Final = 7.0
FOLDS: Final = 3
FAR: Final = 8.0
SPANS: Final = (4, 12, 36)
"""Readings that each moving average remembers."""
HEALTHY_READINGS: Final = 20
"""First readings of a life, from which its own healthy level is taken."""
HEALTHY_D: Final = 15.0
"""First days of a life, which teach what healthy sensors say; most modes set in later."""
TREES: Final[Mapping[str, Any]] = {
    "learning_rate": 0.06,
    "num_leaves": 15,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
    "seed": 0,
}
"""Plain settings that the simulator was set against: a gate on the data, not on tuning."""
ROUNDS: Final = 150


def realism(contract: Contract, rng: np.random.Generator, size: int) -> tuple[RealismGate, ...]:
    """The simulator's gates on about `size` readings: what history, regimes and sensors are worth,
    censoring, failures without a sign; then how far lives spread and what knowing all would give.

    contract: that of the table `telemetry`.
    """
    made = simulated(rng, size)
    known = {column.name for column in contract.columns}
    sensors = [name for name in map(str, made.tables["telemetry"]) if name not in known]
    sets = feature_sets(made, sensors)
    folds = _folds(rng, made)
    rul = np.minimum(made.truth["rul_d"].to_numpy(), CAP_D)
    told = (made.truth["mode"] != MODES[SUDDEN]).to_numpy()
    rmse = {
        name: _rmse(X[told], rul[told], folds[told]) for name, X in sets.items() if name != "age"
    }
    soon = made.truth["rul_d"].to_numpy() <= SOON_D
    ap = {name: _ap(sets[name], soon, folds) for name in ("age", "full")}
    failed = made.lives["outcome"] == "failed"
    sudden = made.lives.loc[failed, "mode"] == MODES[SUDDEN]
    return (
        RealismGate(
            "RMSE from the last raw row / from history", rmse["row"] / rmse["full"], 1.6, 3
        ),
        RealismGate("RMSE ignoring regimes / with them", rmse["raw"] / rmse["full"], 1.4, 3),
        RealismGate("AP by age alone / with sensors", ap["age"] / ap["full"], 0.0, 0.5),
        RealismGate("lives that end without a failure, %", 100 * (1 - failed.mean()), 40.0, 65.0),
        RealismGate("failures without a precursor, %", 100 * sudden.mean(), 6.0, 15.0),
        RealismGate("spread of days to failure, sd", float(made.truth["rul_d"].std()), 25.0, 80.0),
        RealismGate("RMSE where wear is known, days", rmse["hidden"], 0.0, rmse["full"]),
    )


def feature_sets(made: Simulated, sensors: list[str]) -> dict[str, np.ndarray]:
    """Matrices, one row a reading: `row` as it is sent; `age` of the life; `full`: history of what
    regimes do not explain, and age; `raw`: the same history of the sensors themselves; `hidden`:
    true wear, and age."""
    rows, life = made.tables["telemetry"], made.truth["life"]
    began = made.lives["started_at"].take(life.to_numpy()).to_numpy()
    age = (rows["event_at"].to_numpy() - began) / np.timedelta64(1, "D")
    settings, values = rows[list(SETTINGS)], rows[sensors]
    healthy = age < HEALTHY_D
    freed = _unexplained(made, sensors, healthy)
    hidden = made.truth[list(MODES[:SUDDEN])].to_numpy()
    return {
        "row": rows[[*SETTINGS, *sensors]].to_numpy(),
        "age": age[:, None],
        "full": np.column_stack([age, settings, _history(freed, life)]),
        "raw": np.column_stack([age, _history(values, life)]),
        "hidden": np.column_stack([age, hidden]),
    }


def _unexplained(made: Simulated, sensors: list[str], healthy: np.ndarray) -> pd.DataFrame:
    """What each sensor says beyond what a healthy asset of its type says in the same settings, in
    units of its healthy spread; values far out, such as another unit, count as `FAR`."""
    rows = made.tables["telemetry"]
    kind = rows["asset_id"].map(made.tables["assets"].set_index("asset_id")["type"])
    freed = pd.DataFrame(np.nan, index=rows.index, columns=sensors)
    for one in kind.unique():
        mine = (kind == one).to_numpy()
        basis = _basis(rows.loc[mine, list(SETTINGS)].to_numpy())
        for name in sensors:
            values = rows.loc[mine, name].to_numpy()
            freed.loc[mine, name] = _residual(basis, values, healthy[mine])
    return freed


def _basis(settings: np.ndarray) -> np.ndarray:
    """Settings, their squares and products."""
    z = (settings - settings.mean(axis=0)) / settings.std(axis=0)
    upper = np.triu_indices(z.shape[1])
    return np.column_stack([np.ones(len(z)), z, z[:, upper[0]] * z[:, upper[1]]])


def _residual(basis: np.ndarray, values: np.ndarray, healthy: np.ndarray) -> np.ndarray:
    low, high = np.nanquantile(values, [0.005, 0.995])
    known = healthy & (values >= low) & (values <= high)
    weights = np.linalg.lstsq(basis[known], values[known], rcond=None)[0]
    left = values - basis @ weights
    return np.asarray(np.clip(left / left[known].std(), -FAR, FAR))


def _history(values: pd.DataFrame, life: pd.Series) -> np.ndarray:
    """Moving averages within a life over SPANS, and the differences to its first readings."""
    grouped = values.groupby(life.to_numpy(), sort=False)
    first = grouped.cumcount() < HEALTHY_READINGS
    start = values.where(first).groupby(life.to_numpy(), sort=False).transform("mean")
    means = [_ewma(values, life, span) for span in SPANS]
    settled = start.where(~first)
    return np.column_stack([*(mean - settled for mean in means), means[0] - means[-1]])


def _ewma(values: pd.DataFrame, life: pd.Series, span: int) -> pd.DataFrame:
    smooth = values.groupby(life.to_numpy(), sort=False).ewm(span=span).mean()
    return smooth.droplevel(0).reindex(values.index)


def _folds(rng: np.random.Generator, made: Simulated) -> np.ndarray:
    """Fold of each reading, 0..FOLDS - 1; an asset is in one."""
    assets = rng.permutation(made.tables["assets"]["asset_id"].to_numpy())
    fold = pd.Series(np.arange(len(assets)) % FOLDS, index=assets)
    return made.tables["telemetry"]["asset_id"].map(fold).to_numpy()


def _judged(X: np.ndarray, y: np.ndarray, folds: np.ndarray, objective: str) -> np.ndarray:
    """What trees that never saw its asset say of each reading."""
    import lightgbm

    found = np.empty(len(y))
    for fold in range(FOLDS):
        test = folds == fold
        data = lightgbm.Dataset(X[~test], y[~test])
        booster = lightgbm.train({**TREES, "objective": objective}, data, ROUNDS)
        found[test] = booster.predict(X[test])
    return found


def _rmse(X: np.ndarray, rul: np.ndarray, folds: np.ndarray) -> float:
    return float(np.sqrt(np.mean((_judged(X, rul, folds, "regression") - rul) ** 2)))


def _ap(X: np.ndarray, soon: np.ndarray, folds: np.ndarray) -> float:
    target = soon.astype(np.float64)
    score = _judged(X, target, folds, "binary")
    return METRICS["ap"].of(pd.DataFrame({"target": target, "score": score}))


__all__ = ["CAP_D", "SOON_D", "feature_sets", "realism"]
