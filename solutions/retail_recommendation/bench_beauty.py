"""Amazon Beauty by its protocol: the last item of each sequence, all items ranked.

Leave-one-out leaks: what one customer took after another's target is learnt from. It is told for
comparison with published figures only. Choices were made on each user's item before the last two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.benching import cpu_s, versions
from lepton.recommend.families.base import Family, Ranker
from lepton.recommend.families.item_knn import ItemKnn
from lepton.recommend.families.item_sequence import ItemSequence
from lepton.recommend.interactions import InteractionDataset
from lepton.recommend.judged import mean_interval
from lepton.recommend.ranking import chunks, masked, ndcg, top
from lepton.recommend.windows import Window
from lepton.solution import BenchRequest

FAMILIES: Final[Mapping[str, Family]] = {
    "item_sequence": ItemSequence(),
    "item_knn": ItemKnn(100, 50.0, np.inf, np.inf, 0.6),
}
STEP: Final = pd.Timedelta(days=1)
START: Final = pd.Timestamp("2000-01-01", tz="UTC")
NOTE: Final = "leave-one-out, for comparison only: it leaks what others took after a target"


def beauty(request: BenchRequest) -> Mapping[str, Any]:
    """The protocol's JSON for the file `request.data`.

    Option `left_out` (2): items at the end of each sequence that nothing is fitted on; 3 moves all
    by one, which is where families are chosen.
    """
    started = cpu_s()
    left_out = int(request.numbers(left_out=2)["left_out"])
    rows = read_sequences(request)
    told = {}
    for name, family in FAMILIES.items():
        request.progress.stage(name)
        told[name] = _judged(rows, family, left_out, request.seed)
    best = told["item_sequence"]
    low, high = mean_interval(best["each"], np.random.default_rng(request.seed))[1:]
    return {
        "protocol": "beauty",
        "note": NOTE,
        "metrics": {name: best[name] for name in ("ndcg10", "hr10", "fit_cpu_s")},
        "intervals": {"ndcg10": [low, high]},
        "families": {
            name: {key: one[key] for key in ("ndcg10", "hr10", "fit_cpu_s")}
            for name, one in told.items()
        },
        "peers": {},
        "cpu_s": round(cpu_s() - started, 1),
        "versions": versions(),
    }


def read_sequences(request: BenchRequest) -> pd.DataFrame:
    """One row an item of a sequence: customer_id, item_id, place from 0, left (items after it),
    event_at a day for each place."""
    lines = request.data.read_text(encoding="utf-8").splitlines()
    told = [line.split() for line in lines if line.strip()]
    customers = np.repeat([one[0] for one in told], [len(one) - 1 for one in told])
    items = np.concatenate([np.array(one[1:]) for one in told])
    frame = pd.DataFrame({"customer_id": customers, "item_id": items}).astype("str")
    by = frame.groupby("customer_id", sort=False)
    frame["place"] = by.cumcount()
    frame["left"] = by["item_id"].transform("size") - 1 - frame["place"]
    frame["event_at"] = START + frame["place"] * STEP
    frame["order_id"] = frame["customer_id"] + "-" + frame["place"].astype("str")
    return frame


def _judged(rows: pd.DataFrame, family: Family, left_out: int, seed: int) -> dict[str, Any]:
    """The family fitted on all but the last `left_out` items, given the first of them, asked for
    the second."""
    long = rows[rows.groupby("customer_id")["place"].transform("size") > left_out]
    began = cpu_s()
    known = _dataset(long[long["left"] >= left_out], long["item_id"])
    model = family.fit(known, np.random.default_rng(seed))
    fit_cpu_s = cpu_s() - began
    given = _dataset(long[long["left"] >= left_out - 1], long["item_id"])
    wanted = _dataset(long[long["left"] == left_out - 2], long["item_id"])
    each, hit = _ranked(model, given, wanted)
    return {
        "each": each,
        "ndcg10": float(each.mean()),
        "hr10": float(hit.mean()),
        "fit_cpu_s": round(fit_cpu_s, 2),
    }


def _dataset(rows: pd.DataFrame, names: pd.Series) -> InteractionDataset:
    """The rows over the items of all of `names`: the ranking is over all, seen or not."""
    data = InteractionDataset.of(rows)
    items = np.unique(names.to_numpy(dtype="U"))
    place = np.searchsorted(items, data.items)
    return data.over(items, place)


def _ranked(
    model: Ranker, given: InteractionDataset, wanted: InteractionDataset
) -> tuple[np.ndarray, np.ndarray]:
    """NDCG@10 and hit of each customer, (n,), what was seen masked."""
    asked = given.positions(wanted.customers)
    pairs = given.pairs
    seen = pairs.matrix(np.ones(len(pairs.item)))[asked]
    targets = wanted.pairs.matrix(np.ones(len(wanted.pairs.item)))
    none = np.zeros(0, dtype=np.int64)
    window = Window(given, asked, targets, targets, none)
    parts = [
        top(masked(model.scores(given, asked[part]), seen[part]), 10)
        for part in chunks(len(window))
    ]
    told = ndcg(np.vstack(parts), targets)
    return told, told > 0


__all__ = ["beauty", "read_sequences"]
