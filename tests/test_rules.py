"""Rules as YAML: strict, compiled to data, the same on one row and on many."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton.errors import ConfigError
from lepton.rules import compile_condition, load_rules
from lepton_edge.rules import RuleBook, read_rules

ACTIONS = ("approve", "step_up", "review", "block")
NUMERIC, CATEGORICAL = ("amount", "count", "age"), ("channel", "country")


def load(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    return load_rules(path, actions=ACTIONS, numeric=NUMERIC, categorical=CATEGORICAL)


def one(when: str, mode: str = "shadow", action: str = "review") -> str:
    return (
        "version: 1\nrules:\n"
        f"  - {{name: r, when: '{when}', action: {action}, mode: {mode}, reason: because}}\n"
    )


def book(tmp_path: Path, text: str, known: tuple[str, ...] = (*NUMERIC, *CATEGORICAL)) -> RuleBook:
    told = json.loads(json.dumps(load(tmp_path, text).to_json()))
    return RuleBook(read_rules(told["rules"]), ACTIONS, known)


ROWS = {
    "amount": np.array([10.0, 500.0, 500.0, np.nan, 40.0]),
    "count": np.array([0.0, 3.0, np.nan, 3.0, 1.0]),
    "age": np.array([1.0, 2.0, 3.0, 4.0, 5.0]),
    "channel": np.array(["ecom", "ecom", "chip", "moto", ""], dtype=object),
    "country": np.array(["DE", "NO", "NO", "DE", "FR"], dtype=object),
}


@pytest.mark.parametrize(
    ("when", "hits"),
    [
        ("amount > 100", [1, 2]),
        ("not amount > 100", [0, 4]),
        ("amount > 100 or count >= 1", [1, 4]),
        ("100 < amount <= 500 and count == 3", [1]),
        ('channel == "ecom"', [0, 1]),
        ('channel not in ["ecom", "moto"]', [2]),
        ('country in ["NO", "FR"] and amount > 2 * age + 29', [1, 2, 4]),
        ("amount * 2 - 20 != 0", [1, 2, 4]),
        ("age > -1", [0, 1, 2, 3, 4]),
    ],
)
def test_a_rule_hits_the_same_rows_alone_and_together_and_never_a_missing_value(
    tmp_path: Path, when: str, hits: list[int]
) -> None:
    rules = book(tmp_path, one(when.replace("'", '"')))
    together = rules.of_rows(ROWS, 5)[:, 0]
    assert np.flatnonzero(together).tolist() == hits
    rows = [{name: values[at] for name, values in ROWS.items()} for at in range(5)]
    assert [at for at, row in enumerate(rows) if rules.of_row(row)] == hits


def test_shadow_rules_ask_for_nothing_and_active_ones_for_their_action(tmp_path: Path) -> None:
    shadow, active = (book(tmp_path, one("age > 0", mode)) for mode in ("shadow", "active"))
    assert (shadow.floor((0,)), active.floor((0,)), active.floor(())) == (0, 2, 0)
    assert (shadow.reasons((0,)), active.reasons((0,))) == ((), ("because",))


def test_a_rule_whose_feature_the_data_lack_is_off_and_says_which(tmp_path: Path) -> None:
    rules = book(tmp_path, one("age > 0 and amount > 1"), known=("amount",))
    assert rules.off == {"r": ("age",)}
    assert rules.of_row({"amount": 5.0}) == ()


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("__import__('os').system('x')", "not allowed"),
        ("amount.real > 1", "not allowed"),
        ("(lambda: 1)() > 0", "not allowed"),
        ("amount > 1 if count > 2 else age", "not allowed"),
        ("amount >", "is not a condition"),
        ("amount + 1", "is a number, where a condition is expected"),
        ("amount > 10 + (count > 1)", "is a truth, where a number is expected"),
        ('channel > "a"', "texts have no order"),
        ("amount ** 2 > 1", "not allowed"),
        ("amount > 1e400", "no number that data have"),
        ("amount > True", "no number that data have"),
        ("channel in []", "empty list"),
    ],
)
def test_what_is_no_plain_condition_is_refused(when: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        compile_condition(when)


def test_every_faulty_rule_is_named_at_once_with_a_suggestion(tmp_path: Path) -> None:
    text = """
version: 2
rules:
  - {name: a, when: amout > 1, action: review, reason: x}
  - {name: b, when: channel > 1, action: review, reason: x}
  - {name: c, when: 'amount == "ecom"', action: review, reason: x}
  - {name: d, when: amount > 1, action: reveiw, reason: x}
  - {name: d, when: amount > 1, action: review, reason: x}
"""
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, text)
    message = str(refused.value)
    assert refused.value.code == "LK130"
    for told in (
        "no feature 'amout'; did you mean 'amount'?",
        "'channel' is a category",
        "'amount' is a number, not text",
        "no action 'reveiw'; did you mean 'review'?",
        "'d' stands twice",
    ):
        assert told in message


def test_an_unknown_key_and_an_absent_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="LK108"):
        load(tmp_path, one("age > 0").replace("mode", "mood"))
    with pytest.raises(ConfigError, match="LK131"):
        load_rules(tmp_path / "none.yaml", actions=ACTIONS, numeric=(), categorical=())


def test_the_hash_is_that_of_the_file(tmp_path: Path) -> None:
    first, second = load(tmp_path, one("age > 0")), load(tmp_path, one("age > 1"))
    assert first.sha256 != second.sha256
    assert first.version == 1
