"""The simulator: the same seed gives the same fleet, and the fleet is what it says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.contracts.model import Contract, Mapped
from lepton.contracts.odcs import load_contracts
from lepton.contracts.validate import validate
from lepton.frames import fingerprint, read_parquet
from solutions.predictive_maintenance.fleet import LOADS, REGIME_SHARES, Plan, coloured, plan_for
from solutions.predictive_maintenance.realism import realism
from solutions.predictive_maintenance.sensors import SENSORS
from solutions.predictive_maintenance.simulate import (
    COST,
    FAILED_COST,
    Simulated,
    simulate,
    simulate_all,
    truth,
)
from solutions.predictive_maintenance.wear import MODES, damage

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "sample_data" / "predictive_maintenance"
SAMPLE_SEED, SAMPLE_SIZE = 0, 60_000
DAY = pd.Timedelta(days=1)
NAMES = [f"x_{sensor.name}" for sensor in SENSORS]


@pytest.fixture(scope="module")
def made() -> Simulated:
    return truth(np.random.default_rng(5), 60_000)


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    return load_contracts(ROOT / "data_contracts" / "predictive_maintenance")


def prints(seed: int, size: int = 2_000) -> dict[str, str]:
    tables = simulate(np.random.default_rng(seed), size)
    return {name: fingerprint(table) for name, table in tables.items()}


def in_life(made: Simulated) -> pd.DataFrame:
    """Telemetry with the life of each reading beside it."""
    lives = made.lives.take(made.truth["life"].to_numpy()).reset_index(drop=True)
    return pd.concat([made.tables["telemetry"], lives.drop(columns="asset_id")], axis=1)


def test_the_same_seed_gives_the_same_tables() -> None:
    assert prints(3) == prints(3)


def test_another_seed_gives_other_tables_but_the_same_register_of_sensors() -> None:
    one, other = prints(3), prints(4)
    assert {name for name in one if one[name] == other[name]} == {"sensors"}


def test_the_truth_is_of_the_same_fleet(made: Simulated) -> None:
    table = simulate(np.random.default_rng(5), 60_000)["telemetry"]
    assert fingerprint(table) == fingerprint(made.tables["telemetry"])
    assert (made.truth["reading_id"] == table["reading_id"]).all()


def test_sample_data_are_what_the_simulator_makes() -> None:
    tables = simulate(np.random.default_rng(SAMPLE_SEED), SAMPLE_SIZE)
    for name, table in tables.items():
        assert fingerprint(read_parquet(SAMPLE / f"{name}.parquet")) == fingerprint(table), name


def test_sample_data_are_small_and_have_the_stated_checksums() -> None:
    stated = [line.split() for line in (SAMPLE / "SHA256SUMS").read_text("utf-8").splitlines()]
    assert [name for _, name in stated] == sorted(path.name for path in SAMPLE.glob("*.parquet"))
    contents = {name: (SAMPLE / name).read_bytes() for _, name in stated}
    assert [[hashlib.sha256(contents[name]).hexdigest(), name] for _, name in stated] == stated
    assert sum(map(len, contents.values())) <= 3_000_000


@pytest.mark.parametrize("size", [500, 2_000, 8_000, 9_000, 60_000])
def test_a_fleet_has_about_the_rows_that_were_asked_for_and_fails(size: int) -> None:
    tables = simulate(np.random.default_rng(0), size)
    assert 0.9 * size <= len(tables["telemetry"]) <= 1.1 * size
    assert len(tables["failures"]) >= max(3, size // 400)
    assert len(tables["assets"]) >= 6
    assert tables["assets"]["type"].nunique() == 3


def test_every_table_keeps_its_contract(
    made: Simulated, contracts: dict[str, Contract], tmp_path: Path
) -> None:
    mapped = {name: Mapped(table) for name, table in made.tables.items()}
    found = validate(mapped, contracts, task=None, docs=tmp_path, with_suites=False)
    # the simulator lets sensors stick, which the contract tells without refusing a row
    assert {one.rule.split()[0] for one in found.violations} <= {"stuck", "1"}
    assert not found.quarantine
    assert {name: len(table) for name, table in found.tables.items()} == {
        name: len(table) for name, table in made.tables.items()
    }


def test_rows_are_in_event_order_one_an_asset_and_instant(made: Simulated) -> None:
    table = made.tables["telemetry"]
    assert str(table["event_at"].dtype) == "datetime64[us, UTC]"
    assert table["event_at"].is_monotonic_increasing
    assert table["reading_id"].is_monotonic_increasing
    assert table["reading_id"].is_unique
    assert not table.duplicated(["asset_id", "event_at"]).any()


def test_a_life_is_read_only_between_its_start_and_its_end(made: Simulated) -> None:
    rows = in_life(made)
    assert (rows["event_at"] > rows["started_at"]).all()
    assert (rows["event_at"] < rows["ended_at"]).all()
    order = made.lives.sort_values(["asset_id", "started_at"])
    before = order.groupby("asset_id")[["ended_at", "outcome"]].shift()
    waited = (order["started_at"] - before["ended_at"]).dt.total_seconds()
    assert waited.min() >= 0
    by_end = waited.groupby(before["outcome"]).median()
    assert by_end["failed"] > 2 * by_end["planned"]


def test_failures_are_the_lives_that_failed_and_lie_inside_their_assets_telemetry(
    made: Simulated,
) -> None:
    failures, lives = made.tables["failures"], made.lives
    assert len(failures) == (lives["outcome"] == "failed").sum()
    span = made.tables["telemetry"].groupby("asset_id")["event_at"].agg(["min", "max"])
    spans = span.loc[failures["asset_id"]].reset_index(drop=True)
    failed = failures["failed_at"]
    assert (failed > spans["min"]).all()
    assert (failed < spans["max"] + 5 * DAY).all()
    assert failed.is_monotonic_increasing


def test_every_mode_has_failures_enough_to_learn_from(made: Simulated) -> None:
    counts = made.tables["failures"]["mode"].value_counts()
    assert counts.sum() >= 150
    assert set(counts.index) == set(MODES)
    assert counts[["wear", "crack", "contact"]].min() >= 30


def test_two_lives_in_five_end_without_a_failure(made: Simulated) -> None:
    outcome = made.lives["outcome"].value_counts(normalize=True)
    assert 1 - outcome["failed"] >= 0.4
    assert outcome["planned"] >= 0.2


def test_without_an_owner_who_replaces_by_age_every_life_runs_to_its_failure() -> None:
    made = simulate_all(np.random.default_rng(1), Plan(12, 365, 24, preventive=False))
    ended = made.lives[made.lives["outcome"] != "running"]
    assert set(ended["outcome"]) == {"failed"}
    assert (ended["ended_at"] == ended["fails_at"]).all()


def test_who_foresees_failures_saves_much_against_the_best_fixed_interval() -> None:
    made = simulate_all(np.random.default_rng(0), Plan(60, 365, 24, preventive=False))
    days = (made.lives["fails_at"] - made.lives["started_at"]).dt.total_seconds() / 86_400
    sudden = made.lives["mode"] == "sudden"
    failure, planned = FAILED_COST, COST["replace"]
    fixed = min(
        np.where(days <= at, failure, planned).sum() / np.minimum(days, at).sum()
        for at in range(15, 200)
    )
    five_days_before = np.where(sudden, days, np.maximum(days - 5, 1))
    foreseen = np.where(sudden, failure, planned).sum() / five_days_before.sum()
    assert foreseen < 0.65 * fixed


def test_days_to_failure_count_down_to_the_failure(made: Simulated) -> None:
    rows = in_life(made)
    rul = made.truth["rul_d"].to_numpy()
    left = (rows["fails_at"] - rows["event_at"]).dt.total_seconds() / 86_400
    skew = 0.36 * 8 / 24
    assert rul.min() > 0
    near = rul < 300
    assert np.abs(left.to_numpy() - rul)[near].max() < skew


def test_wear_of_the_mode_that_fails_is_nearly_one_before_it_does(made: Simulated) -> None:
    last = in_life(made).groupby(made.truth["life"]).tail(1)
    last = last[last["outcome"] == "failed"]
    for mode in MODES[:3]:
        at = last.index[last["mode"] == mode]
        assert made.truth.loc[at, mode].median() > 0.9
    sudden = last.index[last["mode"] == "sudden"]
    assert made.truth.loc[sudden, list(MODES[:3])].max(axis=1).median() < 0.6


def test_damage_is_slow_first_and_one_at_the_end() -> None:
    wear = np.tile([-0.2, 0.0, 0.5, 1.0], (3, 1))
    found = damage(wear)
    assert np.allclose(found[:, [0, 1, 3]], [0.0, 0.0, 1.0])
    assert (found[:, 2] < 0.4).all()


def test_a_repair_undoes_part_of_the_wear_of_one_component_only(made: Simulated) -> None:
    works = made.tables["maintenance"]
    repairs = works[(works["kind"] == "repair") & (works["component"] == "bearing")]
    rows = in_life(made).assign(wear=made.truth["wear"], crack=made.truth["crack"])
    falls, rises = [], []
    for asset, done in zip(repairs["asset_id"], repairs["done_at"], strict=True):
        mine = rows[(rows["asset_id"] == asset) & (rows["event_at"] - done).abs().le(DAY)]
        before, after = (mine[mine["event_at"].lt(done) == side] for side in (True, False))
        if len(before) and len(after) and before["wear"].iloc[-1] > 0.3:
            falls.append(after["wear"].iloc[0] / before["wear"].iloc[-1])
            rises.append(after["crack"].iloc[0] - before["crack"].iloc[-1])
    assert len(falls) >= 5
    assert 0.6 < np.median(falls) < 0.95
    assert min(rises) > -0.2


def test_regimes_are_clusters_of_the_settings(made: Simulated) -> None:
    table, regime = made.tables["telemetry"], made.truth["regime"].to_numpy()
    scaled = table[["setting_1", "setting_2"]] / table[["setting_1", "setting_2"]].std()
    centres = scaled.groupby(regime).mean().to_numpy()
    nearest = ((scaled.to_numpy()[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == regime).mean() > 0.995
    shares = np.bincount(regime) / len(regime)
    assert np.abs(shares - REGIME_SHARES).max() < 0.04
    assert np.abs(table["setting_1"].groupby(regime).mean() - LOADS).max() < 1


def test_sensors_see_damage_less_than_what_the_asset_is_asked_to_do(made: Simulated) -> None:
    rows, known = made.tables["telemetry"], made.truth
    regime = rows[NAMES].groupby(known["regime"]).transform("median")
    healthy = (known[list(MODES[:3])] < 0.2).all(axis=1)
    for name, mode in (("x_vibration", "wear"), ("x_axial_vibration", "crack")):
        worn = known[mode] > 0.8
        shift = (rows[name] - regime[name])[worn].median() - (rows[name] - regime[name])[
            healthy
        ].median()
        assert 0 < shift < regime[name].std()


def test_a_bad_contact_shows_in_episodes_that_become_frequent(made: Simulated) -> None:
    known = made.truth
    early = known.loc[known["contact"] < 0.1, "spark"].mean()
    late = known.loc[known["contact"] > 0.8, "spark"].mean()
    assert early < 0.1
    assert 0.4 < late < 0.95


def during(made: Simulated, kind: str) -> list[tuple[pd.Series, pd.Series]]:
    """Of each episode of `kind` that no other one of the same sensor overlaps: what the sensor
    said in it, and at all other times of its asset."""
    found = []
    by_asset = dict(list(made.tables["telemetry"].groupby("asset_id")))
    for _, faults in made.faults.dropna(subset="sensor").groupby(["asset_id", "sensor"]):
        for fault in faults[faults["kind"] == kind].to_dict("records"):
            overlap = faults["started_at"].le(fault["ended_at"])
            overlap &= faults["ended_at"].ge(fault["started_at"])
            rows = by_asset[fault["asset_id"]]
            # clocks that are wrong move a reading by less than three hours
            inside = rows["event_at"].between(
                fault["started_at"] + pd.Timedelta(hours=3),
                fault["ended_at"] - pd.Timedelta(hours=3),
            )
            values = rows[f"x_{fault['sensor']}"]
            if overlap.sum() == 1 and inside.sum() >= 3:
                found.append((values[inside], values[~inside]))
    return found


def test_a_dropout_leaves_nothing(made: Simulated) -> None:
    episodes = during(made, "dropout")
    assert len(episodes) >= 100
    assert all(inside.isna().all() for inside, _ in episodes)


def test_a_stuck_sensor_repeats_itself(made: Simulated) -> None:
    episodes = during(made, "stuck")
    assert len(episodes) >= 30
    assert all(inside.dropna().nunique() == 1 for inside, _ in episodes)


def test_a_swapped_unit_moves_the_level(made: Simulated) -> None:
    episodes = during(made, "swapped_unit")
    assert len(episodes) >= 5
    for inside, outside in episodes:
        assert not 0.6 < inside.median() / outside.median() < 1.4


def test_a_drift_grows(made: Simulated) -> None:
    noise = {f"x_{sensor.name}": sensor.noise for sensor in SENSORS}
    rows, regime = made.tables["telemetry"], made.truth["regime"]
    freed = rows[NAMES] - rows[NAMES].groupby(regime).transform("median")
    ends = [
        (freed.loc[inside.index[-5:], name].mean() - freed.loc[inside.index[:5], name].mean())
        / noise[name]
        for inside, _ in during(made, "drift")
        if len(inside) >= 15
        for name in [str(inside.name)]
    ]
    assert len(ends) >= 10
    assert np.median(np.abs(ends)) > 1.0


def test_a_whole_asset_is_silent_in_an_outage(made: Simulated) -> None:
    table, outages = made.tables["telemetry"], made.faults[made.faults["kind"] == "outage"]
    assert outages["sensor"].isna().all()
    skew = pd.Timedelta(hours=3)
    for fault in outages.to_dict("records"):
        at = table.loc[table["asset_id"] == fault["asset_id"], "event_at"]
        assert not at.between(fault["started_at"] + skew, fault["ended_at"] - skew).any()


def test_a_skewed_clock_is_wrong_only_while_the_log_says_so(made: Simulated) -> None:
    table = made.tables["telemetry"]
    minute = (table["event_at"].dt.hour % 8) * 60 + table["event_at"].dt.minute
    usual = minute.groupby(table["asset_id"]).transform(lambda values: values.mode().iloc[0])
    wrong = pd.Series(minute != usual)
    logged = pd.Series(False, index=table.index)
    for fault in made.faults[made.faults["kind"] == "clock_skew"].to_dict("records"):
        near = table["event_at"].between(
            fault["started_at"] - pd.Timedelta(hours=3), fault["ended_at"] + pd.Timedelta(hours=3)
        )
        logged |= near & (table["asset_id"] == fault["asset_id"])
    assert 0.002 < wrong.mean() < 0.03
    assert not (wrong & ~logged).any()


def test_values_are_within_the_register_but_for_swapped_units(made: Simulated) -> None:
    register = made.tables["sensors"].set_index("sensor")
    assert [f"x_{name}" for name in register.index] == NAMES
    for name in NAMES:
        values = made.tables["telemetry"][name].dropna()
        entry = register.loc[name.removeprefix("x_")]
        outside = ~values.between(entry["valid_min"], entry["valid_max"])
        assert outside.mean() <= 0.005
    assert 0.003 <= made.tables["telemetry"][NAMES].isna().mean().mean() <= 0.03


def test_age_begins_anew_with_each_replacement(made: Simulated) -> None:
    works, assets = made.tables["maintenance"], made.tables["assets"]
    replaced = works[works["kind"] == "replace"]
    starts = pd.concat([replaced["done_at"], assets["commissioned_at"]])
    assert sorted(starts) == sorted(made.lives["started_at"])


def test_noise_has_the_memory_that_was_asked_for() -> None:
    noise = coloured(np.random.default_rng(0), (40, 4_000), 12.0, 4.0)
    together = np.mean(noise[:, 1:] * noise[:, :-1])
    assert abs(noise.std() - 1) < 0.02
    assert abs(together - np.exp(-4 / 12)) < 0.02


def test_the_largest_fleets_are_read_hourly_for_two_years() -> None:
    assert plan_for(3_500_000) == Plan(211, 730, 1)


@pytest.mark.slow
def test_rows_are_as_hard_as_real_ones(contracts: dict[str, Contract]) -> None:
    gates = realism(contracts["telemetry"], np.random.default_rng(SAMPLE_SEED), SAMPLE_SIZE)
    assert len(gates) == 7
    assert [f"{gate.name}: {gate.found:.4g}" for gate in gates if not gate.holds] == []
