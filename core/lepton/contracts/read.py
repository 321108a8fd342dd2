"""Every table of a source, read and mapped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lepton.contracts.apply import apply_mapping
from lepton.contracts.mapping import TableMapping
from lepton.contracts.model import Contract, Mapped
from lepton.errors import ConfigError, nearest
from lepton.frames import read_raw


def read_tables(
    root: Path,
    source: Mapping[str, str],
    mappings: Mapping[str, TableMapping],
    contracts: Mapping[str, Contract],
    *,
    label_delay_days: float | None = None,
) -> dict[str, Mapped]:
    """Canonical name -> mapped table for every contract; `source` names files under `root`.

    Raises ConfigError LK125 where `source` and the contracts name different tables, and
    DataError as `frames.read_raw`.
    """
    faults = [f"no file for table '{table}'" for table in contracts if table not in source]
    faults += [
        f"no contract for '{table}'{nearest(table, contracts)}"
        for table in source
        if table not in contracts
    ]
    if faults:
        raise ConfigError(
            "LK125",
            where="source",
            found=f"{len(faults)} table(s) do not fit the contracts",
            remedy=f"name one file for each of: {', '.join(sorted(contracts))}",
            details=faults,
        )
    found: dict[str, Mapped] = {}
    # tables that tell zones or names of others come first
    for table in sorted(contracts, key=lambda name: _looks_up(mappings[name])):
        found[table] = apply_mapping(
            read_raw((root / source[table]).expanduser(), mappings[table].dialect.to_dialect()),
            mappings[table],
            contracts[table],
            label_delay_days=label_delay_days,
            others={name: mapped.frame for name, mapped in found.items()},
        )
    return {table: found[table] for table in contracts}


def _looks_up(mapping: TableMapping) -> int:
    """1 where a time of the table is in a zone that another table tells, 2 where another one names
    the rows and columns of its matrix."""
    if mapping.matrix is not None and mapping.matrix.ids is not None:
        return 2
    told = (operation.zone_of for operation in mapping.columns.values())
    return int(any(one is not None and one.table is not None for one in told))
