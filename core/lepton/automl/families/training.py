"""Training of dense networks by torch: one thread, repeatable with a seed, soft or hard targets."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from lepton.automl.families.base import Expired
from lepton.graph.nets import LAST_SPREAD, Dense, Network

BATCHES_BETWEEN_LOOKS = 20
"""How many batches pass before the deadline is asked for again."""

Watch = Callable[[Network], float]
"""A loss on rows that are not learnt from, asked for after every epoch."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: the rate falls from `learning_rate` to 0 along a cosine.

    epochs: passes of the whole cosine; rounds: how many of them are run, all where None;
    negatives: share of the rows with a target of at most one half that each epoch draws;
    dropout: share of hidden units that a batch does without; patience: epochs without a better
    loss after which it stops; finer_weight: of the loss of the finer kinds.
    """

    epochs: int
    learning_rate: float
    rounds: int | None = None
    batch: int = 256
    weight_decay: float = 0.01
    dropout: float = 0.0
    negatives: float = 1.0
    patience: int = 1000
    finer_weight: float = 0.3

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Schedule:
        """The schedule inside a configuration; what is not of it is passed over."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in params.items() if name in known})


@dataclass(frozen=True, eq=False)
class Lesson:
    """What is learnt from: X (rows, width), targets in 0..1, which may be soft.

    finer: code of the finer kind of each row's target, -1 for none; None to leave it out.
    """

    X: np.ndarray
    target: np.ndarray
    finer: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Trained:
    """The network of the best epoch, that epoch counted from 1, whether time ran out."""

    network: Network
    epochs: int
    cut_short: bool = False


def train(
    network: Network,
    lesson: Lesson,
    schedule: Schedule,
    seed: int,
    expired: Expired,
    watch: Watch | None = None,
) -> Trained:
    """`network`, all of it float32, trained further on `lesson`.

    Its log-odds are those of the rows as they come, also where negatives are drawn more seldom.
    Without `watch` the last epoch counts.
    """
    import torch

    torch.set_num_threads(1)
    run = _Run(network, lesson, schedule, seed)
    best, best_loss = Trained(network, 0), np.inf
    for epoch in range(1, min(schedule.rounds or schedule.epochs, schedule.epochs) + 1):
        if not run.passed(epoch, expired):
            seen = best if best.epochs else Trained(run.network(), epoch)
            return Trained(seen.network, seen.epochs, cut_short=True)
        made = run.network()
        loss = watch(made) if watch else -float(epoch)
        if loss < best_loss or not best.epochs:
            best, best_loss = Trained(made, epoch), loss
        if epoch - best.epochs >= schedule.patience:
            break
    return best


class _Run:
    """Weights, optimizer and order of rows of one training."""

    def __init__(self, network: Network, lesson: Lesson, schedule: Schedule, seed: int) -> None:
        import torch

        self._schedule, self._rng = schedule, np.random.default_rng(seed)
        self._noise = torch.Generator().manual_seed(seed)
        self._X = torch.from_numpy(np.ascontiguousarray(lesson.X, dtype=np.float32))
        self._target = torch.from_numpy(lesson.target.astype(np.float32))
        self._always = np.flatnonzero(lesson.target > 0.5)
        self._drawn = np.flatnonzero(lesson.target <= 0.5)
        self._layers = [_tensors(layer.weights, layer.bias) for layer in network.layers]
        # with fewer negatives the odds are higher by a constant factor (King & Zeng 2001)
        self._shift = -math.log(schedule.negatives) if len(self._always) else 0.0
        self._layers[-1][1].data += self._shift
        self._finer = None
        if lesson.finer is not None:
            self._finer = _Finer(lesson, network.hidden[-1], self._rng)
        self._optimizer = self._made_optimizer()

    def passed(self, epoch: int, expired: Expired) -> bool:
        """One pass over what is drawn; False where the deadline came first."""
        rows, size = self._rows(), self._schedule.batch
        n_batches = math.ceil(len(rows) / size)
        for place in range(n_batches):
            if place % BATCHES_BETWEEN_LOOKS == 0 and expired():
                return False
            self._set_rate((epoch - 1 + place / n_batches) / self._schedule.epochs)
            self._step(rows[place * size : (place + 1) * size])
        return True

    def network(self) -> Network:
        """The weights as they stand, for the rows as they come."""
        parts = [[part.detach().numpy().copy() for part in layer] for layer in self._layers]
        parts[-1][1] = parts[-1][1] - np.float32(self._shift)
        return Network(tuple(Dense(weights, bias) for weights, bias in parts))

    def _rows(self) -> np.ndarray:
        n_drawn = math.ceil(len(self._drawn) * self._schedule.negatives)
        if not len(self._always):
            n_drawn = len(self._drawn)
        drawn = self._rng.choice(self._drawn, n_drawn, replace=False)
        rows = np.concatenate([self._always, drawn])
        self._rng.shuffle(rows)
        return rows

    def _made_optimizer(self) -> Any:
        import torch

        weights, biases = ([layer[i] for layer in self._layers] for i in (0, 1))
        free = [*biases, *(self._finer.tensors if self._finer else ())]
        groups = [
            {"params": weights, "weight_decay": self._schedule.weight_decay},
            {"params": free, "weight_decay": 0.0},
        ]
        # betas of RealMLP; fused is the quicker of torch's equal ways
        rate = self._schedule.learning_rate
        return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.95), fused=True)

    def _set_rate(self, done: float) -> None:
        rate = self._schedule.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
        for group in self._optimizer.param_groups:
            group["lr"] = rate

    def _step(self, rows: np.ndarray) -> None:
        import torch
        from torch.nn.functional import binary_cross_entropy_with_logits

        picked = torch.from_numpy(rows)
        x = self._X[picked]
        for weights, bias in self._layers[:-1]:
            x = self._thinned(torch.relu(torch.addmm(bias, x, weights)))
        weights, bias = self._layers[-1]
        margin = torch.addmm(bias, x, weights)[:, 0]
        loss: Any = binary_cross_entropy_with_logits(margin, self._target[picked])
        if self._finer is not None:
            loss = loss + self._schedule.finer_weight * self._finer.loss(x, picked)
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()

    def _thinned(self, x: Any) -> Any:
        """`x` without a share of its units, the others raised so that sums keep their size."""
        import torch

        kept = 1.0 - self._schedule.dropout
        if kept == 1.0:
            return x
        return x * (torch.rand(x.shape, generator=self._noise) < kept) / kept


class _Finer:
    """A second head on the same trunk: each kind against all other rows; it is not exported.

    A positive row whose kind is not known teaches it nothing.
    """

    def __init__(self, lesson: Lesson, width: int, rng: np.random.Generator) -> None:
        import torch

        codes = np.asarray(lesson.finer)
        kinds = np.unique(codes[codes >= 0])
        self._is_kind = torch.from_numpy((codes[:, None] == kinds).astype(np.float32))
        self._teaches = torch.from_numpy((codes >= 0) | (lesson.target <= 0.5))
        weights = rng.normal(0.0, LAST_SPREAD * math.sqrt(2.0 / width), (width, len(kinds)))
        self.tensors = _tensors(weights.astype(np.float32), np.full(len(kinds), -5.0, np.float32))

    def loss(self, x: Any, picked: Any) -> Any:
        """Cross-entropy of all kinds, summed; the mean over the `picked` rows."""
        import torch
        from torch.nn.functional import binary_cross_entropy_with_logits

        weights, bias = self.tensors
        each = binary_cross_entropy_with_logits(
            torch.addmm(bias, x, weights), self._is_kind[picked], reduction="none"
        )
        return each.sum(dim=1).mul(self._teaches[picked]).mean()


def _tensors(*arrays: np.ndarray) -> list[Any]:
    import torch

    return [torch.from_numpy(array.copy()).requires_grad_() for array in arrays]


__all__ = ["Lesson", "Schedule", "Trained", "Watch", "train"]
