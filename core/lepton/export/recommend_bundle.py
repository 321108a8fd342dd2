"""Writes a bundle that recommends by itself: one graph, the catalogue, rules, golden lists."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np

import lepton
from lepton.export.bundle import Bundle
from lepton.export.parts import (
    as_json,
    contract_entry,
    file_entries,
    licence,
    read_contract,
    runtime_files,
    write_whole,
)
from lepton.export.static_check import check_static
from lepton.graph.emit import OPSETS
from lepton.recommend.edge_forms import in_form
from lepton.recommend.edge_graph import LISTED, LOWEST, Form, to_onnx
from lepton.recommend.edge_timing import Cost
from lepton.recommend.families.ease_own import EaseOwnRanker
from lepton.recommend.families.own_history import line_counts
from lepton.recommend.interactions import DAY_S, InteractionDataset
from lepton_edge.bundle import FORMAT, GOLDEN, MODEL, RECOMMEND
from lepton_edge.device import device_name
from lepton_edge.recommender import CATALOGUE, PLAN, RULES, newest
from lepton_edge.shelf import MODES, Catalogue, Rule, Shelf

TOLERANCE: Final = 1e-4
GOLDEN_LISTS: Final = 40
K: Final = 10


@dataclass(frozen=True)
class RecommendContext:
    """What a bundle of recommendations says beside its model.

    contracts: table -> ODCS file; known: what it was learnt from, its newest histories are golden;
    catalogue, rules: as `lepton.recommend.rules` loads them; champion: file
    -> content of what all customers are scored with; timing: what a list costs.
    """

    solution: str
    customer: str
    run_id: str
    contracts: Mapping[str, Path]
    known: InteractionDataset
    catalogue: Catalogue
    rules: tuple[Rule, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    champion: Mapping[str, bytes] = field(default_factory=dict)
    timing: Cost | None = None
    kit_version: str = field(default=lepton.__version__)


def write_recommend_bundle(
    out: Path, ranker: EaseOwnRanker, form: Form, context: RecommendContext
) -> Bundle:
    """The bundle of the device's model in `form`, in the new folder `out`: complete, verified, or
    not there at all.

    Raises ExportError LK504 or LK506, IntegrityError where what was written does not read back.
    """
    described = {"lepton.solution": context.solution}
    files = {MODEL: to_onnx(ranker.model, form, described)}
    check_static(files[MODEL])
    plan = {
        "half_life_days": ranker.input_half_life_days,
        "form": form.name,
        "own": ranker.model.own,
        "trained_until": _day(context.known).isoformat(),
        "scores": dict(context.scores),
    }
    texts = {
        PLAN: as_json(plan),
        CATALOGUE: json.dumps(_catalogue(context.catalogue), ensure_ascii=False),
        RULES: as_json({"rules": [rule.to_json() for rule in context.rules]}),
        GOLDEN: json.dumps(golden_lists(ranker, form, context), allow_nan=False),
        "model-card.md": _card(form, context),
        "LICENSE": licence(),
    }
    files |= {name: text.encode() for name, text in texts.items()}
    files |= {f"champion/{name}": data for name, data in context.champion.items()}
    for table, path in context.contracts.items():
        files[f"contracts/{table}.odcs.yaml"] = read_contract(path)
    files |= runtime_files()
    manifest = _manifest(form, context, files)
    return Bundle(out, manifest, write_whole(out, manifest, files))


def golden_lists(ranker: EaseOwnRanker, form: Form, context: RecommendContext) -> dict[str, Any]:
    """Histories of the customers of the newest orders, and what Python lists for them."""
    known, day = context.known, _day(context.known)
    small = in_form(ranker, form)
    latest = np.zeros(len(known.customers), dtype=np.int64)
    np.maximum.at(latest, known.customer, known.at_s)
    asked = np.argsort(-latest, kind="stable")[:GOLDEN_LISTS]
    shelves = {mode: Shelf.of(context.rules, context.catalogue, day, mode) for mode in MODES}
    counts, lists = line_counts(known), []
    for number, customer in enumerate(asked):
        mode = MODES[number % len(MODES)]
        own = known.customer == customer
        told = {
            "items": known.items[known.item[own]].tolist(),
            "days_since": known.age_days[own].tolist(),
            "counts": counts[own].tolist(),
        }
        listed, scores = listed_by_python(small, told, known, shelves[mode], mode)
        lists.append(
            {
                **told,
                "mode": mode,
                "day": day.isoformat(),
                "listed": known.items[listed].tolist(),
                "scores": [None if np.isnan(one) else float(one) for one in scores],
            }
        )
    return {"tolerance": TOLERANCE, "lists": lists}


def listed_by_python(
    ranker: EaseOwnRanker,
    told: Mapping[str, list[Any]],
    known: InteractionDataset,
    shelf: Shelf,
    mode: str,
    k: int = K,
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and scores of one history's list, without any graph: what a device must repeat."""
    at = known.item_positions(np.array(told["items"], dtype="U"))
    weight: dict[int, float] = {}
    for item, days, count in zip(at.tolist(), told["days_since"], told["counts"], strict=True):
        if item >= 0:
            decayed = count * 2.0 ** (-days / ranker.input_half_life_days)
            weight[item] = weight.get(item, 0.0) + decayed
    history = np.fromiter(weight, dtype=np.int64, count=len(weight))
    values = np.fromiter(weight.values(), dtype=np.float32, count=len(weight))
    kept, weights = newest(history, values)
    model = ranker.model
    scores = weights @ model.similar[kept] + model.prior
    scores[kept] += np.float32(model.own) * weights
    scores = scores + shelf.boost * scores.max()
    scores = np.where(shelf.allowed, scores, np.float32(LOWEST))
    if mode == "new":
        scores[history] = LOWEST
    by = np.argsort(-scores, kind="stable")[:LISTED]
    by = by[scores[by] > LOWEST]
    listed, _ = shelf.fill(by, k, history if mode == "new" else None)
    inside = np.isin(listed, by)
    return listed, np.where(inside, scores[listed], np.nan)


def _day(known: InteractionDataset) -> date:
    return date.fromordinal(date(1970, 1, 1).toordinal() + int(known.as_of_s // DAY_S))


def _catalogue(catalogue: Catalogue) -> dict[str, Any]:
    columns = {name: values.tolist() for name, values in catalogue.columns.items()}
    return {"items": list(catalogue.items), "columns": columns}


def _manifest(form: Form, context: RecommendContext, files: Mapping[str, bytes]) -> dict[str, Any]:
    cost = context.timing
    timing = {} if cost is None else {"p50_ms": cost.p50_ms, "p99_ms": cost.p99_ms}
    return {
        "format": FORMAT,
        "kit_version": context.kit_version,
        "solution": context.solution,
        "run_id": context.run_id,
        "contracts": {table: contract_entry(path) for table, path in context.contracts.items()},
        "inputs": {"numeric": ["history", "weight", "seen", "allowed", "boost"], "categorical": []},
        "key": "customer_id",
        "outputs": ["item", "score", "because", "share"],
        RECOMMEND: {
            "items": len(context.catalogue.items),
            "form": form.name,
            "rules": len(context.rules),
            "trained_until": _day(context.known).isoformat(),
        },
        "opset": {domain or "ai.onnx": version for domain, version in OPSETS.items()},
        "model_fingerprint": hashlib.sha256(files[MODEL]).hexdigest(),
        "family": "ease_own",
        "timing": {**timing, "device": device_name()} if timing else {},
        "files": file_entries(files),
    }


def _card(form: Form, context: RecommendContext) -> str:
    told = [f"- {name}: {value:.4f}" for name, value in context.scores.items()]
    lines = [
        f"# {context.solution}: recommendations for {context.customer}",
        "",
        f"Lists of {len(context.catalogue.items):,} items from what a customer took before; it "
        "keeps nothing of anybody, so a new customer, or a new order, counts at once.",
        "",
        f"- Made by Lepton Kit {context.kit_version}, run {context.run_id}",
        f"- Item-item model (EASE with re-orders) as {form.name}; learnt from all before "
        f"{_day(context.known).isoformat()}",
        f"- {len(context.rules)} rules: availability, exclusions and boosts go into the graph, "
        "caps and pins are kept after it",
        *told,
        "- Learnt from one customer's shop: it knows nothing of others, and drifts as that does",
        "",
        "## Use on a device",
        "",
        "Python 3.11 or newer with numpy and onnxruntime is enough; no network is used.",
        "",
        "```",
        "PYTHONPATH=BUNDLE/runtime python -m lepton_edge verify BUNDLE",
        "PYTHONPATH=BUNDLE/runtime python -m lepton_edge recommend BUNDLE asked.jsonl",
        "```",
        "",
        "One JSON object a line, an item and the days since for each time it was taken:",
        "",
        "```",
        '{"customer_id": "c1", "items": ["22423"], "days_since": [3.5], "mode": "new", "k": 10}',
        "```",
    ]
    return "\n".join(lines) + "\n"


__all__ = ["RecommendContext", "golden_lists", "listed_by_python", "write_recommend_bundle"]
