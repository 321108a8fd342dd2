"""Blocks of samples in a customer's table, and the same numbers from a device's events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton.config import parse_model
from lepton.contracts.apply import apply_mapping
from lepton.contracts.infer import draft_from_file
from lepton.contracts.mapping import TableMapping
from lepton.contracts.model import Contract
from lepton.contracts.odcs import load_contracts
from lepton.errors import ConfigError, DataError
from lepton.features.batch import compute, without_features
from lepton.features.fit import fit_spec
from lepton.features.spec import FeatureSpec, Sensors
from lepton.features.stream_parity import difference
from lepton.frames import read_raw
from lepton_edge.stream import FeatureStream
from lepton_edge.waveform import with_waves

ROOT = Path(__file__).parents[2]
COLUMNS = {
    "reading_id": {"row_number": True},
    "asset_id": "unit",
    "event_at": {"from": "at", "zone": "UTC"},
}
WAVES = {"Swing": {"rate": "hz", "bands_hz": [0, 100, 400]}, "hum": {}}


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contracts(ROOT / "data_contracts" / "predictive_maintenance")["telemetry"]


def _table(n: int = 240) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    swing = [rng.normal(size=256) * (1 + number / n) for number in range(n)]
    hum: list[Any] = [rng.normal(size=64).astype(np.float32) for _ in range(n)]
    hum[5], swing[9] = None, swing[9][:4]
    return pd.DataFrame(
        {
            "unit": [f"u{number % 6}" for number in range(n)],
            "at": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(n), unit="h"),
            "heat": rng.normal(50.0, 2.0, n),
            "hz": 1_000.0,
            "Swing": swing,
            "hum": hum,
        }
    )


def _mapping(**waves: Any) -> TableMapping:
    told = {
        "columns": COLUMNS,
        "extras": {"numeric": ["heat"], "waveform": waves or WAVES},
    }
    return parse_model(TableMapping, told, where="mapping.yaml")


@pytest.fixture
def delivered(tmp_path: Path) -> pd.DataFrame:
    path = tmp_path / "telemetry.parquet"
    _table().to_parquet(path)
    return read_raw(path)


def test_a_list_column_becomes_sensors_and_a_missing_block_is_missing(
    delivered: pd.DataFrame, contract: Contract
) -> None:
    mapped = apply_mapping(delivered, _mapping(), contract)
    assert mapped.violations == ()
    names = [name for name in mapped.frame if str(name).startswith("x_")]
    assert len(names) == 1 + 3 + 2 + 3 + 4
    assert set(names) == set(_mapping().extras.numbers)
    first = delivered["Swing"][0]
    assert mapped.frame["x_swing_rms"][0] == pytest.approx(float(np.std(first)))
    assert np.flatnonzero(mapped.frame["x_hum_rms"].isna()).tolist() == [5]
    assert np.flatnonzero(mapped.frame["x_swing_rms"].isna()).tolist() == [9]


def test_a_device_that_is_sent_the_blocks_has_the_features_of_the_pipeline_also_restored(
    delivered: pd.DataFrame, contract: Contract, tmp_path: Path
) -> None:
    mapping = _mapping()
    rows = apply_mapping(delivered, mapping, contract).frame
    bare = FeatureSpec((Sensors("sensors", by="asset_id"),))
    spec = fit_spec(bare, without_features(rows, contract))
    batch = compute(rows, contract, spec, mapping.extras)
    assert any(name.startswith("x_swing_kurtosis") for name in batch.numeric)
    stream = FeatureStream(batch.spec, batch.roles, 0.0)
    found = []
    for number, one in enumerate(delivered.to_dict("records")):
        if number == 100:
            stream.checkpoint(tmp_path / "state")
            stream = FeatureStream(batch.spec, batch.roles, 0.0)
            stream.restore(tmp_path / "state")
        event = {
            "reading_id": f"{number + 1:012}",
            "asset_id": one["unit"],
            "event_at": one["at"].tz_localize("UTC").isoformat(),
            "x_heat": one["heat"],
            "hz": one["hz"],
            "x_swing": one["Swing"].tolist(),
            "x_hum": None if one["hum"] is None else one["hum"].tolist(),
        }
        found.append(stream.update(with_waves(mapping.extras.waves, event)))
    assert len(batch) == len(found)
    assert max(difference(batch.rows, found, name) for name in batch.numeric) <= 1e-9


def test_a_column_that_holds_no_lists_is_refused_by_name(
    delivered: pd.DataFrame, contract: Contract
) -> None:
    mapped = apply_mapping(delivered, _mapping(heat={}), contract)
    [told] = mapped.violations
    assert (told.code, told.column) == ("LK211", "x_heat")
    assert "holds no lists of numbers" in told.rule
    [gone] = apply_mapping(delivered, _mapping(Sway={}), contract).violations
    assert "source column 'Sway' is missing" in gone.rule


def test_a_waveform_that_does_not_fit_together_is_refused_with_its_file() -> None:
    with pytest.raises(ConfigError, match="needs the rate"):
        _mapping(Swing={"bands_hz": [1, 2]})
    with pytest.raises(ConfigError, match="rising"):
        _mapping(Swing={"rate": 100, "bands_hz": [2, 1]})


def test_lists_of_anything_but_numbers_are_still_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.parquet"
    pd.DataFrame({"tags": [["a"], ["b"]], "deep": [[[1.0]], [[2.0]]]}).to_parquet(path)
    with pytest.raises(DataError, match=r"LK209 .*2 nested column\(s\): tags, deep"):
        read_raw(path)


def test_a_draft_of_the_mapping_offers_the_blocks(tmp_path: Path, contract: Contract) -> None:
    path = tmp_path / "telemetry.parquet"
    _table().to_parquet(path)
    assert "waveform: {Swing: {}, hum: {}}" in draft_from_file(path, contract).text
