"""Rules on a whole table: they warn of what no single row shows, and are silent otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.contracts.model import Contract, Mapped, Severity, Violation
from lepton.contracts.odcs import load_contracts
from lepton.contracts.shape import SHAPES
from lepton.contracts.shapes import shape_violations
from lepton.contracts.sound import contradictions
from lepton.contracts.validate import validate
from lepton.errors import ContractViolation
from lepton.task import TaskKind, TaskSpec

ROOT = Path(__file__).parents[2]
DAYS, PER_DAY = 84, 50
DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contracts(ROOT / "data_contracts" / "fraud_detection")["transactions"]


def usual() -> pd.DataFrame:
    """Twelve weeks of 50 payments a day between 8 and 20 o'clock, one fraud in each, shuffled."""
    number = np.arange(DAYS * PER_DAY)
    day, place = number // PER_DAY, number % PER_DAY
    at = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(day * 86_400, unit="s")
    at += pd.to_timedelta(8 * 3_600 + place * 864, unit="s")
    frame = pd.DataFrame(
        {
            "transaction_id": pd.Series([f"t{n:05d}" for n in number], dtype="str"),
            "event_at": at.as_unit("us"),
            "ingested_at": (at + pd.Timedelta(minutes=1)).as_unit("us"),
            "label_at": (at + 5 * DAY).as_unit("us"),
            "card_id": pd.Series([f"k{n % 37}" for n in number], dtype="str"),
            "merchant_id": pd.Series([f"m{n % 11}" for n in number], dtype="str"),
            "amount": 1.0 + number % 100,
            "is_fraud": (place == day % PER_DAY).astype(float),
        }
    )
    return frame.sample(frac=1, random_state=1).reset_index(drop=True)


def found(rows: pd.DataFrame, contract: Contract) -> list[Violation]:
    return list(shape_violations(contract, rows))


def test_usual_rows_give_no_warning(contract: Contract) -> None:
    assert found(usual(), contract) == []


def test_few_rows_give_no_warning(contract: Contract) -> None:
    few = usual().head(40).assign(is_fraud=1.0, amount=np.geomspace(1, 1e6, 40))
    assert found(few, contract) == []
    assert found(usual().iloc[:0], contract) == []


def late(rows: pd.DataFrame) -> pd.DataFrame:
    held = rows["ingested_at"].mask(rows.index < 100, rows["event_at"] + 2 * DAY)
    return rows.assign(ingested_at=held)


def twice(rows: pd.DataFrame) -> pd.DataFrame:
    again = rows.head(200).assign(event_at=rows["event_at"] + pd.Timedelta(seconds=30))
    return pd.concat([rows, again], ignore_index=True)


def missing_day(rows: pd.DataFrame) -> pd.DataFrame:
    day = rows["event_at"].dt.floor("D")
    kept: pd.DataFrame = rows.loc[day != pd.Timestamp("2024-03-05", tz="UTC")]
    return kept


def other_zone(rows: pd.DataFrame) -> pd.DataFrame:
    newest = rows["event_at"] > rows["event_at"].max() - 7 * DAY
    moved = rows["event_at"] + pd.Timedelta(hours=9)
    return rows.assign(event_at=moved.where(newest, rows["event_at"]))


def sampled(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(is_fraud=(rows.index % 8 == 0).astype(float))


def all_at_once(rows: pd.DataFrame) -> pd.DataFrame:
    day = rows["event_at"].dt.floor("D") == pd.Timestamp("2024-03-05", tz="UTC")
    return rows.assign(is_fraud=rows["is_fraud"].where(~day, 1.0))


def in_cents(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(amount=rows["amount"].where(rows.index != 7, 98_700.0))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (late, "2.38% lie over 24 h behind event_at"),
        (twice, "% repeat card_id, merchant_id, amount within 60 s"),
        (
            missing_day,
            "days far from the same weekday's median (e.g. 2024-03-05: -100%)",
        ),
        (other_zone, "hours of the newest week correlate by -0."),
        (sampled, "12.500% are positive, 0.01% to 5.00% are usual"),
        (all_at_once, "far from the usual 3.17% (e.g. 2024-03-05: 100.00%)"),
        (in_cents, "1 values above 1000, 10 times the 99.99% quantile (e.g. 98700)"),
    ],
    ids=lambda value: getattr(value, "__name__", "said"),
)
def test_each_kind_warns_of_its_fault(
    spoil: Callable[[pd.DataFrame], pd.DataFrame], said: str, contract: Contract
) -> None:
    rows = spoil(usual())
    told = [one for one in found(rows, contract) if said in str(one)]
    assert len(told) == 1, [str(one) for one in found(rows, contract)]
    assert told[0].severity is Severity.WARNING
    assert told[0].code == "LK238"


def test_every_kind_of_rule_stands_in_the_contract(contract: Contract) -> None:
    assert set(SHAPES) <= {rule.expectation for rule in contract.rules}


def test_a_rule_without_its_columns_does_not_apply(contract: Contract) -> None:
    poor = late(usual())[["transaction_id", "event_at", "amount", "is_fraud"]]
    assert found(poor, contract) == []


TASK = TaskSpec("fraud", TaskKind.BINARY, "transactions", "is_fraud", "ap", min_positives=50)


def test_a_warning_refuses_nothing_and_is_told(contract: Contract, tmp_path: Path) -> None:
    mapped = Mapped(sampled(usual()))
    result = validate(
        {"transactions": mapped}, {"transactions": contract}, task=TASK, docs=tmp_path
    )
    assert len(result.tables["transactions"]) == DAYS * PER_DAY
    assert [one.severity for one in result.violations] == [Severity.WARNING]
    assert "12.500% are positive" in (tmp_path / "summary.txt").read_text()


def test_the_same_rule_refuses_where_the_contract_says_so(contract: Contract) -> None:
    rules = tuple(
        replace(rule, severity=Severity.TABLE) if rule.name == "fraud_rate" else rule
        for rule in contract.rules
    )
    strict = replace(contract, rules=rules)
    with pytest.raises(ContractViolation, match=r"12\.500% are positive"):
        validate(
            {"transactions": Mapped(sampled(usual()))},
            {"transactions": strict},
            task=TASK,
            docs=None,
        )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"weeks": "many"}, "argument 'weeks' must be a number, not many"),
        ({"week": 8}, "argument 'week' is unknown"),
        ({"column": "events"}, "no column 'events'"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused(
    change: dict[str, object], said: str, contract: Contract
) -> None:
    rules = tuple(
        replace(rule, arguments={**rule.arguments, **change})
        for rule in contract.rules
        if rule.name == "daily_volume"
    )
    assert any(said in fault for fault in contradictions(replace(contract, rules=rules)))


def test_a_rule_on_the_whole_table_has_no_rows_to_set_aside(contract: Contract) -> None:
    rules = tuple(replace(rule, severity=Severity.ROWS) for rule in contract.rules)
    faults = list(contradictions(replace(contract, rules=rules)))
    assert (
        "rule 'daily_volume': severity rows is for order, no_card_numbers, unique_together only"
        in faults
    )
