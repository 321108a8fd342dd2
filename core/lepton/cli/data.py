"""Verbs on data: map, validate, simulate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lepton.cli.options import ConfigFile, DataFile, SolutionName, open_context, open_project
from lepton.cli.project import GATE_REFUSED
from lepton.cli.screen import note, number, say, told
from lepton.cli.screen import table as draw_table

if TYPE_CHECKING:
    from lepton.context import Context
    from lepton.contracts.infer import Draft
    from lepton.contracts.model import Contract


def register(app: typer.Typer) -> None:
    """Add the verbs of this file."""
    app.command("map")(draft)
    app.command("validate")(validate)
    app.command("simulate")(simulate)


def draft(
    ctx: typer.Context,
    solution: SolutionName,
    data: Annotated[Path, typer.Option("--data", help="the customer's file")],
    table: Annotated[
        str | None, typer.Option(help="canonical table it holds; else the task's own")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="where the draft goes; else mapping.yaml there")
    ] = None,
) -> None:
    """Draft a mapping.yaml from a customer's file."""
    from lepton_edge.atomic import write_text

    project = open_project(ctx)
    wanted = table or project.solution(solution).task.table
    contract = _contract(_contracts(ctx, solution), wanted)
    target = out or project.workspace.config(solution).with_name("mapping.yaml")
    _refuse_taken(target)

    from lepton.contracts.infer import draft_from_file

    found = draft_from_file(data, contract)
    write_text(target, found.text)
    _print_draft(found, data)
    told("mapping", target)
    note("read it, mend it, and name it in solution.yaml as `mapping: mapping.yaml`")


def _print_draft(draft: Draft, data: Path) -> None:
    """Every canonical column with its source and weight, then what only a person can answer."""
    draw_table(
        f"{data.name}: {len(draft.lines)} columns weighed by name and values",
        ["column", "from", "seen", "weight"],
        [[line.column, line.source, line.remark, _weight(line.weight)] for line in draft.lines],
        n_left=3,
    )
    for place, question in enumerate(draft.questions, start=1):
        say(f"{place}. {question}")
    told("questions", f"{len(draft.questions)}; each stands as a comment in the mapping too")


def _weight(weight: float | None) -> str:
    return "-" if weight is None else f"{weight:.2f}"


def validate(
    ctx: typer.Context,
    solution: SolutionName,
    data: DataFile = None,
    config: ConfigFile = None,
    contracts: Annotated[
        bool, typer.Option("--contracts", help="check the contracts alone, no data")
    ] = False,
) -> None:
    """Hold the data against their contracts, one line a violation."""
    if contracts:
        for contract in _contracts(ctx, solution).values():
            columns = f"{len(contract.columns)} columns, {len(contract.rules)} rules"
            told(contract.table, f"version {contract.version}, {columns}: sound")
        return
    _validate_data(open_context(ctx, solution, data=data, config=config))


def simulate(
    ctx: typer.Context,
    solution: SolutionName,
    rows: Annotated[
        int, typer.Option("--rows", min=1, help="about so many in the task's table")
    ] = 200_000,
    out: Annotated[
        Path | None, typer.Option("--out", help="the folder for <table>.parquet")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="the same one, the same rows")] = 0,
    gates: Annotated[
        bool, typer.Option("--gates", help="print how real the rows are, and fail where not")
    ] = False,
) -> None:
    """Make tables of the solution's shape, to try it out with."""
    if out is None and not gates:
        raise typer.BadParameter("name a folder with --out, or ask for --gates")
    if out is not None:
        _write_simulated(ctx, solution, rows, out, seed)
    if gates and not _print_gates(ctx, solution, rows, seed):
        raise typer.Exit(GATE_REFUSED)


def _write_simulated(ctx: typer.Context, solution: str, rows: int, out: Path, seed: int) -> None:
    import numpy as np

    from lepton.frames import write_parquet
    from lepton.registry.machine import clear_faults

    tables = open_project(ctx).solution(solution).simulate(np.random.default_rng(seed), rows)
    for name, frame in tables.items():
        with clear_faults(out, int(frame.memory_usage(deep=True).sum())):
            write_parquet(frame, out / f"{name}.parquet")
        told(name, f"{len(frame):,} rows in {out / f'{name}.parquet'}")


def _print_gates(ctx: typer.Context, solution: str, rows: int, seed: int) -> bool:
    """Whether every gate of the simulator holds; prints them."""
    import numpy as np

    found = open_project(ctx).solution(solution)
    if found.realism is None:
        note(f"the simulator of {solution} has no gates")
        return True
    contract = _contracts(ctx, solution)[found.task.table]
    gates = found.realism(contract, np.random.default_rng(seed), rows)
    draw_table(
        f"{solution}: about {rows:,} simulated rows, seed {seed}",
        ["gate", "wanted", "found", "verdict"],
        [
            [
                gate.name,
                f"{number(gate.low)} to {number(gate.high)}",
                number(gate.found),
                "holds" if gate.holds else "FAILS",
            ]
            for gate in gates
        ],
    )
    return all(gate.holds for gate in gates)


def _validate_data(context: Context) -> None:
    from lepton import stages

    found = stages.validate(context, stages.read(context))
    for violation in found.violations:
        say(str(violation))
    for line in found.notes:
        note(line)
    for table, rows in found.tables.items():
        refused = len(found.quarantine.get(table, ()))
        told(table, f"{len(rows):,} rows keep the contract, {refused:,} in quarantine")
    told("data docs", context.folder / "data_docs")


def _contracts(ctx: typer.Context, solution: str) -> dict[str, Contract]:
    from lepton.contracts.odcs import load_contracts

    project = open_project(ctx)
    found = load_contracts(project.workspace.contracts(project.solution(solution).name))
    return {table: _contract(found, table) for table in project.solution(solution).tables}


def _contract(contracts: dict[str, Contract], table: str) -> Contract:
    from lepton.errors import ConfigError, nearest

    if table not in contracts:
        raise ConfigError(
            "LK152",
            where="contracts",
            found=f"no table '{table}'{nearest(table, contracts)}",
            remedy=f"known are: {', '.join(contracts)}",
        )
    return contracts[table]


def _refuse_taken(target: Path) -> None:
    from lepton.errors import ConfigError

    if target.exists():
        raise ConfigError(
            "LK153",
            where=str(target),
            found="is already there and may have been edited",
            remedy="name another file with --out, or remove this one",
        )
