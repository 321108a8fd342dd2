"""The simulator: the same seed gives the same table, and the table is what it says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.contracts.odcs import load_contracts
from lepton.dataset import TabularDataset
from lepton.frames import fingerprint, read_parquet
from solutions.fraud_detection import SOLUTION
from solutions.fraud_detection.population import AGE_BANDS, MCC_PRICE
from solutions.fraud_detection.realism import best_rule, realism
from solutions.fraud_detection.seasons import DAY_S
from solutions.fraud_detection.simulate import Simulated, simulate_all
from solutions.fraud_detection.typologies import NAMES, RAMP_FRAUD_WEEKS, SHIFT_SHARE, ramp

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "sample_data" / "fraud_detection"
SAMPLE_SEED, SAMPLE_SIZE = 0, 190_000


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
    assert (SAMPLE / "transactions.parquet").stat().st_size <= 5_000_000
    assert sample["is_fraud"].sum() >= 500
    assert 0.001 <= sample["is_fraud"].mean() <= 0.003


def test_rows_are_in_event_order_with_unique_ids() -> None:
    table = simulated(1)
    assert table["event_at"].is_monotonic_increasing
    assert table["transaction_id"].is_unique
    assert table["transaction_id"].is_monotonic_increasing


def test_labels_come_after_events_and_most_within_two_weeks(sample: pd.DataFrame) -> None:
    table = sample.loc[sample["is_fraud"] == 1]
    days = (table["label_at"] - table["event_at"]).dt.total_seconds().to_numpy() / 86_400
    assert days.min() > 0
    assert 4 <= np.median(days) <= 6
    assert 10 <= np.quantile(days, 0.95) <= 14


def test_every_typology_occurs_and_only_among_frauds(sample: pd.DataFrame) -> None:
    assert sample["typology"].nunique() == 7
    assert (sample["typology"].notna() == (sample["is_fraud"] == 1)).all()


def test_amounts_are_whole_cents_and_positive() -> None:
    amount = simulated(1)["amount"].to_numpy()
    assert amount.min() > 0
    assert np.allclose(amount, np.round(amount, 2), rtol=0, atol=0)


def test_no_column_alone_gives_frauds_away(sample: pd.DataFrame) -> None:
    for column in ("channel", "mcc", "merchant_country", "auth_result"):
        assert sample.groupby(column)["is_fraud"].mean().max() < 0.1


@pytest.fixture(scope="module")
def made() -> Simulated:
    return simulate_all(np.random.default_rng(5), 60_000)


def test_most_true_frauds_are_reported_and_few_claims_are_false(made: Simulated) -> None:
    reported = made.table["is_fraud"].to_numpy() == 1
    assert 0.10 <= 1 - reported[made.truth > 0].mean() <= 0.20
    assert 0.005 <= (made.truth[reported] == 0).mean() <= 0.04


def test_a_slow_ramp_never_rises_by_a_standard_deviation_in_a_week() -> None:
    spread = np.array([0.3, 0.5, 0.9])
    level = ramp(np.random.default_rng(0), np.repeat(spread, 200))
    rise = np.diff(level, axis=1, prepend=0.0)
    assert (rise > 0).all()
    assert (rise < np.repeat(spread, 200)[:, None]).all()
    assert (level[:, -1] > 1.5 * np.repeat(spread, 200)).all()


def test_bust_outs_are_frauds_only_at_their_end(made: Simulated) -> None:
    code = NAMES.index("bust_out")
    customers = np.unique(made.events.customer[made.truth == code])
    assert len(customers)
    for customer in customers:
        theirs = made.events.customer == customer
        second = made.events.second[theirs & (made.truth == code)]
        assert second.max() - second.min() <= RAMP_FRAUD_WEEKS * 7 * DAY_S


def test_amounts_imitate_the_victims_after_the_shift() -> None:
    made = simulate_all(np.random.default_rng(2), 400_000)
    events, people = made.events, made.world.customers
    taken = made.truth == NAMES.index("account_takeover")
    price = MCC_PRICE[made.world.merchants.mcc[events.merchant]]
    excess = np.log(events.amount / price) - people.log_spend[events.customer]
    late = events.second >= SHIFT_SHARE * made.world.n_days * DAY_S
    assert excess[taken & late].mean() < excess[taken & ~late].mean() - 0.5


def test_a_ring_of_mules_shares_devices(made: Simulated) -> None:
    ring = made.truth == NAMES.index("mule_ring")
    of_device = pd.Series(made.events.customer[ring]).groupby(made.events.device[ring]).nunique()
    assert of_device.max() >= 3


def test_outage_is_a_storm_of_declines(made: Simulated) -> None:
    start, end = made.world.calendar.outage
    inside = (made.events.second >= start) & (made.events.second < end)
    assert made.events.declined[inside].mean() > 0.5
    assert made.events.declined[~inside].mean() < 0.06


def test_festival_week_is_busier_and_dearer(made: Simulated) -> None:
    day = made.events.second // DAY_S
    rows = np.bincount(day, minlength=made.world.n_days)
    festival = made.world.calendar.festival(np.arange(made.world.n_days))
    assert rows[festival].mean() > 1.3 * rows[~festival].mean()


def test_customers_come_and_go(made: Simulated) -> None:
    people, day = made.world.customers, made.events.second / DAY_S
    assert (people.joined > 0).any()
    assert (people.left < made.world.n_days).any()
    honest = made.truth == 0
    early = day < people.joined[made.events.customer] - 1
    late = day > people.left[made.events.customer] + 7
    assert (early & honest).sum() <= 0.002 * len(day)
    assert (late & honest).sum() <= 0.01 * len(day)


def test_households_share_devices_and_addresses(sample: pd.DataFrame) -> None:
    for token in ("device_id", "ip_hash"):
        people = sample.dropna(subset=[token]).groupby(token)["customer_id"].nunique()
        assert (people >= 2).sum() >= 100


def test_a_protected_group_differs_in_base_rate_and_in_behaviour(made: Simulated) -> None:
    age = made.world.customers.age[made.events.customer]
    frauds = [(made.truth[age == band] > 0).mean() for band in range(len(AGE_BANDS))]
    assert max(frauds) > 1.3 * min(frauds)
    known = made.table.groupby(["customer_id", "device_id"])["event_at"].transform("min")
    new = (known == made.table["event_at"]) & made.table["device_id"].notna() & (made.truth == 0)
    by_band = new.groupby(made.table["age_band"]).mean()
    assert by_band["18-29"] > 1.5 * by_band["65+"]


@pytest.mark.slow
def test_rows_are_as_hard_as_real_ones() -> None:
    contract = load_contracts(ROOT / "data_contracts" / "fraud_detection")["transactions"]
    gates = realism(contract, np.random.default_rng(SAMPLE_SEED), SAMPLE_SIZE)
    assert len(gates) == 6
    assert [f"{gate.name}: {gate.found:.4g}" for gate in gates if not gate.holds] == []


def test_best_rule_is_the_one_whose_extremes_hold_the_frauds() -> None:
    n = 1_000
    y = (np.arange(n) < 10).astype(float)
    rows = pd.DataFrame(
        {
            "event_at": pd.date_range("2025-01-06", periods=n, freq="h", tz="UTC"),
            "is_fraud": y,
            "low": np.where(y == 1, -1.0, np.arange(n, dtype=float)),
            "constant": 1.0,
            "absent": np.nan,
        }
    )
    found = TabularDataset(rows, ("constant", "low", "absent"), (), {"target": "is_fraud"})
    assert best_rule(found, 0.01) == ("low", 1.0)
    assert best_rule(found.take(np.arange(n)), 0.005) == ("low", 0.5)
