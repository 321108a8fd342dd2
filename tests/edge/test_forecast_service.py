"""A stream of forecasts: batch's own bits, its own clock, and a kill in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton.export.forecast_bundle import write_forecast_bundle
from lepton.forecast.conformal import cells_of, scores_of, stretched
from lepton_edge.correction import Correction
from lepton_edge.errors import BundleError
from lepton_edge.forecast_plan import Schedule
from lepton_edge.forecast_service import STATE, ForecastService
from lepton_edge.forecaster import Forecaster
from lepton_edge.lines import Storage
from tests.forecast import tiny

FIRST_S = tiny.START + 60 * tiny.DAY
"""Where streams begin; the days before are told as history. Berlin's clock changes on day 69."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bundle(tmp_path_factory.mktemp("service"))


@pytest.fixture(scope="module")
def forecaster(bundle: Path) -> Forecaster:
    return Forecaster(bundle)


def iso(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, tz=UTC).isoformat()


def values(name: str, first_s: int, last_s: int) -> list[float | None]:
    vintages = tiny.panel().targets[name]
    inside = (vintages.step >= first_s // 3_600) & (vintages.step < last_s // 3_600)
    return [None if np.isnan(y) else float(y) for y in vintages.value[inside]]


def weather(first_s: int, last_s: int) -> list[float]:
    known = tiny.panel().known
    assert known is not None
    at = known["ts"].astype("int64").to_numpy() // 10**6
    at = at if at.max() < 10**11 else at // 10**3
    return known["temp"][(at >= first_s) & (at < last_s)].tolist()


def history() -> Iterator[dict[str, Any]]:
    start = FIRST_S - 40 * tiny.DAY
    for name in tiny.ZONES:
        past = values(name, start, FIRST_S)
        yield {"series_id": name, "ts": iso(start), "y": past, "history": True}
    told = weather(start, tiny.START + tiny.DAYS * tiny.DAY)
    for at in range(0, 44 * 24, 240):
        chunk = told[at : at + 240]
        yield {
            "ts": iso(start + at * 3_600),
            "temp": chunk,
            "issued_at": iso(start),
            "history": True,
        }


def days(n: int) -> Iterator[dict[str, Any]]:
    """What arrives hour by hour: an edition of weather a day, measurements, a request at nine."""
    for hour in range(24 * n):
        now = FIRST_S + hour * tiny.HOUR
        if hour % 24 == 0:
            told = weather(now, now + 4 * tiny.DAY)
            yield {"ts": iso(now), "temp": told, "issued_at": iso(now)}
        for name in tiny.ZONES:
            y = values(name, now - tiny.HOUR, now)[0]
            if hour:
                yield {"series_id": name, "ts": iso(now - tiny.HOUR), "y": y}
        if hour % 24 == 9:
            yield {"issue_at": iso(now)}


def lines(events: Sequence[dict[str, Any]] | Iterator[dict[str, Any]]) -> list[bytes]:
    return [json.dumps(event).encode() for event in events]


def told(service: ForecastService, sent: Sequence[bytes]) -> list[dict[str, Any]]:
    return [json.loads(service.answer(line)) for line in sent]


def forecasts(answers: Sequence[dict[str, Any]]) -> dict[tuple[str, str], Any]:
    """(instant, series) -> deciles, asked for or scheduled."""
    found = {}
    for answer in answers:
        for one in [answer, *answer.get("issued", [])]:
            for forecast in one.get("forecasts", []):
                found[one["issue_at"], forecast["series_id"]] = forecast["quantiles"]
    return found


def test_a_stream_gives_what_batch_says_calibrated_by_what_had_become_known(
    tmp_path: Path,
) -> None:
    context = tiny.context(schedule=Schedule())
    made = write_forecast_bundle(tmp_path / "bundle", tiny.champion(), context).path
    every = told(ForecastService(Forecaster(made)), lines([*history(), *days(12)]))
    assert not [answer for answer in every if "error" in answer]
    found = forecasts(every)
    champion, matrix = tiny.champion(), tiny.matrix()
    asked = matrix.take((matrix.issue_s >= FIRST_S) & (matrix.issue_s < FIRST_S + 12 * tiny.DAY))
    assert len(found) == len(asked) == 24
    rolling, blend, cell = champion.rolling, champion.blend(asked), cells_of(asked)
    rolling.tell(scores_of(asked, blend))
    for row in np.lexsort((asked.series, asked.issue_s)):
        at, name = int(asked.issue_s[row]), list(tiny.ZONES)[int(asked.series[row])]
        wanted = stretched(blend[row], rolling.factors(at)[cell[row]])
        assert np.abs(np.array(found[iso(at).replace("+00:00", "Z"), name]) - wanted).max() < 1e-9


def test_a_kill_at_any_line_changes_no_forecast_and_no_bit_of_the_state(
    forecaster: Forecaster, tmp_path: Path
) -> None:
    sent = lines([*history(), *days(4)])
    whole = ForecastService(forecaster, Storage(tmp_path / "whole", 10**6))
    wanted = forecasts(told(whole, sent))
    whole.save()
    for cut in (3, 40, 77, 150):
        folder = tmp_path / str(cut)
        killed = ForecastService(forecaster, Storage(folder, 10**6))
        before = told(killed, sent[:cut])
        killed.save()
        lost = told(killed, sent[cut : cut + 30])  # after the checkpoint: gone with the process
        again = ForecastService(forecaster, Storage(folder, 10**6))
        after = told(again, sent[cut:])
        again.save()
        assert {**forecasts(before), **forecasts(after)} == wanted
        assert forecasts(lost).items() <= wanted.items()
        assert (folder / STATE).read_bytes() == (tmp_path / "whole" / STATE).read_bytes()


def test_a_process_killed_hard_goes_on_where_its_last_answer_says_saved(
    bundle: Path, tmp_path: Path
) -> None:
    sent = lines([*history(), *days(3)])
    path = {**os.environ, "PYTHONPATH": str(bundle / "runtime")}
    command = [sys.executable, "-m", "lepton_edge", "stream", str(bundle)]
    command += ["--state", str(tmp_path / "state"), "--checkpoint-every", "20"]
    process = subprocess.Popen(
        command, env=path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    assert process.stdout is not None
    answers, saved = [], 0
    for number, line in enumerate(sent[:75], start=1):
        process.stdin.write(line + b"\n")
        process.stdin.flush()
        answers.append(json.loads(process.stdout.readline()))
        saved = number if answers[-1].get("saved") else saved
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdin.close()
    process.stdout.close()
    assert saved == 60
    rest = subprocess.run(
        command, env=path, input=b"\n".join(sent[saved:]), capture_output=True, check=True
    )
    answers += [json.loads(line) for line in rest.stdout.splitlines()]
    whole = forecasts(told(ForecastService(Forecaster(bundle)), sent))
    assert forecasts(answers) == whole


def test_scheduled_issues_come_at_ten_by_the_wall_clock_through_its_change(
    forecaster: Forecaster,
) -> None:
    service = ForecastService(forecaster)
    told(service, lines(history()))
    start = tiny.START + 67 * tiny.DAY
    ticks = [{"at": iso(start + hour * tiny.HOUR)} for hour in range(96)]
    found = [one["issue_at"] for a in told(service, lines(ticks)) for one in a.get("issued", [])]
    assert found == [
        "2025-03-28T09:00:00Z",
        "2025-03-29T09:00:00Z",
        "2025-03-30T08:00:00Z",
        "2025-03-31T08:00:00Z",
    ]


def test_an_intraday_schedule_issues_every_interval(tmp_path: Path) -> None:
    context = tiny.context(schedule=Schedule(every_s=1_800))
    made = write_forecast_bundle(tmp_path / "bundle", tiny.champion(), context).path
    service = ForecastService(Forecaster(made))
    told(service, lines([*history(), {"at": iso(FIRST_S)}]))
    answer = told(service, lines([{"at": iso(FIRST_S + 3 * 3_600)}]))[0]
    assert len(answer["issued"]) == 6


def test_forecasts_are_made_again_by_how_far_the_last_value_was_off(tmp_path: Path) -> None:
    """At ten the day is issued; at noon and one all that is left is moved by the last error."""
    correction = Correction(np.array([0.8, 0.5]), np.array([0.6, 0.9]))
    champion = replace(tiny.champion(), correction=correction)
    context = tiny.context(schedule=Schedule("Europe/Berlin", (600,), again_s=3_600, again_n=3))
    made = write_forecast_bundle(tmp_path / "bundle", champion, context).path
    service = ForecastService(Forecaster(made))
    gate = FIRST_S + 9 * tiny.HOUR
    first = told(service, lines([*history(), {"at": iso(gate)}]))[-1]["issued"][0]
    was = {one["series_id"]: np.array(one["quantiles"]) for one in first["forecasts"]}
    value = {"series_id": "north", "ts": iso(gate), "y": 99.0, "at": iso(gate + tiny.HOUR)}
    answer = told(service, lines([value, {"at": iso(gate + tiny.HOUR + 1)}]))[-1]
    assert [one["again"] for one in answer["issued"]] == [True]
    found = {one["series_id"]: one for one in answer["issued"][0]["forecasts"]}
    assert found["north"]["ts"] == iso(gate + tiny.HOUR).replace("+00:00", "Z")
    # an hour later the value of `gate` is one interval old, then two, then out of reach
    north, middle = was["north"], was["north"][:, 4:5]
    width = north[:, -1] - north[:, 0]
    error = (99.0 - north[0, 4]) / width[0]
    for row, (share, narrow) in enumerate([(0.8, 0.6), (0.5, 0.9), (0.0, 1.0)], start=1):
        wanted = middle[row] + share * error * width[row] + narrow * (north[row] - middle[row])
        assert np.allclose(found["north"]["quantiles"][row - 1], wanted)
    # the other series told nothing since: its newest value lies before the issue
    other = list(tiny.ZONES)[1]
    assert np.allclose(found[other]["quantiles"], was[other][1:4])


def test_a_request_to_make_forecasts_again_changes_no_bit_of_the_state(
    forecaster: Forecaster, tmp_path: Path
) -> None:
    gate = FIRST_S + 9 * tiny.HOUR
    sent = lines([*history(), {"at": iso(gate)}])
    asked = lines([{"issue_at": iso(gate + 2), "series_id": "north", "again": True}])
    plain, other = ForecastService(forecaster), ForecastService(forecaster)
    tick = lines([{"at": iso(gate + 2)}])
    told(plain, [*sent, *tick])
    answer = told(other, [*sent, *asked, *tick])[-2]
    assert answer["again"]
    assert len(answer["forecasts"]) == 1
    plain.state.rows = other.state.rows = 0
    for number, service in enumerate((plain, other)):
        service.state.save(tmp_path / str(number))
    assert (tmp_path / "0").read_bytes() == (tmp_path / "1").read_bytes()
    late = told(other, asked)[0] | told(other, lines([{"issue_at": iso(gate), "again": True}]))[0]
    assert late["error"] == "LK295"
    wrong = told(other, lines([{"ts": iso(gate), "y": 1.0, "series_id": "north", "again": True}]))
    assert wrong[0]["error"] == "LK296"
    assert "belongs to a request" in wrong[0]["found"]


def test_what_is_due_at_an_instant_sees_all_that_was_told_of_it(forecaster: Forecaster) -> None:
    """Two lines of the same instant come before the issue at it, and one after it does not."""

    def service_with(extra: list[dict[str, Any]]) -> Any:
        service = ForecastService(forecaster)
        gate = FIRST_S + 9 * tiny.HOUR  # ten o'clock in Berlin, still winter
        last = [{"series_id": name, "ts": iso(gate - tiny.HOUR), "y": 50.0} for name in tiny.ZONES]
        sent = [*history(), {"at": iso(gate - 7_200)}, *last, *extra, {"at": iso(gate + 1)}]
        return forecasts(told(service, lines(sent)))

    gate = FIRST_S + 9 * tiny.HOUR
    later = {"series_id": "north", "ts": iso(gate), "y": 9_999.0}
    early = {"series_id": "north", "ts": iso(gate - 2 * tiny.HOUR), "y": 9_999.0}
    assert service_with([later]) == service_with([])
    assert service_with([early]) != service_with([])


def test_an_issue_that_would_see_the_future_is_refused(forecaster: Forecaster) -> None:
    service = ForecastService(forecaster)
    told(service, lines([*history(), {"at": iso(FIRST_S)}]))
    answer = told(service, lines([{"issue_at": iso(FIRST_S - 1)}]))[0]
    assert answer["error"] == "LK295"
    assert "up to which all is known" in answer["found"]


def test_an_older_edition_of_the_weather_does_not_replace_a_newer_one(
    forecaster: Forecaster,
) -> None:
    new = {"ts": iso(FIRST_S), "temp": [5.0] * 48, "issued_at": iso(FIRST_S - 3_600)}
    old = {"ts": iso(FIRST_S), "temp": [30.0] * 48, "issued_at": iso(FIRST_S - 7_200)}
    asked = {"issue_at": iso(FIRST_S)}
    found = []
    for sent in ([new], [old, new], [new, old], [old]):
        service = ForecastService(forecaster)
        found.append(forecasts(told(service, lines([*history(), *sent, asked]))))
    assert found[0] == found[1] == found[2] != found[3]


def test_the_same_request_again_is_answered_as_before(forecaster: Forecaster) -> None:
    service = ForecastService(forecaster)
    asked = {"issue_at": iso(FIRST_S + 3_600)}
    told(service, lines(history()))
    first = told(service, lines([asked]))[0]
    more = {"series_id": "north", "ts": iso(FIRST_S + 3_600), "y": 1.0}
    again = told(service, lines([more, asked]))[1]
    assert again["repeated"] is True
    assert again["forecasts"] == first["forecasts"]


WRONG = [
    ({"series_id": "north", "ts": iso(FIRST_S), "y": "12"}, "LK296", "'12' is not a number"),
    ({"series_id": "north", "ts": iso(FIRST_S), "y": [1, True]}, "LK296", "place 2"),
    ({"series_id": "north", "ts": iso(FIRST_S), "y": []}, "LK296", "empty list"),
    ({"series_id": "north", "ts": iso(FIRST_S), "y": 10**400}, "LK296", "largest number"),
    ({"series_id": "south", "ts": iso(FIRST_S), "y": 1}, "LK294", "none of the bundle's series"),
    ({"ts": iso(FIRST_S), "y": 1}, "LK296", "is missing"),
    ({"series_id": 7, "ts": iso(FIRST_S), "y": 1}, "LK296", "is not text"),
    ({"series_id": "north", "ts": "2025-03-21T00:00", "y": 1}, "LK297", "no time zone"),
    ({"series_id": "north", "ts": 17, "y": 1}, "LK297", "no instant"),
    ({"series_id": "north", "ts": iso(FIRST_S + 60), "y": 1}, "LK296", "does not begin"),
    ({"series_id": "north", "ts": iso(FIRST_S), "y": 1, "quality": 4}, "LK296", "0, 1, 2 or 3"),
    ({"series_id": "north", "ts": iso(FIRST_S), "y": 1, "Temp": 2}, "LK296", "is not known"),
    ({"series_id": "north", "ts": iso(FIRST_S + 90 * tiny.DAY), "y": 1}, "LK295", "days after"),
    ({"series_id": "north", "ts": iso(FIRST_S), "y": 1, "at": iso(FIRST_S)}, "LK296", "ends after"),
    ({"ts": iso(FIRST_S), "temp": [1], "quality": 0}, "LK296", "belongs to a measurement"),
    ({"issue_at": iso(FIRST_S + 3_600), "y": 1}, "LK296", "does not belong to a request"),
    ({"issue_at": iso(FIRST_S + 3_600), "series_id": []}, "LK296", "empty list"),
    ({"at": iso(FIRST_S), "history": True}, "LK296", "none of"),
    ({"history": "yes", "ts": iso(FIRST_S), "temp": 1}, "LK296", "true or false"),
    ([1], "LK291", "not an object"),
]


@pytest.mark.parametrize(("event", "code", "found"), WRONG)
def test_a_wrong_line_is_told_with_its_field_and_changes_nothing(
    forecaster: Forecaster, tmp_path: Path, event: Any, code: str, found: str
) -> None:
    service = ForecastService(forecaster, Storage(tmp_path, 10**6))
    told(service, lines([*history(), {"at": iso(FIRST_S)}]))
    service.save()
    before = (tmp_path / STATE).read_bytes()
    answer = json.loads(service.answer(json.dumps(event).encode()))
    assert answer["error"] == code
    assert found in answer["found"]
    assert answer["remedy"]
    service.save()
    assert (tmp_path / STATE).read_bytes() == before


@pytest.mark.parametrize("line", [b"{", b'{"y": NaN}', b"\xff", b'{"a": 1, "a": 2}', b"[" * 50])
def test_what_is_no_json_is_an_answer_too(forecaster: Forecaster, line: bytes) -> None:
    assert json.loads(ForecastService(forecaster).answer(line))["error"] == "LK291"


def test_a_damaged_state_or_that_of_another_bundle_is_refused(
    forecaster: Forecaster, tmp_path: Path
) -> None:
    service = ForecastService(forecaster, Storage(tmp_path, 10**6))
    told(service, lines([*history(), {"issue_at": iso(FIRST_S)}]))
    service.save()
    raw = (tmp_path / STATE).read_bytes()
    other = Forecaster(tiny.bundle(tmp_path / "other", ("linear",)))
    with pytest.raises(BundleError, match="LK653"):
        ForecastService(other, Storage(tmp_path, 10**6))
    for broken in (raw[:-1], raw[:200], raw[:300] + b"?" + raw[301:], b""):
        (tmp_path / STATE).write_bytes(broken)
        with pytest.raises(BundleError, match="LK614"):
            ForecastService(forecaster, Storage(tmp_path, 10**6))


def test_imputed_values_are_seen_and_never_judged_by(forecaster: Forecaster) -> None:
    seen, judged = [], []
    for quality in (0, 2, 3):
        service = ForecastService(forecaster)
        told(service, lines([*history(), {"issue_at": iso(FIRST_S)}]))
        more = {"series_id": "north", "ts": iso(FIRST_S), "y": 80.0, "quality": quality}
        answers = told(service, lines([more, {"issue_at": iso(FIRST_S + 7_200)}]))
        seen.append(forecasts(answers)[iso(FIRST_S + 7_200).replace("+00:00", "Z"), "north"])
        judged.append(int(service.state.issued[FIRST_S].scored.sum()))
    assert judged == [1, 0, 0]
    assert seen[1] != seen[2]
