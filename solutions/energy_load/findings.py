"""What a check found of one meter, and how the findings of all meters are told as one violation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pandas as pd

from lepton.contracts.model import Severity, Violation

_EXAMPLES = 3


@dataclass(frozen=True)
class Finding:
    """One rule that one meter breaks.

    code, rule, remedy: as of a Violation; count of total rows; shown: the worst of them, in words;
    is_unfit: whether the meter cannot be forecast until it is mended.
    """

    code: str
    rule: str
    meter: str
    count: int
    total: int
    shown: str
    remedy: str
    column: str = "power_kw"
    table: str = "load"
    is_unfit: bool = False


def told(findings: Iterable[Finding], n_meters: int, unfit_share: float) -> Iterator[Violation]:
    """One violation a rule, the meters with most broken rows first; the table is refused where
    over `unfit_share` of all meters are unfit by that rule."""
    by_rule: dict[tuple[str, str, str, bool], list[Finding]] = {}
    for one in findings:
        by_rule.setdefault((one.code, one.table, one.rule, one.is_unfit), []).append(one)
    for (code, table, rule, is_unfit), found in sorted(by_rule.items()):
        worst = sorted(found, key=lambda one: (-one.count, one.meter))
        refused = is_unfit and len({one.meter for one in found}) > unfit_share * n_meters
        meters = len({one.meter for one in found})
        where = f" ({meters} of {n_meters} meters)" if n_meters > 1 else ""
        yield Violation(
            code,
            rule + where,
            table,
            worst[0].column,
            Severity.TABLE if refused else Severity.WARNING,
            sum(one.count for one in found),
            sum(one.total for one in found),
            tuple(f"{one.meter}: {one.shown}" for one in worst[:_EXAMPLES]),
            worst[0].remedy,
        )


def when(at: pd.Timestamp) -> str:
    """An instant as findings show it."""
    return f"{at:%Y-%m-%dT%H:%MZ}"


__all__ = ["Finding", "told", "when"]
