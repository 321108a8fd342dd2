"""A bundle of forecasts: whole, equal to its champion, and alone on a device."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lepton.errors import ExportError, IntegrityError
from lepton.export.forecast_bundle import (
    with_timing,
    write_forecast_bundle,
    zone_rules_version,
)
from lepton.export.forecast_parity import check_forecasts, require_forecasts
from lepton_edge.bundle import open_bundle
from lepton_edge.forecast_plan import changed_zones, read_plan
from lepton_edge.wall_clock import WallClock
from tests.forecast import tiny

MEMBERS = ("linear", "lightgbm", "net")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bundle(tmp_path_factory.mktemp("forecast"), MEMBERS)


def test_a_bundle_forecasts_as_its_champion_on_real_issues_holes_and_golden_windows(
    bundle: Path,
) -> None:
    parity = check_forecasts(tiny.champion(MEMBERS), bundle, tiny.matrix())
    require_forecasts(parity)
    assert set(parity.by_case) == {"golden", "real", "holes", "unknown"}
    assert parity.crossings == 0
    assert parity.max_abs_diff < 1e-6


def test_a_bundle_of_another_champion_is_refused_with_the_worst_case(bundle: Path) -> None:
    other = tiny.champion(MEMBERS).without(["lightgbm"])
    with pytest.raises(ExportError, match="LK509 parity of forecasts on"):
        require_forecasts(check_forecasts(other, bundle, tiny.matrix().take(np.arange(20))))


def test_a_device_verifies_it_with_the_runtime_that_travels_in_it(bundle: Path) -> None:
    path = {"PATH": os.environ["PATH"], "PYTHONPATH": str(bundle / "runtime")}
    told = subprocess.run(
        [sys.executable, "-m", "lepton_edge", "verify", str(bundle)],
        env=path,
        cwd=bundle.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert "golden windows on CPUExecutionProvider: 12 scored" in told.stdout
    assert told.stdout.endswith("verified\n")


def test_golden_windows_of_another_forecast_are_refused_on_the_device(
    bundle: Path, tmp_path: Path
) -> None:
    champion = tiny.champion(MEMBERS)
    moved = replace(champion, fallbacks=champion.fallbacks, weights=champion.weights)
    made = write_forecast_bundle(tmp_path / "bundle", moved, tiny.context()).path
    (made / "golden.json").write_bytes(
        (made / "golden.json").read_bytes().replace(b'"rung": "model"', b'"rung": "modem"', 1)
    )
    with pytest.raises(IntegrityError, match="LK605"):
        check_forecasts(champion, made, tiny.matrix().take(np.arange(4)))


def test_the_manifest_names_horizon_members_and_zone_rules(bundle: Path) -> None:
    content = open_bundle(bundle).manifest.content
    assert content["forecast"]["members"] == list(MEMBERS)
    assert content["forecast"]["n_leads"] == 24
    assert content["forecast"]["zone_rules"] == zone_rules_version() != ""
    assert "threshold" not in content
    assert content["model_fingerprint"] == tiny.champion(MEMBERS).fingerprint
    card = (bundle / "model-card.md").read_text(encoding="utf-8")
    assert "Weather was known perfectly" in card
    assert "known until 2025-04-21" in card


def test_clocks_go_by_the_rules_in_the_bundle_for_ten_years_ahead(bundle: Path) -> None:
    plan = read_plan(open_bundle(bundle))
    at = tiny.START + np.arange(0, 10 * 366 * 86_400, 3_600, dtype=np.int64)
    for clock in plan.clocks:
        assert clock.changes is not None
        assert np.array_equal(clock.offset(at), WallClock(clock.zone).offset(at))
    assert changed_zones(plan) == []


def test_a_zone_whose_rules_have_changed_is_told(bundle: Path) -> None:
    plan = read_plan(open_bundle(bundle))
    at, offset = plan.clocks[0].changes or (np.empty(0), np.empty(0))
    moved = WallClock(plan.clocks[0].zone, (at, offset + 3_600 * (np.arange(len(at)) == 5)))
    assert changed_zones(replace(plan, clocks=(moved, *plan.clocks[1:]))) == ["Europe/Berlin"]


def test_a_bundle_is_never_overwritten(bundle: Path) -> None:
    with pytest.raises(ExportError, match="LK506"):
        write_forecast_bundle(bundle, tiny.champion(MEMBERS), tiny.context())


def test_what_forecasts_cost_here_stands_in_the_manifest(tmp_path: Path) -> None:
    champion = tiny.champion()
    context = with_timing(champion, tiny.context())
    made = write_forecast_bundle(tmp_path / "bundle", champion, context)
    assert made.manifest["timing"]["n_series"] == 1_000
    assert made.manifest["timing"]["cpu_ms_one_series"] > 0


def test_the_same_champion_gives_the_same_bundle(bundle: Path, tmp_path: Path) -> None:
    again = tiny.bundle(tmp_path, MEMBERS)
    files = [json.loads((path / "manifest.json").read_bytes())["files"] for path in (bundle, again)]
    assert files[0] == files[1]
