"""A first mapping.yaml drafted from a customer's table: what is sure, and why the rest is not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lepton import roles
from lepton.contracts.apply import DEFAULT_LABEL_DELAY_DAYS
from lepton.contracts.cast import as_text, to_number
from lepton.contracts.choose import Candidate, Choice, choose
from lepton.contracts.dialects import find_dialect, with_points
from lepton.contracts.evidence import (
    auc,
    has_foreign_marks,
    holds_cards,
    is_thousandths,
    is_time,
)
from lepton.contracts.model import Column, Contract
from lepton.contracts.operations import Written, quoted, written
from lepton.contracts.waveforms import holds_blocks
from lepton.frames import DEFAULT_DIALECT, Dialect, read_raw

_SAMPLE_ROWS = 100_000
# a single column that ranks the target so well was written after the outcome (specs: > 0.995)
_LEAK_AUC = 0.995


@dataclass(frozen=True)
class Line:
    """What was decided for one canonical column, for a person to read.

    weight: of the chosen source, None where there is none; remark: what was seen, or is asked.
    """

    column: str
    source: str
    weight: float | None
    remark: str


@dataclass(frozen=True)
class Draft:
    """A mapping's YAML text, the columns as lines of a table, and what only a person can answer."""

    text: str
    lines: tuple[Line, ...]
    questions: tuple[str, ...]


def draft_from_file(path: Path, contract: Contract) -> Draft:
    """The draft for the file at `path`; the dialect of a text file is looked up."""
    dialect = find_dialect(path)
    return draft_mapping(read_raw(path, dialect), contract, path, dialect)


def draft_mapping(
    raw: pd.DataFrame, contract: Contract, path: Path, dialect: Dialect = DEFAULT_DIALECT
) -> Draft:
    """The draft for the table `raw` that was read from `path`.

    Columns are weighed by name, type and values (on the first 100,000 rows); what could not be
    decided is a comment that says why, and a question.
    """
    sample = raw.head(_SAMPLE_ROWS)
    cards = [str(name) for name in sample.columns if holds_cards(sample[name])]
    blocks = [str(name) for name in sample.columns if holds_blocks(sample[name])]
    rows = with_points(sample.drop(columns=[*cards, *blocks]), dialect)
    choices = choose(rows, contract)
    entries = [_entry(choice, rows) for choice in choices]
    entries += _label_delay(entries, contract)
    asked = [*_of_file(sample, dialect), *_of_cards(cards)]
    text = [
        f"# How {path.name} becomes the contract's {contract.table}. Check every line.",
        "tables:",
        f"  {contract.table}:",
        *(f"    {line}" for line in _dialect(dialect)),
        "    columns:",
        *(f"      {line}" for entry in entries for line in entry.text),
        *(f"    {line}" for line in _leftover(rows, choices, contract, blocks)),
        *(f"# {question}" for question in asked),
    ]
    lines = tuple(line for entry in entries for line in entry.lines)
    told = {line.column for line in lines}
    missing = [one.name for one in contract.columns if not one.present and one.name not in told]
    if missing:
        text.append(f"# optional, not found: {', '.join(missing)}")
    questions = tuple(question for entry in entries for question in entry.questions)
    return Draft("\n".join(text) + "\n", lines, (*questions, *asked))


@dataclass(frozen=True)
class _Entry:
    """What one canonical column adds to a draft."""

    text: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    questions: tuple[str, ...] = ()


def _known(choice: Choice) -> bool:
    return choice.taken is not None or bool(choice.rivals)


def _entry(choice: Choice, rows: pd.DataFrame) -> _Entry:
    """The chosen column's operation; else what there is to choose from."""
    if choice.taken is not None:
        return _taken(choice, choice.taken, rows)
    name = choice.column.name
    if choice.rivals:
        sources = ", ".join(quoted(one.source) for one in choice.rivals)
        question = f"{name}: {sources} are about as likely: keep one"
        return _open(choice.column, question, choice.rivals, rows)
    if roles.KEY in choice.column.roles:
        return _numbered(choice)
    if choice.others:
        sources = ", ".join(f"{quoted(one.source)} ({one.about})" for one in choice.others)
        needed = "required, no column found" if choice.column.present else "not found"
        question = f"{name}: {needed} by its name; by their values perhaps {sources}"
        return _open(choice.column, question, choice.others, rows)
    if choice.column.present:
        question = f"{name}: required, no column found; {choice.column.description}"
        return _Entry((f"# {question}",), (Line(name, "", None, "required: none"),), (question,))
    return _Entry()


def _numbered(choice: Choice) -> _Entry:
    """A key that no column's name promises: the row's number, and what is distinct in each row."""
    name = choice.column.name
    perhaps = ", ".join(quoted(one.source) for one in choice.others)
    about = "no column names a row: the file's order does"
    about += f"; or does {perhaps}?" if perhaps else ""
    others = (Line(name, f"{one.source}?", one.weight, one.about) for one in choice.others)
    return _Entry(
        (f"# {name}: {about}", f"{name}: {{row_number: true}}"),
        (Line(name, "(row number)", None, about), *others),
        (f"{name}: {about}",),
    )


def _open(
    column: Column, question: str, candidates: Sequence[Candidate], rows: pd.DataFrame
) -> _Entry:
    """A choice that is left open: every way as a comment to keep or delete."""
    text = [f"# {question}"]
    lines = []
    for one in candidates:
        way = written(column, one.source, rows[one.source])
        text += [f"# {operation}  # {one}" for operation in way.ways]
        lines.append(Line(column.name, f"{one.source}?", one.weight, one.about))
    return _Entry(tuple(text), tuple(lines), (question,))


def _taken(choice: Choice, one: Candidate, rows: pd.DataFrame) -> _Entry:
    """A column with its source: active where there is one way to read it, else every way."""
    name = choice.column.name
    way = written(choice.column, one.source, rows[one.source])
    asked = [*way.asked, *(f"{name}: {text}" for text in _kin(choice))]
    remark = "; ".join((one.about, *(question.partition(": ")[2] for question in asked)))
    text = [*(f"# {question}" for question in asked), *_ways(way, one)]
    return _Entry(tuple(text), (Line(name, one.source, one.weight, remark),), tuple(asked))


def _ways(way: Written, one: Candidate) -> Iterator[str]:
    mark = "assumed: check; " if way.is_assumed else ""
    for operation in way.ways:
        yield f"{'# ' if way.is_open else ''}{operation}  # {mark}{one}"


def _kin(choice: Choice) -> Iterator[str]:
    """Columns that are called alike and hold the same kind of values."""
    if choice.others:
        sources = ", ".join(quoted(one.source) for one in choice.others)
        yield f"{sources} looks much like it too: is the right one taken?"


def _label_delay(entries: Sequence[_Entry], contract: Contract) -> list[_Entry]:
    """Where no column says when the outcome became known: the event and a delay."""
    label, event, target = (
        next((column.name for column in contract.with_role(role)), "")
        for role in (roles.LABEL_AT, roles.EVENT_AT, roles.TARGET)
    )
    told = {line.column for entry in entries for line in entry.lines if line.source}
    if not label or label in told or not {event, target} <= told:
        return []
    active = any(line.startswith(f"{event}:") for entry in entries for line in entry.text)
    days = f"{DEFAULT_LABEL_DELAY_DAYS:g}"
    about = f"not found: {event} and {days} days is assumed; how long did outcomes take?"
    way = f"{label}: {{after: {{column: {event}, days: {days}}}}}  # assumed: check"
    question = f"{label}: {about}"
    line = Line(label, f"({event} + {days} d)", None, about)
    return [_Entry((f"# {question}", way if active else f"# {way}"), (line,), (question,))]


def _dialect(dialect: Dialect) -> Iterator[str]:
    """The dialect's keys that are not the default."""
    changed = [
        f"{key}: {json.dumps(value)}"
        for key, value in asdict(dialect).items()
        if value != getattr(DEFAULT_DIALECT, key)
    ]
    if changed:
        yield f"dialect: {{{', '.join(changed)}}}  # as it looks: check"


def _of_file(sample: pd.DataFrame, dialect: Dialect) -> Iterator[str]:
    """Marks inside numbers that can be read in two ways, or in a way that the dialect has not."""
    texts = [name for name in sample.columns if isinstance(sample[name].dtype, pd.StringDtype)]
    if dialect.decimal == ".":
        foreign = [str(name) for name in texts if has_foreign_marks(sample[name])]
        if foreign:
            names = ", ".join(map(quoted, foreign))
            yield f'{names}: numbers with a decimal comma? then write dialect: {{decimal: ","}}'
    unclear = [str(name) for name in texts if is_thousandths(sample[name])]
    if unclear:
        names = ", ".join(map(quoted, unclear))
        yield f"{names}: always three digits behind the mark: thousands, or decimals?"


def _of_cards(cards: Sequence[str]) -> Iterator[str]:
    if cards:
        names = ", ".join(map(quoted, cards))
        yield f"card numbers, refused wherever they are mapped: {names}; ask for tokens"


def _leftover(
    rows: pd.DataFrame, choices: Sequence[Choice], contract: Contract, blocks: Sequence[str]
) -> Iterator[str]:
    """Columns that nothing was made of: leaks to ignore, the others, and blocks of samples, offered
    as extras."""
    used = {each.source for one in choices for each in (one.taken, *one.rivals) if each is not None}
    maybe = {each.source for one in choices if one.taken is None for each in one.others}
    target = _target(rows, choices, contract)
    kinds: dict[str, list[str]] = {"numeric": [], "category": [], "rest": []}
    leaks = []
    for name in (str(name) for name in rows.columns if name not in used):
        kind, values = _kind(rows[name])
        if target is not None and values is not None and auc(values, target) > _LEAK_AUC:
            leaks.append(name)
        elif name not in maybe:
            kinds[kind].append(name)
    if leaks:
        yield "# these alone tell the target: written after the outcome? never make them extras"
        yield f"ignore: [{', '.join(map(quoted, leaks))}]"
    if kinds["numeric"] or kinds["category"] or blocks:
        yield "# columns that may help: drop what is known only after the event, then uncomment"
        yield "# extras:"
        for kind in ("numeric", "category"):
            if kinds[kind]:
                yield f"#   {kind}: [{', '.join(map(quoted, kinds[kind]))}]"
        if blocks:
            waves = ", ".join(f"{quoted(name)}: {{}}" for name in blocks)
            yield f"#   waveform: {{{waves}}}   # rate: samples a second; bands_hz: edges of bands"
    if kinds["rest"]:
        yield f"# neither numbers nor a few categories: {', '.join(map(quoted, kinds['rest']))}"


def _target(rows: pd.DataFrame, choices: Sequence[Choice], contract: Contract) -> np.ndarray | None:
    """The target as 0 and 1 on the sampled rows."""
    wanted = {column.name for column in contract.with_role(roles.TARGET)}
    taken = [one.taken.source for one in choices if one.taken and one.column.name in wanted]
    if not taken:
        return None
    text = as_text(rows[taken[0]])
    rarer = text.value_counts().index[-1]
    return np.where(text.isna(), np.nan, (text == rarer).astype(float))


def _kind(values: pd.Series) -> tuple[str, np.ndarray | None]:
    """What an extra could be, and numbers that rank its rows."""
    present = values.loc[as_text(values).notna()]
    if not len(present) or is_time(present):
        return "rest", None
    numbers = to_number(values, ".").values
    if numbers.notna().mean() > 0.9 * len(present) / len(values):
        return "numeric", numbers.to_numpy()
    if present.nunique() <= max(50, len(present) // 100):
        codes = as_text(values).astype("category").cat.codes
        return "category", codes.to_numpy(dtype=np.float64)
    return "rest", None


__all__ = ["Draft", "Line", "draft_from_file", "draft_mapping"]
