"""The Handbook's protocol: who leaves the test, and one small run through the product's path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton import roles
from lepton.contracts.model import Extras
from lepton.contracts.odcs import load_contracts
from lepton.dataset import TabularDataset
from lepton.errors import ConfigError
from lepton.features.batch import compute
from lepton.progress import Silent
from lepton.solution import BenchRequest
from solutions.fraud_detection import SOLUTION
from solutions.fraud_detection.bench import _test_rows, handbook

ROOT = Path(__file__).parents[3]
START = pd.Timestamp("2018-08-01", tz="UTC")


def payments(*rows: tuple[int, str, int]) -> TabularDataset:
    """Rows (day after START, customer, is_fraud)."""
    frame = pd.DataFrame(rows, columns=["day", "customer_id", "is_fraud"])
    frame["event_at"] = START + pd.to_timedelta(frame["day"], unit="D") + pd.Timedelta(hours=3)
    names = {
        roles.EVENT_AT: "event_at",
        roles.ENTITY: "customer_id",
        roles.TARGET: "is_fraud",
    }
    return TabularDataset(frame, (), (), names)


def kept(dataset: TabularDataset) -> list[tuple[int, str]]:
    rows = dataset.rows.iloc[_test_rows(dataset, START)]
    return list(zip(rows["day"], rows["customer_id"], strict=True))


def test_test_days_are_the_third_week() -> None:
    rows = payments(*((day, f"c{day}", 0) for day in range(25)))
    assert [day for day, _ in kept(rows)] == list(range(14, 21))


def test_customers_with_a_fraud_in_the_base_window_leave_every_test_day() -> None:
    rows = payments((0, "ann", 1), (6, "bob", 1), (14, "ann", 0), (14, "bob", 0), (20, "ann", 1))
    assert kept(rows) == []


def test_a_fraud_before_the_base_window_keeps_its_customer() -> None:
    assert kept(payments((-1, "ann", 1), (14, "ann", 0))) == [(14, "ann")]


def test_a_fraud_of_the_delay_week_removes_its_customer_once_it_is_known() -> None:
    # day 8 is known on day 16, not on day 15
    rows = payments((8, "ann", 1), (15, "ann", 0), (16, "ann", 0), (17, "ann", 1))
    assert kept(rows) == [(15, "ann")]


def test_a_fraud_of_the_test_days_themselves_is_not_known_yet() -> None:
    rows = payments((14, "ann", 1), (15, "ann", 1), (20, "ann", 0))
    assert kept(rows) == [(14, "ann"), (15, "ann"), (20, "ann")]


def handbook_file(folder: Path) -> Path:
    """A small file of the Handbook's shape: large amounts are frauds more often."""
    rng = np.random.default_rng(0)
    n = 6_000
    seconds = np.sort(rng.integers(0, 165 * 86_400, n))
    amount = np.round(rng.lognormal(3.5, 0.8, n), 2)
    is_fraud = (rng.random(n) < np.where(amount > 80, 0.25, 0.005)).astype(np.int64)
    frame = pd.DataFrame(
        {
            "TRANSACTION_ID": np.arange(n),
            "TX_DATETIME": pd.Timestamp("2018-04-01") + pd.to_timedelta(seconds, unit="s"),
            "CUSTOMER_ID": rng.integers(0, 800, n),
            "TERMINAL_ID": rng.integers(0, 300, n),
            "TX_AMOUNT": amount,
            "TX_TIME_SECONDS": seconds,
            "TX_TIME_DAYS": seconds // 86_400,
            "TX_FRAUD": is_fraud,
            "TX_FRAUD_SCENARIO": is_fraud,
        }
    )
    path = folder / "handbook.parquet"
    frame.to_parquet(path, index=False)
    return path


@pytest.mark.slow
def test_the_protocol_runs_the_products_own_path_and_tells_all_it_promised(tmp_path: Path) -> None:
    request = BenchRequest(handbook_file(tmp_path), {"work_units": "1"}, Silent())
    found = handbook(request)
    assert set(found["metrics"]) == {"auc", "ap", "cp100"} == set(found["intervals"])
    assert found["folds"][0]["start"] == "2018-08-15"
    low, high = found["intervals"]["auc"]
    assert low <= found["metrics"]["auc"] <= high
    assert found["metrics"]["auc"] > 0.7


def test_the_four_required_columns_are_enough_for_features() -> None:
    contract = load_contracts(ROOT / "data_contracts" / "fraud_detection")["transactions"]
    table = SOLUTION.simulate(np.random.default_rng(0), 500)["transactions"]
    few = table[["transaction_id", "event_at", "amount", "is_fraud"]]
    dataset = compute(few, contract, SOLUTION.features, Extras())
    assert dataset.numeric == (
        "amount",
        "hour",
        "weekday",
        "is_weekend",
        "is_night",
        "hour_sin",
        "hour_cos",
    )
    assert {off.feature for off in dataset.switched_off} >= {"customer_recency", "channel"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"work_unit": "1"}, "LK112 .*no option 'work_unit'; did you mean 'work_units'"),
        ({"set": "FD001"}, "LK112 .*no option 'set'"),
        ({"work_units": "many"}, "LK108 .*"),
    ],
)
def test_an_option_that_the_protocol_cannot_use_is_refused(
    tmp_path: Path, options: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        handbook(BenchRequest(handbook_file(tmp_path), options, Silent()))
