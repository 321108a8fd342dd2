"""What Dagster's UI shows of each stage's value: tables, plots, numbers over time, paths."""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
import pandas as pd

from lepton.context import Context

_PLOT_DPI = 60
_MOST_PLOTS = 3
_MOST_ROWS = 50


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A markdown table; numbers with four decimals, bars and line ends escaped."""
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    return "\n".join(lines)


def of_source(ctx: Context, value: Any) -> Mapping[str, Any]:
    """Rows of each table."""
    return {f"rows of {table}": len(mapped.frame) for table, mapped in value.items()}


def of_validated(ctx: Context, value: Any) -> Mapping[str, Any]:
    """Rows kept and refused, the violations, and where Data Docs and quarantine are."""
    return {
        "rows": sum(len(rows) for rows in value.tables.values()),
        "quarantined": sum(len(rows) for rows in value.quarantine.values()),
        "violations": violations_table(value.violations),
        "notes": dg.MetadataValue.md(_list(value.notes)),
        "data_docs": dg.MetadataValue.path(str(ctx.folder / "data_docs")),
        "quarantine": dg.MetadataValue.path(str(ctx.folder / "quarantine")),
    }


def of_features(ctx: Context, value: Any) -> Mapping[str, Any]:
    """Rows, features, and what is switched off for want of columns."""
    off = [(item.feature, ", ".join(item.missing), item.cost) for item in value.switched_off]
    return {
        "rows": len(value),
        "task": value.task,
        **({"why": value.why} if value.why else {}),
        "numeric": len(value.numeric),
        "categorical": len(value.categorical),
        "features": ", ".join([*value.numeric, *value.categorical]),
        "switched_off": dg.MetadataValue.md(markdown_table(["feature", "misses", "cost"], off)),
    }


def of_leaderboard(ctx: Context, value: Any) -> Mapping[str, Any]:
    """Models and baselines, the best first; the best score as a number over time."""
    frame = value.to_frame()
    table = markdown_table(list(frame.columns), frame.head(_MOST_ROWS).itertuples(index=False))
    return {
        "leaderboard": dg.MetadataValue.md(table),
        f"best {value.metric}": float(value.best_score),
        "best_family": value.best_family,
        "trials": len(value.trials),
        "notes": dg.MetadataValue.md(_list(value.notes)),
    }


def of_front(ctx: Context, value: Any) -> Mapping[str, Any]:
    """Artefacts with what each costs and loses; size and score of the chosen one over time."""
    frame = value.to_frame()
    chosen = frame[frame["chosen"]].iloc[0]
    costs = [float(chosen[name]) for name in ("us_per_row", "row_us") if name in frame]
    timed = {"row_us": costs[0]} if costs else {}
    return {
        "front": dg.MetadataValue.md(
            markdown_table(list(frame.columns), frame.itertuples(index=False))
        ),
        "chosen": value.chosen,
        "bytes": int(chosen["bytes"]),
        **timed,
        f"selection {value.metric}": float(chosen["score"]),
        "notes": dg.MetadataValue.md(_list(value.notes)),
    }


def of_bundle(ctx: Context, value: Any) -> Mapping[str, Any]:
    """Where the folder is and how large."""
    return {"bundle": dg.MetadataValue.path(str(value.path)), "bytes": int(value.n_bytes)}


def of_evaluation(ctx: Context, value: Any) -> Mapping[str, Any]:
    """Metrics with intervals, gates, and the solution's plots."""
    rows = [(item.name, item.value, item.low, item.high, item.unit) for item in value.metrics]
    table = markdown_table(["metric", "value", "low 95 %", "high 95 %", "unit"], rows)
    numbers = {
        f"metric {item.name}": float(item.value) for item in value.metrics if item.value is not None
    }
    return {
        "metrics": dg.MetadataValue.md(table),
        "gates": gates_table(value),
        **numbers,
        **_plots(ctx, value),
    }


def of_report(ctx: Context, value: Any) -> Mapping[str, Any]:
    """Where the page is."""
    return {"report": dg.MetadataValue.path(str(value))}


def of_published(ctx: Context, value: Any) -> Mapping[str, Any]:
    """The version and whether it is current, or who refused."""
    if value.version is None:
        return {"refused_by": ", ".join(value.refused), "version": "none"}
    return {"version": int(value.version), "promoted": bool(value.promoted)}


def gates_table(evaluation: Any) -> dg.MarkdownMetadataValue:
    """Every gate: what it asks, what was found, whether it holds."""
    rows = [
        ("holds" if gate.passed else "REFUSES", gate.name, gate.needed, gate.found, gate.about)
        for gate in evaluation.gates
    ]
    return dg.MetadataValue.md(markdown_table(["", "gate", "needed", "found", "about"], rows))


def violations_table(violations: Sequence[Any]) -> dg.TableMetadataValue:
    """Broken rules with counts and examples, table-level ones first."""
    columns = [dg.TableColumn(name, "string") for name in ("severity", "rule", "column", "told")]
    columns += [dg.TableColumn(name, "int") for name in ("rows", "of")]
    ranked = sorted(violations, key=lambda item: (item.severity != "table", -item.count))
    records = [
        dg.TableRecord(
            {
                "severity": str(item.severity),
                "rule": item.rule,
                "column": f"{item.table}.{item.column}" if item.column else item.table,
                "told": str(item),
                "rows": int(item.count),
                "of": int(item.total),
            }
        )
        for item in ranked[:_MOST_ROWS]
    ]
    return dg.MetadataValue.table(records, dg.TableSchema(columns))


def _plots(ctx: Context, evaluation: Any) -> Mapping[str, Any]:
    """The solution's first figures as pictures inside markdown."""
    found = {}
    for figure in ctx.solution.figures[:_MOST_PLOTS]:
        drawn = figure.draw(evaluation)
        if drawn is not None:
            told = f"{figure.caption}\n\n{_shown(figure.title, drawn)}"
            found[f"plot {figure.title}"] = dg.MetadataValue.md(told)
    return found


def _shown(title: str, drawn: Any) -> str:
    """What a figure drew as markdown: a picture, a table, or the sentence in its place."""
    if isinstance(drawn, str):
        return drawn
    if isinstance(drawn, pd.DataFrame):
        return markdown_table([str(name) for name in drawn], drawn.itertuples(index=False))
    return f"![{title}](data:image/png;base64,{_png(drawn)})"


def _png(figure: Any) -> str:
    from matplotlib import pyplot

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_PLOT_DPI, bbox_inches="tight")
    pyplot.close(figure)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) or "none"


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = f"{value:.4f}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
