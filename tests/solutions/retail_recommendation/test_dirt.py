"""Every kind of dirt is told by its code, and clean tables are not told of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.contracts.apply import apply_mapping
from lepton.contracts.mapping import TableMapping
from lepton.contracts.model import Contract, Severity
from lepton.contracts.odcs import load_contracts
from lepton.contracts.validate import validate
from lepton.errors import ContractViolation
from solutions.retail_recommendation.dirt import KINDS, soil
from solutions.retail_recommendation.retail_checks import retail_checks
from solutions.retail_recommendation.simulate import simulate

ROOT = Path(__file__).parents[3]
NOW = pd.Timestamp("2030-01-01", tz="UTC")
Tables = Mapping[str, pd.DataFrame]


@pytest.fixture(scope="module")
def contracts() -> Mapping[str, Contract]:
    return load_contracts(ROOT / "data_contracts" / "retail_recommendation")


@pytest.fixture(scope="module")
def tables() -> Tables:
    return simulate(np.random.default_rng(3), 20_000)


def told(tables: Tables, contracts: Mapping[str, Contract]) -> list[str]:
    """Lines of all violations, of a refusal too."""
    mapped = {
        name: apply_mapping(rows, TableMapping(), contracts[name]) for name, rows in tables.items()
    }
    try:
        found = validate(
            mapped, contracts, task=None, docs=None, now=NOW, with_suites=False,
            together=retail_checks,
        )  # fmt: skip
    except ContractViolation as refusal:
        return list(refusal.details)
    return [str(one) for one in found.violations]


def begins(kind: str) -> str:
    dirt = KINDS[kind]
    place = f"{dirt.table}.{dirt.column}" if dirt.column else dirt.table
    return f"{dirt.code} {place} "


def test_there_are_at_least_24_kinds_of_dirt() -> None:
    assert len(KINDS) >= 24


def test_clean_tables_are_told_of_none_of_it(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    lines = told(tables, contracts)
    # a shop of three hundred customers is small, and that is all
    assert [line for line in lines if "leaves" not in line] == []
    assert [kind for kind in KINDS if any(line.startswith(begins(kind)) for line in lines)] == []


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_of_dirt_is_told_by_its_code(
    kind: str, tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    lines = told(soil(np.random.default_rng(0), tables, kind), contracts)
    assert [line for line in lines if line.startswith(begins(kind))], lines


def test_soiling_leaves_the_tables_as_they_were(tables: Tables) -> None:
    before = {name: rows.copy() for name, rows in tables.items()}
    for kind in KINDS:
        soil(np.random.default_rng(0), tables, kind)
    for name, rows in tables.items():
        pd.testing.assert_frame_equal(rows, before[name])


@pytest.mark.slow
def test_other_clean_shops_are_not_told_of_either() -> None:
    for seed in range(10, 20):
        found = list(retail_checks(simulate(np.random.default_rng(seed), 60_000)))
        assert [str(one) for one in found if one.severity is Severity.TABLE] == []
        assert len([one for one in found if "leaves" not in one.rule]) <= 1, seed
