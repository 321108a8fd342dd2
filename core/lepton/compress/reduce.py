"""Smaller candidates made from a search's best model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from lepton.automl.families import family
from lepton.automl.families.base import Params
from lepton.automl.fits import Bench
from lepton.automl.leaderboard import Leaderboard
from lepton.automl.model import Model
from lepton.automl.trial import Plan
from lepton.compress.front import CONTROL

FRACTIONS = (0.5, 0.25, 0.125)
FASTEST_RATE = 0.3


@dataclass(frozen=True)
class Candidate:
    """A train-fitted model that may replace the best one.

    how: in words; control: name of the candidate of the same shape trained from scratch.
    """

    name: str
    model: Model
    how: str
    control: str | None = None


def candidates(
    leaderboard: Leaderboard, bench: Bench, expired: Callable[[], bool]
) -> Iterator[Candidate]:
    """The best model first, then prefixes of it, the same small shapes trained from scratch on
    hard labels, small recipes, and the best models of the other families.

    What is trained anew is left out from the moment that `expired` says so.
    """
    # the models of the oldest fold have seen no row of the selection part
    yield Candidate("best", leaderboard.best.models[0], "unreduced")
    best = leaderboard.single.models[0]
    if leaderboard.best is not leaderboard.single:
        yield Candidate("single", best, "best single configuration")
    sizes = prefix_sizes(best)
    yield from (prefix(best, n) for n in sizes)
    for name, other in leaderboard.others.items():
        model = other.models[0]
        if "rounds" not in model.params:
            yield Candidate(name, model, f"best of the family {name}")
    wanted = [(f"{CONTROL}{n}", control_params(best.params, n)) for n in sizes]
    if sizes:
        small = family(best.family).small
        wanted += [(f"small-{p['rounds']}x{p['num_leaves']}", p) for p in small]
    for name, params in wanted:
        trained = None if expired() else _trained(best, params, bench)
        if trained is not None:
            yield Candidate(name, trained, "trained from scratch on hard labels", control=name)


def prefix_sizes(best: Model) -> list[int]:
    """Numbers of trees to cut at: none where the family has no prefixes."""
    if family(best.family).shorter is None:
        return []
    rounds = int(best.params["rounds"])
    return sorted({max(1, round(rounds * share)) for share in FRACTIONS} - {rounds}, reverse=True)


def prefix(best: Model, n: int) -> Candidate:
    """The first `n` trees of `best`."""
    shorter = family(best.family).shorter
    if shorter is None:
        raise ValueError(f"{best.family} has no prefixes")
    fitted = shorter(best.estimator, best.params, n)
    model = replace(best, params=fitted.params, estimator=fitted.estimator)
    how = f"first {n} of {best.params['rounds']} trees"
    return Candidate(f"prefix-{n}", model, how, control=f"{CONTROL}{n}")


def control_params(params: Params, n: int) -> Params:
    """The same shape with `n` trees, its rate raised so that their steps add up to as much."""
    rate = min(params["learning_rate"] * params["rounds"] / n, FASTEST_RATE)
    return {**params, "rounds": n, "learning_rate": max(rate, params["learning_rate"])}


def _trained(best: Model, params: Params, bench: Bench) -> Model | None:
    bench.prepare(best.family, 0)
    return bench.run(Plan(best.family, params, "compression"), 0).model


__all__ = ["FRACTIONS", "Candidate", "candidates", "prefix"]
