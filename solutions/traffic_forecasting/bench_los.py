"""Los-loop by its protocol: a week of 207 detectors, an hour in, an hour out, a fifth judged.

The file has no instants: its first row is midnight of 2012-03-01 in Los Angeles. The adjacency has
no direction, so that neighbours count both ways. The product's own search chooses and weighs by the
tenth before the test part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.automl.budget import Budget
from lepton.benching import cpu_s, versions
from lepton.errors import DataError
from lepton.forecast import scores
from lepton.forecast.board import ForecastBoard
from lepton.forecast.champion import Champion
from lepton.forecast.families import forecaster
from lepton.forecast.graph import to_onnx
from lepton.forecast.matrix import Matrix
from lepton.forecast.near_conformal import near_calibrated
from lepton.forecast.near_lessons import NearLearning, asked_of
from lepton.forecast.near_onset import happened, is_free
from lepton.forecast.near_search import refitted, search_near, study
from lepton.forecast.neighbourhood import of_edges
from lepton.forecast.panel import seconds_of
from lepton.forecast.prepared import Prepared
from lepton.forecast.search import ForecastSearch
from lepton.forecast.timing import network_ms
from lepton.solution import BenchRequest
from lepton_edge.near_spec import OnsetRule
from solutions.traffic_forecasting.wide import Network, network_of

ZONE: Final = "America/Los_Angeles"
FIRST: Final = "2012-03-01"
STEP_S: Final = 300
ASKED: Final = {"15": 2, "30": 5, "60": 11}
"""Minutes ahead -> place among the leads."""
RULE: Final = OnsetRule(0.6, 2, (3, 6, 12))
ONSET_AT: Final = 1
"""Place of half an hour among the spans."""
DEAD: Final = 0.3
UNSEEN: Final = 0.1
FAMILIES: Final = ("near_trees", "near_net")
TRAIN: Final = 0.8
SELECT: Final = 0.7
DRAWS: Final = 500
BLOCK_S: Final = 7_200
"""Hours that are drawn together for an interval."""


def los(request: BenchRequest) -> Mapping[str, Any]:
    """The protocol's JSON for the folder `request.data` with los_speed.csv and los_adj.csv.

    Options: `unseen` (1): 0 leaves out detectors that no model learnt from.
    """
    used = cpu_s()
    options = request.numbers(unseen=1)
    data = read_los(Path(request.data))
    families = tuple(name for name in FAMILIES if forecaster(name).available())
    asked = ForecastSearch(families, Budget(work_units=20), request.seed, {})
    request.progress.stage("search")
    board = search_near(data.prepared, asked, request.progress, rule=RULE)
    request.progress.stage("test part")
    champion = board.champion
    assert champion.habits is not None
    test = asked_of(data.panel, data.spec, champion.habits, data.test(), most=None)
    told = _forecasts(champion, test)
    metrics, intervals = _errors(told, test, request.seed)
    metrics |= _onset(champion, test)
    metrics |= _dead(data, champion, told["champion"], test)
    metrics |= _timed(champion, test)
    if options["unseen"]:
        request.progress.stage("unseen detectors")
        metrics |= _unseen(data, board, told["champion"], test, request.seed)
    return {
        "protocol": "los",
        "metrics": metrics,
        "intervals": intervals,
        "ladder": {name: _mae(test, q) for name, q in told.items()},
        "selection": {one.family: one.score for one in board.trials},
        "weights": dict(
            zip(champion.weights.names, champion.weights.by_cell[0, 0].tolist(), strict=True)
        ),
        "folds": [{"train_steps": data.train, "test_steps": data.n_steps - data.train}],
        "peers": {},
        "cpu_s": round(cpu_s() - used, 1),
        "versions": versions(),
    }


def read_los(folder: Path) -> Network:
    """The two files as a network; raises DataError LK298 where they do not belong together."""
    raw = pd.read_csv(folder / "los_speed.csv")
    near = pd.read_csv(folder / "los_adj.csv", header=None).to_numpy(dtype=np.float64)
    n = raw.shape[1]
    if near.shape != (n, n):
        raise DataError(
            "LK298",
            where=str(folder / "los_adj.csv"),
            found=f"{near.shape[0]} x {near.shape[1]} weights for {n} detectors",
            remedy="give the adjacency of the same detectors, in the order of the speeds' columns",
        )
    ids = tuple(map(str, raw.columns))
    pairs = np.argwhere((near > 0) & ~np.eye(n, dtype=bool))
    return network_of(
        raw.to_numpy(dtype=np.float64),
        ids,
        pd.Timestamp(FIRST, tz=ZONE),
        STEP_S,
        ZONE,
        (SELECT, TRAIN),
        of_edges(ids, [(int(i), int(j), float(near[i, j])) for i, j in pairs]),
    )


def _forecasts(champion: Champion, test: Matrix) -> dict[str, np.ndarray]:
    """Floors, each member alone, the blend, and it calibrated: deciles in mph."""
    told = {}
    for name in ("persistence", "habit"):
        model = forecaster(name)
        column = test.column("recent" if name == "persistence" else "habit")
        told[model.name] = np.repeat(column[..., None], 9, axis=-1)
    told |= {name: model.quantiles(test) for name, model in champion.members.items()}
    told["blend"] = champion.blend(test)
    told["champion"] = near_calibrated(test, told["blend"], champion.rolling)
    return told


def _mae(test: Matrix, quantiles: np.ndarray) -> dict[str, float]:
    return {
        f"mae_{name}": scores.mae(test.y[:, at], quantiles[:, at, 4]) for name, at in ASKED.items()
    }


def _errors(
    told: Mapping[str, np.ndarray], test: Matrix, seed: int
) -> tuple[dict[str, Any], dict[str, list[float]]]:
    own, rng = told["champion"], np.random.default_rng(seed)
    metrics: dict[str, Any] = dict(_mae(test, own))
    intervals = {}
    for name, at in ASKED.items():
        error = test.y[:, at] - own[:, at, 4]
        metrics[f"rmse_{name}"] = float(np.sqrt(scores.mean(error**2)))
        intervals[f"mae_{name}"] = _interval(np.abs(error), test, rng)
    metrics["coverage80"] = scores.coverage(test.y, own[..., 0], own[..., -1])
    peak = np.isin(np.floor(test.column("hour")), (7, 8, 9, 15, 16, 17, 18))
    metrics["coverage80_peak"] = scores.coverage(
        np.where(peak, test.y, np.nan), own[..., 0], own[..., -1]
    )
    metrics["net_mae_60"] = None
    if "near_net" in told:
        metrics["net_mae_60"] = _mae(test, told["near_net"])["mae_60"]
    metrics["gbdt_mae_60"] = _mae(test, told["near_trees"])["mae_60"]
    return metrics, intervals


def _interval(loss: np.ndarray, test: Matrix, rng: np.random.Generator) -> list[float]:
    """95 % interval of a mean, blocks of hours drawn with replacement."""
    block = test.since_first_s // BLOCK_S
    total, count = np.bincount(block, np.nan_to_num(loss)), np.bincount(block, np.isfinite(loss))
    draws = rng.integers(0, len(total), (DRAWS, len(total)))
    means = total[draws].sum(axis=1) / np.maximum(count[draws].sum(axis=1), 1)
    low, high = np.quantile(means, [0.025, 0.975])
    return [float(low), float(high)]


def _onset(champion: Champion, test: Matrix) -> dict[str, Any]:
    """Average precision of the direct chances, and of thresholding the forecast."""
    from sklearn.metrics import average_precision_score

    onset = champion.onset
    if onset is None:
        return {"onset_ap": None}
    came = happened(test, RULE)[:, ONSET_AT]
    free = is_free(test, RULE) & np.isfinite(came)
    truth = came[free]
    chance = onset.chances(test)[free, ONSET_AT]
    flow = test.shape[free, test.shape_names.index("free")]
    lowest = champion.blend(test)[free][:, : RULE.spans[ONSET_AT], 4].min(axis=1)
    return {
        "onset_ap": average_precision_score(truth, chance),
        "onset_ap_of_forecast": average_precision_score(truth, -lowest / flow),
        "onset_base_rate": float(truth.mean()),
        "onset_mean_chance": float(chance.mean()),
    }


def _dead(data: Network, champion: Champion, whole: np.ndarray, test: Matrix) -> dict[str, float]:
    """Relative rise of the error when a share of the detectors tells nothing for the whole hour."""
    n = len(data.panel.ids)
    dead = np.zeros(n, dtype=bool)
    dead[np.random.default_rng(0).choice(n, size=round(DEAD * n), replace=False)] = True
    assert champion.habits is not None
    poorer = asked_of(data.panel, data.spec, champion.habits, data.test(), most=None, dead=dead)
    told = near_calibrated(poorer, champion.blend(poorer), champion.rolling)
    before, after = _mae(test, whole), _mae(poorer, told)
    return {f"dead30_{name}": after[f"mae_{name}"] / before[f"mae_{name}"] - 1 for name in ASKED}


def _unseen(
    data: Network, board: ForecastBoard, whole: np.ndarray, test: Matrix, seed: int
) -> dict[str, float]:
    """Error of detectors that models did not learn from over that of the same ones learnt from.

    unseen_ratio: what is usual for them is known; cold_ratio: nothing of them was known before the
    test part, so that it is taken from their neighbours.
    """
    n = len(data.panel.ids)
    out = np.sort(np.random.default_rng(seed).choice(n, size=round(UNSEEN * n), replace=False))
    own = np.isin(test.series, out)
    names = board.champion.weights
    families = [forecaster(name) for name in names.names]
    found = {}
    for name, prepared in (("unseen", data.prepared), ("cold", _without(data, out))):
        learning = NearLearning(left_out=tuple(out.tolist()), seed=seed)
        now = study(prepared, prepared.cuts.holdout_s, learning)
        made = refitted(prepared, now, families, names, seed)
        assert made.habits is not None
        asked = asked_of(data.panel, data.spec, made.habits, data.test(), most=None)
        told = made.blend(asked.take(own))
        known, ours = _mae(test.take(own), whole[own]), _mae(asked.take(own), told)
        ratios = [ours[one] / known[one] for one in known]
        found[f"{name}_ratio"] = float(np.mean(ratios))
        found |= {f"{name}_ratio_{at}": r for at, r in zip(ASKED, ratios, strict=True)}
    return found


def _without(data: Network, out: np.ndarray) -> Prepared:
    """The network before some of its detectors were built."""
    rows, prepared = data.panel.rows, data.prepared
    strange = rows["series_id"].isin(np.array(data.panel.ids, dtype=object)[out])
    before = seconds_of(rows["ts"]) < prepared.cuts.holdout_s
    return replace(prepared, panel=replace(data.panel, rows=rows[~(strange & before)]))


def _timed(champion: Champion, test: Matrix) -> dict[str, Any]:
    """CPU milliseconds of one issue of the whole network through the graph of one member."""
    n = int(test.series.max()) + 1
    one = test.take(np.arange(n))
    found: dict[str, Any] = {"net_ms": None, "gbdt_ms": None}
    plain = replace(champion, onset=None)
    for name, metric in (("near_net", "net_ms"), ("near_trees", "gbdt_ms")):
        if name in champion.members:
            others = [other for other in champion.members if other != name]
            found[metric] = network_ms(to_onnx(plain.without(others)), one)
    found["champion_ms"] = network_ms(to_onnx(champion), one)
    found["bytes"] = len(to_onnx(champion))
    return found


__all__ = ["los", "read_los"]
