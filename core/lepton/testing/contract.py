"""What every solution must keep, found by running its parts on its own simulated rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from lepton import roles
from lepton.contracts.model import Contract, Extras
from lepton.contracts.odcs import load_contracts
from lepton.dataset import TabularDataset
from lepton.evaluation.results import Evaluation, MetricResult
from lepton.evaluation.scored import scored_frame
from lepton.features.batch import compute, without_features
from lepton.features.fit import fit_spec, sensor_columns
from lepton.features.spec import FeatureSpec, Sensors
from lepton.forecast.leak import leak_of
from lepton.forecast.prepared import Prepared
from lepton.forecast.spec import cuts_of, daily_issues
from lepton.forecast.usual import days_of
from lepton.recommend.leak import leak_of as leak_in_lists
from lepton.recommend.roster import family
from lepton.solution import Baseline, Solution
from lepton_edge.near_spec import NearSpec
from lepton_edge.policy import Policy
from lepton_edge.wall_clock import DAY_S

_AGREE = 1e-9
"""Largest relative difference of a feature between two computations of the same past."""


def check_solution(solution: Solution, project_root: Path, *, rows: int = 2000) -> list[str]:
    """One sentence a promise that `solution` breaks on about `rows` simulated rows; [] is good.

    Its contracts load, its simulator repeats itself, its features live on the required columns
    and never see the future, its baselines, metrics and figures work on what comes out, and each of
    its actions is the best one for some row. Of forecasts: series come of the required columns, all
    look at the same, and nothing changes when noise stands in for the future. Of recommendations:
    interactions come of the required columns, the catalogue knows every item, lists see no future.
    """
    case = _Case(solution, project_root / "data_contracts" / solution.name, rows)
    on_rows = (_required_columns, _future, _predictions, _decisions)
    promises: tuple[Callable[[_Case], Iterator[str]], ...] = (
        _contracts,
        _simulator,
        *_by_kind(solution, on_rows),
    )
    return [fault for promise in promises for fault in promise(case)]


Promise = Callable[["_Case"], Iterator[str]]


def _by_kind(solution: Solution, on_rows: tuple[Promise, ...]) -> tuple[Promise, ...]:
    if solution.recommend is not None:
        return (_recommendations, _decisions)
    return on_rows if solution.forecast is None else (_forecasts, _decisions)


@dataclass(frozen=True)
class _Case:
    solution: Solution
    folder: Path
    rows: int

    @cached_property
    def contracts(self) -> Mapping[str, Contract]:
        return load_contracts(self.folder)

    @property
    def contract(self) -> Contract:
        return self.contracts[self.solution.task.table]

    @cached_property
    def table(self) -> pd.DataFrame:
        return self.solution.rows(self.tables(0))

    def tables(self, seed: int) -> Mapping[str, pd.DataFrame]:
        return self.solution.simulate(np.random.default_rng(seed), self.rows)

    def features(self, table: pd.DataFrame) -> TabularDataset:
        target = self.solution.task.target
        return compute(table, self.contract, self.spec, Extras(), target=target)

    @cached_property
    def spec(self) -> FeatureSpec:
        """The solution's features, those fitted that have to be."""
        bare = without_features(self.table, self.contract, self.solution.task.target)
        return fit_spec(self.solution.features, bare)

    def needed(self) -> set[str]:
        """Columns that every customer brings, sensors and what names a life among them."""
        found = {column.name for column in self.contract.columns if column.present}
        by = {node.by for node in self.solution.features.nodes if isinstance(node, Sensors)}
        return found | by | (set(sensor_columns(self.table)) if by else set())


def _contracts(case: _Case) -> Iterator[str]:
    for table in case.solution.tables:
        if table not in case.contracts:
            yield f"table {table} has no contract in {case.folder}"
    for table in {task.table for task in case.solution.tasks} - set(case.solution.tables):
        yield f"a task predicts rows of {table}, which is not among the solution's tables"


def _simulator(case: _Case) -> Iterator[str]:
    once, again, other = case.tables(7), case.tables(7), case.tables(8)
    for name, frame in once.items():
        if not frame.equals(again[name]):
            yield f"simulate gives another {name} for the same seed"
        # what a register of sensors or units says needs no luck
        if name == case.solution.task.table and frame.equals(other[name]):
            yield f"simulate gives the same {name} for another seed"


def _required_columns(case: _Case) -> Iterator[str]:
    needed = case.needed()
    missing = sorted(needed - set(case.table.columns))
    if missing:
        yield f"simulate leaves out the required columns {', '.join(missing)}"
        return
    event = {column.name for column in case.contract.with_role(roles.EVENT_AT)}
    kept = {*needed, *event, case.solution.task.target} & set(case.table.columns)
    poor = case.features(case.table[[name for name in case.table.columns if name in kept]])
    if not poor.numeric:
        yield "no feature is left where only the required columns are delivered"
    for off in case.features(case.table).switched_off:
        if set(off.missing) <= set(case.table.columns):
            yield f"feature {off.feature} is off although {', '.join(off.missing)} are delivered"


def _future(case: _Case) -> Iterator[str]:
    """The features of the earlier half, with the later half there and with it cut away."""
    whole = case.features(case.table)
    at = whole.rows[whole.roles["event_at"]]
    cutoff = at.sort_values().iloc[len(at) // 2]
    seen = case.features(case.table[case.table[whole.roles["event_at"]] <= cutoff])
    known = whole.take((at <= cutoff).to_numpy())
    for name, left, right in zip(known.numeric, known.X.T, seen.X.T, strict=True):
        if not np.allclose(left, right, rtol=_AGREE, atol=_AGREE, equal_nan=True):
            yield f"feature {name} changes when rows after {cutoff} are cut away"


def _forecasts(case: _Case) -> Iterator[str]:
    """Series of the required columns alone, and of all tables; features of a few issues of these,
    with noise in place of everything later."""
    spec, settings = case.solution.forecast, case.solution.settings
    assert spec is not None
    event = {column.name for column in case.contract.with_role(roles.EVENT_AT)}
    kept = {*case.needed(), *event, case.solution.task.target} & set(case.table.columns)
    poor = spec.panel({case.solution.task.table: case.table[sorted(kept)]}, settings)
    if not len(poor.rows):
        yield "no series is left where only the required columns are delivered"
    tables = case.tables(0)
    panel = spec.cleaned(spec.panel(tables, settings)).panel
    looks = spec.looks(panel, settings)
    if len({(look.names, look.n_leads, look.first_lead) for look in looks.values()}) > 1:
        yield "series are forecast from different features, or other intervals"
    prepared = Prepared(panel, looks, cuts_of(panel, settings))
    middle_s = (panel.first_s + panel.end_s) // 2
    first, habits = looks[panel.ids[0]], None
    if isinstance(first, NearSpec):
        issues = middle_s // panel.step_s * panel.step_s + 3_600 * np.arange(4, dtype=np.int64)
        habits = days_of(panel, first, middle_s).whole
    else:
        issues = daily_issues(first, middle_s, middle_s + 3 * DAY_S, 0.0)
    leak = leak_of(prepared, issues, np.random.default_rng(0), habits)
    if leak:
        yield f"a feature changes by up to {leak:.3g} when noise stands in for what comes later"


def _recommendations(case: _Case) -> Iterator[str]:
    """Interactions of the required columns alone, and of all tables; what is told of their items;
    lists before a cutoff, with what comes after it shuffled or dropped."""
    spec, settings = case.solution.recommend, case.solution.settings
    assert spec is not None
    kept = case.table[sorted(case.needed() & set(case.table.columns))]
    if not len(spec.interactions({case.solution.task.table: kept}, settings)):
        yield "no interaction is left where only the required columns are delivered"
    tables = case.tables(0)
    data, told = spec.interactions(tables, settings), spec.catalogue(tables)
    if set(data.items.tolist()) - set(told["item_id"]):
        yield "the catalogue lacks items that customers took"
    bare = spec.catalogue({case.solution.task.table: kept})
    if set(told.select_dtypes("str").columns) - set(bare.columns):
        yield "the catalogue lacks columns that rules may name where only one table is delivered"
    cutoff_s = int(np.quantile(data.at_s, 0.8))
    leak = leak_in_lists(data, family("ease_own"), cutoff_s, 28.0, 0)
    if leak:
        yield f"a list changes by up to {leak:.3g} when rows from its cutoff on change"


def _predictions(case: _Case) -> Iterator[str]:
    dataset = case.features(case.table)
    labelled = dataset.take(~np.isnan(dataset.y))
    for baseline in case.solution.baselines:
        yield from _baseline(case, baseline, labelled)


def _baseline(case: _Case, baseline: Baseline, dataset: TabularDataset) -> Iterator[str]:
    score = baseline.fit(dataset)(dataset)
    if score.shape != (len(dataset),) or not ((score >= 0) & (score <= 1)).all():
        yield f"baseline {baseline.name} does not give one score in 0..1 a row"
        return
    decision = case.solution.decision
    scored = scored_frame(
        dataset,
        score,
        threshold=float(np.quantile(score, 0.9)),
        miss_cost=decision.miss_cost(dataset, decision.costs),
        alert_cost=decision.alert_cost(dataset, decision.costs),
    )
    results = [MetricResult(m.name, float(m.of(scored)), 0.0, 0.0) for m in case.solution.metrics]
    for result in results:
        if result.value is None or not np.isfinite(result.value):
            yield f"metric {result.name} of baseline {baseline.name} is {result.value}"
    found = tuple(results)
    yield from _figures(case, Evaluation(found, {baseline.name: found}, found, (), scored))


def _figures(case: _Case, evaluation: Evaluation) -> Iterator[str]:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot
    from matplotlib.figure import Figure as Drawn

    for figure in case.solution.figures:
        drawn = figure.draw(evaluation)
        if drawn is not None and not isinstance(drawn, (Drawn, pd.DataFrame, str)):
            yield f"figure '{figure.title}' draws a {type(drawn).__name__}"
    pyplot.close("all")


def _decisions(case: _Case) -> Iterator[str]:
    """The table of actions can be used, and none of them is always dearer than another."""
    decision = case.solution.decision
    for name in sorted({*decision.bounds} - {*decision.costs}):
        yield f"bounds are given for the cost {name}, which has no default"
    if decision.actions is None:
        return
    try:
        policy = Policy(decision.actions(decision.costs))
    except ValueError as error:
        yield f"the actions cannot be used: {error}"
        return
    names = [action.name for action in policy.actions]
    if len(set(names)) < len(names):
        yield f"an action stands twice among {', '.join(names)}"
    p, value = np.meshgrid(np.linspace(0.0, 1.0, 101), np.logspace(0.0, 6.0, 61))
    best = np.argmin(policy.costs(p.ravel(), value.ravel()), axis=0)
    for at in sorted({*range(len(names))} - {*best.tolist()}):
        yield f"action {names[at]} is never the one that costs least"
