"""What is done with a payment: costs, the team's rules, reasons that TreeSHAP would give too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest

from lepton import roles
from lepton.config import load_config, within
from lepton.contracts.model import Extras
from lepton.contracts.odcs import load_contracts
from lepton.dataset import TabularDataset
from lepton.errors import ConfigError
from lepton.export.decision import groups_of, typical_values
from lepton.features.batch import compute
from lepton.features.fitted import fit_tree_preprocess
from lepton.features.spec import Category
from lepton.rules import load_rules
from lepton_edge.policy import Policy
from lepton_edge.reasons import read_reasons
from solutions.fraud_detection import SOLUTION
from solutions.fraud_detection.decision import BOUNDS, COSTS, actions, alert_cost, miss_cost
from solutions.fraud_detection.reasons import REASONS
from tests.export.tiny import TinyModel

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "solutions" / "fraud_detection"
NAMES = [action.name for action in actions(COSTS)]


@pytest.fixture(scope="module")
def payments() -> TabularDataset:
    """Features of 15,000 simulated payments, in event order."""
    table = SOLUTION.simulate(np.random.default_rng(8), 15_000)["transactions"]
    contract = load_contracts(ROOT / "data_contracts" / "fraud_detection")["transactions"]
    return compute(table, contract, SOLUTION.features, Extras())


def best(p: float, amount: float, **changed: float) -> str:
    policy = Policy(actions({**COSTS, **changed}), capacity=1.0)
    return NAMES[policy.choose(policy.costs(p, amount), 0, "k").action]


def test_actions_go_from_mild_to_strict_and_only_reviews_are_limited() -> None:
    assert NAMES == ["approve", "step_up", "review", "block"]
    assert [action.limited for action in actions(COSTS)] == [False, False, True, False]


def test_the_table_agrees_with_what_the_threshold_follows_from(payments: TabularDataset) -> None:
    some = payments.take(np.arange(50))
    amount = some.role(roles.VALUE).to_numpy(dtype=np.float64)
    approve, _, review, _ = actions(COSTS)
    np.testing.assert_allclose(approve.cost(1.0, amount), miss_cost(some, COSTS))
    np.testing.assert_allclose(review.cost(0.0, amount), alert_cost(some, COSTS))
    np.testing.assert_allclose(review.cost(1.0, amount), alert_cost(some, COSTS))


@pytest.mark.parametrize(
    ("p", "amount", "action"),
    [
        # a challenge costs 1 and saves 0.6 of p * (0.9 * amount + 15)
        (0.01, 100.0, "approve"),
        (0.02, 100.0, "step_up"),
        (0.02, 20.0, "approve"),
        (0.01, 1_000.0, "review"),
        (0.10, 100.0, "review"),
        (0.95, 100.0, "block"),
    ],
)
def test_large_amounts_are_acted_on_at_lower_scores(p: float, amount: float, action: str) -> None:
    assert best(p, amount) == action


def test_a_challenge_that_costs_much_is_never_asked() -> None:
    scores = np.linspace(0.0, 1.0, 201)
    assert "step_up" not in {best(p, 100.0, step_up_cost=1_000.0) for p in scores}


def test_every_cost_has_bounds_and_a_line_in_the_settings() -> None:
    text = (FOLDER / "solution.yaml").read_text(encoding="utf-8")
    given = load_config(FOLDER / "solution.yaml").costs
    assert set(COSTS) == set(BOUNDS) == set(given)
    assert all(f"  {name}:" in text for name in COSTS)
    with pytest.raises(ConfigError, match="LK113") as refused:
        within({**COSTS, "recovery_share": 10.0, "churn_cost": -1.0}, BOUNDS, where="costs")
    assert "'recovery_share' is 10, where 0 to 1 is possible" in str(refused.value)
    assert "'churn_cost' is -1" in str(refused.value)


def test_the_teams_rules_name_features_and_actions_that_exist_and_start_in_shadow() -> None:
    nodes = SOLUTION.features.nodes
    texts = {node.name for node in nodes if isinstance(node, Category)}
    numeric = {node.name for node in nodes} - texts
    found = load_rules(FOLDER / "rules.yaml", actions=NAMES, numeric=numeric, categorical=texts)
    assert len(found.rules) >= 5
    assert {rule.mode for rule in found.rules} == {"shadow"}


def test_every_feature_has_a_phrase_and_every_phrase_is_short() -> None:
    groups = groups_of([node.name for node in SOLUTION.features.nodes], REASONS)
    assert {one["phrase"] for one in groups} <= set(REASONS)
    assert 15 <= len(groups) <= 30
    assert all(len(phrase) <= 60 for phrase in REASONS)


def test_the_first_reason_is_mostly_the_one_that_treeshap_gives(payments: TabularDataset) -> None:
    """Occlusion is no TreeSHAP, but on alerted rows both name the same group first in a clear
    majority, and the first by occlusion is nearly always among the first three of TreeSHAP."""
    known = payments.take(~np.isnan(payments.y))
    preprocess = fit_tree_preprocess(known)
    X = preprocess.apply(known.X, known.C)
    params = {"objective": "binary", "num_leaves": 15, "num_threads": 1, "verbose": -1, "seed": 1}
    booster = lgb.train({**params, "min_data_in_leaf": 50}, lgb.Dataset(X, known.y), 60)
    model = TinyModel(booster, preprocess, known.numeric, known.categorical)
    told = {
        "groups": groups_of((*known.numeric, *known.categorical), REASONS),
        "typical": typical_values(model, known),
    }
    reasons = read_reasons(told, known.numeric, known.categorical)
    alerted = known.take(np.argsort(-model.score(known), kind="stable")[:200])

    def score(numeric: np.ndarray, texts: np.ndarray) -> np.ndarray:
        return np.asarray(booster.predict(preprocess.apply(numeric, texts)))

    mine = reasons.contributions(score, alerted.X, alerted.C)
    matrix = preprocess.apply(alerted.X, alerted.C)
    shap = np.asarray(booster.predict(matrix, pred_contrib=True))
    n = len(known.numeric)
    theirs = np.column_stack(
        [
            shap[:, [*group.numeric, *(n + at for at in group.categorical)]].sum(axis=1)
            for group in reasons.groups
        ]
    )
    first = mine.argmax(axis=1)
    rank = (theirs > theirs[np.arange(len(first)), first][:, None]).sum(axis=1)
    assert (rank == 0).mean() > 0.6
    assert (rank < 3).mean() > 0.9


def test_columns_that_a_customer_lacks_leave_the_rest_explained(payments: TabularDataset) -> None:
    few = replace(payments, numeric=("amount", "hour"), categorical=())
    groups = groups_of(few.numeric, REASONS)
    assert [one["features"] for one in groups] == [["amount"], ["hour"]]
