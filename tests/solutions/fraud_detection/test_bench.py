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
from lepton.evaluation.metrics import METRICS
from lepton.features.batch import compute
from lepton.progress import Silent
from lepton.solution import BenchRequest
from solutions.fraud_detection import SOLUTION
from solutions.fraud_detection.bench import _test_rows, handbook
from solutions.fraud_detection.ceiling import ceilings, unforeseeable

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


def terminal_frauds(folder: Path, *days: float) -> np.ndarray:
    """Which of one terminal's frauds, at these days after START, no known label announces."""
    event = START + pd.to_timedelta(np.array(days), unit="D")
    frame = pd.DataFrame(
        {"terminal_id": "t", "event_at": event, "label_at": event + pd.Timedelta(days=7)}
    )
    frame["transaction_id"] = [str(number) for number in range(len(days))]
    told = pd.DataFrame({"TRANSACTION_ID": range(len(days)), "TX_FRAUD_SCENARIO": 2})
    told.to_parquet(folder / "told.parquet")
    names = {roles.KEY: "transaction_id", roles.EVENT_AT: "event_at"}
    return unforeseeable(TabularDataset(frame, (), (), names), folder / "told.parquet")


def test_a_terminals_frauds_are_unforeseeable_until_the_first_label_of_their_run(
    tmp_path: Path,
) -> None:
    early = terminal_frauds(tmp_path, 0.5, 7.4, 7.6, 27.9, 28.1, 40.0)
    assert early.tolist() == [True, True, False, False, True, False]


def test_a_ceiling_is_one_where_all_can_be_known_and_less_where_lots_are_drawn() -> None:
    test = payments(*((14, f"c{n}", int(n < 40)) for n in range(80)))
    test.rows["terminal_id"] = [f"t{n}" for n in range(80)]
    none, half = np.zeros(80, dtype=bool), np.arange(80) < 20
    judged = [("auc", METRICS["auc"].of)]
    assert ceilings([test], [none], judged, np.random.default_rng(0))["auc"] == pytest.approx(1)
    # half of the frauds at random among the rest: 1 - 1/2 * 1/2
    assert ceilings([test], [half], judged, np.random.default_rng(0))["auc"] == pytest.approx(
        0.75, abs=0.03
    )


@pytest.mark.slow
@pytest.mark.parametrize("labels", ["exact", "daily"])
def test_the_protocol_runs_the_products_own_path_and_tells_all_it_promised(
    tmp_path: Path, labels: str
) -> None:
    options = {"work_units": "1", "labels": labels}
    request = BenchRequest(handbook_file(tmp_path), options, Silent())
    found = handbook(request)
    assert set(found["metrics"]) == {"auc", "ap", "cp100"} == set(found["intervals"])
    assert found["folds"][0]["start"] == "2018-08-15"
    low, high = found["intervals"]["auc"]
    assert low <= found["metrics"]["auc"] <= high
    assert found["metrics"]["auc"] > 0.7
    assert found["peers"]["ceiling"]["auc"] == pytest.approx(1)  # its frauds are of no terminal


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
        ({"labels": "dayly"}, "LK112 .*can't be 'dayly'; did you mean 'daily'"),
        ({"work_units": "many"}, "LK108 .*"),
    ],
)
def test_an_option_that_the_protocol_cannot_use_is_refused(
    tmp_path: Path, options: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        handbook(BenchRequest(handbook_file(tmp_path), options, Silent()))
