"""Forecasts on a device: the champion's own, by each series' clock, with what stands in told."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lepton_edge.asof import Window
from lepton_edge.bundle import open_bundle
from lepton_edge.errors import BundleError
from lepton_edge.forecast_bench import measure
from lepton_edge.forecaster import RUNGS, Forecaster
from lepton_edge.seal import sealed
from lepton_edge.strict_json import parse
from tests.forecast import tiny

ISSUE_S = tiny.START + 65 * tiny.DAY + 9 * tiny.HOUR


@pytest.fixture(scope="module")
def forecaster(tmp_path_factory: pytest.TempPathFactory) -> Forecaster:
    return Forecaster(tiny.bundle(tmp_path_factory.mktemp("forecaster")))


def window(issue_s: int = ISSUE_S) -> Window:
    """What the forecasts of both meters see."""
    parts = [
        tiny.panel().histories[name].window(tiny.specs()[name], np.array([issue_s]))
        for name in tiny.ZONES
    ]
    return Window(
        np.concatenate([part.step for part in parts]),
        np.concatenate([part.past for part in parts]),
        {"temp": np.concatenate([part.known["temp"] for part in parts])},
        np.array([60.0, np.nan]),
    )


def test_both_meters_at_once_are_what_the_champion_says_of_each(forecaster: Forecaster) -> None:
    matrix = tiny.matrix()
    wanted = tiny.champion().quantiles(matrix.take(matrix.issue_s == ISSUE_S))
    factors = forecaster.calibration().peek(ISSUE_S)
    made = forecaster.forecast(np.array([0, 1]), window(), factors)
    assert np.abs(made.quantiles - wanted).max() < 1e-9
    assert made.reasons == ("", "")
    assert (np.diff(made.quantiles, axis=-1) >= 0).all()


def without_weather(seen: Window) -> Window:
    temp = seen.known["temp"].copy()
    temp[:, tiny.specs()["north"].n_back :] = np.nan
    return replace(seen, known={"temp": temp})


def with_past(seen: Window, days: int, of: slice = slice(None)) -> Window:
    """Nothing measured in the last `days` days."""
    past = seen.past.copy()
    past[of, -24 * days :] = np.nan
    return replace(seen, past=past)


@pytest.mark.parametrize(
    ("seen", "rung", "reason"),
    [
        (window(), "model", ""),
        (without_weather(window()), "profile", "known_missing:temp"),
        (with_past(window(), 5), "profile", "stale"),
        (with_past(window(), 29), "seasonal_naive", "recent_missing"),
        (with_past(window(), 31), "none", "recent_missing"),
    ],
)
def test_what_is_missing_decides_what_forecasts_and_why(
    forecaster: Forecaster, seen: Window, rung: str, reason: str
) -> None:
    made = forecaster.forecast(np.array([0, 1]), seen, np.ones(16))
    assert [RUNGS[int(one)] for one in made.rung] == [rung] * 2
    assert made.reasons == (reason,) * 2
    assert np.isfinite(made.quantiles).all() == (rung != "none")


def test_a_meter_that_fell_silent_leaves_the_others_as_they_are(forecaster: Forecaster) -> None:
    whole = forecaster.forecast(np.array([0, 1]), window(), np.ones(16))
    part = forecaster.forecast(np.array([0, 1]), with_past(window(), 5, slice(1, 2)), np.ones(16))
    assert np.array_equal(whole.quantiles[0], part.quantiles[0])
    assert part.rung.tolist() == [0, 1]


def test_many_issues_and_one_at_a_time_give_the_same_bits(forecaster: Forecaster) -> None:
    seen, code = window(), np.array([0, 1] * 300)
    many = Window(
        np.tile(seen.step, 300),
        np.tile(seen.past, (300, 1)),
        {"temp": np.tile(seen.known["temp"], (300, 1))},
        np.tile(seen.typical, 300),
    )
    at_once = forecaster.forecast(code, many, np.ones(16))
    alone = forecaster.forecast(np.array([0, 1]), seen, np.ones(16))
    assert np.array_equal(at_once.quantiles[-2:], alone.quantiles)


def test_no_issue_at_all_is_an_empty_answer(forecaster: Forecaster) -> None:
    none = Window(
        np.empty(0, dtype=np.int64),
        np.empty((0, 31 * 24)),
        {"temp": np.empty((0, 10 * 24))},
        np.empty(0),
    )
    made = forecaster.forecast(np.empty(0, dtype=np.int64), none, np.ones(16))
    assert made.quantiles.shape == (0, 24, 9)


def test_a_cost_is_told_for_one_series_and_for_many(forecaster: Forecaster) -> None:
    cost = measure(forecaster, n_many=5)
    assert cost.one_ms > 0
    assert (cost.n_many, cost.n_leads) == (5, 24)


def resealed(folder: Path, name: str, old: bytes, new: bytes) -> None:
    """Another content of a file, its manifest made to say so."""
    import hashlib

    content = (folder / name).read_bytes().replace(old, new, 1)
    (folder / name).write_bytes(content)
    manifest = parse((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest.pop("sha256")
    manifest["files"][name] = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }
    (folder / "manifest.json").write_bytes(sealed(manifest))


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b'"n_leads": 24', b'"n_leads": 25', "LK651"),
        (b'"ids"', b'"idx"', "LK650"),
        (b'"calendar": [\n  0,\n  1\n ]', b'"calendar": [\n  0,\n  7\n ]', "LK650"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused(
    forecaster: Forecaster, tmp_path: Path, old: bytes, new: bytes, code: str
) -> None:
    shutil.copytree(forecaster.opened.path, tmp_path / "bundle")
    resealed(tmp_path / "bundle", "forecast.json", old, new)
    with pytest.raises(BundleError, match=code):
        Forecaster(open_bundle(tmp_path / "bundle"))
