"""Hierarchies in a run: how forecasts are made to add up, chosen, kept in the bundle, applied."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.errors import IntegrityError
from lepton.forecast import scores
from lepton.forecast.board import CALIBRATED, ForecastBoard
from lepton.forecast.coherent import (
    METHODS,
    Choice,
    Joint,
    choose,
    coherent,
    joint,
    node_errors,
    sums_of,
)
from lepton.forecast.judged import LEVELS
from lepton.forecast.panel import seconds_of
from lepton.forecast.prepared import Prepared
from lepton.forecast.reconcile import Hierarchy
from lepton.report.content import CoherenceFacts
from lepton_edge.bundle import open_bundle
from lepton_edge.strict_json import parse

DIRECT: Final = "direct"
"""Forecasts as they were, before anything was made to add up."""
MIDDLE: Final = len(LEVELS) // 2
FILE: Final = "hierarchy.json"
"""Of a bundle: what belongs to what, and by which method forecasts of a batch are reconciled."""


@dataclass(frozen=True, eq=False)
class Reconciling:
    """past: forecasts of the selection side by side, by models that had not seen it; notes: sums
    that are stated and do not hold, a sentence each."""

    hierarchy: Hierarchy
    choice: Choice
    past: Joint
    notes: tuple[str, ...]


def reconciling_of(prepared: Prepared, board: ForecastBoard) -> Reconciling | None:
    """How the forecasts of a run are made to add up, chosen on the selection; None without sums."""
    hierarchy, notes = sums_of(prepared.panel, prepared.cuts.holdout_s)
    if hierarchy is None:
        return None
    told = board.selected
    past = joint(
        hierarchy,
        prepared.panel.ids,
        told.series,
        told.issue_s,
        told.y,
        told.quantiles[CALIBRATED],
    )
    return Reconciling(hierarchy, choose(hierarchy, past), past, notes)


def file_of(found: Reconciling) -> dict[str, bytes]:
    """What a bundle says of it: its file's content."""
    told = {"method": found.choice.method, "parents": dict(found.hierarchy.parents)}
    return {FILE: (json.dumps(told, indent=1) + "\n").encode()}


def told_by(bundle: Path) -> tuple[str, Hierarchy] | None:
    """The method and the hierarchy that a bundle carries; None where it carries none."""
    opened = open_bundle(bundle)
    if FILE not in opened.manifest.files:
        return None
    told: Mapping[str, Any] = parse(opened.read(FILE).decode("utf-8"))
    if told["method"] not in METHODS:
        raise IntegrityError(
            "LK659",
            where=str(bundle / FILE),
            found=f"{told['method']!r:.40} is no method of this version",
            remedy=f"install the version that made the bundle, or use one of: {', '.join(METHODS)}",
        )
    return str(told["method"]), Hierarchy.of(told["parents"])


def each_day(
    hierarchy: Hierarchy, method: str, past: Joint, asked: Joint, step_s: int
) -> np.ndarray:
    """Coherent deciles of issues one after another, (n, nodes, leads, 9), each by what was known of
    the forecasts before it; NaN where some node has none."""
    every = Joint(
        np.concatenate([past.issue_s, asked.issue_s]),
        np.concatenate([past.y, asked.y]),
        np.concatenate([past.quantiles, asked.quantiles]),
    )
    found = [
        coherent(hierarchy, method, every.until(int(at), step_s), now)
        for at, now in zip(asked.issue_s, asked.quantiles, strict=True)
    ]
    return np.stack(found) if found else asked.quantiles


def taken(
    hierarchy: Hierarchy,
    at_s: np.ndarray,
    made: np.ndarray,
    names: Sequence[str],
    issue_s: np.ndarray,
    otherwise: np.ndarray,
) -> np.ndarray:
    """What was made of issues `at_s` (m, nodes, leads, 9) as forecasts of single series (n, leads,
    9); those of series that belong to no sum, and where nothing was made, as they were."""
    found = otherwise.copy()
    place = {name: node for node, name in enumerate(hierarchy.nodes)}
    for row, (name, at) in enumerate(zip(names, issue_s.tolist(), strict=True)):
        if name in place:
            own = made[int(np.searchsorted(at_s, at)), place[name]]
            found[row] = np.where(np.isfinite(own), own, otherwise[row])
    return found


def side_by_side(hierarchy: Hierarchy, scored: pd.DataFrame, step_s: int) -> Joint:
    """Rows that were judged as issues of all nodes, an interval that is not known NaN."""
    rows = scored[scored["entity"].isin(hierarchy.nodes)]
    issue_s = seconds_of(rows["issued_at"])
    lead = (seconds_of(rows["event_at"]) - issue_s) // step_s
    first = int(lead.min()) if len(lead) else 0
    node = np.array([hierarchy.nodes.index(name) for name in rows["entity"]], dtype=np.int64)
    at = np.unique(issue_s)
    shape = (len(at), len(hierarchy.nodes), int(lead.max(initial=0)) - first + 1)
    y, quantiles = np.full(shape, np.nan), np.full((*shape, len(LEVELS)), np.nan)
    place = np.searchsorted(at, issue_s), node, lead - first
    y[place] = rows["target"]
    quantiles[place] = rows[list(LEVELS)]
    return Joint(at, y, quantiles)


def coherence_facts(found: Reconciling, scored: pd.DataFrame, step_s: int) -> CoherenceFacts:
    """What each method would have done on the holdout, and what the chosen one did to each node."""
    hierarchy, choice = found.hierarchy, found.choice
    asked = side_by_side(hierarchy, scored, step_s)
    # days have 23 to 25 hours: those that most of them have are compared
    told = np.isfinite(asked.quantiles[..., MIDDLE]).any(axis=1).sum(axis=1)
    n_leads = int(np.median(told)) if len(told) else found.past.y.shape[2]
    asked, past = asked.cut(n_leads), found.past.cut(n_leads)
    made = {method: each_day(hierarchy, method, past, asked, step_s) for method in METHODS}
    made |= {DIRECT: asked.quantiles}
    common = np.isfinite(np.stack([one[..., MIDDLE] for one in made.values()])).all(axis=(0, 2))
    judged = replace(asked, y=np.where(common[:, None], asked.y, np.nan))
    rows = []
    for name in (DIRECT, *METHODS):
        errors = node_errors(judged, made[name][..., MIDDLE])
        gap = _gap(hierarchy, made[name], common)
        rows.append(
            (
                name,
                choice.loss[name],
                choice.roots[name],
                scores.mean(errors),
                scores.mean(errors[list(hierarchy.roots)]),
                gap,
            )
        )
    names = ["method", "loss", "roots", "loss_later", "roots_later", "gap"]
    methods = pd.DataFrame(rows, columns=names)
    gaps = dict(zip(methods["method"], methods["gap"], strict=True))
    return CoherenceFacts(
        choice.method,
        methods,
        _nodes(hierarchy, judged, made[DIRECT], made[choice.method]),
        (float(gaps[DIRECT]), float(gaps[choice.method])),
        found.notes,
    )


def _gap(hierarchy: Hierarchy, quantiles: np.ndarray, common: np.ndarray) -> float:
    """Largest gap between a node's median and the sum of its leaves', in the unit."""
    medians = np.moveaxis(quantiles[..., MIDDLE], 1, 0)
    return hierarchy.incoherence(medians[:, common])


def _nodes(
    hierarchy: Hierarchy, judged: Joint, before: np.ndarray, after: np.ndarray
) -> pd.DataFrame:
    rows = []
    errors = [node_errors(judged, told[..., MIDDLE]) for told in (before, after)]
    for node, name in enumerate(hierarchy.nodes):
        loss = [scores.mean(scores.crps(judged.y, told)[:, node]) for told in (before, after)]
        direct, own = (float(one[node]) for one in errors)
        parts = int(hierarchy.sums[node].sum())
        rows.append((name, parts, direct, own, own / direct, loss[1] / loss[0]))
    names = ["node", "parts", "direct", "reconciled", "ratio", "crps_ratio"]
    return pd.DataFrame(rows, columns=names)


__all__ = [
    "FILE",
    "Reconciling",
    "coherence_facts",
    "each_day",
    "file_of",
    "reconciling_of",
    "side_by_side",
    "taken",
    "told_by",
]
