"""The simulator: the same seed gives the same shop, and the shop is what it says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.contracts.model import Contract, Mapped, Severity
from lepton.contracts.odcs import load_contracts
from lepton.contracts.validate import validate
from lepton.frames import fingerprint, read_parquet
from solutions.retail_recommendation.catalogue_checks import on_hand_at
from solutions.retail_recommendation.cleaning import REASONS, Cleaned, clean
from solutions.retail_recommendation.realism import realism
from solutions.retail_recommendation.retail_checks import retail_checks
from solutions.retail_recommendation.shelf import CLOSED_WEEKDAY, DAYS, START
from solutions.retail_recommendation.simulate import Simulated, simulate, truth

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "sample_data" / "retail_recommendation"
SAMPLE_SEED, SAMPLE_SIZE = 0, 130_000


@pytest.fixture(scope="module")
def made() -> Simulated:
    return truth(np.random.default_rng(SAMPLE_SEED), SAMPLE_SIZE)


@pytest.fixture(scope="module")
def cleaned(made: Simulated) -> Cleaned:
    return clean(made.tables["interactions"], made.tables["items"])


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    return load_contracts(ROOT / "data_contracts" / "retail_recommendation")


def prints(seed: int) -> dict[str, str]:
    tables = simulate(np.random.default_rng(seed), 4_000)
    return {name: fingerprint(table) for name, table in tables.items()}


def test_the_same_seed_gives_the_same_tables_and_another_one_others() -> None:
    one, again, other = prints(3), prints(3), prints(4)
    assert one == again
    assert all(one[name] != other[name] for name in one)


def test_sample_data_are_what_the_simulator_makes(made: Simulated) -> None:
    for name, table in made.tables.items():
        assert fingerprint(read_parquet(SAMPLE / f"{name}.parquet")) == fingerprint(table), name


def test_sample_data_are_small_and_have_the_stated_checksums() -> None:
    stated = [line.split() for line in (SAMPLE / "SHA256SUMS").read_text("utf-8").splitlines()]
    assert [name for _, name in stated] == sorted(path.name for path in SAMPLE.glob("*.parquet"))
    contents = {name: (SAMPLE / name).read_bytes() for _, name in stated}
    assert [[hashlib.sha256(contents[name]).hexdigest(), name] for _, name in stated] == stated
    assert sum(map(len, contents.values())) <= 2_000_000


@pytest.mark.parametrize("size", [2_000, 20_000, 130_000])
def test_a_shop_has_about_the_rows_that_were_asked_for(size: int) -> None:
    tables = simulate(np.random.default_rng(0), size)
    assert 0.7 * size <= len(tables["interactions"]) <= 1.4 * size


def test_every_table_keeps_its_contract_and_nothing_is_refused(
    made: Simulated, contracts: dict[str, Contract]
) -> None:
    found = validate(
        {name: Mapped(table) for name, table in made.tables.items()},
        contracts,
        task=None,
        docs=None,
        now=pd.Timestamp("2030-01-01", tz="UTC"),
        with_suites=False,
        together=retail_checks,
    )
    assert [str(one) for one in found.violations if one.severity is not Severity.WARNING] == []
    assert not found.quarantine


def test_cleaning_has_something_to_do_and_accounts_for_all_of_it(
    made: Simulated, cleaned: Cleaned
) -> None:
    assert cleaned.came == len(made.tables["interactions"])
    dropped = {step.reason: step.dropped for step in cleaned.funnel}
    assert {reason for reason in REASONS if dropped[reason]} == {*REASONS} - {
        "quantity of 0 or less"
    }
    assert cleaned.unmatched < 0.02 * dropped["returns and cancellations"]


def test_nothing_is_sold_while_the_shop_is_closed_or_the_item_is_not_there(
    made: Simulated, cleaned: Cleaned
) -> None:
    rows = cleaned.rows
    assert set(rows["event_at"].dt.day_of_week) == {*range(7)} - {CLOSED_WEEKDAY}
    assert rows["event_at"].min() >= START
    assert rows["event_at"].max() < START + pd.Timedelta(days=DAYS)
    items = made.tables["items"].set_index("item_id")
    at = rows["event_at"].dt.floor("D")
    assert (at >= rows["item_id"].map(items["launched_at"])).all()
    assert not (at >= rows["item_id"].map(items["ended_at"])).any()


def test_what_is_out_of_stock_is_not_sold(made: Simulated, cleaned: Cleaned) -> None:
    counted = on_hand_at(made.tables["stock"], cleaned.rows)
    assert counted.notna().sum() > 1_000
    assert (counted.dropna() > 0).all()
    assert 0.001 < (made.tables["stock"]["on_hand"] == 0).mean() < 0.03


def test_planted_pairs_are_bought_together(made: Simulated, cleaned: Cleaned) -> None:
    orders = cleaned.rows.groupby("item_id")["order_id"].agg(set)
    found = []
    for item, partner, chance in made.pairs.to_numpy(dtype=object).tolist():
        first, second = orders.get(item, set()), orders.get(partner, set())
        if len(first) >= 40:
            found.append((len(first & second) / len(first), chance))
    assert len(found) >= 5
    # the partner comes by itself too, and is out of stock at times
    assert all(told > 0.7 * chance for told, chance in found)


def test_what_is_used_up_is_bought_again_after_its_cycle(made: Simulated, cleaned: Cleaned) -> None:
    rows = cleaned.rows.sort_values("event_at")
    gap = rows.groupby(["customer_id", "item_id"])["event_at"].diff().dt.days
    again = pd.DataFrame({"gap": gap, "cycle": rows["item_id"].map(made.cycles)}).dropna()
    early, due = (again["gap"] < 0.6 * again["cycle"]).mean(), again["gap"] / again["cycle"]
    assert early < 0.25
    assert 0.9 < due.median() < 2.2


def test_customers_who_are_gone_order_no_more(made: Simulated, cleaned: Cleaned) -> None:
    last = cleaned.rows.groupby("customer_id")["event_at"].max().dt.floor("D")
    both = pd.DataFrame({"last": last, "gone": made.gone_at}).dropna()
    assert 0.3 < len(both) / len(made.gone_at) < 0.9
    assert (both["last"] <= both["gone"]).all()


def test_the_shop_is_as_real_ones_are_and_models_stand_in_their_order(
    contracts: dict[str, Contract],
) -> None:
    gates = realism(contracts["interactions"], np.random.default_rng(SAMPLE_SEED), SAMPLE_SIZE)
    assert len(gates) >= 20
    assert [f"{gate.name}: {gate.found:.4g}" for gate in gates if not gate.holds] == []
