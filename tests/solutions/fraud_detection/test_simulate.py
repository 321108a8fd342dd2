"""The simulator: the same seed gives the same table, and the table is what it says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.frames import fingerprint, read_parquet
from solutions.fraud_detection import SOLUTION

SAMPLE = Path(__file__).parents[3] / "sample_data" / "fraud_detection"
SAMPLE_SEED, SAMPLE_SIZE = 0, 100_000


def simulated(seed: int, size: int = 4_000) -> pd.DataFrame:
    return SOLUTION.simulate(np.random.default_rng(seed), size)["transactions"]


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    return read_parquet(SAMPLE / "transactions.parquet")


def test_the_same_seed_gives_the_same_table() -> None:
    assert fingerprint(simulated(3)) == fingerprint(simulated(3))


def test_another_seed_gives_another_table() -> None:
    assert fingerprint(simulated(3)) != fingerprint(simulated(4))


def test_sample_data_are_what_the_simulator_makes(sample: pd.DataFrame) -> None:
    assert fingerprint(sample) == fingerprint(simulated(SAMPLE_SEED, SAMPLE_SIZE))


def test_sample_data_have_the_stated_checksum() -> None:
    stated, name = (SAMPLE / "SHA256SUMS").read_text(encoding="utf-8").split()
    assert hashlib.sha256((SAMPLE / name).read_bytes()).hexdigest() == stated


def test_sample_is_small_and_holds_enough_frauds(sample: pd.DataFrame) -> None:
    assert (SAMPLE / "transactions.parquet").stat().st_size <= 2_500_000
    assert sample["is_fraud"].sum() >= 400
    assert 0.003 <= sample["is_fraud"].mean() <= 0.006


def test_rows_are_in_event_order_with_unique_ids() -> None:
    table = simulated(1)
    assert table["event_at"].is_monotonic_increasing
    assert table["transaction_id"].is_unique
    assert table["transaction_id"].is_monotonic_increasing


def test_labels_come_after_events_and_most_within_ten_days() -> None:
    table = simulated(1)
    delay = table["label_at"] - table["event_at"]
    assert delay.min() > pd.Timedelta(0)
    assert delay.quantile(0.95) <= pd.Timedelta(days=10)


def test_every_typology_occurs_and_only_among_frauds(sample: pd.DataFrame) -> None:
    assert sample["typology"].nunique() == 5
    assert (sample["typology"].notna() == (sample["is_fraud"] == 1)).all()


def test_amounts_are_whole_cents_and_positive() -> None:
    amount = simulated(1)["amount"].to_numpy()
    assert amount.min() > 0
    assert np.allclose(amount, np.round(amount, 2), rtol=0, atol=0)


def test_no_column_alone_gives_frauds_away(sample: pd.DataFrame) -> None:
    for column in ("channel", "mcc", "merchant_country", "auth_result"):
        assert sample.groupby(column)["is_fraud"].mean().max() < 0.1
