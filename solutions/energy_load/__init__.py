"""Energy load: everything the domain adds to the core, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from lepton.dataset import TabularDataset
from lepton.evaluation.splits import SplitSpec
from lepton.features.spec import FeatureSpec
from lepton.forecast.spec import SETTING_BOUNDS, SETTINGS, ForecastSpec
from lepton.solution import DecisionSpec, ReportSpec, Solution, Words
from lepton.task import TaskKind, TaskSpec
from solutions.energy_load import congestion
from solutions.energy_load.bench_dirty import dirty
from solutions.energy_load.bench_openstef import openstef
from solutions.energy_load.bench_vic import vic
from solutions.energy_load.congestion_figures import FIGURES
from solutions.energy_load.dispatch_page import dispatch_pages
from solutions.energy_load.load_checks import load_checks
from solutions.energy_load.panel import looks, panel
from solutions.energy_load.power import with_power
from solutions.energy_load.realism import realism
from solutions.energy_load.simulate import simulate


def assemble(tables: Mapping[str, pd.DataFrame], settings: Mapping[str, float]) -> pd.DataFrame:
    """The rows of load with power in kW, a name for the only series, in order of time."""
    rows = with_power(tables["load"], tables.get("meters"))
    return rows.sort_values(["event_at", "meter_id"], kind="stable", ignore_index=True)


def _nothing(rows: TabularDataset, costs: Mapping[str, float]) -> np.ndarray:
    """A forecast of load raises no alerts: what it is worth is told by the dispatch."""
    return np.zeros(len(rows))


SOLUTION: Final = Solution(
    name="energy_load",
    title="Energy load",
    about="Says of each meter how much power flows, hours to a week ahead, and how sure that is",
    tables=("load", "meters", "weather", "events", "prices", "battery"),
    optional=("meters", "weather", "events", "prices", "battery"),
    assemble=assemble,
    together=load_checks,
    tasks=(
        TaskSpec(
            name="load",
            kind=TaskKind.FORECAST,
            table="load",
            target="power_kw",
            metric="crps",
            min_positives=0,
        ),
    ),
    features=FeatureSpec(()),
    families=("linear", "lightgbm", "boosted", "net"),
    baselines=(),
    metrics=(),
    decision=DecisionSpec(costs={}, miss_cost=_nothing, alert_cost=_nothing),
    gates={"beats_baseline": 0.05, "coverage80": 0.05, "parity": 1e-4, "leakage": 0.0},
    split=SplitSpec(),
    simulate=simulate,
    realism=realism,
    report=ReportSpec(words=Words("interval", "intervals", entity="meter", entities="meters")),
    benchmarks={"vic": vic, "openstef": openstef, "dirty": dirty},
    figures=FIGURES,
    settings={**SETTINGS, **congestion.SETTINGS},
    setting_bounds={**SETTING_BOUNDS, **congestion.SETTING_BOUNDS},
    forecast=ForecastSpec(panel=panel, looks=looks, beside=congestion.beside, pages=dispatch_pages),
)

__all__ = ["SOLUTION", "assemble"]
