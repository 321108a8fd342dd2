"""Shipped helpers for tests: fault injectors, tiny tables and bundles, the solution contract."""

from __future__ import annotations

from lepton.testing.bundles import tiny_bundle
from lepton.testing.contract import check_solution
from lepton.testing.faults import (
    OPERATIONS,
    Fault,
    Operation,
    corrupt,
    fail_at,
    kill_at_random,
    limit_file_size,
)
from lepton.testing.tables import tiny_dataset, tiny_transactions

__all__ = [
    "OPERATIONS",
    "Fault",
    "Operation",
    "check_solution",
    "corrupt",
    "fail_at",
    "kill_at_random",
    "limit_file_size",
    "tiny_bundle",
    "tiny_dataset",
    "tiny_transactions",
]
