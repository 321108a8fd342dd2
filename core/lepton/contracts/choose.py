"""Which of a customer's columns each canonical one could be: every candidate with its weights.

A candidate weighs what its name says and what its values say. The likeliest is taken only where
nothing else comes close; the rest is left to a person, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from lepton import roles
from lepton.contracts.codes import LISTS
from lepton.contracts.evidence import Evidence, evidence
from lepton.contracts.model import Column, ColumnType, Contract
from lepton.contracts.vocabulary import GENERIC, MONEY, ROLE_WORDS, words

_GENERIC_WILL_DO = {roles.EVENT_AT, roles.KEY}
_ENOUGH_NAME = 0.45
_NAME_WEIGHT = 0.6
_MARGIN = 0.08
_KIN = 0.3
"""A name that shares the word that matters: not enough to be taken, enough to be mentioned."""
_SPEAKING = 0.9
"""Values that say so much alone that a column is shown although its name says nothing."""
_SHOWN = 4


@dataclass(frozen=True)
class Candidate:
    """One source column for a canonical one: weights 0..1 of name and values, and what was seen."""

    source: str
    name: float
    values: float
    about: str

    @property
    def weight(self) -> float:
        """Both together."""
        return _NAME_WEIGHT * self.name + (1 - _NAME_WEIGHT) * self.values

    def __str__(self) -> str:
        return f"{self.weight:.2f}: name {self.name:.2f}, values {self.values:.2f}, {self.about}"


@dataclass(frozen=True)
class Choice:
    """What became of one canonical column.

    taken: the candidate, None where there is none or the choice is open; rivals: candidates as
    likely, of which a person takes one; others: what else was looked at, the likeliest first.
    """

    column: Column
    taken: Candidate | None = None
    rivals: tuple[Candidate, ...] = ()
    others: tuple[Candidate, ...] = ()


def choose(rows: pd.DataFrame, contract: Contract) -> tuple[Choice, ...]:
    """A choice for each canonical column, in the contract's order; each source is taken once."""
    found = {column.name: _candidates(rows, column) for column in contract.columns}
    taken = _assigned(contract.columns, found)
    used = {candidate.source for candidate in taken.values()}
    choices = [
        _choice(column, taken.get(column.name), found[column.name], used)
        for column in contract.columns
    ]
    open_sources = {each.source for one in choices for each in one.rivals}
    return tuple(_with_speaking(one, rows, used | open_sources) for one in choices)


def likeness(source: str, column: Column) -> float:
    """0..1: how much the names share; all words of the canonical one that matter, no others."""
    if source == column.name:
        return 1.0
    given, wanted = words(source), words(column.name)
    known = wanted.union(*(ROLE_WORDS.get(role, set()) for role in column.roles))
    # what the contract says about a number may stand in its name, such as whose balance it is
    known |= words(column.description) if column.type is ColumnType.NUMBER else frozenset()
    if roles.VALUE in column.roles:
        known |= MONEY
    shared_at_least = wanted if _GENERIC_WILL_DO.intersection(column.roles) else wanted - GENERIC
    if not given & shared_at_least:
        return 0.0
    shared, strange = given & wanted, given - known
    share = len(shared) / len(wanted)
    return max(share * len(given & known) / len(given) - 0.15 * len(strange), 0.0)


def _candidates(rows: pd.DataFrame, column: Column) -> tuple[Candidate, ...]:
    """Source columns whose name has something of the column's and whose values could be it."""
    found = []
    for source in map(str, rows.columns):
        name = likeness(source, column)
        seen = evidence(rows[source], column) if name > 0 else None
        if seen is not None:
            found.append(_candidate(source, name, seen))
    return tuple(sorted(found, key=lambda one: -one.weight))


def _candidate(source: str, name: float, seen: Evidence) -> Candidate:
    return Candidate(source, name, seen.weight, seen.about)


def _assigned(
    columns: Sequence[Column], found: Mapping[str, Sequence[Candidate]]
) -> dict[str, Candidate]:
    """Canonical column -> candidate, exact names first, then the likeliest pairs."""
    pairs = [
        (candidate.source != column.name, -candidate.weight, place, candidate, column.name)
        for place, column in enumerate(columns)
        for candidate in found[column.name]
        if candidate.name >= _ENOUGH_NAME
    ]
    taken: dict[str, Candidate] = {}
    for _, _, _, candidate, column in sorted(pairs, key=lambda one: one[:3]):
        if column not in taken and candidate.source not in {one.source for one in taken.values()}:
            taken[column] = candidate
    return taken


def _choice(
    column: Column, taken: Candidate | None, found: Sequence[Candidate], used: set[str]
) -> Choice:
    """The taken candidate, unless a free one is about as likely and no name is the very one."""
    if taken is None:
        return Choice(column, others=tuple(one for one in found if one.source not in used)[:_SHOWN])
    rest = [one for one in found if one.source not in used]
    close = [
        one for one in rest if one.name >= _ENOUGH_NAME and one.weight > taken.weight - _MARGIN
    ]
    if close and taken.source != column.name:
        return Choice(column, rivals=(taken, *close[:_SHOWN]))
    kin = [one for one in rest if one.name >= _KIN and one.values >= _SPEAKING]
    return Choice(column, taken, others=tuple(kin[:_SHOWN]))


def _with_speaking(choice: Choice, rows: pd.DataFrame, used: set[str]) -> Choice:
    """A column for which no name speaks is shown what has such values."""
    if choice.taken is not None or choice.rivals or choice.others or not _speaks(choice.column):
        return choice
    return replace(choice, others=tuple(_speaking(choice.column, rows, used))[:_SHOWN])


def _speaks(column: Column) -> bool:
    """Whether values alone may hint at the column: lists of codes, and what must be there."""
    return (column.unit or "") in LISTS or bool(column.allowed) or column.present


def _speaking(column: Column, rows: pd.DataFrame, used: set[str]) -> Iterator[Candidate]:
    for source in map(str, rows.columns):
        seen = evidence(rows[source], column) if source not in used else None
        measured = roles.KEY in column.roles and not isinstance(rows[source].dtype, pd.StringDtype)
        if seen is not None and seen.weight >= _SPEAKING and not measured:
            yield _candidate(source, 0.0, seen)
