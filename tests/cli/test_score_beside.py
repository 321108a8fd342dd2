"""What a solution tells beside forecasts is written next to them, where there is any."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

import lepton.scoring
from lepton import forecast_batch
from lepton.cli import main as cli
from lepton.registry.store import Version
from lepton.scoring import Scores

BESIDE = pd.DataFrame({"signal_id": ["=cmd()"], "green_s": [12.5]})


def scored(
    monkeypatch: pytest.MonkeyPatch, folder: Path, also: Mapping[str, pd.DataFrame], name: str
) -> Result:
    """`lepton score` of a solution of forecasts whose version tells this."""
    frame = pd.DataFrame({"sensor_id": ["a"], "q50": [50.0]})
    version = Version(3, folder, {})
    found = Scores(frame, pd.DataFrame(), version, 0, also=also)
    monkeypatch.setattr(lepton.scoring, "score", lambda *args, **kwargs: found)
    argv = ["score", "traffic_forecasting", "--out", str(folder / name)]
    return CliRunner().invoke(cli.app, argv)


def test_further_tables_lie_beside_the_forecasts_and_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = scored(monkeypatch, tmp_path, {"suggestions": BESIDE}, "next.csv")
    assert told.exit_code == 0, told.output
    path = tmp_path / "next_suggestions.csv"
    assert f"1 rows, in {path}" in told.output
    assert "\nsuggestions" in told.output
    assert path.read_text("utf-8").splitlines() == ["signal_id,green_s", "'=cmd(),12.5"]


def test_they_have_the_format_of_the_forecasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored(monkeypatch, tmp_path, {"suggestions": BESIDE}, "next.parquet")
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "next_suggestions.parquet"), BESIDE, check_dtype=False
    )


def test_without_them_nothing_is_written_and_nothing_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = scored(monkeypatch, tmp_path, {}, "next.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["next.csv"]
    assert "suggestions" not in told.output


@pytest.mark.parametrize(("is_watched", "wanted"), [(True, {"alarms": 0}), (False, {})])
def test_that_no_alarm_is_open_is_a_table_without_rows(
    monkeypatch: pytest.MonkeyPatch, is_watched: bool, wanted: dict[str, int]
) -> None:
    at = pd.Series([pd.Timestamp("2024-03-01T08:00Z")])
    frame = pd.DataFrame({"sensor_id": ["a"], "issued_at": at, "congestion_15": [0.1]})
    if is_watched:
        frame["alarm"] = pd.array([pd.NA], dtype="Int64")
        frame["alarm_since"] = pd.Series([pd.NaT], dtype=at.dtype)
    monkeypatch.setattr(forecast_batch, "entity_name", lambda ctx: "sensor_id")
    monkeypatch.setattr(forecast_batch, "spec_of", lambda ctx: SimpleNamespace(also=None))
    context: Any = SimpleNamespace(run_id="run-1")
    nothing: Any = None
    found = forecast_batch.tables_beside(context, nothing, frame)
    assert {name: len(rows) for name, rows in found.items()} == wanted
