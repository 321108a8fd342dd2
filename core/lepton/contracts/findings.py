"""What a check found of one series, and how those of all are told as one violation a rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pandas as pd

from lepton.contracts.model import Severity, Violation

_EXAMPLES = 3


@dataclass(frozen=True)
class Finding:
    """One rule that one series breaks.

    code, rule, remedy: as of a Violation; entity: which series; count of total rows; shown: the
    worst of them, in words; is_unfit: whether it cannot be forecast until it is mended.
    """

    code: str
    rule: str
    entity: str
    count: int
    total: int
    shown: str
    remedy: str
    column: str
    table: str
    is_unfit: bool = False


def told(
    findings: Iterable[Finding], n_entities: int, unfit_share: float, entities: str
) -> Iterator[Violation]:
    """One violation a rule, the series with most broken rows first; the table is refused where over
    `unfit_share` of all are unfit by that rule. entities: what people call several series."""
    by_rule: dict[tuple[str, str, str, bool], list[Finding]] = {}
    for one in findings:
        by_rule.setdefault((one.code, one.table, one.rule, one.is_unfit), []).append(one)
    for (code, table, rule, is_unfit), found in sorted(by_rule.items()):
        worst = sorted(found, key=lambda one: (-one.count, one.entity))
        named = len({one.entity for one in found})
        refused = is_unfit and named > unfit_share * n_entities
        where = f" ({named} of {n_entities} {entities})" if n_entities > 1 else ""
        yield Violation(
            code,
            rule + where,
            table,
            worst[0].column,
            Severity.TABLE if refused else Severity.WARNING,
            sum(one.count for one in found),
            sum(one.total for one in found),
            tuple(f"{one.entity}: {one.shown}" for one in worst[:_EXAMPLES]),
            worst[0].remedy,
        )


def when(at: pd.Timestamp) -> str:
    """An instant as findings show it."""
    return f"{at:%Y-%m-%dT%H:%MZ}"


__all__ = ["Finding", "told", "when"]
