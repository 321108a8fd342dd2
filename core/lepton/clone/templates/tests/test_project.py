"""What must stay true of this project, however its solutions are edited."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lepton import frames
from lepton.config import BudgetConfig, load_config
from lepton.contracts.model import Mapped
from lepton.contracts.odcs import load_contracts
from lepton.contracts.validate import validate
from lepton.progress import Silent
from lepton.solution import find_project
from pipelines.definitions import project_defs
from pipelines.run import run_solution

PROJECT = find_project(Path(__file__).parent)
SOLUTIONS = sorted(PROJECT.solutions)
ROWS = 50_000


@pytest.mark.parametrize("name", SOLUTIONS)
def test_every_table_has_a_contract(name: str) -> None:
    contracts = load_contracts(PROJECT.workspace.contracts(name))
    assert set(PROJECT.solution(name).tables) <= set(contracts)


@pytest.mark.parametrize("name", SOLUTIONS)
def test_settings_read_and_their_files_exist(name: str) -> None:
    config = load_config(PROJECT.workspace.config(name))
    assert config.solution == name
    assert all((PROJECT.root / path).exists() for path in config.source.values())


@pytest.mark.parametrize("name", SOLUTIONS)
def test_simulated_tables_keep_their_contracts(name: str) -> None:
    solution = PROJECT.solution(name)
    tables = solution.simulate(np.random.default_rng(0), ROWS)
    contracts = load_contracts(PROJECT.workspace.contracts(name))
    found = validate(
        {table: Mapped(rows) for table, rows in tables.items()},
        contracts,
        task=solution.task,
        docs=None,
    )
    assert {table: len(rows) for table, rows in found.quarantine.items() if len(rows)} == {}


@pytest.mark.parametrize("name", SOLUTIONS)
def test_pipeline_loads(name: str) -> None:
    defs = project_defs(PROJECT)
    assert {f"{name}_train", f"{name}_score"} <= {job.name for job in defs.resolve_all_job_defs()}


@pytest.mark.parametrize("name", SOLUTIONS)
def test_a_small_run_reaches_its_report(name: str, tmp_path: Path) -> None:
    solution = PROJECT.solution(name)
    source = {}
    for table, rows in solution.simulate(np.random.default_rng(0), ROWS).items():
        source[table] = str(tmp_path / f"{table}.parquet")
        frames.write_parquet(rows, Path(source[table]))
    changes = {"source": source, "mapping": None, "budget": BudgetConfig(work_units=4)}
    config = load_config(PROJECT.workspace.config(name)).model_copy(update=changes)
    outcome = run_solution(replace(PROJECT, state=tmp_path), solution, config, Silent())
    assert outcome.report.stat().st_size > 0
    assert (outcome.bundle / "manifest.json").is_file()
    assert (outcome.version is None) == bool(outcome.refused)
