"""From simulated tables to a published bundle that lists by itself, and lists of all customers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from lepton import scoring, stages, stored
from lepton.context import Context, make_context
from lepton.evaluation.results import Evaluation
from lepton.solution import Project
from lepton_edge.recommend_golden import check_lists
from lepton_edge.recommend_lines import RecommendLines
from lepton_edge.recommender import Recommender
from solutions.retail_recommendation import SOLUTION

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = """\
solution: retail_recommendation
source: {interactions: interactions.parquet, items: items.parquet}
budget: {work_units: 12}
rules: rules.yaml
simulated: true
"""
RULES = """\
version: 1
rules:
  - {id: variety, kind: cap, by: category, amount: 3, owner: shop}
"""


def context(folder: Path) -> Context:
    tables = SOLUTION.simulate(np.random.default_rng(0), 12_000)
    settings = SETTINGS
    for name in ("interactions", "items"):
        tables[name].to_parquet(folder / f"{name}.parquet")
        settings = settings.replace(f"{name}.parquet", str(folder / f"{name}.parquet"))
    (folder / "rules.yaml").write_text(RULES, encoding="utf-8")
    (folder / "solution.yaml").write_text(settings, encoding="utf-8")
    return make_context(
        Project(ROOT, {SOLUTION.name: SOLUTION}, state=folder),
        SOLUTION.name,
        run_id="run1",
        config_path=folder / "solution.yaml",
    )


@pytest.mark.slow
def test_a_run_ends_in_a_bundle_that_lists_what_python_lists(tmp_path: Path) -> None:
    ctx = context(tmp_path)
    validated = stages.validate(ctx, stages.read(ctx))
    prepared = stages.featurize(ctx, validated)
    board = stages.search(ctx, prepared)
    front = stages.compress(ctx, prepared, board)
    for name, value in (("prepared", prepared), ("board", board), ("front", front)):
        folder = tmp_path / name
        folder.mkdir()
        stored.save(value, folder)
        assert type(stored.load(stored.kind(value), folder)) is type(value)
    bundle = stages.export(ctx, prepared, board, front)
    evaluation = stages.evaluate(ctx, prepared, front, bundle)
    gates = {gate.name: gate for gate in evaluation.gates}
    for name in ("parity", "leakage", "rules"):
        assert gates[name].passed, gates[name]
    report = stages.report(ctx, validated, prepared, board, front, bundle, evaluation)
    text = report.read_text(encoding="utf-8")
    for words in ("Price of rules", "Due again", "Bought together", "Beyond accuracy"):
        assert words in text
    recommender = Recommender(bundle.path)
    assert check_lists(recommender).passed
    lines = RecommendLines(recommender, date(2025, 1, 1))
    asked = {"items": [recommender.catalogue.items[0]], "days_since": [2.0], "mode": "new", "k": 5}
    told = lines.answered(json.dumps(asked).encode())["list"]
    assert len(told) == 5
    assert recommender.catalogue.items[0] not in [one["item_id"] for one in told]
    assert "LK217" in lines.answered(b'{"items": 3}')["error"]
    assert "LK219" in lines.answered(b'{"mode": "old"}')["error"]
    stages.publish(ctx, bundle, _passed(evaluation), report)
    _lists_are_made_once(ctx)


def _passed(evaluation: Evaluation) -> Evaluation:
    """The evaluation without the gate that so small a shop may miss."""
    gates = tuple(gate for gate in evaluation.gates if gate.name in ("parity", "rules"))
    return replace(evaluation, gates=gates)


def _lists_are_made_once(ctx: Context) -> None:
    lists = scoring.score(ctx).frame
    assert (lists.groupby(["customer_id", "mode"])["rank"].max() <= 10).all()
    per_category = lists.merge(
        SOLUTION.simulate(np.random.default_rng(0), 12_000)["items"][["item_id", "category"]],
        on="item_id",
        validate="many_to_one",
    )
    most = per_category.groupby(["customer_id", "mode", "category"]).size().max()
    assert most <= 3
    (home,) = (ctx.workspace.home / "lists" / SOLUTION.name).iterdir()
    made = {path: path.stat().st_mtime_ns for path in home.glob("shard=*/*")}
    lost = sorted(home.iterdir())[0]
    for path in lost.iterdir():
        path.unlink()
    lost.rmdir()
    again = scoring.score(ctx).frame
    assert again.drop(columns="run_id").equals(lists.drop(columns="run_id"))
    kept = [path for path in made if path.parent != lost]
    assert all(path.stat().st_mtime_ns == made[path] for path in kept)
