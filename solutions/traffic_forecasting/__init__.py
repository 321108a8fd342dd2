"""Traffic forecasting: everything the domain adds to the core, as one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from lepton.dataset import TabularDataset
from lepton.evaluation.splits import SplitSpec
from lepton.features.spec import FeatureSpec
from lepton.forecast.spec import SETTING_BOUNDS, SETTINGS, ForecastSpec, Page, Story
from lepton.solution import DecisionSpec, ReportSpec, Solution, Words
from lepton.task import TaskKind, TaskSpec
from solutions.traffic_forecasting.alarms import COSTS, watch
from solutions.traffic_forecasting.bench_los import los
from solutions.traffic_forecasting.bench_metr_la import metr_la
from solutions.traffic_forecasting.incident_page import incident_pages
from solutions.traffic_forecasting.looks import looks, onset, reading
from solutions.traffic_forecasting.panel import panel
from solutions.traffic_forecasting.realism import realism
from solutions.traffic_forecasting.signal_flows import suggestion_tables
from solutions.traffic_forecasting.signal_page import signal_pages
from solutions.traffic_forecasting.simulate import simulate
from solutions.traffic_forecasting.traffic_checks import traffic_checks


def assemble(tables: Mapping[str, pd.DataFrame], settings: Mapping[str, float]) -> pd.DataFrame:
    """The readings in order of time."""
    return tables["readings"].sort_values(
        ["event_at", "sensor_id"], kind="stable", ignore_index=True
    )


def _nothing(rows: TabularDataset, costs: Mapping[str, float]) -> np.ndarray:
    """A forecast of speeds raises no alerts by itself: alarms of queues are what costs decide."""
    return np.zeros(len(rows))


def pages(story: Story) -> Sequence[Page]:
    """Of incidents, and of signals, where the tables tell of them."""
    return (*incident_pages(story), *signal_pages(story))


SOLUTION: Final = Solution(
    name="traffic_forecasting",
    title="Traffic forecasting",
    about="Says of each detector how fast traffic goes within the hour, and how sure that is",
    tables=("readings", "sensors", "edges", "events", "weather"),
    optional=("sensors", "edges", "events", "weather"),
    assemble=assemble,
    together=traffic_checks,
    tasks=(
        TaskSpec(
            name="speed",
            kind=TaskKind.FORECAST,
            table="readings",
            target="speed_kmh",
            metric="crps",
            min_positives=0,
        ),
    ),
    features=FeatureSpec(()),
    families=("near_trees", "near_net"),
    baselines=(),
    metrics=(),
    decision=DecisionSpec(
        costs=COSTS,
        miss_cost=_nothing,
        alert_cost=_nothing,
        bounds=dict.fromkeys(COSTS, (1e-6, 1e9)),
    ),
    gates={"beats_baseline": 0.05, "coverage80": 0.05, "parity": 1e-4, "leakage": 0.0},
    split=SplitSpec(),
    simulate=simulate,
    realism=realism,
    report=ReportSpec(
        words=Words("interval", "intervals", entity="detector", entities="detectors")
    ),
    benchmarks={"los": los, "metr_la": metr_la},
    settings={
        **SETTINGS,
        "lead_h": 1.0,
        "again_h": 0.0,
        "selection_days": 4.0,
        "holdout_days": 6.0,
        "learnt": 40_000.0,
    },
    setting_bounds={
        **SETTING_BOUNDS,
        # of the hour that is looked back on something has to be there
        "latency_h": (0.0, 0.75),
        "selection_days": (1.0, 366.0),
        "holdout_days": (1.0, 366.0),
        "learnt": (1_000.0, 1e6),
    },
    forecast=ForecastSpec(
        panel=panel,
        looks=looks,
        clean=None,
        onset=onset,
        also=suggestion_tables,
        watch=watch,
        reading=reading,
        pages=pages,
    ),
)

__all__ = ["SOLUTION", "assemble"]
