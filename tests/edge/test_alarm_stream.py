"""Alarms in `python -m lepton_edge stream`: raised, escalated and cleared reading by reading."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from lepton.alarms import AlarmRule
from lepton.contracts.model import Extras
from lepton.contracts.odcs import load_contracts
from lepton.dataset import TabularDataset
from lepton.evaluation.calibration import Calibration
from lepton.export.alarm import alarm_files
from lepton.export.bundle import write_bundle
from lepton.export.context import Alarms, BundleContext
from lepton.features.batch import compute, without_features
from lepton.features.fit import fit_spec
from lepton.features.fitted import fit_tree_preprocess
from lepton.features.spec import FeatureSpec, Sensors
from lepton.similar import learnt
from lepton.solution import PastLives
from lepton_edge.__main__ import main
from lepton_edge.bundle import open_bundle
from lepton_edge.runtime import Runtime
from lepton_edge.stream_service import Storage, StreamService
from lepton_edge.waveform import WavePlan
from tests.export.tiny import TinyModel

CONTRACT = load_contracts(Path(__file__).parents[2] / "data_contracts" / "predictive_maintenance")[
    "telemetry"
]
HEALTHY = (8, 80, 12, 60, 16, 50, 20, 40, 24, 30, 10, 70)
"""Hours that each life of the fleet is well."""
WEAR = 20
RULE = AlarmRule(m=2, n=3, hold_off_h=3.0, dwell_h=1.0, lo=0.5, plan=9.0)


def _fleet() -> pd.DataFrame:
    """Lives of hourly readings, whose heat rises over the last 20: those warn of a failure."""
    rng = np.random.default_rng(3)
    lengths = np.array(HEALTHY) + WEAR
    life = np.repeat(np.arange(len(HEALTHY)), lengths)
    hour = np.concatenate([np.arange(length) for length in lengths])
    worn = np.maximum(hour + 1 - np.array(HEALTHY)[life], 0)
    start = pd.Timestamp("2026-01-01T00:00Z").as_unit("us")
    return pd.DataFrame(
        {
            "reading_id": pd.Series([f"r{n}" for n in range(len(life))], dtype="str"),
            "asset_id": pd.Series([f"a{n}" for n in life], dtype="str"),
            "life_id": pd.Series([f"a{n}#0" for n in life], dtype="str"),
            "event_at": start + pd.to_timedelta(hour * 60 + life, unit="min"),
            "x_heat": 50.0 + rng.normal(size=len(life)) + worn,
            "x_noise": 7.0 + rng.normal(size=len(life)),
            "failed": (worn > 0).astype(float),
            "left": (lengths[life] - 1.0 - hour),
            "is_failure": life < len(HEALTHY) - 2,
            "mode": pd.Series(np.where(life % 5, "burnt", "cracked"), dtype="str"),
        }
    )


@pytest.fixture(scope="module")
def readings() -> TabularDataset:
    fleet = _fleet()
    node = Sensors("sensors", by="life_id", fallback="asset_id")
    spec = fit_spec(FeatureSpec((node,)), without_features(fleet, CONTRACT))
    return compute(fleet, CONTRACT, spec, Extras())


@pytest.fixture(scope="module")
def watching(
    readings: TabularDataset, context: BundleContext, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A bundle that watches assets."""
    preprocess = fit_tree_preprocess(readings)
    data = lgb.Dataset(preprocess.apply(readings.X, readings.C), readings.y)
    params = {"objective": "binary", "num_leaves": 5, "num_threads": 1, "verbose": -1}
    booster = lgb.train(params, data, 30)
    model = TinyModel(
        booster,
        preprocess,
        readings.numeric,
        readings.categorical,
        threshold=0.5,
        calibration=Calibration(1.0, 1.0, 0.0),
    )
    past = PastLives("life_id", "left", "is_failure", "mode", (), lambda _: 20.0)
    told = replace(
        context,
        similar=learnt(readings, past, ("x_heat_own", "x_noise_own"), 20.0),
        sample=readings,
        features=FeatureSpec.from_json(readings.spec),
        lateness_s=600.0,
        waves=(WavePlan("x_swing"),),
        alarms=Alarms(RULE),
    )
    return write_bundle(tmp_path_factory.mktemp("watching") / "bundle", model, told).path


def _service(bundle: Path, folder: Path) -> StreamService:
    opened = open_bundle(bundle)
    return StreamService(opened, Runtime(opened), Storage(folder))


def _event(hour: float, heat: float | None, asset: str = "p", **other: Any) -> dict[str, Any]:
    at = pd.Timestamp("2026-02-01T00:00Z") + pd.Timedelta(hours=hour)
    noise = None if heat is None else 7.0
    return {
        "reading_id": f"{asset}/{hour}",
        "asset_id": asset,
        "event_at": at.isoformat(),
        "x_heat": heat,
        "x_noise": noise,
        **other,
    }


def _told(service: StreamService, events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [json.loads(service.answer(json.dumps(event).encode())) for event in events]


def _life(healthy: int = 12, worn: int = 12, **other: Any) -> list[dict[str, Any]]:
    """An asset that is well for `healthy` hours, then grows hot."""
    heats = [50.0 + hour % 2 for hour in range(healthy)]
    heats += [52.0 + hour for hour in range(worn)]
    return [_event(hour, heat, **other) for hour, heat in enumerate(heats)]


def _kinds(told: Iterable[dict[str, Any]]) -> list[str]:
    """Changes of assets; those of their modes stand beside them."""
    return [event["kind"] for one in told for event in one["events"] if "mode" not in event]


def test_the_bundle_says_when_an_alarm_is_raised_and_what_must_be_read(watching: Path) -> None:
    told = json.loads(open_bundle(watching).read("alarm.json"))
    spec = told["spec"]
    assert (spec["hi"], spec["m"], spec["n"], spec["hold_off_s"]) == (0.5, 2, 3, 3 * 3_600.0)
    assert (spec["lo"], spec["plan"], spec["stop"]) == (pytest.approx(1 / 3), 0.9, None)
    assert spec["max_gap_s"] == 6 * 3_600.0
    assert told["columns"] == {"asset": "asset_id", "life": "life_id"}
    assert told["sensors"] == ["x_heat", "x_noise"]
    of_heat = told["reasons"]["groups"][0]
    assert of_heat["phrase"] == "heat unlike a healthy asset's"
    assert {name.rsplit("_", 1)[0] for name in of_heat["features"]} >= {"x_heat"}


def test_an_alarm_is_raised_by_m_of_n_escalates_and_names_the_sensor_that_is_off(
    watching: Path, tmp_path: Path
) -> None:
    told = _told(_service(watching, tmp_path), _life())
    assert [one["condition"] for one in told[:12]] == ["ok"] * 12
    first = next(at for at, one in enumerate(told) if one["condition"] == "raised")
    over = [at for at, one in enumerate(told) if one["decision"] == 1]
    assert first == over[1]
    event = told[first]["events"][0]
    assert (event["asset"], event["kind"], event["is_call"]) == ("p", "raised", True)
    assert told[first]["sensors"][0] == "heat unlike a healthy asset's"
    assert _kinds(told) == ["known", "raised", "escalated"]
    assert (told[first]["level"], told[-1]["level"]) == ("watch", "plan")
    assert told[-1]["sensors"][0] == "heat unlike a healthy asset's"


def test_an_alarm_names_past_lives_that_were_alike_and_the_mode_they_speak_for(
    watching: Path, tmp_path: Path
) -> None:
    told = _told(_service(watching, tmp_path), _life())
    first = next(at for at, one in enumerate(told) if one["condition"] == "raised")
    assert [one["similar"] for one in told[:first]] == [[]] * first
    assert {one["mode"] is None for one in told[:first]} == {True}
    closest = told[first]["similar"][0]
    assert set(closest) == {"life", "failed_at", "mode", "hours_left", "distance"}
    assert closest["life"] in {f"a{n}#0" for n in range(len(HEALTHY) - 2)}
    assert 0.0 <= closest["hours_left"] <= 40.0
    # two lives in ten were of another mode: too few to be told by name
    assert told[first]["mode"]["name"] == "burnt"
    assert 0.5 < told[first]["mode"]["share"] < 1.0
    assert told[first]["modes"] == {"burnt": "watch"}
    of_mode = [event for event in told[first]["events"] if "mode" in event]
    assert [(e["kind"], e["mode"], e["is_call"]) for e in of_mode] == [("raised", "burnt", False)]


def test_an_alarm_is_cleared_after_the_hold_off_and_comes_back_as_the_same_one(
    watching: Path, tmp_path: Path
) -> None:
    service = _service(watching, tmp_path)
    _told(service, _life())
    cool = _told(service, [_event(24 + hour, 50.0) for hour in range(60)])
    cleared = next(at for at, one in enumerate(cool) if "cleared" in _kinds([one]))
    below = [one["score"] < 1 / 3 for one in cool[: cleared + 1]]
    assert below[-4:] == [True] * 4
    assert cool[cleared]["condition"] == "ok"
    assert (cool[cleared]["level"], cool[cleared]["sensors"]) == (None, [])
    hot = _told(service, [_event(84 + hour, 70.0) for hour in range(12)])
    assert "reopened" in _kinds(hot)
    assert "raised" not in _kinds(hot)


def test_a_reading_without_a_sensor_is_unknown_and_never_ok_whatever_the_score(
    watching: Path, tmp_path: Path
) -> None:
    service = _service(watching, tmp_path)
    _told(service, _life(worn=0))
    blind = _told(service, [_event(12, None), _event(13, None)])
    assert [one["condition"] for one in blind] == ["unknown", "unknown"]
    assert [one["score"] is None for one in blind] == [False, False]
    assert _kinds(blind) == ["unknown"]
    [half] = _told(service, [_event(14, 50.0, x_noise=None)])
    assert (half["condition"], _kinds([half])) == ("ok", ["known"])


def test_a_block_of_samples_is_taken_and_one_that_cannot_be_read_is_refused(
    watching: Path, tmp_path: Path
) -> None:
    assert open_bundle(watching).manifest.content["stream"]["waves"] == [
        {"column": "x_swing", "rate": None, "bands_hz": []}
    ]
    service = _service(watching, tmp_path)
    swing = np.sin(np.arange(64.0)).tolist()
    good, bad = _told(service, [_event(0, 50.0, x_swing=swing), _event(1, 50.0, x_swing="loud")])
    assert good["condition"] == "ok"
    assert (bad["error"], bad["where"]) == ("LK288", "field 'x_swing'")


def test_missing_data_neither_clear_an_alarm_nor_raise_one(watching: Path, tmp_path: Path) -> None:
    service = _service(watching, tmp_path)
    _told(service, _life())
    blind = _told(service, [_event(24 + hour, None) for hour in range(5)])
    assert {one["condition"] for one in blind} == {"unknown"}
    assert {one["level"] for one in blind} == {"plan"}
    fresh = _told(service, [_event(30 + hour, None, asset="q") for hour in range(5)])
    assert {one["condition"] for one in fresh} == {"unknown"}
    assert _kinds(fresh) == []


def test_an_asset_that_falls_silent_is_told_with_another_ones_reading(
    watching: Path, tmp_path: Path
) -> None:
    service = _service(watching, tmp_path)
    _told(service, [_event(0, 50.0), *(_event(hour, 50.0, asset="q") for hour in range(1, 7))])
    [late] = _told(service, [_event(6.5, 50.0, asset="q")])
    assert late["condition"] == "ok"
    assert late["events"] == [
        {
            "asset": "p",
            "kind": "unknown",
            "at": "2026-02-01T06:00:00+00:00",
            "level": None,
            "is_call": False,
        }
    ]


def test_another_life_closes_the_alarm_and_begins_as_a_new_asset(
    watching: Path, tmp_path: Path
) -> None:
    service = _service(watching, tmp_path)
    _told(service, _life(life_id="p#0"))
    again = _told(service, [_event(24 + hour, 50.0, life_id="p#1") for hour in range(4)])
    assert _kinds(again) == ["closed", "known"]
    assert {one["condition"] for one in again} == {"ok"}
    fresh = _told(service, [_event(28 + hour, 50.0, asset="new") for hour in range(4)])
    assert [one["score"] for one in again] == [one["score"] for one in fresh]
    unnamed = _told(service, [_event(32, 50.0)])
    assert _kinds(unnamed) == []


def test_after_a_restart_alarms_go_on_as_if_never_stopped(watching: Path, tmp_path: Path) -> None:
    pair = zip(_life(16, 14), _life(10, 20, asset="q", life_id="q#0"), strict=True)
    events = [event for both in pair for event in both]
    events[41:41] = [{"asset_id": "q", "acknowledged": True}]
    wanted = _told(_service(watching, tmp_path / "whole"), events)
    assert {"raised", "escalated"} <= set(_kinds(one for one in wanted if "events" in one))
    for cut in (1, 13, 27, 35, 39, 42, 50):
        killed = _service(watching, tmp_path / f"{cut}")
        _told(killed, events[:cut])
        killed.save()
        _told(killed, events[cut : cut + 3])
        again = _service(watching, tmp_path / f"{cut}")
        assert _told(again, events[cut:]) == wanted[cut:]


def test_an_acknowledged_alarm_calls_nobody_again_at_its_level(
    watching: Path, tmp_path: Path
) -> None:
    service = _service(watching, tmp_path)
    _told(service, _life(12, 20))
    [seen] = _told(service, [{"asset_id": "p", "acknowledged": True}])
    assert seen == {"asset_id": "p", "acknowledged": True, "level": "plan"}
    _told(service, [_event(32 + hour, 50.0) for hour in range(60)])
    back = _told(service, [_event(92 + hour, 90.0) for hour in range(12)])
    again = [event for one in back for event in one["events"] if event["kind"] == "reopened"]
    assert [(event.get("mode"), event["is_call"]) for event in again] == [
        (None, False),
        ("burnt", False),
    ]
    [other] = _told(service, [{"asset_id": "q", "acknowledged": True}])
    assert other["level"] is None


def test_a_reading_without_a_name_is_its_assets_at_its_instant(
    watching: Path, tmp_path: Path
) -> None:
    service = _service(watching, tmp_path)
    event = _event(0, 50.0)
    del event["reading_id"]
    first, again = _told(service, [event, event])
    assert first["key"] == "p@1769904000000000"
    assert again == {**first, "repeated": True}
    for name, code in (("asset_id", "LK290"), ("event_at", "LK288")):
        [refused] = _told(service, [{key: one for key, one in event.items() if key != name}])
        assert (refused["error"], refused["where"]) == (code, f"field '{name}'")


def test_readings_of_a_device_get_the_scores_of_the_pipeline(
    watching: Path, readings: TabularDataset, tmp_path: Path
) -> None:
    sent = readings.rows[["asset_id", "event_at", "x_heat", "x_noise"]]
    events = [
        {
            str(name): value
            for name, value in zip(sent, (asset, at.isoformat(), *values), strict=True)
        }
        for asset, at, *values in sent.head(200).itertuples(index=False)
    ]
    told = _told(_service(watching, tmp_path), events)
    wanted = Runtime(watching).score(readings.X[:200], readings.C[:200])
    assert [one["score"] for one in told] == pytest.approx(wanted.score.tolist(), abs=1e-12)


def test_assets_whose_clocks_differ_are_all_answered_and_one_that_is_too_late_is_refused(
    watching: Path, tmp_path: Path
) -> None:
    service = _service(watching, tmp_path)
    events = [_event(1, 50.0), _event(0.9, 50.0, asset="q"), _event(0.5, 50.0, asset="s")]
    first, behind, late = _told(service, events)
    assert (first["condition"], behind["condition"]) == ("ok", "ok")
    assert late["error"] == "LK287"


def test_a_feature_of_one_sensor_is_not_told_as_one_whose_name_begins_alike(
    readings: TabularDataset, context: BundleContext
) -> None:
    renamed = {"x_heat": "x_heat", "x_noise": "x_heat_spread"}
    fleet = _fleet().rename(columns=renamed)
    node = Sensors("sensors", by="life_id", fallback="asset_id")
    spec = fit_spec(FeatureSpec((node,)), without_features(fleet, CONTRACT))
    found = compute(fleet, CONTRACT, spec, Extras())
    told = replace(context, sample=found, features=spec, alarms=Alarms(RULE))
    preprocess = fit_tree_preprocess(found)
    model = TinyModel(None, preprocess, found.numeric, found.categorical)
    groups = alarm_files(model, told)["alarm.json"]["reasons"]["groups"]
    heat, spread = (one["features"] for one in groups[:2])
    assert len(heat) == len(spread) == 13
    assert all(name.startswith("x_heat_spread_") for name in spread)
    assert "x_heat_spread" in heat


def test_alarms_that_are_not_understood_are_refused(
    watching: Path,
    tmp_path: Path,
    reseal: Callable[[Path, str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    import shutil

    spoiled = Path(shutil.copytree(watching, tmp_path / "bundle"))
    told = json.loads((spoiled / "alarm.json").read_text())
    (spoiled / "alarm.json").write_text(json.dumps({**told, "spec": {**told["spec"], "m": 9}}))
    reseal(spoiled, "alarm.json")
    assert main(["stream", str(spoiled), "--state", str(tmp_path / "state")]) == 6
    assert "LK619" in (said := capsys.readouterr().err)
    assert "1 <= m <= n" in said


def test_a_bundle_that_cannot_tell_assets_apart_has_no_alarms(
    model: TinyModel, context: BundleContext, tmp_path: Path
) -> None:
    told = replace(context, alarms=Alarms(RULE))
    bundle = write_bundle(tmp_path / "bundle", model, told).path
    assert not (bundle / "alarm.json").exists()
