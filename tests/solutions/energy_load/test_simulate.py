"""The simulator: the same seed gives the same network, and the network is what it says."""

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
from solutions.energy_load import SOLUTION
from solutions.energy_load.climate import memory
from solutions.energy_load.plan import BERLIN, Plan, network, plan_for
from solutions.energy_load.realism import realism
from solutions.energy_load.simulate import SHIFT_BY, Simulated, simulate, simulate_all, truth
from solutions.energy_load.sun import clear_sky, sun_height

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "sample_data" / "energy_load"
SAMPLE_SEED, SAMPLE_SIZE = 0, 220_000
HOUR = pd.Timedelta(hours=1)


@pytest.fixture(scope="module")
def made() -> Simulated:
    return truth(np.random.default_rng(SAMPLE_SEED), SAMPLE_SIZE)


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    return load_contracts(ROOT / "data_contracts" / "energy_load")


def wide(load: pd.DataFrame) -> pd.DataFrame:
    return load.pivot(index="event_at", columns="meter_id", values="power_kw")


def prints(seed: int) -> dict[str, str]:
    return {
        name: fingerprint(table)
        for name, table in simulate(np.random.default_rng(seed), 4_000).items()
    }


def test_the_same_seed_gives_the_same_tables_and_another_one_others() -> None:
    one, again, other = prints(3), prints(3), prints(4)
    assert one == again
    # what is planned needs no luck
    assert {name for name in one if one[name] == other[name]} == {"events"}


def test_the_truth_is_of_the_same_network(made: Simulated) -> None:
    tables = simulate(np.random.default_rng(SAMPLE_SEED), SAMPLE_SIZE)
    assert {name: fingerprint(table) for name, table in tables.items()} == {
        name: fingerprint(table) for name, table in made.tables.items()
    }


def test_sample_data_are_what_the_simulator_makes(made: Simulated) -> None:
    for name, table in made.tables.items():
        assert fingerprint(read_parquet(SAMPLE / f"{name}.parquet")) == fingerprint(table), name


def test_sample_data_are_small_and_have_the_stated_checksums() -> None:
    stated = [line.split() for line in (SAMPLE / "SHA256SUMS").read_text("utf-8").splitlines()]
    assert [name for _, name in stated] == sorted(path.name for path in SAMPLE.glob("*.parquet"))
    contents = {name: (SAMPLE / name).read_bytes() for _, name in stated}
    assert [[hashlib.sha256(contents[name]).hexdigest(), name] for _, name in stated] == stated
    assert sum(map(len, contents.values())) <= 3_000_000


@pytest.mark.parametrize("size", [2_100, 8_000, 20_000, 60_000, 220_000])
def test_a_network_has_about_the_rows_that_were_asked_for(size: int) -> None:
    tables = simulate(np.random.default_rng(0), size)
    assert 0.9 * size <= len(tables["load"]) <= 1.1 * size
    assert 3 <= len(tables["meters"]) <= 16
    assert list(tables) == list(SOLUTION.tables)


def test_a_network_is_as_large_as_its_plan_says() -> None:
    for meters in range(3, 40):
        found = network(Plan(meters, 30))
        names = [one.meter_id for one in found]
        assert len(names) == len(set(names)) == meters
        assert all(one.parent is None or one.parent in names for one in found)
    assert plan_for(4_000_000).days == 1_096


def test_every_table_keeps_its_contract_and_nothing_is_refused(
    made: Simulated, contracts: dict[str, Contract]
) -> None:
    mapped = {name: Mapped(table) for name, table in made.tables.items()}
    found = validate(
        mapped,
        contracts,
        task=SOLUTION.task,
        docs=None,
        now=pd.Timestamp("2030-01-01", tz="UTC"),
        with_suites=False,
        together=SOLUTION.together,
    )
    assert {one.severity for one in found.violations} == {Severity.WARNING}
    assert not found.quarantine
    assert {name: len(table) for name, table in found.tables.items()} == {
        name: len(table) for name, table in made.tables.items()
    }


def test_without_faults_the_checks_say_nothing_of_faults() -> None:
    tables = simulate_all(np.random.default_rng(2), Plan(12, 420, faults=False)).tables
    assert SOLUTION.together is not None
    told = {one.code for one in SOLUTION.together(tables)}
    assert not told & {"LK241", "LK242", "LK243", "LK244", "LK245", "LK247", "LK248", "LK252"}
    assert not told & {"LK253", "LK254", "LK255", "LK256", "LK257", "LK258", "LK259"}


def test_parents_are_the_sums_of_their_children(made: Simulated) -> None:
    hourly = wide(made.clean).resample("h").mean().fillna(0.0)
    meters = made.tables["meters"]
    parents = meters["parent_id"].dropna().unique()
    assert len(parents) >= 3
    for parent in parents:
        children = meters.loc[meters["parent_id"] == parent, "meter_id"]
        apart = (hourly[parent] - hourly[list(children)].sum(axis=1)).abs()
        # each is written with one decimal
        assert apart.max() < 0.06 * (len(children) + 1)


def test_a_feeder_with_much_sun_gives_back_at_noon_and_takes_at_night(made: Simulated) -> None:
    power = wide(made.clean)["feeder_2"].dropna()
    hour = pd.DatetimeIndex(power.index).tz_convert("Australia/Melbourne").hour
    negative = power < 0
    assert 0.02 < negative.mean() < 0.25
    assert negative[(hour >= 10) & (hour < 15)].mean() > 0.25
    assert not negative[(hour < 5) | (hour > 20)].any()
    assert len(power) == 4 * power.resample("h").mean().notna().sum()


def test_solar_power_is_given_back_by_day_only(made: Simulated) -> None:
    meters = made.tables["meters"].set_index("meter_id")
    (pv,) = meters.index[meters["type"] == "pv"]
    power = wide(made.clean)[pv].dropna()
    at = pd.DatetimeIndex(power.index) + HOUR / 2
    height = sun_height(meters.loc[pv, "lat"], meters.loc[pv, "lon"], at)
    assert (power <= 0).all()
    # within the hour the sun moves by up to eight degrees
    assert (power[height < -9] == 0).all()
    assert (power[height > 25] < 0).mean() > 0.99


def test_the_sun_stands_where_it_does() -> None:
    noon = pd.DatetimeIndex(["2024-06-20T12:00Z", "2024-12-21T12:00Z", "2024-03-20T00:00Z"])
    found = sun_height(51.48, 0.0, noon)
    assert np.allclose(found[:2], [62.0, 15.1], atol=0.5)
    assert found[2] < -35
    assert clear_sky(np.array([-5.0, 0.0, 90.0]))[[0, 1]].tolist() == [0.0, 0.0]
    assert 950 < clear_sky(np.array([90.0]))[0] < 1_100


def test_a_local_day_has_23_24_or_25_hours_of_every_meter(made: Simulated) -> None:
    power = wide(made.clean)["system"].dropna()
    days = pd.DatetimeIndex(power.index).tz_convert("Australia/Melbourne").strftime("%Y-%m-%d")
    counts = pd.Series(days).value_counts()
    odd = counts[counts != 24].to_dict()
    assert odd == {"2023-10-01": 23, "2024-04-07": 25, "2024-10-06": 23}


def test_faults_are_where_the_log_says_and_nowhere_else(made: Simulated) -> None:
    clean = made.clean.set_index(["meter_id", "event_at"])["power_kw"]
    read = made.tables["load"].set_index(["meter_id", "event_at"])["power_kw"]
    both = pd.DataFrame({"clean": clean, "read": read.reindex(clean.index)})
    wrong = (both["clean"] != both["read"]).to_numpy()
    logged = np.zeros(len(both), dtype=bool)
    meter, at = (both.index.get_level_values(n) for n in (0, 1))
    for fault in made.faults.to_dict("records"):
        inside = (meter == fault["meter_id"]) & (at >= fault["started_at"])
        logged |= inside & (at <= fault["ended_at"])
    assert set(made.faults["kind"]) == {"gap", "stuck", "spike", "zero"}
    assert not (wrong & ~logged).any()
    assert wrong[logged].mean() > 0.95
    assert 0.002 < wrong.mean() < 0.02


def test_a_building_grows_at_once_and_a_new_meter_begins_late(made: Simulated) -> None:
    changes = made.changes.set_index("kind")
    shifted, new = (changes.loc[kind] for kind in ("level_shift", "new"))
    power = wide(made.clean)
    series = power[shifted["meter_id"]].dropna()
    fortnight = pd.Timedelta(days=14)
    before = series[(series.index >= shifted["at"] - fortnight) & (series.index < shifted["at"])]
    after = series[(series.index >= shifted["at"]) & (series.index < shifted["at"] + fortnight)]
    assert after.mean() / before.mean() == pytest.approx(SHIFT_BY, rel=0.1)
    assert power[new["meter_id"]].first_valid_index() == new["at"]
    register = made.tables["meters"].set_index("meter_id")["connected_at"]
    assert register[new["meter_id"]] == new["at"]


def test_a_plant_stops_in_the_week_that_the_events_name(made: Simulated) -> None:
    event = made.tables["events"].query("kind == 'shutdown'").iloc[0]
    power = wide(made.clean)[event["meter_id"]].dropna()
    inside = (power.index >= event["starts_at"]) & (power.index < event["ends_at"])
    week = pd.Timedelta(days=7)
    around = (power.index >= event["starts_at"] - week) & (power.index < event["ends_at"] + week)
    assert power[inside].mean() < 0.6 * power[around & ~inside].mean()


def test_weather_is_one_over_all_stations_and_known_when_it_is_over(made: Simulated) -> None:
    weather = made.tables["weather"]
    seen = weather[weather["provider"] == "obs"]
    temp = seen.pivot(index="valid_at", columns="station_id", values="temp_C")
    assert temp["w1"].corr(temp["w2"]) > 0.97
    assert 0.2 < (temp["w1"] - temp["w2"]).std() < 2.0
    assert (seen["issued_at"] == seen["valid_at"] + HOUR).all()


def test_a_forecast_is_wrong_the_more_the_further_it_reaches(made: Simulated) -> None:
    weather = made.tables["weather"]
    key = ["station_id", "valid_at"]
    seen = weather[weather["provider"] == "obs"].set_index(key)["temp_C"]
    told = weather[weather["provider"] == "forecast"].join(seen.rename("seen"), on=key)
    ahead = (told["valid_at"] - told["issued_at"]).dt.total_seconds() / 3_600
    error = (told["temp_C"] - told["seen"]).groupby(ahead).std()
    assert 0.65 < error.loc[0] < 0.95
    assert 1.0 < error.loc[24] < error.loc[71] < error.loc[168]
    assert 2.2 < error.loc[168] < 2.8
    assert abs((told["temp_C"] - told["seen"]).mean()) < 0.2
    assert told["issued_at"].max() <= made.clean["event_at"].max()
    assert told["valid_at"].max() > made.clean["event_at"].max() + 24 * HOUR


def test_an_issue_never_changes_with_what_comes_after_the_record() -> None:
    short, long = (
        simulate_all(np.random.default_rng(1), Plan(3, days)).tables["load"] for days in (60, 60)
    )
    pd.testing.assert_frame_equal(short, long)


def test_another_place_has_its_own_clock_holidays_and_climate() -> None:
    made = simulate_all(np.random.default_rng(0), Plan(7, 400, BERLIN, "2023-01-01", faults=False))
    power = wide(made.clean)["system"].dropna()
    local = pd.DatetimeIndex(power.index).tz_convert("Europe/Berlin")
    assert set(made.tables["meters"]["tz"]) == {"Europe/Berlin"}
    counts = pd.Series(local.strftime("%Y-%m-%d")).value_counts()
    assert counts[counts != 24].to_dict() == {"2023-03-26": 23, "2023-10-29": 25}
    # the third of October is a holiday there, the days around it are not
    offices = wide(made.clean)["m002"].dropna()
    day = offices.groupby(local.strftime("%Y-%m-%d")).mean()
    assert day["2023-10-03"] < 0.8 * day[["2023-10-02", "2023-10-04", "2023-10-05"]].min()
    cold, warm = (power[local.month.isin(months)].mean() for months in ([1, 2], [6, 7]))
    assert cold > 1.05 * warm


def test_noise_has_the_memory_that_was_asked_for() -> None:
    noise = memory(np.random.default_rng(0), 200_000, 12.0, 1.0)
    assert abs(noise.std() - 1) < 0.03
    assert abs(np.corrcoef(noise[1:], noise[:-1])[0, 1] - np.exp(-1 / 12)) < 0.01


def test_the_system_is_as_real_ones_are_and_as_hard(contracts: dict[str, Contract]) -> None:
    gates = realism(contracts["load"], np.random.default_rng(SAMPLE_SEED), SAMPLE_SIZE)
    assert len(gates) >= 12
    assert [f"{gate.name}: {gate.found:.4g}" for gate in gates if not gate.holds] == []
