"""The one read of the holdout of recommendations: metrics with intervals, rivals, gates, rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from lepton.evaluation.results import REFERENCE, Evaluation, GateResult, MetricResult
from lepton.recommend.judged import Lists, mean_interval, paired, rated
from lepton.recommend.windows import Window

ABOUT: Final = {
    "ndcg10_all": "discounted gain of the first ten, of everything that is taken",
    "ndcg10_new": "discounted gain of the first ten, of what the customer had never taken",
    "recall10_all": "share of what is taken that is among the first ten",
    "recall20_all": "share of what is taken that is among the first twenty",
    "recall20_new": "share of what is taken for the first time that is among the first twenty",
    "hit10_all": "share of customers who take one of the first ten",
    "hit10_new": "share of customers who take one of the first ten for the first time",
    "mrr10_all": "one over the place of the first that is taken, in the first ten",
    "map12_all": "mean average precision of the first twelve",
}
EDGE: Final = "edge_ndcg10_"


@dataclass(frozen=True, eq=False)
class Found:
    """What the holdout showed. lists: of the champion; edge: of the bundle's own runtime; whole: of
    the device's model uncompressed; rivals: simple rule -> its lists; parity: share of golden and
    holdout lists that differ between bundle and Python; leak: as `leak.leak_of`; broken: slots of
    the champion's lists under all rules that break one; slots: how many there were."""

    lists: Lists
    edge: Lists
    whole: Lists
    rivals: Mapping[str, Lists]
    parity: float
    leak: float
    broken: int
    slots: int


def evaluated(
    found: Found, window: Window, gates: Mapping[str, float], rng: np.random.Generator
) -> Evaluation:
    """Metrics of the champion, and of the device as `edge_ndcg10_all` and `_new`, of the simple
    rules on the same customers, and the gates."""
    own, edge = rated(found.lists, window), rated(found.edge, window)
    whole = rated(found.whole, window)
    rivals = {name: rated(lists, window) for name, lists in found.rivals.items()}
    metrics = [*_results(own, rng), *_edge_results(edge, rng)]
    facts = {
        "parity_max_abs_diff": found.parity,
        "leak_max_abs_diff": found.leak,
        "rule_slots": float(found.slots),
        "rule_violations": float(found.broken),
    }
    return Evaluation(
        metrics=tuple(metrics),
        baselines={name: tuple(_results(told, rng)) for name, told in rivals.items()},
        reference=tuple(_edge_results(whole, rng)),
        gates=tuple(_gates(found, own, edge, whole, rivals, gates, rng)),
        scored=rows_of(window, own, edge, rivals),
        facts=facts,
    )


def rows_of(
    window: Window,
    own: Mapping[str, np.ndarray],
    edge: Mapping[str, np.ndarray],
    rivals: Mapping[str, Mapping[str, np.ndarray]],
) -> pd.DataFrame:
    """One row a customer: entity, event_at (the cutoff), orders before it, target (items that were
    taken), NDCG@10 of champion, device and rivals."""
    known = window.known
    frame = pd.DataFrame(
        {
            "entity": pd.Series(known.customers[window.customers], dtype="str"),
            "event_at": pd.to_datetime(np.full(len(window), known.as_of_s), unit="s", utc=True),
            "orders": known.n_orders[window.customers],
            "target": np.diff(window.taken.indptr).astype(np.float64),
            "score": own["ndcg10_all"],
            "ndcg10_all": own["ndcg10_all"],
            "ndcg10_new": own["ndcg10_new"],
            "edge_ndcg10_all": edge["ndcg10_all"],
        }
    )
    frame["event_at"] = frame["event_at"].astype("datetime64[us, UTC]")
    for name, told in rivals.items():
        frame[f"ndcg10_all_{name}"] = told["ndcg10_all"]
    return frame


def _results(told: Mapping[str, np.ndarray], rng: np.random.Generator) -> Iterator[MetricResult]:
    for name, about in ABOUT.items():
        if name in told:
            yield _result(name, about, told[name], rng)


def _edge_results(
    told: Mapping[str, np.ndarray], rng: np.random.Generator
) -> Iterator[MetricResult]:
    for mode in ("all", "new"):
        about = f"the same of the device's own graph, mode {mode}"
        yield _result(f"{EDGE}{mode}", about, told[f"ndcg10_{mode}"], rng)


def _result(name: str, about: str, values: np.ndarray, rng: np.random.Generator) -> MetricResult:
    if not np.isfinite(values).any():
        return MetricResult(name, None, about=about, reason="nobody took anything that counts")
    return MetricResult(name, *mean_interval(values, rng), about=about)


def _gates(
    found: Found,
    own: Mapping[str, np.ndarray],
    edge: Mapping[str, np.ndarray],
    whole: Mapping[str, np.ndarray],
    rivals: Mapping[str, Mapping[str, np.ndarray]],
    gates: Mapping[str, float],
    rng: np.random.Generator,
) -> Iterator[GateResult]:
    made: Mapping[str, Callable[[float], GateResult]] = {
        "beats_baseline": lambda needed: _beats(own, rivals, needed, rng),
        "compression_loss": lambda needed: _compressed(edge, whole, needed),
        "parity": lambda needed: GateResult(
            "parity",
            found.parity <= needed,
            f"at most {needed:.2%} of lists",
            f"{found.parity:.2%} of lists differ",
            "The bundle must list what the model lists.",
        ),
        "leakage": lambda needed: GateResult(
            "leakage",
            found.leak <= needed,
            f"at most {needed:g}",
            f"{found.leak:.2g}",
            "Rows at or after the cutoff, shuffled or dropped, must change no list before it.",
        ),
        "rules": lambda needed: GateResult(
            "rules",
            found.broken <= needed,
            f"at most {needed:g} slots",
            f"{found.broken:,} of {found.slots:,} slots",
            "No list may hold what a rule forbids.",
        ),
    }
    for name, needed in gates.items():
        if name in made:
            yield made[name](needed)


def _beats(
    own: Mapping[str, np.ndarray],
    rivals: Mapping[str, Mapping[str, np.ndarray]],
    needed: float,
    rng: np.random.Generator,
) -> GateResult:
    """Better than the best simple rule, also at the lower end of the paired interval."""
    about = "Lists that are no better than a simple rule are not worth their keep."
    means = {name: float(np.nanmean(told["ndcg10_all"])) for name, told in rivals.items()}
    best = max(means, key=lambda name: means[name])
    gain = paired(own["ndcg10_all"], rivals[best]["ndcg10_all"], rng)
    passed = gain.ratio >= 1 + needed and gain.low > 0
    text = f"{gain.ratio - 1:.1%} more than {best} (NDCG@10 {gain.low:+.4f} to {gain.high:+.4f})"
    return GateResult("beats_baseline", passed, f"{needed:.0%} more, surely above 0", text, about)


def _compressed(
    edge: Mapping[str, np.ndarray], whole: Mapping[str, np.ndarray], needed: float
) -> GateResult:
    loss = 1 - float(np.nanmean(edge["ndcg10_all"])) / float(np.nanmean(whole["ndcg10_all"]))
    return GateResult(
        "compression_loss",
        loss <= needed,
        f"at most {needed:.1%} of NDCG@10",
        f"{loss:.2%}",
        f"What the device loses against its own model as it was trained ({REFERENCE}).",
    )


__all__ = ["ABOUT", "Found", "evaluated", "rows_of"]
