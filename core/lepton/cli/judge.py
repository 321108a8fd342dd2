"""Verbs that measure: bench, parity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lepton.cli.options import (
    ConfigFile,
    DataFile,
    JsonFile,
    SolutionName,
    open_context,
    open_project,
    write_json,
)
from lepton.cli.progress import shown
from lepton.cli.screen import note, number, table, told

if TYPE_CHECKING:
    from lepton.context import Context
    from lepton.features.parity import FeatureParity
    from lepton.parity import Agreement
    from lepton.solution import Project, Solution


def register(app: typer.Typer) -> None:
    """Add the verbs of this file."""
    app.command("bench")(bench)
    app.command("parity")(parity)


def bench(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="a protocol of one of the solutions")],
    data: Annotated[Path, typer.Option("--data", help="the protocol's data set")],
    options: Annotated[
        list[str] | None, typer.Option("--set", help="the protocol's set, or key=value")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    json_file: JsonFile = None,
) -> None:
    """Run a benchmark protocol the product's own way."""
    from lepton.solution import BenchRequest

    found = find_protocol(open_project(ctx), name)
    wanted = parse_settings(options or ())
    with shown(f"bench {name}") as progress:
        result = found.benchmarks[name](BenchRequest(data.resolve(), wanted, progress, seed))
    write_json(json_file, result)
    table(f"{name} ({found.title})", ("metric", "value", "95 % interval"), metric_rows(result))
    if "cpu_s" in result:
        told("cpu", f"{number(result['cpu_s'])} s")


def parity(
    ctx: typer.Context,
    solution: SolutionName,
    data: DataFile = None,
    config: ConfigFile = None,
    rows: Annotated[int, typer.Option("--rows", min=1, help="so many rows")] = 10_000,
    json_file: JsonFile = None,
) -> None:
    """Compare features with their definition, bundle with model."""
    from lepton.parity import agreement
    from lepton.task import TaskKind

    with shown(f"parity {solution}") as progress:
        context = open_context(ctx, solution, data=data, config=config, progress=progress)
        if context.task.kind is TaskKind.FORECAST:
            _parity_of_forecasts(context, json_file)
            return
        found = agreement(context, rows)
    metrics = parity_metrics(found)
    write_json(json_file, {"protocol": "parity", "metrics": metrics})
    table(
        f"parity of {solution}", ("metric", "value"), [(n, number(v)) for n, v in metrics.items()]
    )
    if found.draft is not None:
        note(f"no mapping is configured: one was drafted, read it in {found.draft}")
        note("the bundle was left out: it belongs to the table that is configured")
    elif found.graph is None:
        note("no version is current: there is no bundle to compare")
    else:
        lines = [
            (name, f"{case.rows:,}", number(case.max_abs_diff), str(case.flips))
            for name, case in found.graph.by_case.items()
        ]
        table("bundle against model", ("kind of row", "rows", "max |diff|", "flips"), lines)
    found.require()


def _parity_of_forecasts(context: Context, json_file: Path | None) -> None:
    from lepton.forecast_agreement import forecast_agreement

    found = forecast_agreement(context)
    write_json(json_file, {"protocol": "parity", "metrics": found.metrics()})
    rows = [(name, number(value)) for name, value in found.metrics().items()]
    table(f"parity of {context.solution.name}", ("metric", "value"), rows)
    if found.parity is None:
        note("no version is current: there is no bundle to compare")
    found.require()


def parity_metrics(found: Agreement) -> dict[str, float | int | str | None]:
    """What both parities found, by the names of the protocol."""
    features = found.features
    metrics: dict[str, float | int | str | None] = {
        **_stream_metrics(features),
        "definition_max_rel_diff": features.max_rel_diff,
        "worst_feature": features.worst,
        "batch_vs_pandas": features.batch_vs_pandas,
        "pandas_max_rel_diff": features.pandas_max_rel_diff,
    }
    if found.graph is not None:
        metrics["graph_max_abs_diff"] = found.graph.max_abs_diff
        metrics["flips_golden"] = found.graph.flips_golden
        metrics["flips_random"] = found.graph.flips_random
    return metrics


def _stream_metrics(features: FeatureParity) -> dict[str, float | int | str | None]:
    """Stream against batch in each mode, the largest of all first."""
    if features.stream is None:
        return {"max_rel_diff": features.max_rel_diff}
    modes = features.stream.modes
    return {
        "max_rel_diff": max(mode.max_rel_diff for mode in modes.values()),
        **{f"max_rel_diff_{name}": mode.max_rel_diff for name, mode in modes.items()},
        "stream_events_per_cpu_s": round(features.stream.events_per_cpu_s),
        "stream_late_rows": features.stream.late_rows,
        "lateness_s": features.stream.lateness_s,
    }


def find_protocol(project: Project, name: str) -> Solution:
    """The solution whose protocol is called `name`; raises ConfigError LK155 with the nearest."""
    from lepton.errors import ConfigError, nearest

    by_name = {
        protocol: solution
        for solution in project.solutions.values()
        for protocol in solution.benchmarks
    }
    if name not in by_name:
        raise ConfigError(
            "LK155",
            where="bench",
            found=f"no protocol '{name}'{nearest(name, by_name)}",
            remedy=f"known are: {', '.join(sorted(by_name)) or 'none'}",
        )
    return by_name[name]


def parse_settings(settings: Sequence[str]) -> dict[str, str]:
    """`key=value` texts as a mapping, a plain word being the value of `set`.

    Raises ConfigError LK156 for a text without a key, or a second plain word.
    """
    from lepton.errors import ConfigError

    pairs = [text.partition("=") if "=" in text else ("set", "=", text) for text in settings]
    plain = [value for key, _, value in pairs if key == "set"]
    wrong = [f"={value}" for key, _, value in pairs if not key] + plain[1:]
    if wrong:
        raise ConfigError(
            "LK156",
            where="--set",
            found=f"{len(wrong)} cannot be used: {', '.join(wrong[:3])}",
            remedy="name one set of the protocol (--set FD001), or an option (--set rows=1000)",
        )
    return {key: value for key, _, value in pairs}


def metric_rows(result: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Name, value and interval of each metric, as text."""
    intervals = result.get("intervals", {})
    return [
        (name, number(value), _interval(intervals.get(name)))
        for name, value in result["metrics"].items()
    ]


def _interval(bounds: Sequence[float] | None) -> str:
    return "-" if not bounds else f"{number(bounds[0])} .. {number(bounds[1])}"
