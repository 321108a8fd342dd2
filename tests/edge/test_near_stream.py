"""A bundle of the next minutes on a device: it answers as its champion does, bit by bit the same
after a kill, and says what it had to do without."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.automl.budget import Budget
from lepton.export.forecast_bundle import write_forecast_bundle
from lepton.export.forecast_parity import check_forecasts
from lepton.forecast.champion import Champion
from lepton.forecast.near import near_matrix
from lepton.forecast.near_lessons import NearLearning, Span
from lepton.forecast.near_onset import is_free
from lepton.forecast.near_search import search_near
from lepton.forecast.search import ForecastSearch
from lepton.forecast.watching import replayed
from lepton.forecast_batch import Asked, issued_by
from lepton.nearcasting import forecasts_at
from lepton.nearwatch import recorded, told_beside
from lepton.progress import Silent
from lepton_edge.asof import Features
from lepton_edge.forecast_golden import check_windows
from lepton_edge.forecast_service import ForecastService
from lepton_edge.forecaster import Forecaster
from lepton_edge.lines import Storage
from lepton_edge.near import NearWindow
from lepton_edge.queues import NO_ALARM
from tests.forecast import near_tiny

N = len(near_tiny.IDS)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return near_tiny.bundle(tmp_path_factory.mktemp("near"))


def lines(first: float, last: float) -> list[bytes]:
    """Readings of all detectors, interval by interval."""
    y = near_tiny.speeds()
    found = []
    for step in range(round(first * 288), round(last * 288)):
        for code, name in enumerate(near_tiny.IDS):
            value = y[step, code]
            told = {
                "series_id": name,
                "ts": iso(near_tiny.START + step * 300),
                "y": None if np.isnan(value) else float(value),
            }
            found.append(json.dumps(told).encode())
    return found


def iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat()


def test_a_bundle_answers_as_its_champion_does(bundle: Path) -> None:
    champion, asked = near_tiny.board().champion, near_tiny.asked(300)
    parity = check_forecasts(champion, bundle, asked)
    assert parity.passed, parity
    forecaster = Forecaster(bundle)
    made = forecaster.opened
    assert check_windows(forecaster).max_abs_diff <= 1e-6
    told = forecaster.onset(Features(asked.X, asked.scale, asked.step), asked.shape, asked.series)
    assert champion.onset is not None
    wanted = champion.onset.chances(asked)
    free = is_free(asked, near_tiny.RULE)
    np.testing.assert_allclose(told[free], wanted[free], atol=1e-9)
    assert np.isnan(told[~free]).all()
    assert "habits.npz" in made.manifest.files


def test_a_champion_comes_back_as_it_was(tmp_path: Path) -> None:
    champion = replace(near_tiny.board().champion, watch=near_tiny.WATCH)
    champion.save(tmp_path / "kept")
    again = Champion.load(tmp_path / "kept")
    asked = near_tiny.asked(200)
    assert again.fingerprint == champion.fingerprint
    assert again.watch == near_tiny.WATCH
    assert replace(champion, watch=None).fingerprint != champion.fingerprint
    np.testing.assert_array_equal(again.quantiles(asked), champion.quantiles(asked))


def test_a_stream_forecasts_whenever_an_interval_has_ended(bundle: Path) -> None:
    service = ForecastService(Forecaster(bundle))
    answers = [service.answered(line) for line in lines(6.5, 6.53)]
    issued = [one["issued"] for one in answers if "issued" in one]
    assert not any("error" in one for one in answers)
    instants = [datetime.fromisoformat(one["issue_at"]) for (one,) in issued]
    assert {(b - a).total_seconds() for a, b in pairwise(instants)} == {300.0}
    forecasts = issued[-1][0]["forecasts"]
    assert [one["series_id"] for one in forecasts] == list(near_tiny.IDS)
    assert all(len(one["quantiles"]) == 12 for one in forecasts)
    assert set(forecasts[0]["onset"]) == {"15", "30", "60"}


def test_a_killed_stream_goes_on_with_the_same_bits(bundle: Path, tmp_path: Path) -> None:
    whole = ForecastService(Forecaster(bundle), Storage(tmp_path / "whole", every=10**9))
    sent = lines(6.3, 6.36)
    told = [whole.answered(line) for line in sent]
    first = ForecastService(Forecaster(bundle), Storage(tmp_path / "cut", every=10**9))
    half = len(told) // 2
    for line in sent[:half]:
        first.answered(line)
    first.save()
    again = ForecastService(Forecaster(bundle), Storage(tmp_path / "cut", every=10**9))
    rest = [again.answered(line) for line in sent[half:]]
    assert [one.get("issued") for one in rest] == [one.get("issued") for one in told[half:]]
    assert any(one["issued"][0]["alarms"] for one in rest if "issued" in one)


def test_a_device_tells_the_alarms_and_incidents_of_the_batch(bundle: Path) -> None:
    forecaster, panel = Forecaster(bundle), near_tiny.panel()
    service = ForecastService(forecaster)
    first, last = 7.28, 7.4
    answers = [service.answered(line) for line in lines(first, last)]
    issued = [one for answer in answers for one in answer.get("issued", ())]
    begin, end = (near_tiny.START + round(day * 288) * 300 for day in (first, last))
    record = recorded(panel, near_tiny.spec(), forecaster, Span(begin + 300, end))
    told = replayed(record, near_tiny.WATCH, near_tiny.neighbours())
    rows = {int(at): row for row, at in enumerate(record.at_s)}
    seen = 0
    # before an hour has come a device knows less of its past than a batch
    for one in issued[12:]:
        row = rows[int(datetime.fromisoformat(one["issue_at"]).timestamp())]
        members = {name: alarm["alarm"] for alarm in one["alarms"] for name in alarm["series_id"]}
        wanted = {
            name: int(number)
            for name, number in zip(near_tiny.IDS, told.alarm[row], strict=True)
            if number != NO_ALARM
        }
        assert members == wanted
        incidents = [near_tiny.IDS[code] for code in np.flatnonzero(told.incident[row])]
        assert one["incidents"] == incidents
        seen += bool(members)
    assert 5 < seen < len(issued)
    calls = [alarm for one in issued for alarm in one["alarms"] if alarm["call"]]
    assert len({alarm["alarm"] for alarm in calls}) == len(calls) >= 1


def test_a_batch_of_many_instants_is_watched_at_each_of_them(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = near_tiny.START + 7 * 86_400 + 3_600 * np.arange(5, 20)
    asked = pd.DataFrame(
        {
            "series_id": np.repeat(near_tiny.IDS, len(at)),
            "issued_at": pd.to_datetime(np.tile(at, N), unit="s", utc=True),
        }
    )

    def told() -> pd.DataFrame:
        forecaster = Forecaster(bundle)
        return told_beside(asked, "series_id", near_tiny.panel(), near_tiny.spec(), forecaster)

    wanted = told()
    assert wanted["alarm"].notna().any()
    monkeypatch.setattr("lepton.forecast.watching.MOST_WATCHED", 10 * N)
    pd.testing.assert_frame_equal(told(), wanted)


def test_an_instant_is_watched_once_whoever_asks(bundle: Path) -> None:
    service = ForecastService(Forecaster(bundle))
    for line in lines(7.3, 7.35):
        service.answered(line)
    at_s = near_tiny.START + round(7.35 * 288) * 300
    request = json.dumps({"issue_at": iso(at_s), "series_id": ["d1"]}).encode()
    asked = service.answered(request)
    assert "alarms" not in asked
    assert service.state.watched_s == at_s - 300
    after = service.answered(json.dumps({"at": iso(at_s + 1)}).encode())
    assert [one["issue_at"] for one in after["issued"]] == [asked["issue_at"]]
    assert "alarms" in after["issued"][0]


def test_stream_and_batch_give_the_same_deciles(bundle: Path) -> None:
    forecaster = Forecaster(bundle)
    service = ForecastService(forecaster)
    for line in lines(6.2, 6.3):
        service.answered(line)
    issue_s = near_tiny.START + round(6.3 * 288) * 300
    request = {"issue_at": iso(issue_s), "series_id": list(near_tiny.IDS)}
    told = service.answered(json.dumps(request).encode())["forecasts"]
    past = near_tiny.speeds()[round(6.3 * 288) - 12 : round(6.3 * 288)].T[None]
    window = NearWindow(np.array([issue_s // 300]), past)
    factors = service.state.rolling.factors(issue_s)
    made = forecaster.forecast(np.arange(N), window, factors)
    for code, one in enumerate(told):
        assert one["quantiles"] == made.quantiles[code].tolist()


def test_a_dead_detector_is_forecast_and_said(bundle: Path) -> None:
    forecaster = Forecaster(bundle)
    step = round(6.3 * 288)
    past = near_tiny.speeds()[step - 12 : step].T[None].copy()
    past[0, 3] = np.nan
    window = NearWindow(np.array([near_tiny.START // 300 + step]), past)
    made = forecaster.forecast(np.arange(N), window, np.ones(16))
    assert made.reasons[3] == "stale"
    assert {*made.reasons} == {"stale", ""}
    assert made.rung[3] == 0
    assert np.isfinite(made.quantiles[3]).all()
    assert np.isnan(made.onset[3]).all()


def test_what_is_usual_stands_in_where_the_network_is_silent(bundle: Path) -> None:
    forecaster = Forecaster(bundle)
    step = round(6.3 * 288)
    past = near_tiny.speeds()[step - 12 : step].T[None].copy()
    past[..., -7:] = np.nan
    window = NearWindow(np.array([near_tiny.START // 300 + step]), past)
    made = forecaster.forecast(np.arange(N), window, np.ones(16))
    assert set(made.reasons) == {"stale"}
    assert [forecaster.plan.rungs[one] for one in made.rung] == ["habit"] * N
    assert np.isfinite(made.quantiles).all()
    past = near_tiny.speeds()[step - 12 : step].T[None].copy()
    past[..., -3:] = np.nan
    late = forecaster.forecast(np.arange(N), NearWindow(window.step, past), np.ones(16))
    assert set(late.reasons) == {"late"}
    assert not late.rung.any()


def past_with(silent: dict[str, int]) -> np.ndarray:
    """The last hour of all detectors, those of `silent` without so many of the newest readings."""
    step = round(6.3 * 288)
    hour = near_tiny.speeds()[step - 12 : step].T[None]
    # what is missing by chance would add to it
    past = np.where(np.isnan(hour), 50.0, hour)
    for name, intervals in silent.items():
        past[0, near_tiny.IDS.index(name), 12 - intervals :] = np.nan
    return past


SILENT: dict[str, tuple[dict[str, int], list[tuple[str, str]]]] = {
    "one that lacks is in time": (dict.fromkeys(near_tiny.IDS, 1), [("", "model")] * N),
    "two are late": ({"d3": 2}, [("", "model")] * 3 + [("late", "model")] + [("", "model")] * 2),
    "five are late still": (dict.fromkeys(near_tiny.IDS, 5), [("late", "model")] * N),
    "six of one are stale, and its neighbours tell of it": (
        {"d3": 6},
        [("", "model")] * 3 + [("stale", "model")] + [("", "model")] * 2,
    ),
    "six of one and of all around it are stale, and what is usual stands in": (
        {"d0": 6, "d1": 6, "d2": 6},
        [("stale", "habit"), ("stale", "model"), ("stale", "model")] + [("", "model")] * 3,
    ),
    "six of all are stale, and what is usual stands in": (
        dict.fromkeys(near_tiny.IDS, 6),
        [("stale", "habit")] * N,
    ),
}


@pytest.mark.parametrize("case", SILENT)
def test_how_old_the_newest_reading_is_is_told_alike_by_stream_and_batch(
    bundle: Path, case: str
) -> None:
    silent, wanted = SILENT[case]
    issue_s = near_tiny.START + round(6.3 * 288) * 300
    past, first = past_with(silent)[0], issue_s - 3_600
    service = ForecastService(Forecaster(bundle))
    for code, name in enumerate(near_tiny.IDS):
        y = [None if np.isnan(value) else float(value) for value in past[code]]
        told = {"series_id": name, "ts": iso(first), "y": y, "history": True}
        assert "error" not in service.answered(json.dumps(told).encode())
    answer = service.answered(json.dumps({"issue_at": iso(issue_s)}).encode())
    assert [(one["reason"], one["rung"]) for one in answer["forecasts"]] == wanted
    at = first + 300 * np.arange(12)
    rows = pd.DataFrame(
        {
            "series_id": pd.Series(np.repeat(near_tiny.IDS, 12), dtype="str"),
            "ts": pd.to_datetime(np.tile(at, N), unit="s", utc=True),
            "y": past.ravel(),
        }
    )
    panel = replace(near_tiny.panel(), rows=rows)
    before, now = forecasts_at(panel, near_tiny.spec(), None)
    assert now.tolist() == [issue_s]
    issues = [dict.fromkeys(near_tiny.IDS, at) for at in (now, before)]
    batch = issued_by(bundle, Asked(panel, dict.fromkeys(near_tiny.IDS, near_tiny.spec()), *issues))
    rungs = [batch.rungs[one] for one in batch.found.rung]
    assert list(zip(batch.found.reasons, rungs, strict=True)) == wanted


def test_what_is_usual_is_forecast_where_it_stands_in(bundle: Path) -> None:
    forecaster, champion = Forecaster(bundle), near_tiny.board().champion
    step = near_tiny.START // 300 + round(6.3 * 288)
    window = NearWindow(np.array([step]), past_with(dict.fromkeys(near_tiny.IDS, 7)))
    made = forecaster.forecast(np.arange(N), window, np.ones(16))
    assert champion.habits is not None
    issue_s = np.array([step * 300], dtype=np.int64)
    matrix = near_matrix(near_tiny.spec(), window, champion.habits, issue_s)
    usual = champion.fallback("habit", matrix)
    np.testing.assert_allclose(made.quantiles, usual, atol=1e-9)
    assert np.isnan(made.onset).all()


@pytest.mark.parametrize(("ids", "n_past"), [(near_tiny.IDS[:1], 12), (near_tiny.IDS[:2], 4)])
def test_a_network_of_one_and_one_that_looks_back_on_little_verify(
    ids: tuple[str, ...], n_past: int, tmp_path: Path
) -> None:
    whole, panel = near_tiny.prepared(), near_tiny.panel()
    rows = panel.rows[panel.rows["series_id"].isin(ids)].reset_index(drop=True)
    series = panel.series[panel.series["series_id"].isin(ids)].reset_index(drop=True)
    small = replace(panel, rows=rows, series=series)
    look = replace(near_tiny.spec(), neighbours=near_tiny.neighbours().of(ids), n_past=n_past)
    asked = ForecastSearch(("near_trees",), Budget(work_units=20), 0, {})
    prepared = replace(whole, panel=small, looks=dict.fromkeys(ids, look))
    champion = search_near(prepared, asked, Silent(), NearLearning(most=1_000), None).champion
    context = replace(
        near_tiny.context(), panel=small, issues={ids[0]: np.array([near_tiny.at(7)])}
    )
    made = write_forecast_bundle(tmp_path / "bundle", champion, context)
    found = check_windows(Forecaster(made.path))
    assert (found.rows, found.flips) == (3, 0)
    assert found.max_abs_diff <= found.tolerance
    golden = json.loads((made.path / "golden.json").read_text(encoding="utf-8"))
    rungs = {one["case"]: one["rung"] for one in golden["issues"]}
    assert rungs == {
        "real": "model",
        "dead": "habit" if len(ids) == 1 else "model",
        "stale": "habit",
    }


def test_a_column_that_no_forecast_looks_at_may_be_told_and_changes_nothing(tmp_path: Path) -> None:
    panel = near_tiny.panel()
    rain = pd.DataFrame({"ts": panel.rows["ts"].unique(), "rain": 0.0})
    context = replace(near_tiny.context(), panel=replace(panel, known=rain))
    made = write_forecast_bundle(tmp_path / "bundle", near_tiny.board().champion, context)
    service = ForecastService(Forecaster(made.path))
    assert service.plan.unread == ("rain",)
    when = iso(near_tiny.at(7))
    value = {"series_id": "d1", "ts": when, "y": 50.0}
    alone = service.answered(json.dumps({"ts": when, "rain": [1.0, 2.0]}).encode())
    assert (alone["taken"], service.state.now_s) == (0, None)
    beside = service.answered(json.dumps({**value, "rain": 1.0}).encode())
    assert beside["taken"] == 1
    strange = service.answered(json.dumps({**value, "rian": 1.0}).encode())
    assert strange["error"] == "LK296"
