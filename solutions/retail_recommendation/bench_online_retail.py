"""Online Retail by its protocol: the last 28 days, both modes, full ranking, beside implicit.

Everything is chosen on the 28 days before the cutoff; the test part is read once, at the end.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton import stages
from lepton.automl.budget import Budget
from lepton.benching import cpu_s, customer, versions
from lepton.recommend.edge_forms import choose_form, edge_ranker, in_form
from lepton.recommend.edge_graph import Form, to_onnx
from lepton.recommend.edge_timing import agreement, measured
from lepton.recommend.interactions import DAY_S, InteractionDataset
from lepton.recommend.judged import lists_of, paired, rated
from lepton.recommend.prepared import Prepared
from lepton.recommend.retrieved import candidate_recall, fit_retrievers
from lepton.recommend.roster import STANDARD, family
from lepton.recommend.search import RecommendSearch, search
from lepton.recommend.serving import BatchServer
from lepton.recommend.windows import MODES, Window
from lepton.solution import BenchRequest
from solutions.retail_recommendation.dataset import interactions
from solutions.retail_recommendation.peers import Als, available, fit_als, tuned_als

ROOT: Final = Path(__file__).resolve().parents[2]
CUTOFF: Final = pd.Timestamp("2011-11-11", tz="UTC")
DAYS: Final = 28.0
TEST_DAYS: Final = 29.0
"""To the end of the file, whose last day is the 28th after the cutoff's own."""
UNITS: Final = 40
TOP: Final = 20

MAPPING: Final = """\
tables:
  interactions:
    columns:
      customer_id: CustomerID
      item_id: StockCode
      event_at: {from: InvoiceDate, zone: UTC}
      order_id: InvoiceNo
      quantity: Quantity
      price: UnitPrice
      title: Description
      country: Country
"""
SETTINGS: Final = """\
solution: retail_recommendation
customer: online_retail
source: {{interactions: {data}}}
mapping: mapping.yaml
budget: {{work_units: {units}}}
seed: {seed}
"""


def online_retail(request: BenchRequest) -> Mapping[str, Any]:
    """The protocol's JSON for the file `request.data`.

    Option `peers` (1): 0 leaves implicit out.
    """
    started = cpu_s()
    options = request.numbers(peers=1)
    with tempfile.TemporaryDirectory(prefix="lepton-bench-") as scratch:
        tables, settings = _tables(request, Path(scratch))
    data = interactions(tables, settings)
    found = recommended(data, request, with_peers=bool(options["peers"]))
    request.progress.stage("customers")
    found["metrics"] |= _customers(tables, settings)
    return {
        "protocol": "online_retail",
        **found,
        "cpu_s": round(cpu_s() - started, 1),
        "versions": versions(),
    }


def _tables(
    request: BenchRequest, scratch: Path
) -> tuple[Mapping[str, pd.DataFrame], Mapping[str, float]]:
    """The file's rows as the contract lets them through."""
    from solutions.retail_recommendation import SOLUTION

    settings = SETTINGS.format(data=request.data.resolve(), units=UNITS, seed=request.seed)
    ctx = customer(request, SOLUTION, ROOT, scratch, settings=settings, mapping=MAPPING)
    return stages.validate(ctx, stages.read(ctx)).tables, ctx.settings


def _customers(
    tables: Mapping[str, pd.DataFrame], settings: Mapping[str, float]
) -> Mapping[str, float]:
    """Churn and spend of the 90 days after the protocol's cutoff."""
    from solutions.retail_recommendation.bench_customers import customer_figures

    return customer_figures(tables, settings)


@dataclass(frozen=True, eq=False)
class _Run:
    """prepared: cut by the protocol; test: the window that is read once; seed; told: progress."""

    prepared: Prepared
    test: Window
    seed: int
    told: Callable[[str], None]


def recommended(
    data: InteractionDataset, request: BenchRequest, *, with_peers: bool
) -> dict[str, Any]:
    """Metrics, intervals, what was chosen, and peers, of cleaned interactions."""
    cutoff_s = int(CUTOFF.timestamp())
    selection_s = cutoff_s - round(DAYS * DAY_S)
    prepared = Prepared(data, pd.DataFrame(), DAYS, (selection_s,), cutoff_s)
    run = _Run(prepared, Window.at(data, cutoff_s, TEST_DAYS), request.seed, request.progress.stage)
    run.told("search")
    asked = RecommendSearch(STANDARD, Budget(work_units=UNITS), request.seed)
    board = search(prepared, asked, request.progress)
    run.told("test")
    rng = np.random.default_rng(request.seed)
    ranker = board.champion.on(run.test.known)
    own = rated(lists_of(ranker, run.test), run.test)
    floor_ranker = family(board.floor).fit(run.test.known, rng)
    floor = rated(lists_of(floor_ranker, run.test), run.test)
    gain = paired(own["ndcg10_all"], floor["ndcg10_all"], rng)
    metrics = {name: float(np.nanmean(values)) for name, values in own.items()}
    metrics |= {"floor_ndcg10_all": float(np.nanmean(floor["ndcg10_all"]))}
    metrics |= {"all_vs_floor": gain.ratio} | _recalls(run.test)
    form = choose_form(prepared.windows()[0], np.random.default_rng(request.seed)).form
    edge = _edge(run, form)
    peers, ratios = _peers(run, own, form) if with_peers and available() else ({}, _NO_PEERS)
    return {
        "metrics": {**metrics, **edge, **ratios},
        "intervals": {"all_vs_floor_difference": [gain.low, gain.high]},
        "folds": board.to_frame().to_dict("records"),
        "chosen": {
            "champion": dict(board.champion.families),
            "floor": board.floor,
            "edge_form": form.name,
        },
        "peers": peers,
        "customers": len(run.test),
    }


_NO_PEERS: Final = dict.fromkeys(("all_vs_implicit", "new_vs_implicit", "batch_vs_implicit"))


def _recalls(test: Window) -> dict[str, float]:
    retrieved = fit_retrievers(test.known, np.random.default_rng(0)).retrieve(
        test.known, test.customers
    )
    return {f"candidate_recall_{mode}": candidate_recall(test, retrieved, mode) for mode in MODES}


def _edge(run: _Run, form: Form) -> dict[str, float]:
    """The device's graph in the form that the selection allows: score, bytes, time, agreement."""
    run.told("device")
    whole = edge_ranker(run.test.known)
    small = in_form(whole, form)
    content = to_onnx(whole.model, form, {})
    found: dict[str, float] = {}
    for name, ranker in (("edge", small), ("edge_whole", whole)):
        told = rated(lists_of(ranker, run.test), run.test)
        found |= {
            f"{name}_ndcg10_{mode}": float(np.nanmean(told[f"ndcg10_{mode}"])) for mode in MODES
        }
    cost = measured(content, small, run.test)
    same = agreement(content, small, run.test, 10_000)
    return {
        **found,
        "edge_share_of_whole": found["edge_ndcg10_all"] / found["edge_whole_ndcg10_all"],
        "edge_bytes": float(len(content)),
        "edge_p50_ms": cost.p50_ms,
        "edge_p99_ms": cost.p99_ms,
        "edge_same_top10": same.same,
        "edge_compared": float(same.compared),
    }


def _peers(
    run: _Run, own: Mapping[str, np.ndarray], form: Form
) -> tuple[dict[str, Any], dict[str, float | None]]:
    """implicit ALS tuned on the selection and fitted again, and its speed beside ours."""
    run.told("peers")
    selection = run.prepared.windows()[0]
    points = tuned_als(selection, run.seed)
    peers: dict[str, Any] = {}
    ratios: dict[str, float | None] = {}
    for mode, point in points.items():
        model = fit_als(run.test, *point, run.seed)
        told = rated(lists_of(model, run.test, (mode,)), run.test)[f"ndcg10_{mode}"]
        score = float(np.nanmean(told))
        peers[f"implicit_als_{mode}"] = {"point": list(point), f"ndcg10_{mode}": score}
        ratios[f"{mode}_vs_implicit"] = float(np.nanmean(own[f"ndcg10_{mode}"])) / score
    ratios["batch_vs_implicit"] = _speed(run.test, model, form)
    return peers, ratios


def _speed(test: Window, model: Als, form: Form) -> float:
    """Users per CPU second of our batch of the item-item model, in the device's form, over
    implicit's; top 20 without what each had, histories at hand on both sides."""
    asked = np.arange(len(test.known.customers))
    ranker = edge_ranker(test.known)
    server = BatchServer.of(ranker, form)
    histories, seen = ranker.histories(test.known, asked), model.taken
    ours = _cpu(lambda: server.lists(histories, TOP, seen=seen))
    theirs = _cpu(lambda: model.top(asked, TOP))
    return theirs / ours


def _cpu(call: Callable[[], object], times: int = 5) -> float:
    """The least CPU seconds of several calls."""
    took = []
    for _ in range(times):
        began = time.process_time()
        call()
        took.append(time.process_time() - began)
    return min(took)


__all__ = ["online_retail", "recommended"]
