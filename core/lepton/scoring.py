"""Scoring a customer's rows with the version that is current."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from lepton import conditions, decisions, roles, stages
from lepton.context import Context
from lepton.contracts.model import Contract, Validated
from lepton.dataset import TabularDataset
from lepton.errors import DataError, IntegrityError
from lepton.features.batch import compute
from lepton.features.spec import FeatureSpec
from lepton.registry.store import Registry, Version
from lepton.task import TaskKind

_WANTED = "__wanted"


@dataclass(frozen=True)
class Scores:
    """Scored rows and what they were scored from.

    frame: key, group where there is one, event time, score, decision, where the bundle has a
    policy also the columns `results.DECIDED`, where it has alarms those of `conditions.of_rows`,
    model_version, run_id; one row a valid row, in event order.
    inputs: the model's input columns of the same rows, as a device is given them, and what its
    policy and rules read beside them; none of forecasts, whose frame has a row an interval: series,
    issued_at, event_at, the deciles, what stood in for the model and why.
    unseen: categorical feature -> rows whose category the model has never learnt from.
    also: name -> further table that the solution tells beside forecasts.
    """

    frame: pd.DataFrame
    inputs: pd.DataFrame
    version: Version
    quarantined: int
    unseen: Mapping[str, int] = field(default_factory=dict)
    also: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def score(ctx: Context, *, day: date | None = None, history: Path | None = None) -> Scores:
    """Every valid row of the source (of `day`, in UTC, where given) under the current version.

    Earlier rows of the source are what features look back on, and those of the file `history`,
    delivered as the source is; a row in both is scored once.
    Raises IntegrityError LK620 where nothing is published yet.
    """
    from lepton.export.edge import edge_faults
    from lepton_edge.bundle import open_bundle
    from lepton_edge.levels import levels_of
    from lepton_edge.runtime import Runtime

    if ctx.task.kind is TaskKind.FORECAST:
        return _forecasts(ctx, day)
    if ctx.task.kind is TaskKind.RECOMMEND:
        return _recommendations(ctx)
    version = _current(ctx)
    earlier = None if history is None else _earlier(ctx, history)
    validated = stages.validate(ctx, stages.read(ctx), scoring=True)
    table = _behind(earlier, validated.tables[ctx.task.table], ctx.contract)
    table = ctx.rows({**validated.tables, ctx.task.table: table})
    whole = _inputs(ctx, table, version.path)
    asked = _asked(whole, day)
    dataset = whole.take(asked)
    ctx.progress.stage("score")
    inputs = dataset.X, dataset.C
    with edge_faults():
        opened = open_bundle(version.path)
        runtime = Runtime(opened)
        result = runtime.score(*inputs)
        decided = decisions.decide(opened, runtime, dataset, inputs, result)
        told = conditions.of_rows(opened, runtime, whole.take(_upto(asked)))
        unseen = levels_of(opened).unseen(dataset.categorical, inputs[1])
        read_beside = decisions.columns_read(opened, dataset)
    named = (roles.KEY, roles.GROUP, roles.EVENT_AT)
    kept = [dataset.roles[role] for role in named if dataset.has(role)]
    frame = dataset.rows[kept].assign(score=result.score, decision=result.decision)
    if told is not None:
        frame = frame.join(told, validate="one_to_one")
    frame = decisions.beside(frame, decided).assign(model_version=version.number, run_id=ctx.run_id)
    names = [dataset.roles[roles.KEY], *dataset.numeric, *dataset.categorical, *read_beside]
    quarantined = sum(len(rows) for rows in validated.quarantine.values())
    given = dataset.rows[list(dict.fromkeys(names))]
    return Scores(frame, given, version, quarantined, unseen)


def _forecasts(ctx: Context, day: date | None) -> Scores:
    """The forecasts issued on `day`, by the local calendar, or next after all that is known."""
    from lepton.forecast_batch import forecasts, tables_beside

    return _told_by(ctx, partial(forecasts, day=day), tables_beside)


def _recommendations(ctx: Context) -> Scores:
    """The lists of every customer, by all that is known."""
    from lepton.recommending import recommendations

    return _told_by(ctx, recommendations)


Beside = Callable[[Context, Validated, pd.DataFrame], Mapping[str, pd.DataFrame]]


def _told_by(
    ctx: Context,
    made: Callable[[Context, Path, Validated], pd.DataFrame],
    beside: Beside | None = None,
) -> Scores:
    """Rows that the current version tells of the source, and tables beside them."""
    version = _current(ctx)
    validated = stages.validate(ctx, stages.read(ctx), scoring=True)
    ctx.progress.stage("score")
    frame = made(ctx, version.path, validated)
    also = {} if beside is None else beside(ctx, validated, frame)
    frame = frame.assign(model_version=version.number, run_id=ctx.run_id)
    quarantined = sum(len(rows) for rows in validated.quarantine.values())
    return Scores(frame, pd.DataFrame(), version, quarantined, also=also)


def reforecast(ctx: Context) -> Scores:
    """What was last forecast, made again by what has been measured since."""
    from lepton.reforecast import reforecasts

    return _told_by(ctx, reforecasts)


def _current(ctx: Context) -> Version:
    version = Registry(ctx.workspace.registry(ctx.solution.name)).current()
    if version is None:
        raise IntegrityError(
            "LK620",
            where=f"registry of {ctx.solution.name}",
            found="no version is current",
            remedy=f"run `lepton run {ctx.solution.name}`, or `lepton promote` a version",
        )
    return version


def _earlier(ctx: Context, path: Path) -> pd.DataFrame:
    """The valid rows of the file at `path`, read as the task's table."""
    table = ctx.task.table
    source = {**ctx.config.source, table: str(path.resolve())}
    past = replace(ctx, config=ctx.config.model_copy(update={"source": source}))
    return stages.validate(past, stages.read(past), scoring=True).tables[table]


def _behind(earlier: pd.DataFrame | None, rows: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """`rows`, marked as those to score, behind the earlier ones that are not among them."""
    marked = rows.assign(**{_WANTED: True})
    if earlier is None:
        return marked
    # the key alone will not do: where the file's order names a row, every file starts at 1
    names = [
        column.name
        for role in (roles.KEY, roles.EVENT_AT)
        for column in contract.with_role(role)[:1]
        if column.name in rows and column.name in earlier
    ]
    again = pd.MultiIndex.from_frame(earlier[names]).isin(pd.MultiIndex.from_frame(rows[names]))
    return pd.concat([earlier.loc[~again].assign(**{_WANTED: False}), marked], ignore_index=True)


def _with_unknown_labels(table: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """The table with target and label time: not known in any row where they are not delivered."""
    made = table.copy(deep=False)
    for role, dtype in ((roles.TARGET, "float64"), (roles.LABEL_AT, "datetime64[us, UTC]")):
        for column in contract.with_role(role):
            if column.name not in made:
                made[column.name] = pd.Series(index=made.index, dtype=dtype)
    return made


def bundle_features(bundle: Path) -> FeatureSpec:
    """How the inputs of the bundle's model are computed."""
    return FeatureSpec.from_json(json.loads((bundle / "features.json").read_text("utf-8")))


def _asked(rows: TabularDataset, day: date | None) -> np.ndarray:
    """Mask of the rows to score, of `day` alone where one is given."""
    wanted: np.ndarray = rows.rows[_WANTED].to_numpy(dtype=bool, copy=True)
    if day is not None:
        wanted &= (rows.role(roles.EVENT_AT).dt.date == day).to_numpy(dtype=bool)
    return wanted


def _upto(asked: np.ndarray) -> np.ndarray:
    """Mask of the rows until the last that is asked for: what alarms have seen by then."""
    return np.asarray(np.arange(len(asked)) <= np.flatnonzero(asked).max(initial=-1))


def _inputs(ctx: Context, table: pd.DataFrame, bundle: Path) -> TabularDataset:
    """The columns that the bundle asks for, computed by the spec it carries, of all rows."""
    spec = bundle_features(bundle)
    inputs = json.loads((bundle / "manifest.json").read_text("utf-8"))["inputs"]
    dataset = compute(_with_unknown_labels(table, ctx.contract), ctx.contract, spec, ctx.extras)
    missing = sorted({*inputs["numeric"], *inputs["categorical"]} - set(dataset.rows.columns))
    if missing:
        raise DataError(
            "LK250",
            where=ctx.task.table,
            found=f"{len(missing)} feature(s) of the model cannot be computed",
            remedy="give the columns that the model was trained with, or train it again without",
            details=[
                f"{off.feature} misses {', '.join(off.missing)}" for off in dataset.switched_off
            ],
        )
    return TabularDataset(
        dataset.rows, tuple(inputs["numeric"]), tuple(inputs["categorical"]), dataset.roles
    )
