"""How far the exported model is from the one that was trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from lepton.dataset import TabularDataset
from lepton.errors import ExportError
from lepton.export.cases import Exportable, cases
from lepton.export.edge import edge_faults
from lepton_edge.bundle import open_bundle
from lepton_edge.golden import check_golden
from lepton_edge.runtime import Runtime

TOLERANCE: Final = 1e-6
"""Largest difference of a probability that a bundle may be shipped with."""


@dataclass(frozen=True)
class CaseParity:
    """One kind of row: how many, the largest difference of a score, decisions that differ."""

    rows: int
    max_abs_diff: float
    flips: int


@dataclass(frozen=True)
class Parity:
    """Native model against bundle.

    max_abs_diff: largest difference of a score over all rows; flips_golden: decisions that
    differ on the golden rows; flips_random: on all others; by_case: kind of row -> the same.
    """

    max_abs_diff: float
    flips_golden: int
    flips_random: int
    rows: int
    by_case: Mapping[str, CaseParity]
    tolerance: float = TOLERANCE

    @property
    def flips(self) -> int:
        """Decisions that differ where none may: on the golden rows."""
        return self.flips_golden

    @property
    def worst(self) -> str:
        """The kind of row with the largest difference."""
        return max(self.by_case, key=lambda name: self.by_case[name].max_abs_diff)


def check(model: Exportable, bundle: Path, dataset: TabularDataset) -> Parity:
    """Score `dataset`, rows made to be difficult and the golden rows on both sides.

    Raises IntegrityError where the bundle is not whole.
    """
    with edge_faults():
        opened = open_bundle(bundle)
        runtime = Runtime(opened)
        golden = check_golden(opened, runtime)
    made = cases(model.graph(), dataset, np.random.default_rng(0))
    by_case = {name: _compare(model, runtime, rows) for name, rows in made.items()}
    flips = sum(case.flips for case in by_case.values())
    by_case["golden"] = CaseParity(golden.rows, golden.max_abs_diff, golden.flips)
    return Parity(
        max_abs_diff=max(case.max_abs_diff for case in by_case.values()),
        flips_golden=golden.flips,
        flips_random=flips,
        rows=sum(case.rows for case in by_case.values()),
        by_case=by_case,
    )


def require(parity: Parity, tolerance: float = TOLERANCE) -> None:
    """Raise ExportError LK505 naming the worst case beyond `tolerance`, or any golden flip."""
    if parity.max_abs_diff <= tolerance and parity.flips_golden == 0:
        return
    worst = parity.by_case[parity.worst]
    raise ExportError(
        "LK505",
        where=f"parity on '{parity.worst}' rows",
        found=f"scores differ by up to {worst.max_abs_diff:.2e} on {worst.rows:,} rows "
        f"(tolerance {tolerance:.0e}), {parity.flips_golden} golden decisions flip",
        remedy="ship another model of the leaderboard, and report this one",
    )


def _compare(model: Exportable, runtime: Runtime, rows: TabularDataset) -> CaseParity:
    native = model.score(rows)
    exported = runtime.score(rows.X, rows.C)
    difference = np.nan_to_num(np.abs(exported.score - native), nan=np.inf)
    flips = exported.decision != (native >= model.threshold)
    return CaseParity(len(rows), float(difference.max(initial=0.0)), int(flips.sum()))


__all__ = ["TOLERANCE", "CaseParity", "Parity", "check", "require"]
