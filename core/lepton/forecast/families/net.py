"""A dense network that reads the last week and the day ahead and gives all deciles of a day.

It learns from issues at any time, which are many times more than those that are asked for, and
what it gives is the difference from the latest value at the same wall time. A longer horizon is
forecast day by day with one network, which is told how far ahead the day lies.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from typing import Any, Final

import numpy as np

from lepton.forecast.families.base import YEARLY, Forecaster, Lesson, Params, anchor, readable
from lepton.forecast.families.pinball import pinball
from lepton.forecast.matrix import Matrix
from lepton.forecast.scores import DECILES, ordered
from lepton.graph.nets import Dense, Int8Dense, Layer

_PARAMS: Final[Params] = {
    "hidden": (256, 256),
    "dropout": 0.15,
    "learning_rate": 2e-3,
    "weight_decay": 0.03,
    "batch": 256,
    "steps": 2600,
    "most_epochs": 60,
    "members": 2,
}
_OF_LEADS: Final = (
    "recent_1",
    "week_1",
    "week_mean",
    "alike_1",
    "is_off",
    "is_holiday",
    "is_before_holiday",
    "is_after_holiday",
    "is_bridge",
    "recent_was_off",
    "week_was_holiday",
)
_OF_DAY: Final = ("lead_h", *YEARLY)
_WEATHER: Final = ("", "_24h", "_72h", "_to_recent", "_to_week")
MOST: Final = 6.0
"""Deviations at which an input is cut."""


@dataclass(frozen=True, eq=False)
class Reader:
    """How issues become rows of numbers: days of `width` leads, columns by hour, standardised."""

    names: tuple[str, ...]
    of_day: tuple[str, ...]
    width: int
    centre: np.ndarray
    spread: np.ndarray

    def rows(self, matrix: Matrix) -> np.ndarray:
        """float32 (n * days, inputs); what is unknown is the mean."""
        raw = _raw(matrix, self.names, self.of_day, self.width)
        cut = np.clip((raw - self.centre) / self.spread, -MOST, MOST)
        return np.where(np.isfinite(cut), cut, np.float32(0)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Net:
    """Networks of which the mean is taken; each a row of layers with max(x, 0) between them."""

    reader: Reader
    members: tuple[tuple[Layer, ...], ...]

    def quantiles(self, matrix: Matrix) -> np.ndarray:
        """Deciles in units of the scale, (n, leads, 9)."""
        rows = self.reader.rows(matrix)
        told = np.mean([_through(layers, rows) for layers in self.members], axis=0)
        days = told.reshape(len(matrix), -1, len(DECILES))[:, : matrix.n_leads]
        return ordered(anchor(matrix)[..., None] + days)


def _through(layers: tuple[Layer, ...], rows: np.ndarray) -> np.ndarray:
    *hidden, last = layers
    for layer in hidden:
        rows = layer.apply(rows)
        if not isinstance(layer, Int8Dense):  # its codes are cut at 0 already
            rows = np.maximum(rows, np.float32(0))
    return last.apply(rows).astype(np.float64)


def day_width(matrix: Matrix) -> int:
    """Leads that one reading forecasts: a day's, or all where there are hardly more."""
    n_days = max(1, round(matrix.n_leads * matrix.step_s / 86_400))
    return -(-matrix.n_leads // n_days)


def _raw(matrix: Matrix, names: tuple[str, ...], of_day: tuple[str, ...], width: int) -> np.ndarray:
    n_days = -(-matrix.n_leads // width)
    padded = n_days * width - matrix.n_leads
    at = [matrix.names.index(name) for name in names]
    of_leads = np.pad(matrix.X[:, :, at], ((0, 0), (0, padded), (0, 0)), mode="edge")
    of_leads = of_leads.reshape(-1, width, len(names))
    first = [matrix.names.index(name) for name in first_names(of_day)]
    starts = matrix.X[:, ::width][:, :, first].reshape(-1, len(first))
    hour = np.floor(starts[:, :1]) == np.arange(24.0)
    weekday = starts[:, 1:2] == np.arange(7.0)
    shape = np.repeat(matrix.shape, n_days, axis=0)
    parts = (shape, _by_hour(of_leads, matrix.step_s), hour, weekday, starts[:, 2:])
    return np.concatenate(parts, axis=1, dtype=np.float32)


def first_names(of_day: tuple[str, ...]) -> tuple[str, ...]:
    """Features that are read of a day's first lead; hour and weekday as one of each."""
    return ("hour", "weekday", *of_day)


def _by_hour(rows: np.ndarray, step_s: int) -> np.ndarray:
    """Means of the leads of each hour, (n, hours * columns)."""
    each = max(1, 3600 // step_s)
    padded = -rows.shape[1] % each
    rows = np.pad(rows, ((0, 0), (0, padded), (0, 0)), mode="edge")
    hours = rows.reshape(len(rows), -1, each, rows.shape[2]).mean(axis=2)
    return np.asarray(hours.reshape(len(rows), -1))


def read_names(matrix: Matrix) -> tuple[str, ...]:
    """Features of each lead that are read."""
    known = readable(matrix)
    weather = [name[: -len("_24h")] for name in known if name.endswith("_24h")]
    wanted = [*_OF_LEADS, *(name + end for name in weather for end in _WEATHER)]
    return tuple(name for name in wanted if name in known)


def _fit(lesson: Lesson, params: Params, seed: int) -> Net:
    matrix = lesson.anywhere
    width, names = day_width(matrix), read_names(matrix)
    of_day = tuple(name for name in _OF_DAY if name in readable(matrix))
    raw = _raw(matrix, names, of_day, width)
    known = np.isfinite(raw)
    count = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known, raw, 0).sum(axis=0) / count
    spread = np.sqrt(np.where(known, (raw - centre) ** 2, 0).sum(axis=0) / count)
    reader = Reader(names, of_day, width, centre, np.where(spread > 1e-3, spread, 1.0))
    target = matrix.target - anchor(matrix)
    padded = -matrix.n_leads % width
    days = np.pad(target, ((0, 0), (0, padded)), constant_values=np.nan).reshape(-1, width)
    rows, some = reader.rows(matrix), np.isfinite(days).any(axis=1)
    members = [
        _trained(rows[some], days[some].astype(np.float32), params, seed + 1000 * number)
        for number in range(int(params["members"]))
    ]
    return Net(reader, tuple(members))


def _trained(rows: np.ndarray, target: np.ndarray, params: Params, seed: int) -> tuple[Dense, ...]:
    """One network, by AdamW with a rate that falls along a cosine."""
    import torch

    torch.set_num_threads(1)
    rng, noise = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    sizes = [rows.shape[1], *params["hidden"], target.shape[1] * len(DECILES)]
    layers = _started(sizes, rng)
    groups = [
        {"params": [w for w, _ in layers], "weight_decay": params["weight_decay"]},
        {"params": [b for _, b in layers], "weight_decay": 0.0},
    ]
    rate, size = float(params["learning_rate"]), int(params["batch"])
    optimizer = torch.optim.AdamW(groups, lr=rate, fused=True)
    X, y = torch.from_numpy(rows), torch.from_numpy(target)
    n_batches = -(-len(rows) // size)
    epochs = int(np.clip(round(params["steps"] / n_batches), 1, params["most_epochs"]))
    for epoch in range(epochs):
        order = rng.permutation(len(rows))
        for batch in range(n_batches):
            done = (epoch + batch / n_batches) / epochs
            for group in optimizer.param_groups:
                group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * done))
            picked = torch.from_numpy(order[batch * size : (batch + 1) * size])
            loss = _loss(X[picked], y[picked], layers, float(params["dropout"]), noise)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return tuple(Dense(w.detach().numpy().copy(), b.detach().numpy().copy()) for w, b in layers)


def _started(sizes: list[int], rng: np.random.Generator) -> list[tuple[Any, Any]]:
    """Weights as in He et al. 2015, the last layer a tenth of them."""
    import torch

    made = []
    for number, (n_in, n_out) in enumerate(pairwise(sizes)):
        size = math.sqrt(2.0 / n_in) * (0.1 if number == len(sizes) - 2 else 1.0)
        weights = rng.normal(0.0, size, (n_in, n_out)).astype(np.float32)
        bias = np.zeros(n_out, dtype=np.float32)
        made.append(
            (torch.from_numpy(weights).requires_grad_(), torch.from_numpy(bias).requires_grad_())
        )
    return made


def _loss(x: Any, y: Any, layers: list[tuple[Any, Any]], dropout: float, noise: Any) -> Any:
    """Mean pinball loss over leads and deciles; targets that are not known teach nothing."""
    import torch

    for weights, bias in layers[:-1]:
        x = torch.relu(torch.addmm(bias, x, weights))
        if dropout:
            x = x * (torch.rand(x.shape, generator=noise) >= dropout) / (1 - dropout)
    weights, bias = layers[-1]
    told = torch.addmm(bias, x, weights).view(len(y), y.shape[1], len(DECILES))
    return pinball(told, y)


FAMILIES: Final[Mapping[str, Forecaster]] = {
    "net": Forecaster(
        "net",
        "dense network over the last week and the day ahead, all deciles at once",
        _fit,
        _PARAMS,
        cost=20.0,
        available=lambda: find_spec("torch") is not None,
    )
}

__all__ = ["FAMILIES", "MOST", "Net", "Reader", "day_width", "first_names", "read_names"]
