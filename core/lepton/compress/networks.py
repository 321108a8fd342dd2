"""Recipes for networks: pruned and taught again, in int8, distilled into a small one, and beside
each the same shape trained from scratch on hard labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np

from lepton.automl.entrant import Entrant
from lepton.automl.families import family
from lepton.automl.families.base import Expired, Params
from lepton.automl.families.training import Lesson, Schedule, train
from lepton.automl.model import Model
from lepton.compress.distill import soft_targets
from lepton.compress.front import CONTROL
from lepton.compress.prune import n_parameters, prune, sizes_within
from lepton.compress.quantize import quantize
from lepton.compress.recipes import Recipe, Workshop, distilled, shape, trained
from lepton.dataset import TabularDataset
from lepton.graph.nets import Network

FRACTIONS = (0.1, 0.05, 0.03)
"""Shares of a network's parameters that are tried alone."""
FEWEST_PARAMETERS = 2500
"""Below this a call costs more than what it computes (specs, c3)."""
SCHEDULE_ROWS = 2048
"""Training rows by which the sensitivity of the layers is judged."""
TOO_FAR = 0.1
"""Share of the best entrant's score below which a network is not worth making smaller."""
FINE_TUNING = Schedule(epochs=6, learning_rate=0.01, negatives=0.5, dropout=0.3, weight_decay=1.0)


def network_recipes(shop: Workshop) -> Iterator[Recipe]:
    """Smaller networks from the search's best network, none where it has none or cannot train."""
    entrant = _network_entrant(shop)
    if entrant is None or not family("net").available():
        return
    model, best = entrant.recipe, shop.leaderboard.best
    if entrant.score < best.score - TOO_FAR * abs(best.score):
        shop.notes.append(
            f"networks are not made smaller: the best of them scores {entrant.score:.3f}, "
            f"{best.name} {best.score:.3f}"
        )
        return
    for sizes in _sizes(entrant, shop):
        yield from _slimmed(shop, entrant, model, sizes)
    told = "a small network trained on hard labels"
    for params in family("net").small:
        name = f"net-{shape(params)}"
        yield trained(shop, f"{CONTROL}{name}", "control", model, params, told)
        how = "a small network"
        yield distilled(shop, f"distilled-{name}", model, params, f"{CONTROL}{name}", how)


def fine_tuned(
    network: Network, matrix: np.ndarray, target: np.ndarray, seed: int, expired: Expired
) -> Network | None:
    """A pruned network taught again on soft or hard targets; None where time ran out."""
    made = train(network, Lesson(matrix, target), FINE_TUNING, seed, expired)
    return None if made.cut_short else made.network


def _network_entrant(shop: Workshop) -> Entrant | None:
    board = shop.leaderboard
    entrants = (board.single, *board.others.values())
    return next(
        (
            one
            for one in entrants
            if one.newest.family == "net" and len(one.models) >= len(shop.folds)
        ),
        None,
    )


def _sizes(entrant: Entrant, shop: Workshop) -> list[tuple[int, ...]]:
    """Hidden layers to prune to, by the newest fold's network; the largest first."""
    model, train_rows = entrant.newest, shop.folds[-1].train
    whole = model.estimator.n_parameters
    limits = {max(round(whole * share), FEWEST_PARAMETERS) for share in FRACTIONS}
    matrix = _some(model, train_rows)
    found = [
        sizes_within(model.estimator, most, matrix)
        for most in sorted(limits, reverse=True)
        if most < whole / 2
    ]
    return list(dict.fromkeys(found))


def _slimmed(
    shop: Workshop, entrant: Entrant, model: Model, sizes: tuple[int, ...]
) -> Iterator[Recipe]:
    """One shape: pruned and taught again, the same in int8, and its control from scratch."""
    name = f"net-{'x'.join(map(str, sizes))}"
    control, whole = f"{CONTROL}{name}", entrant.newest.estimator.n_parameters
    models = entrant.models[-len(shop.folds) :]
    share = n_parameters(entrant.newest.estimator.width, sizes) / whole
    how = f"pruned to {share:.1%} of its parameters and taught by out-of-fold scores"

    def pruned(one: Model | None, rows: TabularDataset) -> Model | None:
        if one is None:
            return None
        matrix = one.preprocess.apply(*one.inputs(rows))
        target = soft_targets(rows.y, shop.teacher.margins(rows))
        cut = prune(one.estimator, sizes)
        made = fine_tuned(cut, matrix, target, shop.seed, shop.expired)
        params = {**one.params, "hidden": list(sizes), "multitask": False}
        return None if made is None else replace(one, params=params, estimator=made)

    def in_int8(one: Model | None, rows: TabularDataset) -> Model | None:
        if one is None:
            return None
        small = quantize(one.estimator, _some(one, rows))
        return replace(one, params={**one.params, "int8": True}, estimator=small)

    @cache
    def of_fold(place: int) -> Model | None:
        return pruned(models[place], shop.folds[place].train)

    def of_fold_int8(place: int) -> Model | None:
        return in_int8(of_fold(place), shop.folds[place].train)

    def refitted(typical: Model, rows: TabularDataset) -> Model | None:
        made = pruned(shop.refit(model, rows), rows)
        made = in_int8(made, rows) if "int8" in typical.params else made
        return made and replace(made, calibration=typical.calibration, threshold=typical.threshold)

    yield Recipe(name, "network", how, of_fold, refitted, control=control, trains=True)
    told = f"{how}, in int8"
    yield Recipe(
        f"{name}-int8", "network", told, of_fold_int8, refitted, control, twin=name, trains=True
    )
    params = {**_plain(model.params), "hidden": list(sizes), "multitask": False}
    told = "the same network trained from scratch on hard labels"
    yield trained(shop, control, "control", model, params, told)


def _plain(params: Params) -> Params:
    return {name: value for name, value in params.items() if name not in ("rounds", "int8")}


def _some(model: Model, rows: TabularDataset) -> np.ndarray:
    """Preprocessed rows spread evenly over `rows`."""
    spread = np.linspace(0, len(rows) - 1, min(SCHEDULE_ROWS, len(rows))).astype(np.int64)
    return model.preprocess.apply(*model.inputs(rows.take(spread)))


__all__ = ["FINE_TUNING", "FRACTIONS", "fine_tuned", "network_recipes"]
