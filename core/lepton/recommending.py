"""The stages of recommendations from tables to report, under the names of `lepton.stages`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

import lepton
from lepton.context import Context
from lepton.contracts.model import Validated
from lepton.errors import ConfigError, SearchError
from lepton.evaluation.results import Evaluation
from lepton.recommend.prepared import Prepared
from lepton.recommend.spec import RecommendSpec
from lepton.run_facts import card, data_facts, environment, model_facts
from lepton.solution import Figure
from lepton_edge.recommender import LONGEST_HISTORY
from lepton_edge.shelf import MODES, Catalogue, Rule, Shelf

if TYPE_CHECKING:
    from lepton.export.bundle import Bundle
    from lepton.recommend.board import RecommendBoard
    from lepton.recommend.champion import Champion
    from lepton.recommend.families.base import Ranker
    from lepton.recommend.front import EdgeFront
    from lepton.recommend.interactions import InteractionDataset
    from lepton.recommend.judged import Lists
    from lepton.recommend.windows import Window

LIBRARIES: Final = ("lightgbm", "onnxruntime", "numpy", "pandas", "scipy")
"""Those that decide results; a report names their versions."""
FEWEST_WINDOWS: Final = 4
DAY_S: Final = 86_400
"""Windows that a history must have: holdout, selection, and two to learn from."""


def featurize(ctx: Context, validated: Validated) -> Prepared:
    """Who took what, the catalogue, and where windows begin; features are made window by window."""
    from lepton.recommend.windows import cutoffs, horizon_days

    spec, settings = spec_of(ctx), ctx.settings
    data = spec.interactions(validated.tables, settings)
    days = settings["horizon_days"] or horizon_days(data)
    history = (data.as_of_s - int(data.at_s.min())) / DAY_S
    if history < FEWEST_WINDOWS * days:
        raise SearchError(
            "LK472",
            where="interactions",
            found=f"{history:.0f} days, where {FEWEST_WINDOWS} windows of {days:.0f} are needed",
            remedy="give a longer history, or a shorter horizon_days in the settings",
        )
    folds = min(int(settings["selection_folds"]), int(history / days) - 3)
    *before, holdout_s = cutoffs(data, days, folds + 1)
    catalogue = spec.catalogue(validated.tables)
    return Prepared(data, catalogue, days, tuple(before), holdout_s, ctx.task.name)


def search(ctx: Context, prepared: Prepared) -> RecommendBoard:
    """The champion of the families that the budget has room for."""
    from lepton.automl.budget import Budget
    from lepton.recommend.search import RecommendSearch
    from lepton.recommend.search import search as run

    budget = ctx.config.budget
    asked = RecommendSearch(
        families=ctx.solution.families,
        budget=Budget(**budget.model_dump()),
        seed=ctx.config.seed,
        spent_s=ctx.clock.spent_s,
        reserve_s=0.0 if budget.seconds is None else ctx.clock.reserve_s(len(prepared)),
    )
    return run(prepared, asked, ctx.progress)


def compress(ctx: Context, prepared: Prepared, board: RecommendBoard) -> EdgeFront:
    """The device's item-item model in its forms, the smallest inside the bound chosen."""
    from lepton.recommend.edge_forms import choose_form, edge_ranker
    from lepton.recommend.front import EdgeFront

    limits = ctx.config.compression
    choice = choose_form(
        prepared.windows()[-1],
        ctx.rng("compress"),
        max_loss=limits.max_loss,
        max_bytes=int(ctx.settings["max_edge_mb"] * 1e6),
        confidence=limits.confidence,
    )
    model = edge_ranker(prepared.before_holdout)
    return EdgeFront(choice, model, board.champion, limits.max_loss)


def export(ctx: Context, prepared: Prepared, board: RecommendBoard, front: EdgeFront) -> Bundle:
    """The device's model as a bundle in the run's folder: a directory that runs by itself."""
    from lepton.export.recommend_bundle import RecommendContext, write_recommend_bundle
    from lepton.recommend.edge_forms import in_form
    from lepton.recommend.edge_graph import to_onnx
    from lepton.recommend.edge_timing import measured

    window, form = prepared.windows()[-1], front.choice.form
    known = prepared.before_holdout
    catalogue, rules = shelf_parts(ctx, prepared, known.items)
    content = to_onnx(front.model.model, form, {})
    told = next(one for one in front.choice.trials if one.form == form)
    folder = ctx.workspace.contracts(ctx.solution.name)
    facts = RecommendContext(
        solution=ctx.solution.name,
        customer=ctx.config.customer,
        run_id=ctx.run_id,
        contracts={table: folder / f"{table}.odcs.yaml" for table in ctx.contracts},
        known=known,
        catalogue=catalogue,
        rules=rules,
        champion=front.champion.files(),
        scores={
            "NDCG@10 of the device on the selection, all": told.ndcg10_all,
            "NDCG@10 of the champion on the selection, all": board.best_score,
        },
        timing=measured(content, in_form(front.model, form), _on(known, window)),
    )
    return write_recommend_bundle(ctx.folder / "bundle", front.model, form, facts)


def _on(known: InteractionDataset, window: Window) -> Window:
    """The customers of a window with their histories in `known`."""
    from lepton.recommend.windows import Window

    at = known.positions(window.known.customers[window.customers])
    return Window(known, at, window.taken, window.spent, window.unknown)


def evaluate(ctx: Context, prepared: Prepared, front: EdgeFront, bundle: Bundle) -> Evaluation:
    """The one read of the holdout: the champion's lists, and those of the bundle's own runtime."""
    from lepton.recommend.evaluated import Found, evaluated
    from lepton.recommend.judged import lists_of
    from lepton.recommend.leak import leak_of
    from lepton.recommend.roster import FLOOR, family

    window, rng = prepared.holdout(), ctx.rng("evaluate")
    ctx.progress.step(f"{len(window):,} customers of the holdout")
    champion = front.champion.on(window.known)
    rivals = {}
    for name in FLOOR:
        rivals[name] = lists_of(family(name).fit(window.known, rng), window)
    edge, parity = _by_bundle(ctx, prepared, front, bundle, window)
    broken, slots = _broken(ctx, prepared, champion, window)
    found = Found(
        lists=lists_of(champion, window),
        edge=edge,
        whole=lists_of(front.model, window),
        rivals=rivals,
        parity=parity,
        leak=leak_of(prepared.data, family("ease_own"), prepared.holdout_s, prepared.days, 0),
        broken=broken,
        slots=slots,
    )
    return evaluated(found, window, ctx.gates, rng)


def _by_bundle(
    ctx: Context, prepared: Prepared, front: EdgeFront, bundle: Bundle, window: Window
) -> tuple[Lists, float]:
    """Lists of the bundle's own runtime without rules, and the share of them, and of the golden
    ones, that Python lists otherwise."""
    from lepton.export.edge import edge_faults
    from lepton.recommend.edge_forms import in_form
    from lepton.recommend.families.own_history import line_counts
    from lepton.recommend.judged import LONGEST, Lists, lists_of
    from lepton_edge.recommend_golden import check_lists
    from lepton_edge.recommender import Recommender

    with edge_faults():
        recommender = Recommender(bundle.path)
        golden = check_lists(recommender)
        known, counts = window.known, line_counts(window.known)
        place = _places(known.items, recommender.catalogue.items)
        small = in_form(front.model, front.choice.form)
        found = {}
        for mode in MODES:
            shelf = Shelf.of((), recommender.catalogue, ctx.made_at.date(), mode)
            found[mode] = np.full((len(window), LONGEST), -1, dtype=np.int64)
            for row, customer in enumerate(window.customers):
                own = known.customer == customer
                items = known.items[known.item[own]].tolist()
                days, each = known.age_days[own].tolist(), counts[own].tolist()
                told = recommender.history(items, days, each)
                seen = told[0] if mode == "new" else None
                made = recommender.recommend(*told[:2], shelf, k=LONGEST, seen=seen)
                found[mode][row, : len(made.item)] = place[made.item]
    short = np.diff(small.histories(known, window.customers).indptr) <= LONGEST_HISTORY
    same = lists_of(small, window).of["all"][short, :10] == found["all"][short, :10]
    differ = float((~same.all(axis=1)).mean()) if short.any() else 0.0
    return Lists(found), max(differ, golden.flips / max(golden.rows, 1))


def recommendations(ctx: Context, bundle: Path, validated: Validated) -> pd.DataFrame:
    """Lists of every customer in both modes by the bundle's champion, with all that is known: one
    row a listed item, columns as `shards.lists_for` has them.

    Shards that an earlier call finished with the same data, champion and rules are not made again.
    """
    from lepton.recommend.champion import Champion
    from lepton.recommend.edge_forms import edge_ranker
    from lepton.recommend.rules import on_hand_of
    from lepton.recommend.shards import Batch, listed_in_shards, read_shards

    spec = spec_of(ctx)
    data = spec.interactions(validated.tables, ctx.settings)
    champion = Champion.load(bundle / "champion")
    told = Prepared(data, spec.catalogue(validated.tables), 0.0, (), data.as_of_s, ctx.task.name)
    catalogue, rules = shelf_parts(ctx, told, data.items)
    on_hand, day = on_hand_of(data.items, told.catalogue), day_of(data)
    shelves = {mode: Shelf.of(rules, catalogue, day, mode, on_hand) for mode in MODES}
    folder = (
        ctx.workspace.home
        / "lists"
        / ctx.solution.name
        / _same_lists(data, champion, rules, on_hand)
    )
    batch = Batch(champion.on(data), edge_ranker(data), shelves, int(ctx.settings["list_length"]))
    for number, made in listed_in_shards(batch, data, folder):
        ctx.progress.step(f"shard {number}" + ("" if made else ", made before"))
    return read_shards(folder)


def _same_lists(
    data: InteractionDataset,
    champion: Champion,
    rules: tuple[Rule, ...],
    on_hand: np.ndarray | None,
) -> str:
    """What lists follow from, as a name of a folder."""
    parts = [data.customers, data.items, data.customer, data.item, data.order, data.at_s]
    told = hashlib.sha256(champion.fingerprint.encode())
    for part in (*parts, data.weight, data.price, *([] if on_hand is None else [on_hand])):
        told.update(np.ascontiguousarray(part).tobytes())
    told.update(json.dumps([rule.to_json() for rule in rules]).encode())
    return told.hexdigest()[:24]


def _places(items: np.ndarray, listed: tuple[str, ...]) -> np.ndarray:
    """Where each of `listed` stands among `items`, which are sorted."""
    return np.searchsorted(items, np.array(listed, dtype="U"))


def _broken(ctx: Context, prepared: Prepared, champion: Ranker, window: Window) -> tuple[int, int]:
    """Slots of the champion's lists under the rules that break one, and how many there are."""
    from lepton.recommend.priced import audit
    from lepton.recommend.rules import on_hand_of

    catalogue, rules = shelf_parts(ctx, prepared, window.known.items)
    on_hand = on_hand_of(window.known.items, prepared.catalogue)
    broken = slots = 0
    for mode in MODES:
        shelf = Shelf.of(rules, catalogue, day_of(window.known), mode, on_hand)
        found = audit(champion, window, mode, shelf, int(ctx.settings["list_length"]))
        broken, slots = broken + found.broken, slots + int((found.lists >= 0).sum())
    return broken, slots


def shelf_parts(
    ctx: Context, prepared: Prepared, items: np.ndarray
) -> tuple[Catalogue, tuple[Rule, ...]]:
    """The catalogue of `items` in their order, and the rules of the settings' file, else the
    solution's."""
    from lepton.recommend.rules import catalogue_of, load_shelf_rules

    catalogue = catalogue_of(items, prepared.catalogue)
    named = ctx.config.rules
    if named is not None:
        return catalogue, load_shelf_rules(ctx.config_path.parent / named, catalogue)
    default = spec_of(ctx).rules
    if not default:
        return catalogue, ()
    home = ctx.workspace.config(ctx.solution.name).parent
    return catalogue, load_shelf_rules(home / default, catalogue)


def day_of(known: InteractionDataset) -> date:
    """The UTC day of the instant from which on nothing is known."""
    return date.fromordinal(date(1970, 1, 1).toordinal() + known.as_of_s // DAY_S)


def spec_of(ctx: Context) -> RecommendSpec:
    """What the solution says of its recommendations; ConfigError LK132 where it says nothing."""
    spec = ctx.solution.recommend
    if spec is None:
        raise ConfigError(
            "LK132",
            where=ctx.solution.name,
            found=f"the task '{ctx.task.name}' recommends, and nothing says who took what",
            remedy="give the solution a RecommendSpec, see solutions/retail_recommendation",
        )
    return spec


def report(
    ctx: Context,
    validated: Validated,
    prepared: Prepared,
    board: RecommendBoard,
    front: EdgeFront,
    bundle: Bundle,
    evaluation: Evaluation,
) -> Path:
    """The run's HTML report, written whether the gates hold or not."""
    from lepton.report.content import ReportContent
    from lepton.report.html import write_report
    from lepton.report.recommend_facts import recommend_facts

    _, rules = shelf_parts(ctx, prepared, prepared.before_holdout.items)
    content = ReportContent(
        title=ctx.solution.title,
        subtitle=ctx.solution.about,
        customer=ctx.config.customer,
        run_id=ctx.run_id,
        kit_version=lepton.__version__,
        made_at=ctx.made_at,
        data=data_facts(ctx, validated),
        model=model_facts(ctx, board, front),
        evaluation=evaluation,
        figures=(*ctx.solution.figures, *_asides(ctx, validated)),
        environment=environment(ctx, bundle, "", LIBRARIES),
        card=card(bundle),
        simulated=ctx.config.simulated,
        spec=ctx.solution.report,
        costs=ctx.costs,
        links={"Data Docs": "data_docs/index.html"},
        recommend=recommend_facts(prepared, board, front, bundle, rules),
    )
    return write_report(ctx.folder / "report.html", content)


def _asides(ctx: Context, validated: Validated) -> tuple[Figure, ...]:
    """What the solution tells of rows, customers and stock."""
    told = spec_of(ctx).asides
    found = () if told is None else told(validated.tables, ctx.settings)
    return tuple(Figure(one.title, one.caption, _always(one.shows), "beside") for one in found)


def _always(shows: pd.DataFrame | str) -> Callable[[Evaluation], pd.DataFrame | str]:
    """What does not depend on the evaluation."""
    return lambda _: shows
