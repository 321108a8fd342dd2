"""Group T of the reliability catalogue: time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.contracts.apply import apply_mapping
from lepton.contracts.mapping import TableMapping
from lepton.contracts.model import Contract, Extras, Mapped
from lepton.contracts.odcs import load_contracts
from lepton.contracts.validate import validate
from lepton.errors import ContractViolation
from lepton.features.batch import compute
from lepton.features.stream_parity import replay
from tests.features.frames import CONTRACT, SPEC, events

ROOT = Path(__file__).parents[2]
NOW = pd.Timestamp("2025-01-01", tz="UTC")


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contracts(ROOT / "data_contracts" / "fraud_detection")["transactions"]


def mapped(times: Sequence[object], contract: Contract, **how: object) -> Mapped:
    raw = pd.DataFrame(
        {"id": [f"{n}" for n in range(len(times))], "at": list(times), "amount": 1.0}
    )
    columns = {"transaction_id": "id", "amount": "amount", "event_at": {"from": "at", **how}}
    return apply_mapping(raw, TableMapping.model_validate({"columns": columns}), contract)


def refusal(found: Mapped, contract: Contract) -> str:
    with pytest.raises(ContractViolation) as caught:
        validate({"transactions": found}, {"transactions": contract}, task=None, docs=None, now=NOW)
    return str(caught.value)


def test_t01_naive_times_refused_asking_for_a_zone(contract: Contract) -> None:
    for times in (["2024-05-01 12:00:00"], [pd.Timestamp("2024-05-01 12:00")]):
        message = refusal(mapped(times, contract), contract)
        assert "1 times without zone" in message
        assert "`zone: Europe/Berlin`" in message


def test_t01_declared_zone_is_used(contract: Contract) -> None:
    found = mapped(["2024-05-01 12:00:00"], contract, zone="Europe/Berlin")
    assert found.frame["event_at"].tolist() == [pd.Timestamp("2024-05-01T10:00Z")]
    assert str(found.frame["event_at"].dtype) == "datetime64[us, UTC]"


def test_t02_naive_among_aware_refused_with_counts(contract: Contract) -> None:
    times = ["2024-05-01T12:00:00Z", "2024-05-01T12:00:00+02:00", "2024-05-01 12:00:00"]
    message = refusal(mapped(times, contract, zone="UTC"), contract)
    assert "1 times without zone among 2 with one" in message


def test_t02_cells_that_are_no_times_are_faults_not_naive_times(contract: Contract) -> None:
    times = ["2024-05-01T12:00:00Z", "yesterday", "31.02.2024", None]
    (fault,) = mapped(times, contract).faults
    assert (fault.rows.tolist(), fault.about) == ([1, 2], "is not an ISO 8601 time")


@pytest.mark.parametrize(("rule", "hour"), [("earlier", 0), ("later", 1)])
def test_t03_autumn_hour_follows_the_rule(contract: Contract, rule: str, hour: int) -> None:
    found = mapped(["2024-10-27 02:30:00"], contract, zone="Europe/Berlin", ambiguous=rule)
    assert found.frame["event_at"].iloc[0] == pd.Timestamp(f"2024-10-27T0{hour}:30Z")


def test_t03_autumn_and_spring_hours_are_faults_without_a_rule(contract: Contract) -> None:
    times = ["2024-10-27 02:30:00", "2024-03-31 02:30:00", "2024-06-01 02:30:00"]
    found = mapped(times, contract, zone="Europe/Berlin")
    (fault,) = found.faults
    assert fault.rows.tolist() == [0, 1]
    assert fault.about == "does not exist, or exists twice, in Europe/Berlin"


def test_t05_shuffled_rows_give_the_same_table(contract: Contract) -> None:
    rows = 40
    raw = pd.DataFrame(
        {
            "transaction_id": [f"{n:03d}" for n in range(rows)],
            "event_at": pd.Timestamp("2024-01-01", tz="UTC")
            + pd.to_timedelta(np.arange(rows) // 4, unit="h"),
            "amount": np.arange(rows) + 1.0,
        }
    )
    tables = []
    for seed in (0, 1):
        shuffled = raw.sample(frac=1, random_state=seed)
        found = apply_mapping(shuffled, TableMapping(), contract)
        judged = validate(
            {"transactions": found}, {"transactions": contract}, task=None, docs=None, now=NOW
        )
        tables.append(judged.tables["transactions"])
    pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True)
    assert tables[0]["transaction_id"].tolist() == raw["transaction_id"].tolist()


@pytest.mark.parametrize("seed", [0, 1])
def test_t05_shuffled_rows_give_the_same_features_in_batch_and_stream(seed: int) -> None:
    table = events(seed, n=60)
    one, other = (
        compute(rows, CONTRACT, SPEC, Extras())
        for rows in (table, table.sample(frac=1, random_state=seed + 7))
    )
    pd.testing.assert_frame_equal(one.rows, other.rows, check_exact=True)
    streamed = [
        [found for _, chunk, _ in replay(rows, list(table.columns), 36_000.0) for found in chunk]
        for rows in (one, other)
    ]
    assert repr(streamed[0]) == repr(streamed[1])


def test_t08_implausible_instants_refused_with_examples(contract: Contract) -> None:
    times = ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "9999-01-01T00:00:00Z"]
    message = refusal(mapped(times, contract), contract)
    assert "is before 1990 or in the future: 3 of 3 rows" in message
    assert "1970-01-01" in message


def test_t09_wrong_epoch_unit_is_caught(contract: Contract) -> None:
    right = mapped([1_714_564_800.25], contract, epoch="s")
    assert right.frame["event_at"].iloc[0] == pd.Timestamp("2024-05-01T12:00:00.25Z")
    assert "is before 1990" in refusal(mapped([1_714_564_800], contract, epoch="ms"), contract)
    assert "too far away" in refusal(mapped([1_714_564_800_000], contract, epoch="s"), contract)


def test_t09_numbers_without_unit_refused(contract: Contract) -> None:
    assert "write `epoch: s`" in refusal(mapped([1_714_564_800], contract), contract)
