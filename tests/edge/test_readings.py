"""Which values told to a device are measurements: by what its bundle says, and by nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton.export.forecast_bundle import plan_of, write_forecast_bundle
from lepton_edge.forecast_plan import Plan
from lepton_edge.forecast_service import ForecastService
from lepton_edge.forecaster import Forecaster
from lepton_edge.readings import Reading, Standing
from tests.forecast import near_tiny

STANDING = Standing("occupancy", "flow_vph", 0.25, 600.0, 0.95, 80.0)
READING = Reading((0.0,), 0.0, 200.0, {"d1": 168.0}, STANDING)
NAN = float("nan")
TS = "2025-03-30T12:00Z"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    context = replace(near_tiny.context(), reading=READING)
    folder = tmp_path_factory.mktemp("readings")
    return write_forecast_bundle(folder / "bundle", near_tiny.board().champion, context).path


def told(service: ForecastService, **fields: Any) -> dict[str, Any]:
    line = {"series_id": "d1", "ts": TS, **fields}
    return service.answered(json.dumps(line).encode())


def kept(service: ForecastService, series: str = "d1", n: int = 1) -> list[float]:
    plan: Plan = service.plan
    first = int(datetime.fromisoformat(TS).timestamp()) // near_tiny.STEP_S
    step = np.array([[first + at for at in range(n)]])
    code = np.array([plan.codes[series]])
    found: list[float] = service.state.rings.past.get(code, step)[0].tolist()
    return found


def judged(series: str, y: float, **beside: float) -> tuple[bool, bool]:
    values = {name: np.array([value]) for name, value in beside.items()}
    missing, suspect = READING.judged(series, np.array([y]), values)
    return bool(missing[0]), bool(suspect[0])


@pytest.mark.parametrize(
    ("beside", "is_missing"),
    [
        ({}, True),
        ({"occupancy": 0.25}, False),
        ({"occupancy": 0.24, "flow_vph": 120.0}, True),
        ({"occupancy": NAN, "flow_vph": 120.0}, False),
        ({"flow_vph": 600.0}, False),
        ({"flow_vph": 601.0}, True),
        ({"flow_vph": 0.0}, True),
    ],
)
def test_a_zero_is_missing_unless_vehicles_stand_there(
    beside: dict[str, float], is_missing: bool
) -> None:
    assert judged("d1", 0.0, **beside) == (is_missing, False)


@pytest.mark.parametrize(
    ("series", "y", "beside", "is_suspect"),
    [
        ("d1", 168.0, {}, False),
        ("d1", 168.1, {}, True),
        ("d2", 168.1, {}, False),
        ("d2", 200.1, {}, True),
        ("d2", -0.1, {}, True),
        ("d2", 81.0, {"occupancy": 0.96}, True),
        ("d2", 80.0, {"occupancy": 0.96}, False),
        ("d2", NAN, {"occupancy": 0.96}, False),
    ],
)
def test_a_value_that_cannot_be_is_suspect(
    series: str, y: float, beside: dict[str, float], is_suspect: bool
) -> None:
    assert judged(series, y, **beside) == (False, is_suspect)


def test_a_zero_sent_to_the_stream_is_missing_and_the_answer_says_so(bundle: Path) -> None:
    service = ForecastService(Forecaster(bundle))
    found = told(service, y=[61.5, 0, 0.0, 250.0, None], occupancy=[0.1, None, 0.4, 0.1, None])
    assert (found["taken"], found["missing"], found["suspect"]) == (5, 1, 1)
    np.testing.assert_array_equal(kept(service, n=5), [61.5, NAN, 0.0, NAN, NAN])
    whole = told(service, y=58.0, ts="2025-03-30T12:25Z")
    assert whole["taken"] == 1
    assert not {"missing", "suspect"} & set(whole)


def test_what_the_sender_says_is_missing_itself_is_not_counted_twice(bundle: Path) -> None:
    found = told(ForecastService(Forecaster(bundle)), y=0.0, quality=1)
    assert found == {"row": 1, "taken": 1}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"y": [0.0, 0.0], "occupancy": 0.5}, "lists are not equally long"),
        ({"y": 0.0, "occupancy": -0.1}, "-0.1 is below 0"),
        ({"y": 0.0, "flow_vph": "many"}, "'many' is not a number"),
        ({"occupancy": 0.5}, "none of y"),
    ],
)
def test_what_stands_beside_a_value_is_checked_and_changes_nothing(
    bundle: Path, fields: dict[str, Any], said: str
) -> None:
    service = ForecastService(Forecaster(bundle))
    found = told(service, **fields)
    assert found["error"] == "LK296"
    assert said in found["found"]
    assert np.isnan(kept(service)).all()


def test_a_bundle_without_the_rule_takes_zeros_as_values(tmp_path: Path) -> None:
    plain = write_forecast_bundle(
        tmp_path / "plain", near_tiny.board().champion, near_tiny.context()
    ).path
    service = ForecastService(Forecaster(plain))
    assert told(service, y=0.0) == {"row": 1, "taken": 1}
    assert kept(service) == [0.0]
    refused = told(service, y=0.0, occupancy=0.1)
    assert (refused["error"], refused["where"]) == ("LK296", "field 'occupancy'")


def test_the_rule_comes_back_from_the_bundle_and_its_page_tells_it(bundle: Path) -> None:
    assert Forecaster(bundle).plan.reading == READING
    page = (bundle / "model-card.md").read_text("utf-8")
    assert "0 counts as missing, unless beside y `occupancy` is told, 0.25 or more" in page
    assert "What is above 200 is suspect" in page


@pytest.mark.parametrize("wrong", [{"late": 7}, {"missing": ["none"]}, {"standing": {}}])
def test_a_rule_that_is_not_understood_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((KeyError, ValueError)):
        Reading.from_json({**READING.to_json(), **wrong})


def test_a_bundle_of_a_former_kit_takes_every_value_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def former(*told: Any) -> dict[str, Any]:
        return {name: value for name, value in plan_of(*told).items() if name != "reading"}

    monkeypatch.setattr("lepton.export.forecast_bundle.plan_of", former)
    made = write_forecast_bundle(
        tmp_path / "former", near_tiny.board().champion, near_tiny.context()
    )
    assert "reading" not in json.loads((made.path / "forecast.json").read_text("utf-8"))
    assert told(ForecastService(Forecaster(made.path)), y=0.0) == {"row": 1, "taken": 1}
