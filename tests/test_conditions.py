"""Conditions of a whole table are those that a device tells reading by reading."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lepton import roles
from lepton.conditions import of_rows
from lepton.dataset import TabularDataset
from lepton_edge.bundle import open_bundle
from lepton_edge.runtime import Runtime
from lepton_edge.stream_service import Storage, StreamService
from tests.edge.test_alarm_stream import readings, watching

__all__ = ["readings", "watching"]


@pytest.fixture(scope="module")
def holed(readings: TabularDataset) -> TabularDataset:
    """Readings in the order of time, some without any sensor."""
    from lepton.contracts.model import Extras
    from lepton.features.batch import compute
    from lepton.features.spec import FeatureSpec
    from tests.edge.test_alarm_stream import CONTRACT

    sensors = ["x_heat", "x_noise"]
    bare = readings.rows[[*(n for n in readings.rows if n not in readings.numeric)]].copy()
    blind = np.random.default_rng(0).random(len(bare)) < 0.05
    bare.loc[blind, sensors] = np.nan
    return compute(bare, CONTRACT, FeatureSpec.from_json(readings.spec), Extras())


def test_a_table_has_the_conditions_modes_and_past_lives_of_the_stream(
    watching: Path, holed: TabularDataset, tmp_path: Path
) -> None:
    opened = open_bundle(watching)
    runtime = Runtime(opened)
    inputs = replace(
        holed, numeric=opened.manifest.numeric, categorical=opened.manifest.categorical
    )
    found = of_rows(opened, runtime, inputs)
    assert found is not None
    service = StreamService(opened, runtime, Storage(tmp_path))
    sent = holed.rows[["reading_id", "asset_id", "life_id", "event_at", "x_heat", "x_noise"]]
    told = []
    for row in sent.to_dict("records"):
        event = {name: None if one != one else one for name, one in row.items()}
        event["event_at"] = row["event_at"].isoformat()
        told.append(json.loads(service.answer(json.dumps(event).encode())))
    assert {"ok", "raised", "unknown"} == {*found["condition"]}
    assert found["condition"].tolist() == [one["condition"] for one in told]
    assert found["level"].fillna("").tolist() == [one["level"] or "" for one in told]
    assert found["sensors"].fillna("").tolist() == ["; ".join(one["sensors"]) for one in told]
    lives = ["; ".join(like["life"] for like in one["similar"]) for one in told]
    assert found["similar"].fillna("").tolist() == lives
    modes = [one["mode"]["name"] if one["mode"] else "" for one in told]
    assert found["mode"].fillna("").tolist() == modes
    assert {"burnt"} <= {*modes}


def test_a_table_without_any_sensor_is_unknown_throughout(
    watching: Path, holed: TabularDataset
) -> None:
    opened = open_bundle(watching)
    inputs = replace(
        holed,
        rows=holed.rows.drop(columns=["x_heat", "x_noise"]),
        numeric=opened.manifest.numeric,
        categorical=opened.manifest.categorical,
    )
    assert holed.has(roles.EVENT_AT)
    found = of_rows(opened, Runtime(opened), inputs)
    assert found is not None
    assert {*found["condition"]} == {"unknown"}
    assert found["level"].isna().all()
