"""Lists of all customers in shards: each is written whole or not at all, and never made twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from lepton.frames import read_parquet, write_parquet
from lepton.recommend.families.base import Ranker
from lepton.recommend.families.ease_own import EaseOwnRanker
from lepton.recommend.interactions import InteractionDataset
from lepton.recommend.priced import ranked
from lepton.recommend.windows import Window
from lepton_edge.atomic import atomic_directory
from lepton_edge.shelf import Shelf

SHARDS: Final = 16
ROWS: Final = "lists.parquet"
POPULAR: Final = "much wanted of late"


@dataclass(frozen=True, eq=False)
class Batch:
    """What lists are made with. champion: ranks; why: whose item-item model tells reasons; shelves:
    mode -> rules as they hold; k: items of a list."""

    champion: Ranker
    why: EaseOwnRanker
    shelves: Mapping[str, Shelf]
    k: int = 10


def shard_of(customers: np.ndarray, n: int) -> np.ndarray:
    """(customers,) shard of each by its name alone, so that it stays where it is."""
    digests = (hashlib.sha256(str(name).encode()).digest() for name in customers)
    return np.array([int.from_bytes(one[:4], "big") % n for one in digests], dtype=np.int64)


def listed_in_shards(
    batch: Batch, known: InteractionDataset, folder: Path, n: int = SHARDS
) -> Iterator[tuple[int, bool]]:
    """Every shard's number, and whether it had to be made: what an earlier call left in `folder`
    stands. Read them with `read_shards`."""
    of = shard_of(known.customers, n)
    for number in range(n):
        place = folder / f"shard={number:03d}"
        if place.is_dir():
            yield number, False
            continue
        rows = lists_for(batch, known, np.flatnonzero(of == number))
        with atomic_directory(place) as made:
            write_parquet(rows, made / ROWS)
        yield number, True


def read_shards(folder: Path, n: int = SHARDS) -> pd.DataFrame:
    """All lists, by shard, customer, mode and rank."""
    parts = [read_parquet(folder / f"shard={number:03d}" / ROWS) for number in range(n)]
    return pd.concat(parts, ignore_index=True)


def lists_for(batch: Batch, known: InteractionDataset, customers: np.ndarray) -> pd.DataFrame:
    """One row a listed item: customer_id, mode, rank (from 1), item_id, score, reason, rule."""
    none = known.pairs.matrix(np.zeros(len(known.pairs.item)))[customers]
    window = Window(known, customers, none, none, np.zeros(len(customers), dtype=np.int64))
    parts = [_mode(batch, window, mode, shelf) for mode, shelf in batch.shelves.items()]
    frame = pd.concat(parts, ignore_index=True)
    by = ["customer_id", "mode", "rank"]
    return frame.sort_values(by, kind="stable", ignore_index=True)


def _mode(batch: Batch, window: Window, mode: str, shelf: Shelf) -> pd.DataFrame:
    known = window.known
    found = ranked(batch.champion, window, mode, shelf)
    owned = window.owned
    histories = batch.why.histories(known, window.customers)
    rows = []
    for row, customer in enumerate(window.customers):
        seen = owned[row].indices if mode == "new" else None
        items = found.item[row]
        listed, why = shelf.fill(items[items >= 0], batch.k, seen)
        score = dict(zip(items.tolist(), found.score[row].tolist(), strict=True))
        start, end = histories.indptr[row], histories.indptr[row + 1]
        own = histories.indices[start:end], histories.data[start:end]
        reasons = _reasons(batch.why, known, own, listed)
        for place, (item, rule, reason) in enumerate(zip(listed, why, reasons, strict=True), 1):
            name = shelf.rules[rule].rule_id if rule >= 0 else ""
            rows.append(
                (
                    str(known.customers[customer]),
                    mode,
                    place,
                    str(known.items[item]),
                    score.get(int(item), float("nan")),
                    f"rule {name}" if name else reason,
                    name,
                )
            )
    columns = ["customer_id", "mode", "rank", "item_id", "score", "reason", "rule"]
    frame = pd.DataFrame(rows, columns=columns)
    text = dict.fromkeys(("customer_id", "mode", "item_id", "reason", "rule"), "str")
    return frame.astype({**text, "rank": "int64", "score": "float64"})


def _reasons(
    ranker: EaseOwnRanker,
    known: InteractionDataset,
    own: tuple[np.ndarray, np.ndarray],
    listed: np.ndarray,
) -> list[str]:
    """Of each listed item: that it was taken before, else the two of the history that speak most
    for it, as the item-item model splits its score."""
    history, weight = own
    told = weight[:, None] * ranker.model.similar[np.ix_(history, listed)]
    found = []
    for place, item in enumerate(listed.tolist()):
        if item in history:
            found.append("taken before")
            continue
        best = np.argsort(-told[:, place], kind="stable")[:2]
        names = [str(known.items[history[at]]) for at in best if told[at, place] > 0]
        found.append(f"because of {' and '.join(names)}" if names else POPULAR)
    return found


__all__ = ["SHARDS", "Batch", "listed_in_shards", "lists_for", "read_shards", "shard_of"]
