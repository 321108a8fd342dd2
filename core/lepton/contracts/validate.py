"""Judging mapped tables: everything is gathered, broken rows are set aside, then one verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from lepton import roles
from lepton.contracts.cards import masked
from lepton.contracts.checks import Check, checks_of
from lepton.contracts.keys import repeated
from lepton.contracts.model import Contract, Mapped, Severity, Validated, Violation
from lepton.contracts.shapes import shape_violations
from lepton.contracts.suite import Verdict, run_suites
from lepton.contracts.whole import table_violations, too_few_positives
from lepton.errors import ContractViolation
from lepton.frames import canonical_order
from lepton.task import TaskSpec
from lepton_edge.atomic import write_text

REASONS = "__reasons"
ROW = "__row"
_EXAMPLES = 3


Together = Callable[[Mapping[str, pd.DataFrame]], Iterable[Violation]]
"""What canonical tables break as a whole."""


@dataclass(frozen=True)
class Finding:
    """Rows that break one rule: mask, and the value of each broken row as text."""

    violation: Violation
    mask: np.ndarray
    values: tuple[str, ...]


def validate(
    tables: Mapping[str, Mapped],
    contracts: Mapping[str, Contract],
    *,
    task: TaskSpec | None,
    docs: Path | None,
    now: pd.Timestamp | None = None,
    with_suites: bool = True,
    together: Together | None = None,
) -> Validated:
    """The rows that keep their contract, and all that does not.

    task: None for scoring: target and label time may be missing, and a single row will do.
    docs: folder for Data Docs and summary.txt, written whether or not the tables pass.
    now: instant (UTC) after which an event lies in the future; the clock's where None.
    together: what the valid tables must keep to as a whole, asked where each keeps its contract.
    with_suites: whether Great Expectations is asked as well; our own checks always are.
    Raises ContractViolation LK201 with every violation where a table is refused.
    """
    instant = pd.Timestamp.now("UTC") if now is None else now
    judges = {
        table: _Judge(contracts[table], mapped, task, instant) for table, mapped in tables.items()
    }
    asked = {table: (judge.frame, judge.checks) for table, judge in judges.items()}
    verdicts = run_suites(asked, docs) if with_suites else {table: [] for table in judges}
    judged = {table: judge.judge(verdicts[table]) for table, judge in judges.items()}
    violations = [violation for one in judged.values() for violation in one.violations]
    if together is not None and not any(one.severity is Severity.TABLE for one in violations):
        violations += together({table: one.valid for table, one in judged.items()})
    if docs is not None:
        lines = [line for judge in judges.values() for line in judge.summary(verdicts)]
        write_text(docs / "summary.txt", "\n".join([*lines, *map(str, violations)]) + "\n")
    _refuse(violations, judges)
    return Validated(
        {table: one.valid for table, one in judged.items()},
        tuple(violations),
        {table: one.quarantined for table, one in judged.items() if len(one.quarantined)},
        tuple(note for one in judged.values() for note in one.notes),
    )


def _refuse(violations: Sequence[Violation], judges: Mapping[str, _Judge]) -> None:
    fatal = [one for one in violations if one.severity is Severity.TABLE]
    if not fatal:
        return
    tables = sorted({one.table for one in fatal})
    rest = [one for one in violations if one.severity is not Severity.TABLE and one.table in tables]
    solution = judges[tables[0]].contract.solution
    raise ContractViolation(
        "LK201",
        where=f"{solution}/{', '.join(tables)}",
        found=f"refused for {len(fatal)} reason(s)",
        remedy="mend what is listed above, in the data or in mapping.yaml, and run again",
        details=[str(one) for one in (*fatal, *rest)],
    )


@dataclass(frozen=True)
class _Judged:
    valid: pd.DataFrame
    quarantined: pd.DataFrame
    violations: tuple[Violation, ...]
    notes: tuple[str, ...]


class _Judge:
    """One table before its contract."""

    def __init__(
        self, contract: Contract, mapped: Mapped, task: TaskSpec | None, now: pd.Timestamp
    ) -> None:
        self.contract, self.mapped, self.frame = contract, mapped, mapped.frame
        self.task = task if task is not None and task.table == contract.table else None
        self.spared = _unlearnt(contract) if task is None else frozenset()
        self.min_rows = 1 if task is None else contract.min_rows
        self.checks = checks_of(contract, self.frame, now=now, min_rows=self.min_rows)
        self.masks = {
            check: check.mask(self.frame) for check in self.checks if check.mask is not None
        }

    def judge(self, verdicts: Sequence[Verdict]) -> _Judged:
        """Valid rows in canonical order, the others with their reasons, every violation."""
        findings = [*self._cast_findings(), *self._check_findings(), *self._duplicates()]
        bad = self._mask(findings)
        whole = [
            *table_violations(self.contract, self.mapped, self.spared, self.min_rows),
            *self._disagreements(findings, verdicts),
            *self._overfull(bad),
            *shape_violations(self.contract, self.frame.loc[~bad]),
        ]
        if self.task is not None and not bad.all():
            whole += too_few_positives(self.contract, self.frame.loc[~bad], self.task)
        refused = any(one.severity is Severity.TABLE for one in whole)
        return _Judged(
            canonical_order(self.frame.loc[~bad], self._order()),
            self.frame.iloc[:0] if refused else self._quarantined(bad, findings),
            (*whole, *(finding.violation for finding in findings)),
            (*self.mapped.notes, *self._lost()),
        )

    def summary(self, verdicts: Mapping[str, Sequence[Verdict]]) -> list[str]:
        """One line a check: whether GX and our own mask hold."""
        told = {id(one.check): one for one in verdicts[self.contract.table]}
        return [self._line(check, told.get(id(check))) for check in self.checks]

    def _line(self, check: Check, verdict: Verdict | None) -> str:
        place = ".".join(filter(None, (self.contract.table, check.column)))
        broken = int(self.masks[check].sum()) if check in self.masks else None
        failed = bool(broken) or (verdict is not None and not verdict.passed)
        count = "" if broken is None else f": {broken:,} of {len(self.frame):,} rows"
        return f"{'FAILED' if failed else 'ok':<6} {place} {check.rule}{count}"

    def _order(self) -> list[str]:
        wanted = (roles.EVENT_AT, roles.KEY, roles.ENTITY)
        return [column.name for role in wanted for column in self.contract.with_role(role)]

    def _cast_findings(self) -> list[Finding]:
        found = []
        for fault in self.mapped.faults:
            mask = np.zeros(len(self.frame), dtype=bool)
            mask[fault.rows] = True
            found.append(
                self._finding(
                    fault.code,
                    fault.about,
                    fault.column,
                    Severity.ROWS,
                    mask,
                    fault.values,
                    fault.remedy,
                )
            )
        return found

    def _check_findings(self) -> list[Finding]:
        """What our own masks find; a cell that could not be cast is told once only."""
        uncast: dict[str | None, np.ndarray] = {}
        for fault in self.mapped.faults:
            uncast[fault.column] = np.union1d(uncast.get(fault.column, []), fault.rows).astype(int)
        found = []
        for check, own in self.masks.items():
            mask = own.copy()
            if check.code == "LK222":
                mask[uncast.get(check.column, np.empty(0, dtype=int))] = False
            if mask.mean() > 1 - check.mostly if check.mostly < 1 else mask.any():
                found.append(self._from_check(check, mask))
        return found

    def _from_check(self, check: Check, mask: np.ndarray) -> Finding:
        shown = check.shows and check.column is not None
        values = (
            self.frame.loc[mask, check.column].astype("str").fillna("").tolist() if shown else []
        )
        return self._finding(
            check.code, check.rule, check.column, check.severity, mask, tuple(values), check.remedy
        )

    def _finding(
        self,
        code: str,
        rule: str,
        column: str | None,
        severity: Severity,
        mask: np.ndarray,
        values: tuple[str, ...],
        remedy: str,
    ) -> Finding:
        rows = np.flatnonzero(mask)[:_EXAMPLES] + 1
        examples = (
            tuple(f"row {row}: {masked(value)!r}" for row, value in zip(rows, values, strict=False))
            if values
            else tuple(f"row {row}" for row in rows)
        )
        violation = Violation(
            code,
            rule,
            self.contract.table,
            column,
            severity,
            int(mask.sum()),
            len(mask),
            examples,
            remedy,
        )
        return Finding(violation, mask, values)

    def _duplicates(self) -> list[Finding]:
        """Rows whose key another row has: copies behind the first, and all that contradict."""
        found = []
        for column in self.contract.with_role(roles.KEY):
            if column.name in self.frame:
                copies, conflicts = repeated(self.frame, [column.name])
                keys = self.frame[column.name]
                for code, rule, mask, remedy in (
                    ("LK227", "is a copy of an earlier row", copies, "look for a file sent twice"),
                    ("LK228", "stands on rows that differ", conflicts, "make the key unique"),
                ):
                    if mask.any():
                        values = tuple(keys.loc[mask].astype("str").fillna("").tolist())
                        found.append(
                            self._finding(
                                code, rule, column.name, Severity.ROWS, mask, values, remedy
                            )
                        )
        return found

    def _mask(self, findings: Sequence[Finding]) -> np.ndarray:
        bad = np.zeros(len(self.frame), dtype=bool)
        for finding in findings:
            if finding.violation.severity is Severity.ROWS:
                bad |= finding.mask
        return bad

    def _disagreements(
        self, findings: Sequence[Finding], verdicts: Sequence[Verdict]
    ) -> list[Violation]:
        """Where GX could not tell, or does not say what our own mask says."""
        told = []
        for verdict in verdicts:
            check = verdict.check
            if verdict.error is not None:
                told.append(self._whole("LK236", check, f"could not be checked: {verdict.error}"))
            elif check.mask is None and not verdict.passed and check.code != "LK220":
                severity = check.severity
                told.append(replace(self._whole("LK234", check, check.rule), severity=severity))
            elif self._disagrees(verdict):
                told.append(self._whole("LK236", check, f"{check.rule}: GX and own check disagree"))
        return told

    def _disagrees(self, verdict: Verdict) -> bool:
        own = self.masks.get(verdict.check)
        return own is not None and verdict.check.mostly == 1 and verdict.passed == bool(own.any())

    def _whole(self, code: str, check: Check, rule: str) -> Violation:
        return Violation(
            code, rule, self.contract.table, check.column, Severity.TABLE, 0, 0, (), check.remedy
        )

    def _overfull(self, bad: np.ndarray) -> list[Violation]:
        limit = self.contract.max_quarantine_share
        if not len(bad) or bad.mean() <= limit:
            return []
        return [
            Violation(
                "LK233",
                f"more than {limit:.1%} of rows are broken",
                self.contract.table,
                None,
                Severity.TABLE,
                int(bad.sum()),
                len(bad),
                (),
                "see the rules below",
            )
        ]

    def _quarantined(self, bad: np.ndarray, findings: Sequence[Finding]) -> pd.DataFrame:
        """The broken rows with their number in the file and all their reasons."""
        rows = np.flatnonzero(bad)
        reasons: dict[int, list[str]] = {int(row): [] for row in rows}
        for finding in findings:
            if finding.violation.severity is Severity.ROWS:
                column = finding.violation.column
                for place, row in enumerate(np.flatnonzero(finding.mask)):
                    value = masked(finding.values[place]) if finding.values else ""
                    reasons[int(row)].append(f"{column} {value!r} {finding.violation.rule}")
        told = ["; ".join(lines) for lines in reasons.values()]
        found = self.frame.loc[bad].copy()
        found[ROW], found[REASONS] = rows + 1, pd.Series(told, index=found.index, dtype="str")
        return found.reset_index(drop=True)

    def _lost(self) -> list[str]:
        """What the optional columns that are missing cost."""
        return [
            f"no '{column.name}': {column.lost_without}"
            for column in self.contract.columns
            if not column.present and column.lost_without and column.name not in self.frame
        ]


def _unlearnt(contract: Contract) -> frozenset[str]:
    """Columns that scoring does without."""
    spared = (roles.TARGET, roles.LABEL_AT, roles.NEVER_A_FEATURE)
    return frozenset(column.name for role in spared for column in contract.with_role(role))
