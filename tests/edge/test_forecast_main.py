"""`python -m lepton_edge` with a bundle of forecasts: verify, forecast, stream, bench."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lepton_edge.__main__ import main
from tests.edge.test_forecast_service import FIRST_S, history, iso, lines
from tests.forecast import tiny


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bundle(tmp_path_factory.mktemp("main"))


def rows(path: Path, *more: Any) -> str:
    path.write_bytes(b"\n".join(lines([*history(), *more])))
    return str(path)


def test_verify_proves_the_golden_windows(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(bundle)]) == 0
    assert "golden windows on CPUExecutionProvider: 12 scored" in capsys.readouterr().out


def test_a_file_of_lines_is_forecast_at_an_instant(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["forecast", str(bundle), rows(tmp_path / "lines"), "--at", iso(FIRST_S)]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(told) == 1
    assert [one["series_id"] for one in told[0]["forecasts"]] == list(tiny.ZONES)
    deciles = told[0]["forecasts"][0]["quantiles"]
    assert (len(deciles), len(deciles[0])) == (24, 9)


def test_wrong_lines_of_a_file_are_told_and_the_others_forecast(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {"series_id": "south", "ts": iso(FIRST_S), "y": 1}
    path = rows(tmp_path / "lines", wrong, {"issue_at": iso(FIRST_S)})
    assert main(["forecast", str(bundle), path]) == 4
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one.get("error") for one in told] == ["LK294", None]


def test_a_stream_leaves_its_state_behind_and_goes_on_from_it(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["stream", str(bundle), "--state", str(tmp_path / "state")]
    assert main([*command[:2], rows(tmp_path / "lines"), *command[2:]]) == 0
    (tmp_path / "asked").write_text(json.dumps({"issue_at": iso(FIRST_S)}), encoding="utf-8")
    capsys.readouterr()
    assert main([*command[:2], str(tmp_path / "asked"), *command[2:]]) == 0
    found = capsys.readouterr()
    assert json.loads(found.out)["forecasts"][0]["rung"] == "model"
    assert "8 lines in the state, 0 refused" in found.err


def test_a_bundle_of_forecasts_scores_no_rows(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", str(bundle), rows(tmp_path / "lines")]) == 6
    assert "LK654" in capsys.readouterr().err


def test_bench_tells_milliseconds_of_one_series_and_of_many(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", str(bundle)]) == 0
    assert "CPU ms of 24 intervals and 9 deciles: one series" in capsys.readouterr().out
