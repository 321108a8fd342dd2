"""How a check tells what it found: one violation, told or refusing by its two limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from lepton.contracts.model import Severity, Violation

_EXAMPLES = 3


@dataclass(frozen=True)
class Place:
    """What a violation is of, and what to do about it."""

    table: str
    column: str | None
    remedy: str


def of_share(
    code: str,
    rule: str,
    place: Place,
    share: tuple[int, int],
    limits: tuple[float, float],
    examples: Iterable[object] = (),
) -> Violation | None:
    """A violation where `share` (count, total) is over the first limit; the table is refused where
    it is over the second one. None where it is not, or where there is nothing to count."""
    count, total = share
    found = count / total if total else 0.0
    warn, fail = limits
    if found <= warn:
        return None
    refused = found > fail
    told = f"{rule}: {found:.2%}, at most {fail if refused else warn:.2%}"
    return Violation(
        code,
        f"{told} {'can be worked with' if refused else 'is usual'}",
        place.table,
        place.column,
        Severity.TABLE if refused else Severity.WARNING,
        count,
        total,
        shown(examples),
        place.remedy,
    )


def shown(values: Iterable[object]) -> tuple[str, ...]:
    """The first few different values, as text."""
    return tuple(dict.fromkeys(map(str, values)))[:_EXAMPLES]


def when(at: pd.Timestamp) -> str:
    """An instant as findings show it."""
    return f"{at:%Y-%m-%dT%H:%MZ}"


__all__ = ["Place", "of_share", "shown", "when"]
