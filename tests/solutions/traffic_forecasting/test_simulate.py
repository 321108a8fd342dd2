"""The simulator: the same seed gives the same network, and the network is what it says."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.contracts.local_time import count_by_day
from lepton.contracts.model import Contract, Severity
from lepton.contracts.odcs import load_contracts
from lepton.frames import fingerprint, read_parquet
from solutions.traffic_forecasting import SOLUTION
from solutions.traffic_forecasting.cells import DROP, Load, Road, run
from solutions.traffic_forecasting.detectors import MPH
from solutions.traffic_forecasting.grid import grid_of
from solutions.traffic_forecasting.network import net_errors
from solutions.traffic_forecasting.plan import STEP, Plan, plan_for
from solutions.traffic_forecasting.realism import AHEAD, realism, skill
from solutions.traffic_forecasting.signal_flows import suggestions
from solutions.traffic_forecasting.simulate import Simulated, simulate, simulate_all, truth
from solutions.traffic_forecasting.suspect import suspects
from tests.faults.cases import checked

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "sample_data" / "traffic_forecasting"
SAMPLE_SEED, SAMPLE_SIZE = 0, 345_600


@pytest.fixture(scope="module")
def made() -> Simulated:
    return truth(np.random.default_rng(SAMPLE_SEED), SAMPLE_SIZE)


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    return load_contracts(ROOT / "data_contracts" / "traffic_forecasting")


def prints(seed: int) -> dict[str, str]:
    tables = simulate(np.random.default_rng(seed), 12_000)
    return {name: fingerprint(table) for name, table in tables.items()}


def test_the_same_seed_gives_the_same_tables_and_another_one_others() -> None:
    one, again, other = prints(3), prints(3), prints(4)
    assert one == again
    assert one["readings"] != other["readings"]


def test_sample_data_are_what_the_simulator_makes(made: Simulated) -> None:
    for name, table in made.tables.items():
        assert fingerprint(read_parquet(SAMPLE / f"{name}.parquet")) == fingerprint(table), name


def test_sample_data_are_small_and_have_the_stated_checksums() -> None:
    stated = [line.split() for line in (SAMPLE / "SHA256SUMS").read_text("utf-8").splitlines()]
    assert [name for _, name in stated] == sorted(path.name for path in SAMPLE.glob("*.parquet"))
    contents = {name: (SAMPLE / name).read_bytes() for _, name in stated}
    assert [[hashlib.sha256(contents[name]).hexdigest(), name] for _, name in stated] == stated
    assert sum(map(len, contents.values())) <= 3_000_000


@pytest.mark.parametrize("size", [2_000, 12_000, 90_000, 345_600])
def test_a_network_has_about_the_rows_that_were_asked_for(size: int) -> None:
    tables = simulate(np.random.default_rng(0), size)
    assert 0.8 * size <= len(tables["readings"]) <= 1.25 * size
    assert list(tables) == list(SOLUTION.tables)
    assert set(tables["readings"]["sensor_id"]) == set(tables["sensors"]["sensor_id"])


def test_the_gates_hold_on_the_sample(contracts: dict[str, Contract]) -> None:
    rng = np.random.default_rng(SAMPLE_SEED)
    gates = realism(contracts["readings"], rng, SAMPLE_SIZE)
    assert len(gates) >= 5 + 6
    assert [gate.name for gate in gates if not gate.holds] == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 10))
def test_the_gates_hold_on_nine_more_seeds(contracts: dict[str, Contract], seed: int) -> None:
    gates = realism(contracts["readings"], np.random.default_rng(seed), SAMPLE_SIZE)
    assert [gate.name for gate in gates if not gate.holds] == []


@pytest.mark.slow
def test_the_network_comes_before_dlinear(made: Simulated) -> None:
    pytest.importorskip("torch")
    found, simple = net_errors(made), skill(made)
    for ahead in AHEAD:
        assert found[ahead] < simple["DLinear", ahead] < simple["persistence", ahead]


def test_dlinear_learns_a_line_that_goes_on() -> None:
    """Speeds that rise by the same amount each step are forecast where they will be."""
    made = simulate_all(np.random.default_rng(0), Plan(1, 2, 8))
    slopes = np.linspace(-0.5, 0.5, len(made.ids))
    v = 60 + np.arange(len(made.clean.speed))[:, None] * slopes
    rising = replace(made, clean=replace(made.clean, speed=v * MPH))
    found = skill(rising)
    for ahead in AHEAD:
        assert found["DLinear", ahead] < 0.02 * found["persistence", ahead]


def test_a_simulator_without_queues_fails_its_gates(
    contracts: dict[str, Contract], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("solutions.traffic_forecasting.demand.BUSY", (0.5, 0.6))
    gates = realism(contracts["readings"], np.random.default_rng(SAMPLE_SEED), SAMPLE_SIZE)
    broken = {gate.name for gate in gates if not gate.holds}
    assert {"congested, %", "congested at 17 h, %", "correlation after 1 h"} <= broken


def test_every_table_keeps_its_contract_and_nothing_is_refused(
    made: Simulated, contracts: dict[str, Contract]
) -> None:
    found = checked(SOLUTION, contracts, made.tables)
    assert {one.severity for one in found.violations} == {Severity.WARNING}
    assert not found.quarantine


def test_detectors_without_failures_break_no_rule_about_detectors(
    contracts: dict[str, Contract],
) -> None:
    clean = simulate_all(np.random.default_rng(5), Plan(2, 4, 24, faults=False))
    told = checked(SOLUTION, contracts, clean.tables).violations
    assert {one.code for one in told} <= {"LK276", "LK277"}, [str(one) for one in told]


def test_what_stands_still_or_makes_no_sense_is_found(made: Simulated) -> None:
    found = suspects(grid_of(made.tables["readings"]), made.tables)
    assert found.impossible[made.failed.wild].mean() > 0.9
    held = made.failed.stuck & ~made.failed.missing
    assert found.stuck[held].mean() > 0.5
    assert held[found.stuck].mean() > 0.95


def test_the_day_of_the_changing_clock_has_23_hours_of_readings(made: Simulated) -> None:
    counts = count_by_day(made.at, "America/Los_Angeles", STEP)
    assert (counts["found"] == counts["expected"]).all()
    assert counts["found"].min() == 23 * 12


def road(cells: int = 12, lanes: int = 3) -> Road:
    shape = (1, cells)
    full = np.full(shape, 2_000.0 * lanes)
    return Road(np.full(shape, 100.0), full, np.full(shape, 120.0 * lanes), np.zeros(shape))


def load(entry: float, room: np.ndarray, steps: int = 24) -> Load:
    shape = (1, steps, 1, room.shape[-1])
    return Load(
        np.full(shape[:3], entry),
        np.zeros(shape),
        np.broadcast_to(room, shape).copy(),
        np.ones(shape),
    )


def test_an_empty_road_is_passed_at_free_speed_and_nobody_is_lost() -> None:
    free = run(road(), load(3_000.0, np.ones(12)))
    np.testing.assert_allclose(free.speed_kmh, 100.0)
    np.testing.assert_allclose(free.flow, 3_000.0)


def test_a_queue_grows_against_the_flow_from_where_room_is_taken() -> None:
    room = np.ones(12)
    room[8] = 0.5
    jam = run(road(), load(5_000.0, room))
    speed = jam.speed_kmh[0, :, 0]
    assert (speed[-1, 9:] > 95).all()
    assert (speed[-1, 5:8] < 50).all()
    reached = [int(np.argmax(speed[:, cell] < 60)) for cell in (7, 5, 3)]
    assert reached == sorted(reached)
    assert reached[0] < reached[-1]
    # what passes is what the narrow place discharges from a queue
    assert jam.flow[0, -1, 0, 9] == pytest.approx(0.5 * 6_000 * (1 - DROP), rel=0.01)


def test_events_are_told_when_they_become_known(made: Simulated) -> None:
    events = made.tables["events"]
    sudden = events["type"] == "incident"
    assert (events.loc[sudden, "reported_at"] >= events.loc[sudden, "started_at"]).all()
    assert (events.loc[~sudden, "reported_at"] < events.loc[~sudden, "started_at"]).all()


def test_forecasts_of_the_weather_reach_a_day_ahead(made: Simulated) -> None:
    weather = made.tables["weather"]
    model = weather[weather["provider"] == "model"]
    ahead = model["valid_at"] - model["issued_at"]
    assert ahead.min() == pd.Timedelta(0)
    assert ahead.max() == pd.Timedelta(hours=23)
    assert model["issued_at"].max() > made.at[-1] - pd.Timedelta(hours=6)


def test_approaches_count_vehicles_and_stand_behind_the_detectors(made: Simulated) -> None:
    sensors, rows = made.tables["sensors"], made.tables["readings"]
    arms = sensors[sensors["type"] == "approach"]
    assert len(arms) == len(made.ids) // 5
    assert list(sensors["sensor_id"][: len(made.ids)]) == list(made.ids)
    own = rows[rows["sensor_id"].isin(arms["sensor_id"])]
    assert own["speed_kmh"].isna().all()
    assert set(grid_of(rows).ids) == set(made.ids)
    hour = own["event_at"].dt.tz_convert("America/Los_Angeles").dt.hour
    by_hour = own.groupby([own["sensor_id"], hour])["flow_vph"].mean().unstack()
    assert (by_hour[17] > 3 * by_hour[3]).all()
    lanes = own["sensor_id"].map(arms.set_index("sensor_id")["lanes"])
    assert not (own["flow_vph"] > 1_900 * lanes).any()
    found = suggestions(made.tables)
    assert found["signal_id"].tolist() == ["S1", "S2"]


def test_the_ramp_brings_what_leaves_the_motorway(made: Simulated) -> None:
    grid = grid_of(made.tables["readings"], counters=True)
    assert grid.flow is not None
    ramp = grid.flow[:, grid.ids.index("S1-ramp")]
    with_ramp = made.clean.flow[:, :5].mean(axis=1)
    known = np.isfinite(ramp)
    assert np.corrcoef(ramp[known], with_ramp[: len(ramp)][known])[0, 1] > 0.9


def test_a_network_too_small_for_a_signal_has_none() -> None:
    tables = simulate(np.random.default_rng(0), 12_000)
    assert set(tables["sensors"]["type"]) == {"mainline"}
    assert suggestions(tables).empty


def test_a_plan_is_as_large_as_asked() -> None:
    assert plan_for(345_600).days * plan_for(345_600).carriageways * 5 * 288 == 345_600
    assert plan_for(1).days >= 2


def test_most_of_a_small_network_is_alive_at_the_end_of_its_record() -> None:
    for seed in range(8):
        made = truth(np.random.default_rng(seed), 30_000)
        a_day = pd.Timedelta(days=1) // STEP
        out = made.failed.missing[-a_day:].mean(axis=0) > 0.5
        assert out.mean() <= 0.2
