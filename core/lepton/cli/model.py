"""Verbs on the deployed model: score."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lepton.cli.options import ConfigFile, DataFile, SolutionName, open_context
from lepton.cli.progress import shown
from lepton.cli.screen import told

if TYPE_CHECKING:
    import pandas as pd

    from lepton.errors import ConfigError


def register(app: typer.Typer) -> None:
    """Add the verbs of this file."""
    app.command("score")(score)


def score(
    ctx: typer.Context,
    solution: SolutionName,
    out: Annotated[Path, typer.Option("--out", help="scores as .parquet or .csv")],
    data: DataFile = None,
    config: ConfigFile = None,
    history: Annotated[
        Path | None,
        typer.Option("--history", help="earlier rows to look back on, which are not scored"),
    ] = None,
    inputs: Annotated[
        Path | None,
        typer.Option("--inputs", help="the model's input rows too, as a device takes them (.csv)"),
    ] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="forecasts only: the last ones, moved by the newest values"),
    ] = False,
) -> None:
    """Score every valid row with the current version."""
    from lepton.scoring import reforecast
    from lepton.scoring import score as run
    from lepton.task import TaskKind

    check_format(out)
    if inputs is not None:
        check_format(inputs)
    with shown(f"score {solution}") as progress:
        context = open_context(ctx, solution, data=data, config=config, progress=progress)
        is_forecast = context.task.kind is TaskKind.FORECAST
        if is_forecast and (history or inputs):
            raise not_for_forecasts("--history" if history else "--inputs")
        if again and not is_forecast:
            raise only_for_forecasts("--again")
        scores = reforecast(context) if again else run(context, history=history)
    write_frame(scores.frame, out)
    beside = {name: out.with_name(f"{out.stem}_{name}{out.suffix}") for name in scores.also}
    for name, path in beside.items():
        write_frame(scores.also[name], path)
    if inputs is not None:
        write_frame(scores.inputs, inputs)
    if "decision" in scores.frame:
        alerts = int((scores.frame["decision"] == 1).sum())
        told("scores", f"{len(scores.frame):,} rows, {alerts:,} decided 1, in {out}")
    else:
        told("forecasts", f"{len(scores.frame):,} rows, an interval each, in {out}")
    for name, path in beside.items():
        told(name, f"{len(scores.also[name]):,} rows, in {path}")
    if "action" in scores.frame:
        counts = scores.frame["action"].value_counts(sort=False)
        acted = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        drawn = int(scores.frame["review_sample"].sum())
        told("actions", f"{acted}; {drawn:,} drawn at random for review")
    told("version", scores.version.number)
    for name, count in scores.unseen.items():
        told("unknown", f"{count:,} rows have a category of '{name}' never seen in training")
    if data is not None and history is None and "decision" in scores.frame:
        told("history", "of this file only: give earlier rows as --history to look further back")
    if scores.quarantined:
        told("quarantine", f"{scores.quarantined:,} rows broke the contract and were not scored")


def not_for_forecasts(option: str) -> ConfigError:
    """LK158 for an option that only rows that are scored have; to be raised."""
    from lepton.errors import ConfigError

    return ConfigError(
        "LK158",
        where=option,
        found="forecasts look back on the source itself and have no input rows",
        remedy=f"leave {option} out; put earlier rows into the source",
    )


def only_for_forecasts(option: str) -> ConfigError:
    """LK158 for an option that only forecasts have; to be raised."""
    from lepton.errors import ConfigError

    return ConfigError(
        "LK158",
        where=option,
        found="rows are scored once and not made again",
        remedy=f"leave {option} out",
    )


def check_format(path: Path) -> None:
    """Raise ConfigError LK154 for a file name that ends neither in .parquet nor in .csv."""
    from lepton.errors import ConfigError

    if path.suffix not in (".parquet", ".csv"):
        raise ConfigError(
            "LK154",
            where=str(path),
            found=f"cannot write {path.suffix or 'a file without ending'}",
            remedy="let the name end in .parquet or .csv",
        )


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write `frame` in the format that the name of `path` ends in."""
    from lepton.csv_safe import write_csv
    from lepton.frames import write_parquet
    from lepton.registry.machine import clear_faults

    write = write_parquet if path.suffix == ".parquet" else write_csv
    with clear_faults(path, int(frame.memory_usage(deep=True).sum())):
        write(frame, path)
