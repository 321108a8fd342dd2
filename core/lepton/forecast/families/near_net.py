"""A network for the next minutes: the past, who, when and what is usual, then residual layers.

After STID (Shao et al. 2022): identities of series and of time of day tell apart what the past
alone does not. Who it is, and what is usual, are withheld now and then while learning, so that a
series that was never seen, or has no history, is forecast by the rest. It gives all deciles of all
leads at once, as differences from the latest value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

import numpy as np

from lepton.forecast.families.base import Forecaster, Lesson, Params
from lepton.forecast.families.pinball import pinball
from lepton.forecast.matrix import Matrix
from lepton.forecast.scores import DECILES, ordered
from lepton.graph.nets import Dense

PARAMS: Final[Params] = {
    "width": 128,
    "blocks": 2,
    "identity": 16,
    "dropout": 0.1,
    "identity_dropout": 0.5,
    "habit_dropout": 0.1,
    "learning_rate": 2e-3,
    "weight_decay": 1e-2,
    "batch": 512,
    "epochs": 10,
    "most": 160_000,
}
MOST: Final = 6.0
"""Deviations at which an input is cut."""
TURNS: Final = 3
"""Harmonics of the day by which its time is told."""
_AHEAD: Final = ("habit_to_recent", "habit_move")
_WEEKS: Final = 28 * 86_400


@dataclass(frozen=True, eq=False)
class NearReader:
    """How issues become rows of numbers: places in `shape`, standardised, then what is usual
    ahead, the time of day and whether it is a day off; centre, spread: of all of these."""

    places: np.ndarray
    centre: np.ndarray
    spread: np.ndarray

    def rows(self, matrix: Matrix) -> np.ndarray:
        """float32 (n, inputs); what is unknown is the mean."""
        cut = np.clip((raw(matrix, self.places) - self.centre) / self.spread, -MOST, MOST)
        return np.where(np.isfinite(cut), cut, 0.0).astype(np.float32)


@dataclass(frozen=True, eq=False)
class NearNet:
    """identity: (n + 1, k) float32, a row a series, the last one for any other; first: into the
    width; blocks: two layers each, added to what they read; last: to all deciles; size: unit of
    what it gives."""

    reader: NearReader
    identity: np.ndarray
    first: Dense
    blocks: tuple[Dense, ...]
    last: Dense
    size: float

    def quantiles(self, matrix: Matrix) -> np.ndarray:
        """Deciles, (n, leads, 9)."""
        code = np.minimum(matrix.series, len(self.identity) - 1)
        x = np.concatenate([self.reader.rows(matrix), self.identity[code]], axis=1)
        x = np.maximum(self.first.apply(x), np.float32(0))
        for at in range(0, len(self.blocks), 2):
            inner = np.maximum(self.blocks[at].apply(x), np.float32(0))
            x = x + self.blocks[at + 1].apply(inner)
        told = self.last.apply(x).astype(np.float64) * self.size
        deciles = told.reshape(len(matrix), matrix.n_leads, len(DECILES))
        return ordered(matrix.column("recent")[..., None] + deciles)


def raw(matrix: Matrix, places: np.ndarray) -> np.ndarray:
    """What is read, before it is standardised, float64 (n, inputs)."""
    ahead = [matrix.column(name).astype(np.float64) for name in _AHEAD]
    hour = matrix.column("hour")[:, :1].astype(np.float64)
    angle = hour * (2 * np.pi / 24) * np.arange(1, TURNS + 1)
    off = matrix.column("is_off")[:, :1]
    return np.concatenate(
        [matrix.shape[:, places], *ahead, np.sin(angle), np.cos(angle), off], axis=1
    ).astype(np.float64)


def habit_inputs(names: tuple[str, ...], n_leads: int) -> np.ndarray:
    """Mask of the inputs that rest on what is usual; names: of the columns of `shape` read."""
    own = ["gap" in name or name.endswith("_turn") for name in names]
    return np.array([*own, *[True] * (len(_AHEAD) * n_leads), *[False] * (2 * TURNS + 1)])


def _fit(lesson: Lesson, params: Params, seed: int) -> NearNet:
    matrix = lesson.anywhere
    if len(matrix) > int(params["most"]):
        picked = np.random.default_rng(seed).permutation(len(matrix))[: int(params["most"])]
        matrix = matrix.take(np.sort(picked))
    reader = _reader(matrix)
    target = (matrix.y - matrix.column("recent")).astype(np.float32)
    size = float(np.nanmean(np.abs(target))) or 1.0
    return _trained(reader, matrix, target / np.float32(size), size, params, seed)


def _reader(matrix: Matrix) -> NearReader:
    places = np.flatnonzero(np.nanmax(matrix.shape, axis=0) > np.nanmin(matrix.shape, axis=0))
    read = raw(matrix, places)
    known = np.isfinite(read)
    count = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known, read, 0.0).sum(axis=0) / count
    spread = np.sqrt(np.where(known, (read - centre) ** 2, 0.0).sum(axis=0) / count)
    return NearReader(places, centre, np.where(spread > 1e-6, spread, 1.0))


def _trained(
    reader: NearReader, matrix: Matrix, target: np.ndarray, size: float, params: Params, seed: int
) -> NearNet:
    """By AdamW with a rate that rises, then falls along a cosine."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    module = _Module(reader, matrix, params)
    X, y = torch.from_numpy(reader.rows(matrix)), torch.from_numpy(target)
    code = torch.from_numpy(matrix.series.astype(np.int64))
    batch, epochs = int(params["batch"]), int(params["epochs"])
    total = epochs * -(-len(X) // batch)
    rate = float(params["learning_rate"])
    optimizer = torch.optim.AdamW(
        module.parameters, lr=rate, weight_decay=float(params["weight_decay"]), fused=True
    )
    rng, step = np.random.default_rng(seed), 0
    for _ in range(epochs):
        order = torch.from_numpy(rng.permutation(len(X)))
        for picked in order.tensor_split(list(range(batch, len(X), batch))):
            step += 1
            for group in optimizer.param_groups:
                warm = min(1.0, step / (0.05 * total))
                group["lr"] = rate * warm * 0.5 * (1 + math.cos(math.pi * step / total))
            loss = pinball(module.learn(X[picked], code[picked]), y[picked])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return module.frozen(reader, size)


class _Module:
    """The weights while they are learnt."""

    def __init__(self, reader: NearReader, matrix: Matrix, params: Params) -> None:
        import torch

        n_in, width, own = len(reader.centre), int(params["width"]), int(params["identity"])
        n_series = int(matrix.series.max(initial=0)) + 1
        n_out = matrix.n_leads * len(DECILES)
        sizes = [(n_in + own, width), *[(width, width)] * (2 * int(params["blocks"]))]
        self.layers = [_layer(a, b, 1.0) for a, b in sizes] + [_layer(width, n_out, 0.1)]
        self.identity = (0.1 * torch.randn(n_series + 1, own)).requires_grad_()
        self.params, self.n_leads = params, matrix.n_leads
        places = np.zeros(matrix.shape.shape[1], dtype=bool)
        places[reader.places] = True
        names = tuple(np.array(matrix.shape_names)[places])
        self.habits = torch.from_numpy(habit_inputs(names, matrix.n_leads))

    @property
    def parameters(self) -> list[Any]:
        """All tensors that are learnt."""
        return [self.identity, *(one for layer in self.layers for one in layer)]

    def learn(self, x: Any, code: Any) -> Any:
        """What it gives while parts of what it reads are withheld, (n, leads, 9)."""
        import torch

        params, n = self.params, len(x)
        hidden = torch.rand(n) < float(params["identity_dropout"])
        code = torch.where(hidden, len(self.identity) - 1, code)
        without = (torch.rand(n) < float(params["habit_dropout"]))[:, None] & self.habits
        x = torch.where(without, torch.zeros(()), x)
        x = torch.cat([x, self.identity[code]], dim=1)
        (weights, bias), *inner, (last, last_bias) = self.layers
        x = torch.relu(torch.addmm(bias, x, weights))
        drop = float(params["dropout"])
        for at in range(0, len(inner), 2):
            (w1, b1), (w2, b2) = inner[at], inner[at + 1]
            middle = torch.relu(torch.addmm(b1, x, w1))
            middle = torch.nn.functional.dropout(middle, drop)
            x = x + torch.addmm(b2, middle, w2)
        return torch.addmm(last_bias, x, last).view(n, self.n_leads, len(DECILES))

    def frozen(self, reader: NearReader, size: float) -> NearNet:
        """The model as plain arrays."""
        dense = [
            Dense(w.detach().numpy().copy(), b.detach().numpy().copy()) for w, b in self.layers
        ]
        identity = self.identity.detach().numpy().copy()
        return NearNet(reader, identity, dense[0], tuple(dense[1:-1]), dense[-1], size)


def _layer(n_in: int, n_out: int, size: float) -> tuple[Any, Any]:
    import torch

    weights = torch.randn(n_in, n_out) * (size * math.sqrt(2.0 / n_in))
    return weights.requires_grad_(), torch.zeros(n_out).requires_grad_()


FAMILIES: Final[Mapping[str, Forecaster]] = {
    "near_net": Forecaster(
        "near_net",
        "network over the past, who, when and what is usual, all leads at once",
        _fit,
        PARAMS,
        cost=5.0,
        available=lambda: find_spec("torch") is not None,
    )
}

__all__ = ["FAMILIES", "MOST", "TURNS", "NearNet", "NearReader", "habit_inputs", "raw"]
