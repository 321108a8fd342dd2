"""Cases of the reliability catalogue on lists: bundle against Python, raw lines against both, and
lists that are no better than a simple rule."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton.evaluation.results import Evaluation
from lepton.export.recommend_bundle import (
    TOLERANCE,
    RecommendContext,
    listed_by_python,
    write_recommend_bundle,
)
from lepton.recommend.edge_forms import FORMS, edge_ranker, in_form
from lepton.recommend.evaluated import Found, evaluated
from lepton.recommend.families.ease_own import EaseOwnRanker
from lepton.recommend.families.own_history import line_counts
from lepton.recommend.interactions import InteractionDataset
from lepton.recommend.judged import lists_of
from lepton.recommend.roster import family
from lepton.recommend.rules import catalogue_of, load_shelf_rules
from lepton.recommend.windows import Window
from lepton.recommending import day_of
from lepton_edge.recommend_golden import check_lists
from lepton_edge.recommend_lines import RecommendLines
from lepton_edge.recommender import LONGEST_HISTORY, Recommender
from lepton_edge.shelf import MODES
from solutions.retail_recommendation import SOLUTION
from solutions.retail_recommendation.catalogue import catalogue
from solutions.retail_recommendation.cleaning import clean
from solutions.retail_recommendation.simulate import simulate

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "solutions" / "retail_recommendation"
CONTRACTS = ROOT / "data_contracts" / "retail_recommendation"
Told = dict[str, list[Any]]


@dataclass(frozen=True)
class Shipped:
    """A bundle of a small shop, what it was made of, and the tables it came from."""

    tables: dict[str, pd.DataFrame]
    known: InteractionDataset
    ranker: EaseOwnRanker
    recommender: Recommender


@pytest.fixture(scope="module", params=FORMS[:2], ids=lambda form: str(form.name))
def shipped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shipped:
    """Uncompressed and in int8, with the rules and stock of the shop."""
    tables = simulate(np.random.default_rng(8), 20_000)
    assert SOLUTION.recommend is not None
    known = SOLUTION.recommend.interactions(tables, SOLUTION.settings)
    shelf = catalogue_of(known.items, catalogue(tables))
    ranker = edge_ranker(known)
    context = RecommendContext(
        solution=SOLUTION.name,
        customer="tests",
        run_id="r1",
        contracts={table: CONTRACTS / f"{table}.odcs.yaml" for table in SOLUTION.tables},
        known=known,
        catalogue=shelf,
        rules=load_shelf_rules(FOLDER / "rules.yaml", shelf),
    )
    out = tmp_path_factory.mktemp("retail") / "bundle"
    bundle = write_recommend_bundle(out, ranker, request.param, context)
    return Shipped(tables, known, in_form(ranker, request.param), Recommender(bundle.path))


def histories(shipped: Shipped) -> list[Told]:
    """Drawn and at the bounds: none, one, nothing known, the same again, as long as can be, longer,
    just now and long ago."""
    rng, items = np.random.default_rng(0), shipped.known.items
    long = rng.choice(items, LONGEST_HISTORY + 100, replace=False).tolist()
    drawn = [rng.choice(items, rng.integers(1, 60)).tolist() for _ in range(200)]
    told = [[], [items[0]], ["?"], [items[0], items[0], "?"], long[:LONGEST_HISTORY], long, *drawn]
    made = []
    for one in told:
        days = np.round(rng.exponential(60.0, len(one)), 3).tolist()
        made.append({"items": one, "days_since": days, "counts": [1.0] * len(one)})
    ends = items[:3].tolist()
    made.append({"items": ends, "days_since": [0.0, 1e-9, 99_999.0], "counts": [1.0, 0.5, 1.0]})
    return made


def test_x01_golden_drawn_and_boundary_histories_list_as_python_does(shipped: Shipped) -> None:
    golden = check_lists(shipped.recommender)
    assert (golden.flips, golden.max_abs_diff <= TOLERANCE) == (0, True)
    day = day_of(shipped.known)
    for mode in MODES:
        shelf = shipped.recommender.shelf(day, mode)
        for told in histories(shipped):
            history, weight, _ = shipped.recommender.history(
                told["items"], told["days_since"], told["counts"]
            )
            seen = history if mode == "new" else None
            made = shipped.recommender.recommend(history, weight, shelf, seen=seen)
            listed, scores = listed_by_python(shipped.ranker, told, shipped.known, shelf, mode)
            assert made.item.tolist() == listed.tolist()
            gap = np.abs(made.score - scores)
            assert float(gap[~np.isnan(gap)].max(initial=0.0)) <= TOLERANCE


def test_x12_raw_order_lines_and_the_cleaned_table_meet_in_the_bundle(shipped: Shipped) -> None:
    """What a device is asked with a customer's own lines is what the pipeline lists for them."""
    known = shipped.known
    rows = clean(shipped.tables["interactions"], shipped.tables["items"]).rows
    until = pd.Timestamp(known.as_of_s, unit="s", tz="UTC")
    lines = RecommendLines(shipped.recommender, day_of(known))
    counts = line_counts(known)
    chosen = np.flatnonzero(known.n_orders > 2)[:40]
    shelf = shipped.recommender.shelf(day_of(known))
    for customer in chosen.tolist():
        mine = rows[rows["customer_id"] == known.customers[customer]]
        own = known.customer == customer
        assert len(mine) == own.sum()
        first = mine.drop_duplicates(["order_id", "item_id"])
        seconds = (until - first["event_at"]).dt.total_seconds()
        asked = {
            "customer_id": str(known.customers[customer]),
            "items": first["item_id"].tolist(),
            "days_since": (seconds / 86_400).round(6).tolist(),
        }
        answer = lines.answered(json.dumps(asked).encode())
        told = {
            "items": known.items[known.item[own]].tolist(),
            "days_since": known.age_days[own].tolist(),
            "counts": counts[own].tolist(),
        }
        listed, _ = listed_by_python(shipped.ranker, told, known, shelf, "all")
        assert [one["item_id"] for one in answer["list"]] == known.items[listed].tolist()


def judged(name: str, rival: str, data: InteractionDataset) -> Evaluation:
    """The lists of one family, rated beside those of another as the simple rule."""
    window = Window.at(data, data.as_of_s - 28 * 86_400, 28.0)
    rng = np.random.default_rng(0)
    own, other = (lists_of(family(one).fit(window.known, rng), window) for one in (name, rival))
    found = Found(own, own, own, {rival: other}, 0.0, 0.0, 0, 1)
    return evaluated(found, window, SOLUTION.gates, rng)


def test_l10_lists_worse_than_a_simple_rule_are_refused_and_the_gate_says_by_how_much() -> None:
    tables = simulate(np.random.default_rng(8), 40_000)
    assert SOLUTION.recommend is not None
    data = SOLUTION.recommend.interactions(tables, SOLUTION.settings)
    worse = {gate.name: gate for gate in judged("popularity", "own_history", data).gates}
    assert not worse["beats_baseline"].passed
    assert "more than own_history" in worse["beats_baseline"].found
    assert worse["beats_baseline"].found.startswith("-")
    better = {gate.name: gate for gate in judged("own_history", "popularity", data).gates}
    assert better["beats_baseline"].passed
