"""Cases of the reliability catalogue on a retailer's tables, through the product's own path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton.contracts.apply import apply_mapping
from lepton.contracts.mapping import TableMapping
from lepton.contracts.model import Contract, Validated
from lepton.contracts.odcs import load_contracts
from lepton.contracts.validate import validate
from lepton.errors import ContractViolation, DataError, SearchError
from lepton.frames import read_parquet, read_raw, write_parquet
from solutions.retail_recommendation import SOLUTION
from solutions.retail_recommendation.catalogue import catalogue
from solutions.retail_recommendation.cleaning import clean
from solutions.retail_recommendation.customer_features import customer_features
from solutions.retail_recommendation.customer_models import fit_customers
from solutions.retail_recommendation.due import due_features
from solutions.retail_recommendation.retail_checks import delivery_checks
from solutions.retail_recommendation.segments import rfm
from solutions.retail_recommendation.simulate import simulate
from solutions.retail_recommendation.stock_risk import demand_rates

ROOT = Path(__file__).parents[2]
NOW = pd.Timestamp("2030-01-01", tz="UTC")
DAY = pd.Timedelta(days=1)
Tables = Mapping[str, pd.DataFrame]


@pytest.fixture(scope="module")
def contracts() -> Mapping[str, Contract]:
    return load_contracts(ROOT / "data_contracts" / "retail_recommendation")


@pytest.fixture(scope="module")
def tables() -> Tables:
    """Six hundred customers over thirteen months."""
    return simulate(np.random.default_rng(2), 45_000)


@pytest.fixture(scope="module")
def cutoff(tables: Tables) -> pd.Timestamp:
    return pd.Timestamp(tables["interactions"]["event_at"].max()).floor("D") - 60 * DAY


def checked(
    tables: Tables, contracts: Mapping[str, Contract], mapping: Mapping[str, Any] | None = None
) -> Validated:
    """The tables as a customer delivers them, mapped and validated; mapping: of interactions."""
    told = {"interactions": TableMapping.model_validate(mapping or {})}
    mapped = {
        name: apply_mapping(rows, told.get(name, TableMapping()), contracts[name])
        for name, rows in tables.items()
    }
    return validate(
        mapped, contracts, task=SOLUTION.task, docs=None, now=NOW, with_suites=False,
        together=SOLUTION.together,
    )  # fmt: skip


def refusal(tables: Tables, contracts: Mapping[str, Contract], **changed: pd.DataFrame) -> str:
    with pytest.raises(ContractViolation) as caught:
        checked({**tables, **changed}, contracts)
    assert caught.value.code == "LK201"
    return str(caught.value)


def told(tables: Tables, contracts: Mapping[str, Contract], **changed: pd.DataFrame) -> str:
    return "\n".join(map(str, checked({**tables, **changed}, contracts).violations))


def test_d01_no_interactions_refused(tables: Tables, contracts: Mapping[str, Contract]) -> None:
    message = refusal(tables, contracts, interactions=tables["interactions"].iloc[:0])
    assert "0 rows, contract needs ≥ 1,000" in message


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"customer_id,item_id,event_at\n"])
def test_d02_empty_files_of_order_lines_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lines.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"LK203 .*lines\.csv: 0 rows"):
        read_raw(path)


def test_d03_missing_items_are_named_with_the_nearest(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    rows = tables["interactions"].rename(columns={"item_id": "item"})
    message = refusal(tables, contracts, interactions=rows)
    assert "required column 'item_id' is missing; did you mean 'item'?" in message


def test_d05_columns_beyond_the_contract_are_ignored_and_told_once(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    rows = tables["interactions"].assign(colour="red")
    found = checked({**tables, "interactions": rows}, contracts)
    assert found.notes.count("ignored: colour") == 1


def test_d06_columns_and_rows_in_another_order_clean_to_the_same(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    rows = tables["interactions"]
    other = rows[rows.columns[::-1]].sample(frac=1, random_state=3)
    one, again = (
        clean(checked({"interactions": told}, contracts).tables["interactions"]).rows
        for told in (rows, other)
    )
    pd.testing.assert_frame_equal(one, again[one.columns], check_exact=True)


@pytest.mark.parametrize("written", ["1,234.5", "12,5"])
def test_d08_prices_with_foreign_marks_refused_with_count(
    tables: Tables, contracts: Mapping[str, Contract], written: str
) -> None:
    rows = tables["interactions"].assign(price=written).astype({"price": "str"})
    message = refusal(tables, contracts, interactions=rows)
    assert f"interactions.price is not a number: {len(rows):,} of {len(rows):,} rows" in message


def test_d09_item_numbers_stay_text_through_mapping_and_disk(
    tables: Tables, contracts: Mapping[str, Contract], tmp_path: Path
) -> None:
    rows = tables["interactions"].head(4_000).copy()
    odd = ["007", "12345678901234567890", "+49", "1e5", "0x1F"]
    rows["item_id"] = pd.Series(odd * (len(rows) // len(odd)), dtype="str")
    rows.to_csv(tmp_path / "lines.csv", index=False)
    mapped = apply_mapping(
        read_raw(tmp_path / "lines.csv"), TableMapping(), contracts["interactions"]
    )
    write_parquet(mapped.frame, tmp_path / "lines.parquet")
    assert set(read_parquet(tmp_path / "lines.parquet")["item_id"]) == set(odd)


def test_d12_a_price_without_any_value_refused(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    rows = tables["interactions"].assign(price=np.nan)
    assert "interactions.price has no value in any of" in refusal(
        tables, contracts, interactions=rows
    )


def test_d13_infinite_quantities_are_quarantined(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    rows = tables["interactions"].copy()
    rows.loc[[3, 8], "quantity"] = [np.inf, -np.inf]
    found = checked({**tables, "interactions": rows}, contracts)
    assert len(found.quarantine["interactions"]) == 2
    assert "is infinite" in found.quarantine["interactions"]["__reasons"].iloc[0]


def test_d18_copies_are_left_out_and_counted_and_many_of_them_refused(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    rows = tables["interactions"]
    twice = pd.concat([rows, rows.head(len(rows) // 50)], ignore_index=True)
    assert "LK2169 interactions rows that copy an earlier one" in told(
        tables, contracts, interactions=twice
    )
    pd.testing.assert_frame_equal(clean(twice).rows, clean(rows).rows)
    many = pd.concat([rows, rows.head(len(rows) // 10)], ignore_index=True)
    assert "at most 5.00% can be worked with" in refusal(tables, contracts, interactions=many)


def test_d19_items_that_contradict_are_set_aside_with_their_number(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    items = tables["items"]
    both = pd.concat([items, items.head(3).assign(price=99.0)], ignore_index=True)
    found = checked({**tables, "items": both}, contracts)
    (one,) = [violation for violation in found.violations if violation.code == "LK228"]
    assert (one.table, one.count) == ("items", 6)


def test_d20_a_catalogue_with_an_item_twice_does_not_multiply_rows(tables: Tables) -> None:
    items = tables["items"]
    doubled = pd.concat([items, items.assign(item_id=items["item_id"] + " ")], ignore_index=True)
    rows = clean(tables["interactions"], doubled).rows
    assert len(rows) == len(clean(tables["interactions"], items).rows)
    assert catalogue({**tables, "items": doubled})["item_id"].is_unique


def test_d21_prices_in_cents_are_told_in_both_tables(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    rows = tables["interactions"]
    newest = rows["event_at"] > rows["event_at"].max() - 5 * DAY
    cents = rows.assign(price=rows["price"].where(~newest, rows["price"] * 100))
    assert "LK2174 interactions.price prices over 10 times" in refusal(
        tables, contracts, interactions=cents
    )
    whole = rows.assign(price=rows["price"] * 100)
    assert "LK2174 items.price" in refusal(tables, contracts, interactions=whole)
    (one,) = [
        violation
        for violation in delivery_checks({"interactions": rows}, {"interactions": whole})
        if violation.column == "price"
    ]
    assert one.code == "LK263"


def test_d22_negative_quantities_outside_returns_are_told(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    rows = tables["interactions"].copy()
    chosen = rows.index[rows["event"] == "purchase"][::100]
    rows.loc[chosen, "quantity"] *= -1
    assert "LK2170 interactions.quantity quantities of 0 or less" in told(
        tables, contracts, interactions=rows
    )
    found = clean(rows)
    dropped = {step.reason: step.dropped for step in found.funnel}["quantity of 0 or less"]
    assert 0.8 * len(chosen) < dropped <= len(chosen)
    assert (found.rows["quantity"] > 0).all()
    assert found.came == len(rows)


@pytest.mark.parametrize("content", [b"PAR1", b"customer_id,item_id\n1,2\n", b""])
def test_d25_files_that_are_no_parquet_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "interactions.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"LK20\d .*interactions\.parquet"):
        read_parquet(path)


def test_d30_half_a_delivery_is_told(tables: Tables, contracts: Mapping[str, Contract]) -> None:
    rows = tables["interactions"]
    newest = rows["event_at"] > rows["event_at"].max() - 8 * DAY
    lost = newest & (np.arange(len(rows)) % 4 > 0)
    message = told(tables, contracts, interactions=rows[~lost].reset_index(drop=True))
    assert "events in the newest week against the 8 before" in message


def test_d32_card_numbers_are_never_shown(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    rows = tables["interactions"].copy()
    rows["quantity"] = rows["quantity"].astype("str")
    rows.loc[rows.index[:40], "quantity"] = "4111111111111111x"
    message = told(tables, contracts, interactions=rows)
    assert "is not a number" in message
    assert "4111111111111111" not in message


def test_l05_copies_across_the_cutoff_are_counted_once(
    tables: Tables, cutoff: pd.Timestamp
) -> None:
    rows = tables["interactions"]
    later = rows[rows["event_at"] >= cutoff]
    both = pd.concat([rows, later.head(500)], ignore_index=True)
    cleaned = clean(both)
    pd.testing.assert_frame_equal(cleaned.rows, clean(rows).rows)
    assert not cleaned.rows.drop(columns="weight").duplicated().any()


def shaken(rows: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Cleaned rows with everything from the cutoff on exchanged among each other."""
    rng = np.random.default_rng(0)
    later = (rows["event_at"] >= cutoff).to_numpy()
    other = rows.copy()
    for name in ("customer_id", "item_id", "quantity", "price"):
        values = other[name].to_numpy(copy=True)
        values[later] = rng.permutation(values[later])
        other[name] = pd.Series(values, index=other.index).astype(rows[name].dtype)
    return other


def test_l06_models_of_customers_are_learnt_from_the_past_alone(
    tables: Tables, cutoff: pd.Timestamp
) -> None:
    rows = clean(tables["interactions"], tables["items"]).rows
    features = customer_features(rows, cutoff)
    one, other = (
        fit_customers(told, cutoff, 60.0).predict(features) for told in (rows, shaken(rows, cutoff))
    )
    pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_l07_nothing_from_the_cutoff_on_changes_a_feature(
    tables: Tables, cutoff: pd.Timestamp
) -> None:
    rows = clean(tables["interactions"], tables["items"]).rows
    for told in (shaken(rows, cutoff), rows[rows["event_at"] < cutoff]):
        pd.testing.assert_frame_equal(
            customer_features(rows, cutoff), customer_features(told, cutoff), check_exact=True
        )
        pd.testing.assert_frame_equal(rfm(rows, cutoff), rfm(told, cutoff), check_exact=True)
        np.testing.assert_array_equal(due_features(rows, cutoff)[1], due_features(told, cutoff)[1])
        pd.testing.assert_frame_equal(
            demand_rates(rows, tables["stock"], cutoff),
            demand_rates(told, tables["stock"], cutoff),
            check_exact=True,
        )


def test_l07_a_delivery_that_ends_at_the_cutoff_tells_the_same(
    tables: Tables, cutoff: pd.Timestamp
) -> None:
    came = tables["interactions"]
    whole, short = (
        clean(rows, tables["items"]).rows for rows in (came, came[came["event_at"] < cutoff])
    )
    pd.testing.assert_frame_equal(
        customer_features(whole, cutoff), customer_features(short, cutoff), check_exact=True
    )
    pd.testing.assert_frame_equal(rfm(whole, cutoff), rfm(short, cutoff), check_exact=True)


def test_l10_too_little_to_learn_from_is_said_and_no_model_is_made(tables: Tables) -> None:
    rows = clean(tables["interactions"]).rows
    first = rows["event_at"].min()
    with pytest.raises(SearchError, match="LK442"):
        fit_customers(rows, first + 100 * DAY)
