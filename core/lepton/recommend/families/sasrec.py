"""A network that reads what a customer took in order and tells what comes next.

Self-attention over the last items (Kang & McAuley 2018, SASRec), trained by the softmax over all
items where they are few, else over sampled ones. Needs torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from lepton.errors import MachineError
from lepton.recommend.interactions import InteractionDataset

BATCH: Final = 128
MOST_CLASSES: Final = 20_000
"""Items up to which the whole softmax is used."""


@dataclass(frozen=True)
class SasRec:
    """width, blocks, heads: of the network; length: newest items that are read; dropout; epochs;
    rate: of Adam; negatives: sampled where items are many."""

    width: int = 64
    blocks: int = 2
    heads: int = 2
    length: int = 50
    dropout: float = 0.3
    epochs: int = 20
    rate: float = 1e-3
    negatives: int = 512
    name: str = "sasrec"

    def fit(self, known: InteractionDataset, rng: np.random.Generator) -> SasRecRanker:
        """The network after `epochs` passes; MachineError LK995 where torch is not installed."""
        torch = _torch()
        torch.manual_seed(int(rng.integers(1 << 31)))
        n_items = len(known.items)
        net = _net(torch, self, n_items)
        told = sequences(known, np.arange(len(known.customers)), self.length + 1)
        told = told[(told > 0).sum(axis=1) > 1]
        optimiser = torch.optim.Adam(net.parameters(), lr=self.rate, betas=(0.9, 0.98))
        net.train()
        for _ in range(self.epochs):
            order = rng.permutation(len(told))
            for start in range(0, len(order), BATCH):
                batch = torch.as_tensor(told[order[start : start + BATCH]])
                optimiser.zero_grad()
                self._loss(torch, net, batch, n_items).backward()
                optimiser.step()
        net.eval()
        return SasRecRanker(self, _runner(torch, net))

    def _loss(self, torch: Any, net: Any, batch: Any, n_items: int) -> Any:
        hidden, target = net(batch[:, :-1]), batch[:, 1:]
        kept = target > 0
        hidden, target = hidden[kept], target[kept]
        table = net.items.weight
        if n_items <= MOST_CLASSES:
            return torch.nn.functional.cross_entropy(hidden @ table[1:].T, target - 1)
        drawn = torch.randint(1, n_items + 1, (self.negatives,))
        right = (hidden * table[target]).sum(dim=1, keepdim=True)
        wrong = hidden @ table[drawn].T
        wrong = wrong.masked_fill(drawn[None, :] == target[:, None], -1e9)
        first = torch.zeros(len(target), dtype=torch.long)
        return torch.nn.functional.cross_entropy(torch.cat([right, wrong], dim=1), first)


@dataclass(frozen=True, eq=False)
class SasRecRanker:
    """recipe; run: sequences (n, length), 0 for none, to scores of all items."""

    recipe: SasRec
    run: Callable[[np.ndarray], np.ndarray]

    def scores(
        self, known: InteractionDataset, customers: np.ndarray, mode: str = "all"
    ) -> np.ndarray:
        """How likely each item is the next one, as logits."""
        return self.run(sequences(known, customers, self.recipe.length))


def sequences(known: InteractionDataset, customers: np.ndarray, length: int) -> np.ndarray:
    """(n, length) the newest items of each in order, 1 more than their positions, 0 in front."""
    by = np.lexsort((known.item, known.at_s, known.customer))
    start = np.searchsorted(known.customer[by], np.arange(len(known.customers) + 1))
    found = np.zeros((len(customers), length), dtype=np.int64)
    for row, customer in enumerate(customers):
        own = known.item[by[start[customer] : start[customer + 1]]][-length:]
        if len(own):
            found[row, -len(own) :] = own + 1
    return found


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MachineError(
            "LK995",
            where="family sasrec",
            found="torch is not installed",
            remedy="install the extra `nets`, or leave sasrec out of the families",
        ) from error
    return torch


def _net(torch: Any, recipe: SasRec, n_items: int) -> Any:
    nn = torch.nn

    class Net(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.items = nn.Embedding(n_items + 1, recipe.width, padding_idx=0)
            self.places = nn.Embedding(recipe.length, recipe.width)
            nn.init.normal_(self.items.weight, std=0.02)
            nn.init.normal_(self.places.weight, std=0.02)
            layer = nn.TransformerEncoderLayer(
                recipe.width,
                recipe.heads,
                recipe.width * 2,
                recipe.dropout,
                batch_first=True,
                norm_first=True,
                activation="gelu",
            )
            self.layers = nn.ModuleList([layer])
            for _ in range(recipe.blocks - 1):
                self.layers.append(
                    type(layer)(
                        recipe.width,
                        recipe.heads,
                        recipe.width * 2,
                        recipe.dropout,
                        batch_first=True,
                        norm_first=True,
                        activation="gelu",
                    )
                )
            self.last = nn.LayerNorm(recipe.width)
            self.drop = nn.Dropout(recipe.dropout)

        def forward(self, told: Any) -> Any:
            n = told.shape[1]
            hidden = self.items(told) + self.places.weight[-n:]
            hidden = self.drop(hidden)
            ahead = torch.triu(torch.ones(n, n, dtype=torch.bool), diagonal=1)
            for layer in self.layers:
                hidden = layer(hidden, src_mask=ahead)
            return self.last(hidden)

    return Net()


def _runner(torch: Any, net: Any) -> Callable[[np.ndarray], np.ndarray]:
    def run(told: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            hidden = net(torch.as_tensor(told))[:, -1]
            return np.asarray((hidden @ net.items.weight[1:].T).numpy(), dtype=np.float32)

    return run


__all__ = ["SasRec", "SasRecRanker", "sequences"]
