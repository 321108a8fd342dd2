"""Structured pruning of networks: whole hidden units leave, so that what is left is smaller and
faster on any runtime.

A unit's group is its column of weights in and its row of weights out; the group's magnitude is
the product of both norms, which scaling the unit up and the next layer down does not change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np

from lepton.graph.nets import Dense, Network

STEP = 0.7
"""Share of its units that a layer keeps in one step of the schedule."""
FEWEST_UNITS = 4


def magnitudes(network: Network) -> tuple[np.ndarray, ...]:
    """Group magnitude of every unit of each hidden layer, float64 (units,)."""
    return tuple(
        np.linalg.norm(layer.weights.astype(np.float64), axis=0)
        * np.linalg.norm(after.weights.astype(np.float64), axis=1)
        for layer, after in pairwise(network.layers)
    )


def prune(network: Network, keep: Sequence[int]) -> Network:
    """`network` with the `keep` strongest units of each hidden layer, in their old order.

    It needs fine-tuning afterwards; where every unit is kept it is the same function.
    """
    weights = [layer.weights for layer in network.layers]
    biases = [layer.bias for layer in network.layers]
    for place, (size, strength) in enumerate(zip(keep, magnitudes(network), strict=True)):
        kept = np.sort(np.argsort(-strength, kind="stable")[:size])
        weights[place], biases[place] = weights[place][:, kept], biases[place][kept]
        weights[place + 1] = weights[place + 1][kept]
    return Network(tuple(Dense(w, b) for w, b in zip(weights, biases, strict=True)))


def sizes_within(network: Network, most: int, matrix: np.ndarray) -> tuple[int, ...]:
    """Units to keep in each hidden layer so that at most `most` parameters are left.

    Step by step the layer shrinks that frees parameters at the least change of the log-odds of
    the rows `matrix` (rows, width), as if it were the only one pruned. Layers never shrink below
    `FEWEST_UNITS`, so that a very small `most` may not be reached.
    """
    intact = network.margin(matrix)
    ladders = [_ladder(size) for size in network.hidden]
    harms = [
        {size: _harm(network, place, size, matrix, intact) for size in ladder}
        for place, ladder in enumerate(ladders)
    ]
    sizes = network.hidden
    while n_parameters(network.width, sizes) > most:
        steps = list(_steps(sizes, ladders))
        if not steps:
            break
        sizes = min(steps, key=lambda step: _price(network.width, sizes, step, harms))
    return sizes


def n_parameters(width: int, hidden: Sequence[int]) -> int:
    """Weights and biases of a network that reads `width` columns."""
    return sum(n_in * n_out + n_out for n_in, n_out in pairwise([width, *hidden, 1]))


def _steps(sizes: Sequence[int], ladders: Sequence[list[int]]) -> Iterator[tuple[int, ...]]:
    """The sizes with one layer a rung further down."""
    for place, ladder in enumerate(ladders):
        lower = [size for size in ladder if size < sizes[place]]
        if lower:
            yield (*sizes[:place], lower[0], *sizes[place + 1 :])


def _price(
    width: int, sizes: Sequence[int], step: Sequence[int], harms: Sequence[Mapping[int, float]]
) -> float:
    """Harm that `step` adds, a parameter that it frees."""
    added = sum(harm[new] - harm[old] for harm, old, new in zip(harms, sizes, step, strict=True))
    return max(added, 0.0) / (n_parameters(width, sizes) - n_parameters(width, step))


def _ladder(size: int) -> list[int]:
    rungs = [size]
    while rungs[-1] > FEWEST_UNITS:
        rungs.append(max(FEWEST_UNITS, min(round(rungs[-1] * STEP), rungs[-1] - 1)))
    return rungs


def _harm(network: Network, place: int, size: int, matrix: np.ndarray, intact: np.ndarray) -> float:
    """Mean square change of the log-odds where one layer keeps `size` units."""
    if size == network.hidden[place]:
        return 0.0
    keep = [size if at == place else n for at, n in enumerate(network.hidden)]
    return float(np.mean((prune(network, keep).margin(matrix) - intact) ** 2))


__all__ = ["FEWEST_UNITS", "magnitudes", "n_parameters", "prune", "sizes_within"]
