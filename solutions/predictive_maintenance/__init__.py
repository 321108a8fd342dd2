"""Predictive maintenance: everything the domain adds to the core, as one value."""

from __future__ import annotations

from typing import Final

from lepton.evaluation.splits import SplitSpec
from lepton.solution import (
    LifeColumns,
    PastLives,
    RemainingLife,
    ReportSpec,
    Solution,
    Words,
)
from lepton.task import TaskKind, TaskSpec
from solutions.predictive_maintenance.alarms import (
    ALARM_BOUNDS,
    ALARM_SETTINGS,
    REASONS,
    alarm_rule,
)
from solutions.predictive_maintenance.baselines import BASELINES
from solutions.predictive_maintenance.bench import cmapss
from solutions.predictive_maintenance.bench_ai4i import ai4i
from solutions.predictive_maintenance.bench_fleet import fleet
from solutions.predictive_maintenance.decision import DECISION
from solutions.predictive_maintenance.features import (
    AGAINST_ITSELF,
    FEATURES,
    FROM_HEALTH,
    LEVEL_AND_TREND,
)
from solutions.predictive_maintenance.figures import FIGURES
from solutions.predictive_maintenance.fleet_checks import fleet_checks
from solutions.predictive_maintenance.lives import (
    BOUNDS,
    CAP_H,
    EDGE,
    HORIZON_H,
    SETTINGS,
    assemble,
    copies,
    steps,
)
from solutions.predictive_maintenance.metrics import METRICS_OF_MAINTENANCE, OF_FAILURES, OF_LIVES
from solutions.predictive_maintenance.modes import ANOMALY, FAILURE, REMAINING_LIFE, allows
from solutions.predictive_maintenance.realism import realism
from solutions.predictive_maintenance.simulate import simulate

SOLUTION: Final = Solution(
    name="predictive_maintenance",
    title="Predictive maintenance",
    about="Says of each asset whether it fails within the horizon, and how long it has left",
    tables=("telemetry", "assets", "failures", "maintenance", "sensors"),
    optional=("assets", "failures", "maintenance", "sensors"),
    assemble=assemble,
    together=fleet_checks,
    settings={**SETTINGS, **ALARM_SETTINGS},
    setting_bounds={**BOUNDS, **ALARM_BOUNDS},
    alarms=alarm_rule,
    reasons=REASONS,
    tasks=(
        TaskSpec(
            name=FAILURE,
            kind=TaskKind.BINARY,
            table="telemetry",
            target="failed",
            metric="ap",
            min_positives=50,
            metrics=OF_FAILURES,
        ),
        TaskSpec(
            name=REMAINING_LIFE,
            kind=TaskKind.REGRESSION,
            table="telemetry",
            target="remaining",
            metric="rmse",
            min_positives=50,
            features=LEVEL_AND_TREND,
            metrics=OF_LIVES,
            gates={"calibration_ece": 1.0, "min_positives_holdout": 0.0},
        ),
        TaskSpec(
            name=ANOMALY,
            kind=TaskKind.ANOMALY,
            table="telemetry",
            target="near_failure",
            metric="auc",
            features=FROM_HEALTH,
        ),
    ),
    allows=allows,
    lives=LifeColumns(left="hours_seen", failed="is_failure", age="age_h", steps=steps),
    remaining=RemainingLife(
        full_h=lambda settings: settings[CAP_H],
        soon_h=lambda settings: settings[HORIZON_H],
        edge=EDGE,
        clocks=("age_h",),
    ),
    copies=copies,
    similar=PastLives(
        life="life_id",
        left="hours_seen",
        failed="is_failure",
        mode="failure_mode",
        picture=AGAINST_ITSELF,
        ahead_h=lambda settings: settings[HORIZON_H],
    ),
    features=FEATURES,
    families=("lightgbm", "logistic", "net"),
    baselines=BASELINES,
    metrics=METRICS_OF_MAINTENANCE,
    decision=DECISION,
    gates={
        "beats_baseline": 0.0,
        "compression_loss": 0.02,
        "parity": 1e-6,
        "calibration_ece": 0.03,
        "min_positives_holdout": 30.0,
        "leakage": 0.0,
    },
    split=SplitSpec(by="group", selection_share=0.35, holdout_share=0.25),
    simulate=simulate,
    realism=realism,
    figures=FIGURES,
    slices=("asset_type",),
    report=ReportSpec(
        words=Words("reading", "readings", "warning", "warnings", "asset", "assets"),
        by_fold=("ap", "recall_at_fpr_5"),
    ),
    benchmarks={"cmapss": cmapss, "ai4i": ai4i, "fleet": fleet},
)

__all__ = ["SOLUTION"]
