"""Ways to a smaller model: each is tried on every fold, the chosen one on all rows at last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from lepton.automl.budget import Meter
from lepton.automl.entrant import Entrant
from lepton.automl.families import family
from lepton.automl.families.base import Params
from lepton.automl.fits import Bench
from lepton.automl.leaderboard import Leaderboard
from lepton.automl.model import Model, blend, refit
from lepton.automl.trial import Plan
from lepton.compress.distill import soft_targets
from lepton.compress.front import CONTROL, Kind
from lepton.compress.teacher import Teacher
from lepton.dataset import TabularDataset, TimeFold

FRACTIONS = (0.5,)
"""Shares of the best single model's rounds that are tried alone."""
FASTEST_RATE = 0.3
BLEND_SHARES = (0.6, 0.3)
"""Shares of a blend's members, the heaviest first, that are tried without the others."""

Refitted = Callable[[Model, TabularDataset], Model | None]
"""(typical model of the folds, all rows) -> what would be shipped, None where time ran out."""


@dataclass(frozen=True)
class Recipe:
    """A way to a model.

    how: in words. of_fold: number of a fold -> its model, None where it could not be made.
    control: name of the recipe that makes the same shape from scratch on hard labels; twin: name
    of the one whose batch it must be quicker than; trains: whether it costs fits.
    """

    name: str
    kind: Kind
    how: str
    of_fold: Callable[[int], Model | None]
    refitted: Refitted
    control: str | None = None
    twin: str | None = None
    trains: bool = False


@dataclass
class Deadline:
    """Whether fits have to stop: `needed_s` before the end, and at the end once it `is_last`."""

    left: Meter
    needed_s: float
    is_last: bool = False

    def __call__(self) -> bool:
        return self.left.left_s <= (0.0 if self.is_last else self.needed_s)


@dataclass(frozen=True, eq=False)
class Workshop:
    """What recipes are made from: the search's entrants, its folds, and fits while there is time.

    expired: whether what is left of the budget is needed for the last refits; once these have
    begun, whether nothing is left. notes: what was left out, one sentence each.
    """

    leaderboard: Leaderboard
    folds: tuple[TimeFold, ...]
    bench: Bench
    teacher: Teacher
    expired: Deadline
    notes: list[str] = field(default_factory=list)

    @property
    def seed(self) -> int:
        """Of all fits."""
        return self.leaderboard.seed

    def refit(
        self, model: Model, rows: TabularDataset, *, more_rounds: bool = False, soft: bool = False
    ) -> Model | None:
        """`model`'s recipe on `rows`, on the teacher's scores as well where `soft`."""
        target = soft_targets(rows.y, self.teacher.margins(rows)) if soft else None
        return refit(
            model,
            rows,
            seed=self.seed,
            more_rounds=more_rounds,
            expired=self.expired,
            target=target,
        )


def recipes(shop: Workshop) -> Iterator[Recipe]:
    """The best entrant first, then everything that may replace it, cheap ones first."""
    board = shop.leaderboard
    yield kept(shop, "best", board.best, "full", "unreduced")
    if board.single.name != board.best.name:
        yield kept(shop, "single", board.single, "single", "best single model of the search")
    for name, entrant in board.others.items():
        if entrant.name != board.single.name and len(entrant.models) >= len(shop.folds):
            yield kept(shop, name, entrant, "single", f"best of the family {name}")
    yield from _lighter_blends(shop)
    yield from _prefixes(shop)
    yield from _small(shop)
    yield from _distilled(shop)


def kept(shop: Workshop, name: str, entrant: Entrant, kind: Kind, how: str) -> Recipe:
    """An entrant as the search left it."""
    models = entrant.models[-len(shop.folds) :]
    whole = name == "best"
    return Recipe(
        name,
        kind,
        how,
        lambda place: models[place],
        lambda model, rows: shop.refit(model, rows, more_rounds=whole),
    )


def trained(
    shop: Workshop, name: str, kind: Kind, model: Model, params: Params, how: str
) -> Recipe:
    """A configuration fitted anew on hard labels; it is its own control."""
    plan = Plan(model.family, params, "compression")

    def of_fold(place: int) -> Model | None:
        shop.bench.prepare(plan.family, place)
        fit = shop.bench.run(plan, place, shop.expired)
        return fit.model if fit.is_whole else None

    return Recipe(name, kind, how, of_fold, shop.refit, control=name, trains=True)


def distilled(
    shop: Workshop, name: str, model: Model, params: Params, control: str | None, how: str
) -> Recipe:
    """A configuration fitted on the teacher's out-of-fold scores and on the labels."""
    template = replace(model, params=params)

    def of_fold(place: int) -> Model | None:
        return shop.refit(template, shop.folds[place].train, soft=True)

    return Recipe(
        name,
        "distilled",
        f"{how} taught by out-of-fold scores of {shop.leaderboard.best.name}",
        of_fold,
        lambda typical, rows: shop.refit(typical, rows, soft=True),
        control=control,
        trains=True,
    )


def heaviest(model: Model, n: int) -> Model:
    """A blend's `n` heaviest members, their weights raised to the old sum."""
    order = sorted(np.argsort(-np.asarray(model.weights), kind="stable")[:n])
    weights = [model.weights[place] for place in order]
    scale = sum(model.weights) / sum(weights)
    return blend([model.members[place] for place in order], [w * scale for w in weights])


def _lighter_blends(shop: Workshop) -> Iterator[Recipe]:
    best = shop.leaderboard.best
    n_members = len(best.newest.members)
    sizes = {max(2, round(n_members * share)) for share in BLEND_SHARES}
    for n in sorted(size for size in sizes if size < n_members):
        models = [heaviest(model, n) for model in best.models[-len(shop.folds) :]]
        yield Recipe(
            f"blend-{n}",
            "pruned",
            f"the {n} heaviest of {n_members} members",
            models.__getitem__,
            shop.refit,
        )


def _prefixes(shop: Workshop) -> Iterator[Recipe]:
    """The single model's first rounds, and beside each the same shape from scratch."""
    single = shop.leaderboard.single
    shorter = family(single.newest.family).shorter
    if shorter is None:
        return
    rounds = int(single.recipe.params["rounds"])
    models = single.models[-len(shop.folds) :]
    for n in sorted({max(1, round(rounds * share)) for share in FRACTIONS} - {rounds}):
        name = f"{CONTROL}{n}"

        def of_fold(place: int, n: int = n) -> Model:
            model = models[place]
            n_own = min(n, int(model.params["rounds"]))
            fitted = shorter(model.estimator, model.params, n_own)
            return replace(model, params=fitted.params, estimator=fitted.estimator)

        how = f"first {n} of {rounds} rounds"
        yield Recipe(f"prefix-{n}", "shorter", how, of_fold, shop.refit, control=name)
        params = control_params({**single.newest.params, "rounds": rounds}, n)
        told = "trained from scratch on hard labels"
        yield trained(shop, name, "control", single.newest, params, told)


def _small(shop: Workshop) -> Iterator[Recipe]:
    single = shop.leaderboard.single.newest
    kind = family(single.family)
    if kind.shorter is None:  # networks have recipes of their own
        return
    for params in kind.small:
        told = "a small shape trained on hard labels"
        yield trained(shop, f"small-{shape(params)}", "small", single, params, told)


def _distilled(shop: Workshop) -> Iterator[Recipe]:
    """The best entrant in one small model; in the single model's own shape it never won."""
    single = shop.leaderboard.single
    kind = family(single.newest.family)
    if kind.shorter is None or not kind.takes_soft_targets:
        return
    for params in kind.small[:1]:
        name = shape(params)
        how = "a small shape"
        yield distilled(shop, f"distilled-{name}", single.newest, params, f"small-{name}", how)


def shape(params: Params) -> str:
    """A small configuration's name: rounds x leaves, or its layers."""
    if "hidden" in params:
        return "x".join(str(units) for units in params["hidden"])
    return f"{params['rounds']}x{params['num_leaves']}" if "rounds" in params else "plain"


def control_params(params: Params, n: int) -> Params:
    """The same shape with `n` trees, its rate raised so that their steps add up to as much."""
    rate = min(params["learning_rate"] * params["rounds"] / n, FASTEST_RATE)
    return {**params, "rounds": n, "learning_rate": max(rate, params["learning_rate"])}


__all__ = [
    "FRACTIONS",
    "Recipe",
    "Workshop",
    "control_params",
    "distilled",
    "heaviest",
    "kept",
    "recipes",
    "shape",
    "trained",
]
