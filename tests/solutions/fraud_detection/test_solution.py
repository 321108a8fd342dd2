"""The value as a whole: features, baselines, costs and figures, with all columns and with four."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton import roles
from lepton.config import load_config, overlay
from lepton.dataset import TabularDataset
from lepton.evaluation.gates import DEFAULTS
from lepton.evaluation.results import Evaluation
from solutions.fraud_detection import SOLUTION
from solutions.fraud_detection.baselines import RULES, fit_prevalence, fit_rules, points

FOLDER = Path(__file__).parents[3] / "solutions" / "fraud_detection"
ROLES = {
    roles.KEY: "transaction_id",
    roles.EVENT_AT: "event_at",
    roles.VALUE: "amount",
    roles.TARGET: "is_fraud",
}


def dataset(**features: list[float]) -> TabularDataset:
    n = len(next(iter(features.values())))
    rows = pd.DataFrame(
        {
            "transaction_id": [f"t{number}" for number in range(n)],
            "event_at": pd.date_range("2025-01-06", periods=n, freq="h", tz="UTC"),
            "amount": np.linspace(10.0, 20.0, n),
            "is_fraud": [number % 2 for number in range(n)],
            **features,
        }
    )
    return TabularDataset(rows, tuple(features), (), ROLES)


def test_feature_names_are_regular_and_unique() -> None:
    names = [node.name for node in SOLUTION.features.nodes]
    assert len(names) == len(set(names))
    assert all(name == name.lower() and name.isidentifier() for name in names)


def test_no_feature_reads_what_is_known_only_afterwards() -> None:
    told = repr(SOLUTION.features.nodes)
    assert "typology" not in told
    assert "'is_fraud'" not in told
    assert "label_at" not in told


def test_every_rule_asks_for_a_feature_that_exists() -> None:
    names = {node.name for node in SOLUTION.features.nodes}
    assert {rule.feature for rule in RULES} <= names


def test_points_add_up() -> None:
    rows = dataset(customer_amount_z_30d=[5.0, 3.0, 0.0], is_night=[0.0, 1.0, 0.0])
    assert points(rows).tolist() == [2, 2, 0]


def test_rules_give_no_points_for_missing_values_and_features() -> None:
    assert points(dataset(customer_amount_z_30d=[np.nan, 5.0])).tolist() == [0, 2]
    assert points(dataset(hour=[1.0, 2.0])).tolist() == [0, 0]


def test_rules_give_points_for_what_is_new() -> None:
    assert points(dataset(customer_device_count=[0.0, 1.0, np.nan])).tolist() == [1, 0, 0]


def test_rules_never_fall_with_the_points() -> None:
    train = dataset(customer_amount_z_30d=[5.0, 0.0, 5.0, 0.0, 3.0, 3.0])
    score = fit_rules(train)(dataset(customer_amount_z_30d=[0.0, 3.0, 5.0]))
    assert (np.diff(score) >= 0).all()
    assert ((score >= 0) & (score <= 1)).all()


def test_rules_answer_for_totals_that_training_never_saw() -> None:
    scorer = fit_rules(dataset(is_night=[0.0, 0.0]))
    assert np.isfinite(scorer(dataset(customer_amount_z_30d=[9.0], is_night=[1.0]))).all()


def test_prevalence_is_the_share_of_frauds() -> None:
    assert fit_prevalence(dataset(hour=[1.0] * 4))(dataset(hour=[1.0])).tolist() == [0.5]


def test_a_missed_fraud_costs_what_does_not_come_back_and_the_fee() -> None:
    costs = {"fraud_fee": 15.0, "recovery_share": 0.5, "review_cost": 4.0, "alerts_per_day": 1.0}
    rows = dataset(hour=[1.0, 2.0])
    assert SOLUTION.decision.miss_cost(rows, costs).tolist() == [20.0, 25.0]
    assert SOLUTION.decision.alert_cost(rows, costs).tolist() == [4.0, 4.0]


def test_settings_overlay_known_costs_and_gates_only() -> None:
    config = load_config(FOLDER / "solution.yaml")
    overlay(SOLUTION.decision.costs, config.costs, where="costs")
    overlay(DEFAULTS, SOLUTION.gates, where="gates")


def test_figures_draw_what_there_is_and_leave_out_the_rest() -> None:
    n = 40
    scored = pd.DataFrame(
        {
            "key": [f"t{number}" for number in range(n)],
            "event_at": pd.date_range("2025-01-06", periods=n, freq="3h", tz="UTC"),
            "value": np.linspace(5.0, 600.0, n),
            "target": [int(number % 8 == 0) for number in range(n)],
            "score": np.linspace(0.0, 1.0, n),
            "decision": [int(number > 30) for number in range(n)],
        }
    )
    drawn = [figure.draw(evaluation(scored)) for figure in SOLUTION.figures]
    assert [each is not None for each in drawn] == [True, True, True]
    honest = evaluation(scored.assign(target=0))
    told = [figure.draw(honest) for figure in SOLUTION.figures]
    assert all(one is None or isinstance(one, str) for one in told)


def evaluation(scored: pd.DataFrame) -> Evaluation:
    return Evaluation(metrics=(), baselines={}, reference=(), gates=(), scored=scored)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_solution_imports_no_orchestrator_and_no_network(path: Path) -> None:
    forbidden = {
        "dagster",
        "pipelines",
        "great_expectations",
        "onnx",
        "requests",
        "urllib",
        "socket",
    }
    assert not forbidden & {name.partition(".")[0] for name in imports(path)}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found
