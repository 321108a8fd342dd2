"""A file of rows on a device: what its decisions need beside the features, and what comes out."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, Final

import numpy as np

from lepton_edge.bundle import Opened
from lepton_edge.decider import Decided, Decider, fields_read, has_decisions
from lepton_edge.decider import Rows as ToDecide
from lepton_edge.errors import RowError
from lepton_edge.instants import microseconds
from lepton_edge.levels import levels_of
from lepton_edge.rows import Beside, Format, Rows
from lepton_edge.runtime import Runtime, Scores

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\0")
"""First characters that a spreadsheet takes for a formula (OWASP ASVS 5.0, 1.2.10)."""
_ROLES: Final = ("key", "event_at", "value")


@dataclass(frozen=True)
class FileDecided:
    """The decisions of a file's rows, None where there are none, and what to tell a person."""

    decided: Decided | None
    notes: tuple[str, ...] = ()


def beside(opened: Opened) -> Beside:
    """The fields that the bundle's policy and rules read beside the features."""
    columns, numbers, texts = fields_read(opened)
    return Beside(numbers, texts, tuple(columns[role] for role in _ROLES[:2] if role in columns))


def decide_file(opened: Opened, runtime: Runtime, rows: Rows, scores: Scores) -> FileDecided:
    """What the bundle does with each row of a file, in its order.

    Without key, event time or value there are scores and no actions, and a note says so; a rule
    whose features the file lacks is off. Raises RowError LK292 on an event time that is none.
    """
    if not has_decisions(opened) or not len(scores.score):
        return FileDecided(None)
    decider = Decider(opened, runtime, tuple(rows.beside))
    lacking = [name for name in decider.columns.values() if name not in rows.beside]
    if lacking:
        return FileDecided(None, (f"no actions: the rows lack {', '.join(lacking)}",))
    columns = decider.columns
    value = rows.beside[columns["value"]] if "value" in columns else [0.0] * len(scores.score)
    fields = {
        name: np.array(values, dtype=object if isinstance(values[0], str) else np.float64)
        for name, values in rows.beside.items()
        if name not in (columns["key"], columns["event_at"])
    }
    decided = decider.decide(
        ToDecide(
            keys=rows.beside[columns["key"]],
            at=list(_instants(rows.beside[columns["event_at"]], columns["event_at"])),
            value=np.array(value, dtype=np.float64),
            numeric=rows.numeric,
            categorical=rows.categorical,
            fields=fields,
        ),
        scores,
    )
    off = decider.rules.off.items()
    return FileDecided(
        decided, tuple(f"rule {rule} is off: the rows lack {', '.join(n)}" for rule, n in off)
    )


def unseen_notes(opened: Opened, rows: Rows) -> list[str]:
    """How many rows have a category that the model never learnt from, a line a feature."""
    unseen = levels_of(opened).unseen(opened.manifest.categorical, rows.categorical)
    return [
        f"{count:,} rows have a '{name}' never seen in training" for name, count in unseen.items()
    ]


def write_scores(
    out: IO[str], form: Format, key: str, rows: Rows, scores: Scores, decided: Decided | None
) -> None:
    """Write key, score, decision and what is done with each row as CSV or JSON lines.

    In CSV reasons and rules are one text each, and no text can run as a formula.
    """
    columns: dict[str, list[Any]] = {} if rows.keys is None else {key: rows.keys}
    columns |= {"score": scores.score.tolist(), "decision": scores.decision.tolist()}
    if decided is not None:
        columns |= decided.texts() if form == "csv" else decided.columns()
    lines = zip(*columns.values(), strict=True)
    if form == "csv":
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(map(_cell, columns))
        writer.writerows([_cell(value) for value in line] for line in lines)
        return
    for line in lines:
        out.write(json.dumps(dict(zip(columns, line, strict=True)), ensure_ascii=False) + "\n")


def _instants(values: list[Any], name: str) -> Iterator[int]:
    for row, value in enumerate(values, start=1):
        try:
            yield microseconds(value)
        except ValueError as error:
            raise RowError(
                "LK292",
                where="rows",
                found=f"row {row}, field '{name}': {error}; nothing was scored",
                remedy="write instants as ISO 8601 with an offset",
            ) from error


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(FORMULA):
        return "'" + value.replace("\0", "")
    return value


__all__ = ["FORMULA", "FileDecided", "beside", "decide_file", "unseen_notes", "write_scores"]
