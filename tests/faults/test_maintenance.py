"""Cases of the reliability catalogue on a fleet's tables, through the product's own path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton import roles
from lepton.contracts.apply import apply_mapping
from lepton.contracts.mapping import TableMapping
from lepton.contracts.model import Contract, Extras, Severity, Validated
from lepton.contracts.odcs import load_contracts
from lepton.dataset import TabularDataset
from lepton.errors import ContractViolation, SearchError
from lepton.evaluation.grouped import group_codes, split_by_group
from lepton.features.batch import compute, without_features
from lepton.features.fit import fit_spec
from lepton.features.spec import FeatureSpec
from lepton.features.stream_parity import stream_parity
from solutions.predictive_maintenance import SOLUTION
from tests.faults import cases
from tests.faults.cases import NOW, Tables

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def contracts() -> Mapping[str, Contract]:
    return load_contracts(ROOT / "data_contracts" / "predictive_maintenance")


@pytest.fixture(scope="module")
def tables() -> Tables:
    return SOLUTION.simulate(np.random.default_rng(5), 9_000)


@pytest.fixture(scope="module")
def contract(contracts: Mapping[str, Contract]) -> Contract:
    return contracts["telemetry"]


@pytest.fixture(scope="module")
def spec(tables: Tables, contract: Contract) -> FeatureSpec:
    rows = SOLUTION.rows(tables)
    return fit_spec(SOLUTION.features, without_features(rows, contract, "failed"))


@pytest.fixture(scope="module")
def dataset(tables: Tables, contract: Contract, spec: FeatureSpec) -> TabularDataset:
    return featurized(tables, contract, spec)


def featurized(tables: Tables, contract: Contract, spec: FeatureSpec) -> TabularDataset:
    return compute(SOLUTION.rows(tables), contract, spec, Extras(), target="failed")


def checked(
    tables: Tables, contracts: Mapping[str, Contract], **changed: pd.DataFrame
) -> Validated:
    return cases.checked(SOLUTION, contracts, {**tables, **changed})


def raw(event_at: list[Any], **how: Any) -> tuple[pd.DataFrame, TableMapping]:
    """A customer's table with these times, and its mapping."""
    n = len(event_at)
    frame = pd.DataFrame({"unit": "u1", "at": event_at, "temp": np.arange(n, dtype=np.float64)})
    columns = {
        "reading_id": {"row_number": True},
        "asset_id": "unit",
        "event_at": {"from": "at", **how},
    }
    mapping = {"columns": columns, "extras": {"numeric": ["temp"]}}
    return frame, TableMapping.model_validate(mapping)


def refusal(contract: Contract, event_at: list[Any], **how: Any) -> str:
    frame, mapping = raw(event_at, **how)
    return cases.refusal(apply_mapping(frame, mapping, contract), contract)


def test_t01_naive_reading_times_refused_asking_for_a_zone(contract: Contract) -> None:
    assert "1 times without zone" in refusal(contract, ["2024-05-01 12:00:00"])


def test_t02_naive_among_aware_reading_times_refused_with_counts(contract: Contract) -> None:
    times = ["2024-05-01T12:00:00Z", "2024-05-01 12:00:00"]
    assert "1 times without zone among 1 with one" in refusal(contract, times, zone="UTC")


def test_t05_shuffled_readings_give_the_same_features(
    tables: Tables, contract: Contract, spec: FeatureSpec, dataset: TabularDataset
) -> None:
    mixed = {name: rows.sample(frac=1, random_state=1) for name, rows in tables.items()}
    again = featurized(mixed, contract, spec)
    assert again.rows["reading_id"].tolist() == dataset.rows["reading_id"].tolist()
    np.testing.assert_array_equal(again.X, dataset.X)


def test_t06_gaps_are_counted_and_a_level_follows_time_not_rows(
    tables: Tables, contracts: Mapping[str, Contract], spec: FeatureSpec
) -> None:
    telemetry = tables["telemetry"]
    hour = telemetry["event_at"].dt.day_of_year
    thinned = telemetry[(hour % 14 > 6).to_numpy()]
    told = checked(tables, contracts, telemetry=thinned).violations
    assert any("silent for over 24 h" in one.rule for one in told)
    one = telemetry[telemetry["asset_id"] == telemetry["asset_id"].iloc[0]].sort_values("event_at")
    late = one.assign(event_at=one["event_at"].where(one.index != one.index[-1], other=NOW))
    name = next(n for n in ("x_temperature_fast", "x_vibration_fast") if n in _names(spec))
    soon, after = (
        featurized({"telemetry": rows}, contracts["telemetry"], spec).rows[name].iloc[-1]
        for rows in (one, late)
    )
    assert soon != after


def _names(spec: FeatureSpec) -> tuple[str, ...]:
    from lepton.features.fit import plan_of

    return plan_of(spec.nodes[0]).names  # type: ignore[arg-type]


def test_t07_copied_readings_are_quarantined_and_conflicting_ones_too(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    telemetry = tables["telemetry"]
    other = telemetry.head(1).assign(x_temperature=-1.0)
    twice = pd.concat([telemetry, telemetry.tail(2), other], ignore_index=True)
    found = checked(tables, contracts, telemetry=twice)
    reasons = found.quarantine["telemetry"]["__reasons"]
    assert reasons.str.contains("copy of an earlier row").sum() == 2
    assert reasons.str.contains("rows that differ").sum() == 2
    assert len(found.tables["telemetry"]) == len(telemetry) - 1


def test_t07_an_instant_that_an_asset_has_twice_is_told(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    telemetry = tables["telemetry"]
    again = telemetry.head(50).assign(reading_id=[f"again{n}" for n in range(50)])
    told = checked(tables, contracts, telemetry=pd.concat([telemetry, again])).violations
    assert any("repeat asset_id within 0 s" in one.rule for one in told)


def test_t08_implausible_reading_times_refused_with_examples(contract: Contract) -> None:
    times = ["1970-01-01T00:00:00Z", "9999-01-01T00:00:00Z"]
    message = refusal(contract, times)
    assert "before 1990 or in the future: 2 of 2 rows" in message
    assert "1970-01-01" in message


def test_t11_a_frozen_sensor_is_told_by_name_and_asset(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    telemetry = tables["telemetry"].copy()
    asset = telemetry["asset_id"].value_counts().index[0]
    mine = telemetry.index[telemetry["asset_id"] == asset][:90]
    telemetry.loc[mine, "x_flow"] = 42.0
    (told,) = [
        one
        for one in checked(tables, contracts, telemetry=telemetry).violations
        if "stuck" in one.rule
    ]
    assert any(f"x_flow of {asset}" in example for example in told.examples)


def test_t13_an_asset_with_a_short_history_is_scored_and_others_go_on(
    tables: Tables, contract: Contract, spec: FeatureSpec, dataset: TabularDataset
) -> None:
    telemetry = tables["telemetry"]
    newcomer = telemetry.tail(1).assign(asset_id="new", reading_id="new1")
    both = {**tables, "telemetry": pd.concat([telemetry, newcomer], ignore_index=True)}
    found = featurized(both, contract, spec)
    mine = found.rows.set_index("reading_id")
    assert mine.loc["new1", "age_h"] == 0.0
    assert mine["health"].notna()["new1"]
    rest = found.take((found.rows["reading_id"] != "new1").to_numpy())
    np.testing.assert_array_equal(rest.X, dataset.X)


def test_l04_no_asset_is_learnt_from_and_judged(dataset: TabularDataset) -> None:
    parts = split_by_group(
        dataset,
        selection_share=0.35,
        holdout_share=0.25,
        min_positives=20,
        rng=np.random.default_rng(0),
    )
    names = [set(one.rows["asset_id"]) for one in (parts.train, parts.selection)]
    names.append(set(parts.holdout.open("test").rows["asset_id"]))
    assert sum(map(len, names)) == len(set().union(*names))
    for fold in parts.folds:
        assert not set(fold.train.rows["asset_id"]) & set(fold.valid.rows["asset_id"])
        assert not set(fold.train.rows["asset_id"]) & names[2]


def test_l07_readings_of_the_future_change_nothing_before_them(
    tables: Tables, contract: Contract, spec: FeatureSpec, dataset: TabularDataset
) -> None:
    telemetry = tables["telemetry"]
    cutoff = telemetry["event_at"].quantile(0.6)
    later = telemetry["event_at"] > cutoff
    altered = telemetry.copy()
    altered.loc[later, ["x_temperature", "x_vibration", "setting_1"]] = 1e6
    failures = tables["failures"][tables["failures"]["failed_at"] <= cutoff]
    maintenance = tables["maintenance"][tables["maintenance"]["done_at"] <= cutoff]
    known = dataset.take((dataset.role(roles.EVENT_AT) <= cutoff).to_numpy())
    for rows in (altered, telemetry[~later]):
        changed = {
            **tables,
            "telemetry": rows,
            "failures": failures,
            "maintenance": maintenance,
        }
        found = featurized(changed, contract, spec)
        before = found.take((found.role(roles.EVENT_AT) <= cutoff).to_numpy())
        np.testing.assert_allclose(before.X, known.X, rtol=1e-9, atol=1e-9)


def test_d11_a_sensor_that_is_mostly_missing_is_told_with_its_share(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    telemetry = tables["telemetry"].copy()
    telemetry.loc[telemetry.index % 3 > 0, "x_current"] = np.nan
    told = checked(tables, contracts, telemetry=telemetry).violations
    assert any("less than 80%" in one.rule and "x_current" in str(one) for one in told)


def test_d12_a_sensor_without_any_value_is_refused(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    telemetry = tables["telemetry"].assign(x_current=np.nan)
    with pytest.raises(ContractViolation, match=r"LK230 telemetry\.x_current has no value in any"):
        checked(tables, contracts, telemetry=telemetry)


def test_d13_infinite_values_are_quarantined_and_large_ones_pass(
    tables: Tables, contracts: Mapping[str, Contract], contract: Contract, spec: FeatureSpec
) -> None:
    telemetry = tables["telemetry"].copy()
    telemetry.loc[telemetry.index[3], "x_flow"] = np.inf
    telemetry.loc[telemetry.index[4], "x_flow"] = 1e300
    found = checked(tables, contracts, telemetry=telemetry)
    assert len(found.quarantine["telemetry"]) == 1
    assert not np.isinf(featurized(found.tables, contract, spec).X).any()


def test_d14_a_constant_sensor_is_dropped_with_a_note(tables: Tables, contract: Contract) -> None:
    constant = {**tables, "telemetry": tables["telemetry"].assign(x_flow=7.0)}
    bare = without_features(SOLUTION.rows(constant), contract, "failed")
    found = featurized(constant, contract, fit_spec(SOLUTION.features, bare))
    off = {one.feature: one.cost for one in found.switched_off}
    assert off["x_flow"].startswith("It was constant")
    assert not any(name.startswith("x_flow") for name in found.numeric)


def test_d14_a_constant_target_is_refused(dataset: TabularDataset) -> None:
    never = dataset.take(dataset.y == 0)
    with pytest.raises(SearchError, match=r"LK405 .*too few"):
        _cut(never)


def test_d15_too_few_failures_are_refused_with_counts(dataset: TabularDataset) -> None:
    positive = np.flatnonzero(dataset.y == 1)[:7]
    few = dataset.take(np.sort(np.concatenate([np.flatnonzero(dataset.y == 0), positive])))
    with pytest.raises(SearchError, match=r"LK405 .*7 positives among"):
        _cut(few)


def _cut(rows: TabularDataset) -> None:
    assert group_codes(rows).max() > 5
    split_by_group(
        rows,
        selection_share=0.35,
        holdout_share=0.25,
        min_positives=50,
        rng=np.random.default_rng(0),
    )


def test_d21_a_unit_that_changed_refuses_the_table_and_loses_nothing(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    telemetry = tables["telemetry"].copy()
    late = telemetry["event_at"] > telemetry["event_at"].quantile(0.8)
    telemetry.loc[late, "x_vibration"] *= 1000
    with pytest.raises(ContractViolation) as caught:
        checked(tables, contracts, telemetry=telemetry)
    assert "LK239 telemetry.x_vibration lies outside" in str(caught.value)
    assert "check the unit" in str(caught.value)


def test_d21_single_values_out_of_range_only_warn(
    tables: Tables, contracts: Mapping[str, Contract]
) -> None:
    telemetry = tables["telemetry"].copy()
    telemetry.loc[telemetry.index % 70 == 0, "x_vibration"] = 900.0
    told = [
        one
        for one in checked(tables, contracts, telemetry=telemetry).violations
        if one.code == "LK239" and one.column == "x_vibration"
    ]
    assert [one.severity for one in told] == [Severity.WARNING]


def test_x12_features_of_a_stream_are_those_of_the_table(
    tables: Tables, contract: Contract, spec: FeatureSpec
) -> None:
    few = tables["telemetry"]["asset_id"].isin(tables["telemetry"]["asset_id"].unique()[:5])
    rows = SOLUTION.rows({**tables, "telemetry": tables["telemetry"][few]})
    found = stream_parity(rows, contract, spec, Extras(), seed=0, lateness_s=0.0)
    for mode in ("plain", "restored"):
        assert found.modes[mode].max_rel_diff <= 1e-9
    assert len(found.modes["plain"].differences) > 50
