"""Readings on a device: the features of the pipeline, whether lives are told or not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton import roles
from lepton.contracts.model import Contract, Extras
from lepton.contracts.odcs import load_contracts
from lepton.dataset import TabularDataset
from lepton.features.batch import compute, without_features
from lepton.features.fit import fit_spec
from lepton.features.stream_parity import difference, events_of, stream_parity
from lepton_edge.sensor_plan import SensorPlan
from lepton_edge.stream import FeatureStream
from solutions.predictive_maintenance import SOLUTION

ROOT = Path(__file__).parents[3]
MADE = ("life_id", "failed", "label_at", "remaining", "is_failure", "hours_seen", "failure_mode")
"""Columns that a device does not know."""


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contracts(ROOT / "data_contracts" / "predictive_maintenance")["telemetry"]


@pytest.fixture(scope="module")
def fleet(contract: Contract) -> TabularDataset:
    """A simulated fleet with the features of the pipeline."""
    rows = SOLUTION.rows(SOLUTION.simulate(np.random.default_rng(2), 2_500))
    spec = fit_spec(SOLUTION.features, without_features(rows, contract, "failed"))
    return compute(rows, contract, spec, Extras(), target="failed")


def _stream(fleet: TabularDataset) -> FeatureStream:
    return FeatureStream(fleet.spec, fleet.roles, 0.0)


def _names(fleet: TabularDataset) -> list[str]:
    return [*fleet.numeric, *fleet.categorical]


def _sent(fleet: TabularDataset, *without: str) -> pd.DataFrame:
    """The readings as they come to a device, in the order of the pipeline's rows."""
    features = {*_names(fleet)} - {"since_service_h", "asset_type"}
    return fleet.rows.drop(columns=[*features, *without], errors="ignore")


def _worst(fleet: TabularDataset, rows: np.ndarray, found: list[dict[str, float | str]]) -> float:
    chosen = [one for one, kept in zip(found, rows, strict=True) if kept]
    return max(difference(fleet.rows[rows], chosen, name) for name in _names(fleet))


def test_stream_and_batch_give_the_same_features_also_after_a_checkpoint(
    fleet: TabularDataset, contract: Contract
) -> None:
    rows = _sent(fleet)
    spec = fit_spec(SOLUTION.features, without_features(rows, contract, "failed"))
    found = stream_parity(rows, contract, spec, Extras(), seed=0, lateness_s=0.0)
    assert set(found.modes) == {"plain", "restored"}
    assert len(found.modes["plain"].differences) > 100
    assert {name: mode.max_rel_diff <= 1e-9 for name, mode in found.modes.items()} == {
        "plain": True,
        "restored": True,
    }


def test_a_device_that_names_no_life_has_the_features_of_each_assets_first(
    fleet: TabularDataset,
) -> None:
    stream = _stream(fleet)
    found = [stream.update(event) for event in events_of(_sent(fleet, *MADE))]
    life, asset = fleet.rows["life_id"], fleet.rows["asset_id"]
    first = np.asarray(life == asset.map(life.groupby(asset).first()), dtype=bool)
    assert 0.1 < first.mean() < 1.0
    assert _worst(fleet, first, found) <= 1e-9
    assert _worst(fleet, ~first, found) > 1e-3


def test_a_life_is_told_once_and_goes_on_through_a_restart(
    fleet: TabularDataset, tmp_path: Path
) -> None:
    sent = _sent(fleet, *MADE[1:])
    is_new = fleet.rows["life_id"].ne(fleet.rows["life_id"].groupby(fleet.rows["asset_id"]).shift())
    once = sent.assign(life_id=sent["life_id"].where(is_new))
    assert 0 < is_new.sum() < 0.2 * len(once)
    stream, found, cut = _stream(fleet), [], len(once) // 2
    for number, event in enumerate(events_of(once)):
        if number == cut:
            stream.checkpoint(tmp_path / "state")
            stream = _stream(fleet)
            stream.restore(tmp_path / "state")
        found.append(stream.update(event))
    assert _worst(fleet, np.ones(len(once), dtype=bool), found) <= 1e-9


def test_an_asset_keeps_one_state_however_many_lives_it_has(fleet: TabularDataset) -> None:
    stream = _stream(fleet)
    for event in events_of(_sent(fleet, *MADE[1:])):
        stream.update(event)
    [bank] = stream.banks
    assert fleet.rows["life_id"].nunique() > fleet.rows["asset_id"].nunique()
    assert len(bank.places) == fleet.rows["asset_id"].nunique()


def test_the_batch_engine_takes_an_unnamed_life_as_the_stream_does(
    fleet: TabularDataset, contract: Contract
) -> None:
    rng = np.random.default_rng(4)
    rows = _sent(fleet)
    rows = rows.assign(life_id=rows["life_id"].where(rng.random(len(rows)) < 0.1))
    spec = fit_spec(SOLUTION.features, without_features(rows, contract, "failed"))
    found = stream_parity(rows, contract, spec, Extras(), seed=0, lateness_s=0.0)
    assert max(mode.max_rel_diff for mode in found.modes.values()) <= 1e-9


def test_a_reading_may_leave_out_sensors_and_what_the_pipeline_makes(
    fleet: TabularDataset,
) -> None:
    stream = _stream(fleet)
    [told] = [node for node in fleet.spec if node["kind"] == "sensors"]
    plan = SensorPlan.from_json(told["plan"])
    event = next(events_of(_sent(fleet, *MADE)))
    few = {name: event[name] for name in ("reading_id", "asset_id", "event_at", plan.sensors[0])}
    found = stream.update(few)
    assert found["n_missing"] == len(plan.kept) - 1
    assert np.isnan(found["since_service_h"])
    assert found["asset_type"] == ""
    assert fleet.roles[roles.EVENT_AT] == "event_at"
