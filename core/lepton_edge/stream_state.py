"""The state of a stream as one file: arrays and JSON, never code, with a sha256 in front.

A line that names format and hash, then an npz. Numbers are written as they stand in memory, so
that a restored stream goes on bit by bit as the one that was stopped.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lepton_edge import state_file
from lepton_edge.errors import BundleError
from lepton_edge.history import History, Kept, Numbers, Texts
from lepton_edge.known import Labels, Rank
from lepton_edge.stream_labels import Waiting

if TYPE_CHECKING:
    from lepton_edge.stream import FeatureStream

MAGIC: Final = b"lepton-stream 2 "
_START_AGAIN: Final = "restore the file, or remove it and replay the events of the longest window"

Arrays = dict[str, np.ndarray]
Columns = Mapping[str, Callable[[Any], list[Any]]]

_COUNTS: Final = ("events", "late_events", "refused_events", "expected")
_RUNNING: Final = ("sums", "lost", "powers", "spare", "means", "squares", "tops", "bottoms")


def digest(stream: FeatureStream) -> str:
    """sha256 of what a state depends on: nodes, roles, lateness."""
    facts = [stream.spec, sorted(stream.columns.items()), stream.lateness, stream.labels_within]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def write_state(stream: FeatureStream, path: Path, notes: Mapping[str, Any]) -> None:
    """Write everything that `stream` remembers, and `notes`, to `path` at once."""
    arrays: Arrays = {}
    facts = {
        "spec": digest(stream),
        "notes": dict(notes),
        "watermark": stream.watermark,
        "counts": [getattr(stream, name) for name in _COUNTS],
        "pending": [[*one[:3], list(one[3]), list(one[4])] for one in stream.pending],
        "waiting": [
            [key, at, list(rank), list(keys)] for key, (at, rank, keys, _) in stream.waiting.items()
        ],
        "histories": [
            _histories(f"h{at}", entities, arrays) for at, entities in enumerate(stream.histories)
        ],
        "labels": [
            _labels(f"l{at}", entities, arrays)
            for at, entities in enumerate([*stream.labels, {(): stream.overall}])
        ],
        "banks": [list(bank.places) for bank in stream.banks],
        "lives": [list(bank.lives.items()) for bank in stream.banks],
    }
    for at, bank in enumerate(stream.banks):
        arrays |= {f"b{at}.{name}": one for name, one in bank.arrays().items()}
    kept = [*(one[5] for one in stream.pending), *(one[3] for one in stream.waiting.values())]
    _pack("kept", kept, arrays, np.float64)
    text = json.dumps(facts, allow_nan=False, ensure_ascii=True).encode()
    arrays["facts"] = np.frombuffer(text, dtype=np.uint8)
    state_file.write(path, MAGIC, arrays)


def read_state(stream: FeatureStream, path: Path) -> dict[str, Any]:
    """Fill `stream` with the state of `path`, and return its notes.

    Raises BundleError LK614 where the file is damaged, LK615 where it belongs to another spec.
    """
    arrays = state_file.read(path, MAGIC, _START_AGAIN)
    try:
        facts = json.loads(arrays["facts"].tobytes())
        if facts["spec"] != digest(stream):
            raise BundleError(
                "LK615",
                where=str(path),
                found="the state of another feature spec, other columns or another lateness",
                remedy="start with an empty folder and replay the events of the longest window",
            )
        _fill(stream, facts, arrays)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        found = f"not a whole state: {type(error).__name__} {error}"
        raise state_file.damaged(path, found, _START_AGAIN) from error
    notes: dict[str, Any] = facts["notes"]
    return notes


def _fill(stream: FeatureStream, facts: Mapping[str, Any], arrays: Arrays) -> None:
    plan = stream.plan
    stream.histories = [
        _read_histories(f"h{at}", told, arrays, plan.entities[at])
        for at, told in enumerate(facts["histories"])
    ]
    shapes = [*((one.last, len(one.weights)) for one in plan.labels), (0, 0)]
    labels = [
        _read_labels(f"l{at}", told, arrays, *shapes[at]) for at, told in enumerate(facts["labels"])
    ]
    stream.labels, stream.overall = labels[:-1], labels[-1][()]
    kept = [tuple(one) for one in _unpack("kept", arrays)]
    pending, waiting = facts["pending"], facts["waiting"]
    stream.pending = Waiting(
        [
            (learnt, number, target, _rank(rank), _keys(keys), values)
            for (learnt, number, target, rank, keys), values in zip(pending, kept, strict=False)
        ]
    )
    stream.waiting = {
        _key(key): (at, _rank(rank), _keys(keys), values)
        for (key, at, rank, keys), values in zip(waiting, kept[len(pending) :], strict=True)
    }
    banks = zip(stream.banks, facts.get("banks", []), facts.get("lives", []), strict=True)
    for at, (bank, names, lives) in enumerate(banks):
        bank.restore(names, {name: arrays[f"b{at}.{name}"] for name in bank.state}, dict(lives))
    stream.watermark = facts["watermark"]
    for name, count in zip(_COUNTS, facts["counts"], strict=True):
        setattr(stream, name, count)


def _histories(name: str, entities: Mapping[Any, History], arrays: Arrays) -> dict[str, Any]:
    """Facts of one kind of entity; the rows of all of them, one after another, go to `arrays`."""
    all_of = list(entities.values())
    _pack(f"{name}.at", [one.at for one in all_of], arrays, np.int64)
    arrays[f"{name}.dropped"] = np.array([one.dropped for one in all_of], dtype=np.int64)
    arrays[f"{name}.room"] = np.array([one.room for one in all_of], dtype=np.int64)
    for at, numbers in enumerate(zip(*(one.numbers for one in all_of), strict=True)):
        _pack_numbers(f"{name}.{at}", numbers, arrays)
    texts = [[[one.values, list(one.first.items())] for one in each.texts] for each in all_of]
    return {"keys": list(entities), "texts": texts if any(map(len, texts)) else None}


def _read_histories(
    name: str, told: Mapping[str, Any], arrays: Arrays, plan: Any
) -> dict[Any, History]:
    keys = [_key(key) for key in told["keys"]]
    found = {key: History([], []) for key in keys}
    parts = [arrays[f"{name}.{part}"].tolist() for part in ("dropped", "room")]
    rows = _unpack(f"{name}.at", arrays)
    for history, at, dropped, room in zip(found.values(), rows, *parts, strict=True):
        history.at, history.dropped, history.room = array("q", at), dropped, room
    for number, asked in enumerate(plan.values if keys else ()):
        columns = _unpack_numbers(f"{name}.{number}", arrays, asked.kept)
        for history, column in zip(found.values(), columns, strict=True):
            history.numbers.append(column)
    for history, texts in zip(found.values(), told["texts"] or (), strict=bool(told["texts"])):
        history.texts = [_texts(one, *each) for one, each in zip(plan.texts, texts, strict=True)]
    return found


def _pack_numbers(name: str, columns: Sequence[Numbers], arrays: Arrays) -> None:
    """One column of every entity; the counts of one where nothing is missing are left out."""
    for part in ("values", *_RUNNING):
        _pack(f"{name}.{part}", [getattr(one, part) for one in columns], arrays, np.float64)
    _pack(f"{name}.known", [one.known or () for one in columns], arrays, np.int64)
    arrays[f"{name}.dropped"] = np.array([one.dropped for one in columns], dtype=np.int64)
    arrays[f"{name}.anchor"] = np.array([one.anchor for one in columns], dtype=np.float64)


def _unpack_numbers(name: str, arrays: Arrays, kept: Kept) -> list[Numbers]:
    lists = [_unpack(f"{name}.{part}", arrays) for part in ("values", *_RUNNING)]
    single = [arrays[f"{name}.{part}"].tolist() for part in ("dropped", "anchor")]
    found = []
    for known, dropped, anchor, *each in zip(
        _unpack(f"{name}.known", arrays), *single, *lists, strict=True
    ):
        column = Numbers(kept)
        column.anchor = anchor
        column.known, column.dropped = array("q", known) if known else None, dropped
        for part, one in zip(("values", *_RUNNING), each, strict=True):
            setattr(column, part, array("d", one))
        found.append(column)
    return found


def _texts(asked: Any, values: list[Any], first: list[tuple[Any, int]]) -> Texts:
    found = Texts(whole=asked.whole)
    found.values = values
    found.first = dict(first)
    found.seen = sorted(found.first.values())
    return found


def _labels(name: str, entities: Mapping[Any, Labels], arrays: Arrays) -> list[Any]:
    all_of = list(entities.values())
    _pack(f"{name}.learnt", [one.learnt for one in all_of], arrays, np.int64)
    _pack(f"{name}.positive", [one.positive for one in all_of], arrays, np.float64)
    _pack(f"{name}.rows", [row for one in all_of for row in one.rows], arrays, np.float64)
    for part in ("dropped", "room"):
        arrays[f"{name}.{part}"] = np.array([getattr(one, part) for one in all_of], dtype=np.int64)
    for at, columns in enumerate(zip(*(one.weights for one in all_of), strict=True)):
        _pack_numbers(f"{name}.{at}", columns, arrays)
    return [[key, one.ranks] for key, one in entities.items()]


def _read_labels(
    name: str, told: Sequence[Any], arrays: Arrays, last: int, n_weights: int
) -> dict[Any, Labels]:
    found = {_key(key): Labels(last) for key, _ in told}
    rows = iter(_unpack(f"{name}.rows", arrays))
    for labels, (_, ranks) in zip(found.values(), told, strict=True):
        labels.ranks = [_rank(rank) for rank in ranks]
        labels.rows = [tuple(next(rows)) for _ in ranks]
    parts = [_unpack(f"{name}.{part}", arrays) for part in ("learnt", "positive")]
    counts = [arrays[f"{name}.{part}"].tolist() for part in ("dropped", "room")]
    for labels, learnt, positive, *each in zip(found.values(), *parts, *counts, strict=True):
        labels.learnt, labels.positive = array("q", learnt), array("d", positive)
        labels.dropped, labels.room = each
    for at in range(n_weights if found else 0):
        columns = _unpack_numbers(f"{name}.{at}", arrays, Kept())
        for labels, column in zip(found.values(), columns, strict=True):
            labels.weights.append(column)
    return found


def _pack(name: str, lists: Sequence[Sequence[Any]], arrays: Arrays, kind: type) -> None:
    """Many lists as one array, and the length of each."""
    sizes = np.array([len(one) for one in lists], dtype=np.int64)
    flat = (value for one in lists for value in one)
    arrays[name] = np.fromiter(flat, dtype=kind, count=int(sizes.sum()))
    arrays[f"{name}.sizes"] = sizes


def _unpack(name: str, arrays: Arrays) -> list[list[Any]]:
    values, ends = arrays[name].tolist(), np.cumsum(arrays[f"{name}.sizes"]).tolist()
    if len(values) != (ends[-1] if ends else 0):
        raise ValueError(f"{name} has {len(values)} values")
    return [values[low:high] for low, high in zip([0, *ends], ends, strict=False)]


def _keys(keys: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(_key(key) for key in keys)


def _rank(rank: Sequence[Any]) -> Rank:
    return rank[0], rank[1], rank[2]


def _key(key: Any) -> Any:
    """JSON has no tuples: a list is one."""
    return tuple(key) if isinstance(key, list) else key


__all__ = ["read_state", "write_state"]
