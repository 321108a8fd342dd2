"""Retail recommendation: everything the domain adds to the core, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from lepton.dataset import TabularDataset
from lepton.evaluation.splits import SplitSpec
from lepton.features.spec import FeatureSpec
from lepton.recommend.roster import STANDARD
from lepton.recommend.spec import SETTING_BOUNDS, SETTINGS, RecommendSpec
from lepton.solution import DecisionSpec, ReportSpec, Solution, Words
from lepton.task import TaskKind, TaskSpec
from solutions.retail_recommendation.asides import asides
from solutions.retail_recommendation.bench_beauty import beauty
from solutions.retail_recommendation.bench_online_retail import online_retail
from solutions.retail_recommendation.catalogue import catalogue
from solutions.retail_recommendation.cleaning import WEIGHTS
from solutions.retail_recommendation.dataset import WEIGHT_PREFIX, interactions
from solutions.retail_recommendation.realism import realism
from solutions.retail_recommendation.retail_checks import retail_checks
from solutions.retail_recommendation.simulate import simulate

_WEIGHTS: Final = {f"{WEIGHT_PREFIX}{event}": weight for event, weight in WEIGHTS.items()}


def _nothing(rows: TabularDataset, costs: Mapping[str, float]) -> np.ndarray:
    """A list raises no alerts: what it is worth is told by what is taken of it."""
    return np.zeros(len(rows))


SOLUTION: Final = Solution(
    name="retail_recommendation",
    title="Retail recommendation",
    about="Lists for each customer what they will want next: what they know, and what is new",
    tables=("interactions", "items", "customers", "stock", "promotions"),
    optional=("items", "customers", "stock", "promotions"),
    together=retail_checks,
    tasks=(
        TaskSpec(
            name="recommend",
            kind=TaskKind.RECOMMEND,
            table="interactions",
            target="item_id",
            metric="ndcg10_all",
            min_positives=0,
        ),
    ),
    features=FeatureSpec(()),
    families=STANDARD,
    baselines=(),
    metrics=(),
    decision=DecisionSpec(costs={}, miss_cost=_nothing, alert_cost=_nothing),
    gates={
        "beats_baseline": 0.0,
        "compression_loss": 0.02,
        "parity": 0.0,
        "leakage": 0.0,
        "rules": 0.0,
    },
    split=SplitSpec(),
    simulate=simulate,
    realism=realism,
    report=ReportSpec(
        words=Words("customer", "customers", entity="customer", entities="customers")
    ),
    benchmarks={"online_retail": online_retail, "beauty": beauty},
    settings={**SETTINGS, **_WEIGHTS},
    setting_bounds={**SETTING_BOUNDS, **dict.fromkeys(_WEIGHTS, (0.001, 1_000.0))},
    recommend=RecommendSpec(
        interactions=interactions, catalogue=catalogue, rules="rules.yaml", asides=asides
    ),
)

__all__ = ["SOLUTION"]
