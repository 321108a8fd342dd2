"""Everything that can go wrong, as one tree; the code's hundred names the stage.

LeptonError
├── ConfigError        LK1xx  exit 3   solution.yaml, mapping.yaml, names, command line values
├── DataError          LK2xx  exit 4   files, tables, rows
│   └── ContractViolation              the data breaks its contract
├── FeatureError       LK3xx  exit 4   the feature spec and the data do not fit together
├── SearchError        LK4xx  exit 1   no model could be found
├── ExportError        LK5xx  exit 6   a model cannot be exported, or does not equal its export
├── IntegrityError     LK6xx  exit 6   bundle or registry is damaged or incomplete
├── GateRefused        LK7xx  exit 5   a gate does not hold: report written, nothing published
├── CloneError         LK8xx  exit 3   a customer's project cannot be made or updated
└── MachineError       LK9xx  exit 7   disk, memory, permission, missing library

Exit codes: 0 done, 1 unexpected, 2 wrong usage, 3 to 7 as above, 130 interrupted.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import ClassVar


class LeptonError(Exception):
    """One fault with a stable code, told so that the reader knows what to do next.

    code: "LK" and three digits, the first being the class's `hundred`.
    where: file, table or column; found: what was seen, with counts and examples;
    remedy: the next step; details: one line each, where several faults are gathered.
    """

    hundred: ClassVar[int] = 0
    exit_code: ClassVar[int] = 1

    def __init__(
        self, code: str, *, where: str, found: str, remedy: str, details: Sequence[str] = ()
    ) -> None:
        if self.hundred and code[:3] != f"LK{self.hundred}":
            raise ValueError(f"{type(self).__name__} has codes LK{self.hundred}xx, not {code}")
        self.code, self.where, self.found, self.remedy = code, where, found, remedy
        self.details = tuple(details)
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [f"{self.code} {self.where}: {self.found}"]
        lines += [f"  - {line}" for line in self.details]
        return "\n".join([*lines, f"  remedy: {self.remedy}"])


class ConfigError(LeptonError):
    """What a person wrote (YAML, names, options) cannot be used."""

    hundred, exit_code = 1, 3


class DataError(LeptonError):
    """A file or table cannot be read or used."""

    hundred, exit_code = 2, 4


class ContractViolation(DataError):  # noqa: N818 - named for what happened
    """The data breaks its contract beyond what quarantine may take."""


class FeatureError(LeptonError):
    """The feature spec and the data do not fit together."""

    hundred, exit_code = 3, 4


class SearchError(LeptonError):
    """The search has no model to return."""

    hundred, exit_code = 4, 1


class ExportError(LeptonError):
    """A model cannot be exported, or its export differs from it."""

    hundred, exit_code = 5, 6


class IntegrityError(LeptonError):
    """A bundle or the registry is damaged, incomplete or from another format."""

    hundred, exit_code = 6, 6


class GateRefused(LeptonError):  # noqa: N818
    """A gate does not hold: the report is written and nothing is published."""

    hundred, exit_code = 7, 5


class CloneError(LeptonError):
    """A customer's project cannot be made or updated."""

    hundred, exit_code = 8, 3


class MachineError(LeptonError):
    """The machine refuses: disk, memory, permission, a missing library."""

    hundred, exit_code = 9, 7


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the known name nearest to `word`, or an empty string."""
    options = list(known)
    folded = {option.casefold().strip(): option for option in options}
    found = difflib.get_close_matches(word.casefold().strip(), folded, n=1, cutoff=0.6)
    return f"; did you mean '{folded[found[0]]}'?" if found else ""
