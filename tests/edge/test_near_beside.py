"""What is known beside a network: carried forward, never from later, the same bits in rings."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_edge.forecast_service import ForecastService
from lepton_edge.forecaster import Forecaster
from lepton_edge.lines import Storage
from lepton_edge.near_beside import NearKnown, carried, known_features, mean_of
from lepton_edge.near_spec import NearSpec
from lepton_edge.near_stream import NearStream
from tests.forecast import near_beside_tiny, near_tiny

NAN = np.nan


def test_the_last_value_goes_on_until_another_is_told() -> None:
    rows = np.array([[NAN, 2.0, NAN, NAN, 0.0, NAN]])
    np.testing.assert_array_equal(carried(rows, None), [[NAN, 2.0, 2.0, 2.0, 0.0, 0.0]])
    np.testing.assert_array_equal(carried(rows, 0.0), [[0.0, 2.0, 2.0, 2.0, 0.0, 0.0]])


def test_a_mean_is_of_what_is_known() -> None:
    values = np.array([[1.0, NAN, 3.0], [NAN, NAN, NAN]])
    np.testing.assert_array_equal(mean_of(values), [2.0, NAN])


def test_features_are_the_values_ahead_and_the_means_of_both_sides_of_the_issue() -> None:
    columns = (NearKnown("rain", is_shared=True), NearKnown("event", otherwise=0.0))
    rows = {
        "rain": np.array([[[1.0, 3.0, NAN, 5.0]]]),
        "event": np.array([[[NAN, NAN, NAN, NAN], [NAN, 1.0, NAN, NAN]]]),
    }
    made = known_features(columns, rows, 2, 2)
    np.testing.assert_array_equal(made.ahead[0], [[[3.0, 5.0], [3.0, 5.0]]])
    np.testing.assert_array_equal(made.ahead[1], [[[0.0, 0.0], [1.0, 1.0]]])
    told = [one[0].tolist() for one in made.shape]
    assert told == [[2.0, 2.0], [4.0, 4.0], [0.0, 1.0]]


def test_a_spec_without_columns_is_told_as_it_was_before_there_were_any() -> None:
    told = near_tiny.spec().to_json()
    assert "known" not in told
    assert next(iter(told)) == "look"
    assert NearSpec.from_json(told) == near_tiny.spec()
    with_columns = near_beside_tiny.spec()
    assert NearSpec.from_json(with_columns.to_json()) == with_columns


def test_names_of_columns_come_after_all_others() -> None:
    alone, spec = near_tiny.spec(), near_beside_tiny.spec()
    assert spec.names == (*alone.names, "rain", "event")
    ends = ("rain_before", "rain_ahead", "event_ahead")
    assert spec.shape_names == (*alone.shape_names, *ends)


def test_rings_come_back_bit_by_bit_with_one_row_for_what_all_share() -> None:
    spec, now = near_beside_tiny.spec(), near_tiny.START // 300
    stream = NearStream(spec)
    stream.tell_known("rain", np.zeros(1, int), np.array([now - 3]), np.array([1.5]))
    stream.tell_known("event", np.array([4]), np.array([now]), np.array([0.5]))
    assert stream.known["rain"].step.shape[0] == 1
    assert stream.known["event"].step.shape[0] == len(near_tiny.IDS)
    again = NearStream.from_bytes(spec, stream.to_bytes())
    seen = [one.window(np.arange(1), now * 300).known for one in (stream, again)]
    for name in ("rain", "event"):
        np.testing.assert_array_equal(seen[0][name], seen[1][name])
    assert seen[0]["rain"].shape == (1, 1, spec.n_back + spec.n_ahead)
    assert seen[0]["event"][0, 4, spec.n_back] == 0.5


def test_what_lies_too_far_ahead_pushes_nothing_out() -> None:
    spec, now = near_beside_tiny.spec(), near_tiny.START // 300
    stream = NearStream(spec)
    step = now + np.array([0, spec.n_kept - spec.n_back - 1, spec.n_kept - spec.n_back])
    at, code = stream.taken("rain", np.zeros(3, int), step, now * 300)
    assert at.tolist() == [0, 1]
    assert code.tolist() == [0, 0]
    every, of_each = stream.taken("event", np.array([1, 2, 3]), step, now * 300)
    assert (every.tolist(), of_each.tolist()) == ([0, 1], [1, 2])


def test_a_long_forecast_that_is_told_as_history_leaves_what_is_needed_first(bundle: Path) -> None:
    told, short = with_past(bundle), with_past(bundle)
    for service, n in ((told, 48 * 12), (short, 24)):
        answered(service, ts=iso(NOW), rain=[2.0] * n, issued_at=iso(NOW - 1_800), history=True)
    np.testing.assert_array_equal(medians(told), medians(short))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return near_beside_tiny.bundle(tmp_path_factory.mktemp("beside"))


NOW = near_tiny.at(6.5)


def iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat()


def answered(service: ForecastService, **told: Any) -> dict[str, Any]:
    return service.answered(json.dumps(told).encode())


def with_past(bundle: Path, storage: Storage | None = None) -> ForecastService:
    """A service that was told the last hour."""
    service = ForecastService(Forecaster(bundle), storage)
    for code, name in enumerate(near_tiny.IDS):
        told = near_tiny.speeds()[round(6.5 * 288) - 13 : round(6.5 * 288) - 1, code]
        y = [None if np.isnan(one) else one for one in told]
        answered(service, series_id=name, ts=iso(NOW - 3_900), y=y, history=True)
    return service


def medians(service: ForecastService) -> np.ndarray:
    """What is forecast in the middle for all series."""
    found = answered(service, issue_at=iso(NOW))
    return np.array([one["quantiles"] for one in found["forecasts"]])[..., 4]


def rain(service: ForecastService, amount: float, issued_s: int, at_s: int = NOW) -> dict[str, Any]:
    return answered(service, ts=iso(at_s), rain=[amount] * 12, issued_at=iso(issued_s))


def test_a_device_forecasts_slower_where_it_is_told_of_rain(bundle: Path) -> None:
    dry, wet = with_past(bundle), with_past(bundle)
    rain(dry, 0.0, NOW - 1_800)
    rain(wet, 2.0, NOW - 1_800)
    assert (medians(dry) - medians(wet))[:, -1].mean() > 2.0


def test_an_older_edition_changes_nothing_and_a_newer_one_does(bundle: Path) -> None:
    one, again, newer = (with_past(bundle) for _ in range(3))
    for service in (one, again, newer):
        rain(service, 2.0, NOW - 1_800)
    rain(again, 0.0, NOW - 3_600)
    rain(newer, 0.0, NOW - 600)
    np.testing.assert_array_equal(medians(one), medians(again))
    assert (medians(newer) - medians(one))[:, -1].mean() > 2.0


def test_what_was_seen_goes_on_until_something_newer_is_told(bundle: Path) -> None:
    told, once = with_past(bundle), with_past(bundle)
    rain(told, 2.0, NOW - 3_600, NOW - 3_600)
    answered(told, ts=iso(NOW), rain=[2.0] * 12, issued_at=iso(NOW - 3_600))
    rain(once, 2.0, NOW - 3_600, NOW - 3_600)
    np.testing.assert_array_equal(medians(told), medians(once))


def test_an_answer_says_what_was_not_known_and_is_the_models_all_the_same(bundle: Path) -> None:
    told, blind = with_past(bundle), with_past(bundle)
    rain(told, 0.0, NOW - 1_800)
    reasons = [
        {(one["rung"], one["reason"]) for one in answered(service, issue_at=iso(NOW))["forecasts"]}
        for service in (told, blind)
    ]
    assert reasons == [{("model", "")}, {("model", "known_missing:rain")}]


def test_what_all_share_is_refused_of_one_series(bundle: Path) -> None:
    service = with_past(bundle)
    found = answered(service, series_id="d1", ts=iso(NOW), rain=2.0, issued_at=iso(NOW - 600))
    assert found["error"] == "LK296"
    assert "same for all series" in found["found"]


def test_a_state_that_is_read_again_gives_the_same_bits(bundle: Path, tmp_path: Path) -> None:
    storage = Storage(tmp_path, every=1)
    first = with_past(bundle, storage)
    rain(first, 2.0, NOW - 1_800)
    again = ForecastService(Forecaster(bundle), storage)
    np.testing.assert_array_equal(medians(first), medians(again))
