"""Tables of a solution before their contracts, as every run holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pytest

from lepton.contracts.apply import apply_mapping
from lepton.contracts.mapping import TableMapping
from lepton.contracts.model import Contract, Mapped, Validated
from lepton.contracts.validate import validate
from lepton.errors import ContractViolation
from lepton.solution import Solution

NOW = pd.Timestamp("2030-01-01", tz="UTC")
Tables = Mapping[str, pd.DataFrame]


def checked(solution: Solution, contracts: Mapping[str, Contract], tables: Tables) -> Validated:
    """What the solution's checks say of canonical tables, without Great Expectations."""
    return validate(
        {name: Mapped(rows) for name, rows in tables.items()},
        contracts,
        task=solution.task,
        docs=None,
        now=NOW,
        with_suites=False,
        together=solution.together,
    )


def mapped(frame: pd.DataFrame, contract: Contract, columns: Mapping[str, Any]) -> Mapped:
    """A customer's table by a mapping of these columns."""
    return apply_mapping(frame, TableMapping.model_validate({"columns": columns}), contract)


def refusal(mapped: Mapped, contract: Contract) -> str:
    """What is said when a table that is to be scored is refused."""
    with pytest.raises(ContractViolation) as caught:
        validate(
            {contract.table: mapped},
            {contract.table: contract},
            task=None,
            docs=None,
            now=NOW,
            with_suites=False,
        )
    return str(caught.value)
