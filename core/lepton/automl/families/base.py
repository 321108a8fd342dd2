"""What every family of models offers to search, compression and storage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lepton.dataset import TabularDataset
from lepton.graph.ellipsoid import Ellipsoid
from lepton.graph.nets import Network
from lepton.graph.nodes import Linear, Preprocess
from lepton.graph.trees import Trees

Params = Mapping[str, Any]
"""A configuration: plain numbers, texts and booleans by name.

`rounds` is settled by a fit and kept by a refit; `bag` tells draws of one configuration apart, and
no family sees it (see `drawn`).
"""

Expired = Callable[[], bool]
"""Asked during a fit: whether it has to stop with what it has."""


@dataclass(frozen=True, eq=False)
class Fold:
    """Matrices of one fold after preprocessing: fit on X, y; watch X_valid, y_valid.

    shared: what the family made of them once for all its fits (such as binned columns).
    auxiliary: code of the finer kind of each row's target, int64 (rows,), -1 where there is none;
    None where the data have no column of that role.
    """

    X: np.ndarray
    y: np.ndarray
    X_valid: np.ndarray
    y_valid: np.ndarray
    shared: Any = None
    auxiliary: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a fit gives: the estimator, its configuration with all that the fit has settled
    (rounds), and whether the deadline cut it short."""

    estimator: Any
    params: Params
    cut_short: bool = False


def _nothing() -> None:
    return


def _always() -> bool:
    return True


@dataclass(frozen=True)
class Range:
    """Where a setting may be drawn from: low to high, or one of `choices`."""

    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False
    choices: tuple[Any, ...] = ()

    def holds(self, value: Any) -> bool:
        """Whether `value` may be drawn."""
        return value in self.choices if self.choices else bool(self.low <= value <= self.high)


@dataclass(frozen=True)
class Family:
    """A kind of candidate as a value.

    portfolio: configurations, the surest first; of_shares: those where targets are shares between 0
    and 1, none for the same. neighbours(params, rng): a step away.
    preprocess(train): fitted steps. share(fold): prepared once. fit(fold, params, seed,
    expired); refit(fold, params, seed, expired): nothing watched, no valid rows. cost(params):
    relative effort of a fit. margin(estimator, X): log-odds. predictor: the graph's node.
    small: configurations that compression may train instead of the best one.
    shorter(estimator, params, n): its first n rounds, None where there is no such thing.
    importance(estimator): what each column adds, float64, any scale.
    dump, parse: the estimator as bytes and back. has_bags: whether a fit draws by its seed.
    space: settings that a sampler may draw. fast: a configuration that is fitted in a moment.
    warm(): imports what fits need, before processes are forked that would each import it;
    warm_s: CPU seconds that this takes.
    available(): whether the library that fits it is installed; scoring never needs it.
    takes_soft_targets: whether a refit may be given targets between 0 and 1.
    """

    name: str
    portfolio: tuple[Params, ...]
    neighbours: Callable[[Params, np.random.Generator], Params]
    preprocess: Callable[[TabularDataset], Preprocess]
    share: Callable[[Fold], Any]
    fit: Callable[[Fold, Params, int, Expired], Fitted]
    refit: Callable[[Fold, Params, int, Expired], Fitted]
    cost: Callable[[Params], float]
    margin: Callable[[Any, np.ndarray], np.ndarray]
    predictor: Callable[[Any], Trees | Linear | Network | Ellipsoid]
    importance: Callable[[Any], np.ndarray]
    dump: Callable[[Any], bytes]
    parse: Callable[[bytes], Any]
    small: tuple[Params, ...] = ()
    shorter: Callable[[Any, Params, int], Fitted] | None = None
    has_bags: bool = False
    space: Mapping[str, Range] = field(default_factory=dict)
    fast: Params | None = None
    warm: Callable[[], None] = _nothing
    warm_s: float = 0.0
    available: Callable[[], bool] = _always
    takes_soft_targets: bool = False
    of_shares: tuple[Params, ...] = ()


def drawn(params: Params, seed: int) -> tuple[Params, int]:
    """What a family is given: the configuration without its `bag`, which moves the seed."""
    asked = {name: value for name, value in params.items() if name != "bag"}
    return asked, seed + int(params.get("bag", 0))


def never() -> bool:
    """The answer of a fit without a deadline."""
    return False


__all__ = ["Expired", "Family", "Fitted", "Fold", "Params", "Range", "drawn", "never"]
