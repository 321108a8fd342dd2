"""Fraud detection on card transactions: everything the domain adds to the core, as one value."""

from __future__ import annotations

from typing import Final

from lepton.evaluation.splits import SplitSpec
from lepton.solution import ReportSpec, Solution, Words
from lepton.task import TaskKind, TaskSpec
from solutions.fraud_detection.baselines import BASELINES
from solutions.fraud_detection.bench import handbook
from solutions.fraud_detection.decision import DECISION
from solutions.fraud_detection.features import FEATURES
from solutions.fraud_detection.figures import FIGURES
from solutions.fraud_detection.metrics import CARD_PRECISION, METRICS_OF_FRAUD
from solutions.fraud_detection.realism import realism
from solutions.fraud_detection.reasons import REASONS
from solutions.fraud_detection.simulate import simulate

SOLUTION: Final = Solution(
    name="fraud_detection",
    title="Fraud detection",
    about="Scores each card transaction for fraud from what was known at its moment",
    tables=("transactions",),
    tasks=(
        TaskSpec(
            name="fraud",
            kind=TaskKind.BINARY,
            table="transactions",
            target="is_fraud",
            metric="ap",
            min_positives=50,
        ),
    ),
    features=FEATURES,
    families=("lightgbm", "logistic", "net"),
    baselines=BASELINES,
    metrics=METRICS_OF_FRAUD,
    decision=DECISION,
    gates={
        "beats_baseline": 0.0,
        "compression_loss": 0.01,
        "parity": 1e-6,
        "calibration_ece": 0.01,
        "min_positives_holdout": 30.0,
        "leakage": 0.0,
    },
    split=SplitSpec(selection_share=0.35, holdout_share=0.2),
    simulate=simulate,
    realism=realism,
    figures=FIGURES,
    slices=("typology", "channel", "age_band"),
    reasons=REASONS,
    report=ReportSpec(
        words=Words("payment", "payments", "fraud", "frauds", "customer", "customers"),
        by_fold=("ap", *CARD_PRECISION, "recall_at_fpr_1"),
        groups=("age_band",),
        rules="rules",
    ),
    benchmarks={"handbook": handbook},
)

__all__ = ["SOLUTION"]
