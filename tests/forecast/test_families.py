"""One contract for every forecaster, and what each of them promises beyond it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lepton.errors import DataError, SearchError
from lepton.forecast import scores
from lepton.forecast.cold import fit_neighbours, warmed_up
from lepton.forecast.families import KNOWN, NEAR, forecaster
from lepton.forecast.families.base import Lesson, holdouts, is_short, readable
from lepton.forecast.holidays import holidays_of
from lepton.forecast.ladder import ladder
from lepton.forecast.matrix import Matrix, build
from lepton.forecast.panel import MISSING, SUSPECT, PanelDataset
from lepton.forecast.rolling import Refit
from lepton.forecast.walk import WalkSpec, walk_forward
from lepton_edge.asof_spec import AsOfSpec, Known
from lepton_edge.wall_clock import WallClock
from tests.forecast import near_tiny

ZONE = "Europe/Berlin"
FIRST = 20_089
SPEC = AsOfSpec(3_600, ZONE, 24, known=(Known("temp", is_temperature=True),), holidays=(20_200,))
QUICK = {"rounds": 60, "steps": 60, "members": 1, "folds": 2}


def panel_of(days: int = 150, seed: int = 0) -> PanelDataset:
    """Two meters whose load follows the wall clock, the week and heating; weather is known."""
    rng = np.random.default_rng(seed)
    clock = WallClock(ZONE)
    step = int(clock.midnight(np.array([FIRST]))[0]) // 3_600 + np.arange(24 * days)
    wall = clock.wall(step * 3_600)
    temp = 8 + 6 * np.sin(step / 24 / 5) + rng.normal(0, 1, len(step))
    shape = 60 + 20 * np.sin((wall // 3_600 % 24) * 2 * np.pi / 24)
    shape = shape - 10 * ((wall // 86_400 + 3) % 7 >= 5) + 1.5 * np.maximum(16 - temp, 0)
    ts = pd.to_datetime(step * 3_600, unit="s", utc=True)
    parts = [
        pd.DataFrame(
            {"series_id": name, "ts": ts, "y": size * shape + rng.normal(0, size, len(ts))}
        )
        for name, size in (("big", 3.0), ("small", 0.1))
    ]
    series = pd.DataFrame({"series_id": ["big", "small"], "tz": [ZONE, ZONE]})
    known = pd.DataFrame({"ts": ts, "temp": temp})
    return PanelDataset(pd.concat(parts), series, 3_600, known, is_known_perfectly=True)


def matrix_of(panel: PanelDataset, days: int = 148) -> Matrix:
    issues = WallClock(ZONE).midnight(np.arange(FIRST + 2, FIRST + days))
    return build(panel, dict.fromkeys(panel.ids, SPEC), dict.fromkeys(panel.ids, issues))


@pytest.fixture(scope="module")
def parts() -> tuple[Lesson, Matrix]:
    """What is known by day 120, and the days after."""
    matrix = matrix_of(panel_of())
    at = int(WallClock(ZONE).midnight(np.array([FIRST + 120]))[0])
    return Lesson.of(matrix).known_by(at), matrix.take(matrix.issue_s >= at)


def quick(name: str) -> dict[str, object]:
    params = dict(forecaster(name).params)
    return {**params, **{key: value for key, value in QUICK.items() if key in params}}


@pytest.mark.parametrize("name", [name for name in KNOWN if name != "prophet"])
def test_a_forecaster_keeps_its_contract(name: str, parts: tuple[Lesson, Matrix]) -> None:
    is_near = name in NEAR
    lesson, asked = (near_tiny.lesson(), near_tiny.asked(600)) if is_near else parts
    family = forecaster(name)
    if not family.available():
        pytest.skip(f"{name} needs a library that is not installed")
    params = {**quick(name), **near_tiny.SMALL.get(name, {})}
    model = family.fit(lesson, params, 0)
    told = model.quantiles(asked)
    assert told.shape == (*asked.y.shape, 9)
    assert np.isfinite(told).all()
    assert (np.diff(told, axis=-1) >= 0).all()
    blind = replace(asked, y=np.full_like(asked.y, np.nan))
    known = np.isfinite(asked.y)
    assert np.array_equal(model.quantiles(blind), told), "it looks at the truth"
    again = family.fit(lesson, params, 0).quantiles(asked)
    assert np.array_equal(again, told), "the same seed gives the same model"
    naive = np.abs(asked.target - asked.target[known].mean())[known].mean()
    assert np.abs(asked.target - told[..., 4])[known].mean() < naive


def test_weather_that_matters_is_worth_more_than_the_calendar(parts: tuple[Lesson, Matrix]) -> None:
    lesson, asked = parts
    loss = {
        name: scores.mae(
            asked.target, forecaster(name).fit(lesson, quick(name), 0).quantiles(asked)[..., 4]
        )
        for name in ("profile", "linear")
    }
    assert loss["linear"] < 0.7 * loss["profile"]


def test_an_unknown_family_is_told_with_the_nearest() -> None:
    with pytest.raises(SearchError, match=r"LK451.*did you mean 'linear'"):
        forecaster("linar")


def test_noise_after_the_issue_changes_no_forecast() -> None:
    panel = panel_of()
    at = pd.Timestamp(int(WallClock(ZONE).midnight(np.array([FIRST + 120]))[0]), unit="s", tz="UTC")
    later = panel.rows["ts"] >= at
    noise = np.random.default_rng(1).normal(0, 1e4, len(panel.rows))
    other = replace(panel, rows=panel.rows.assign(y=panel.rows["y"].where(~later, noise)))
    told = []
    for one in (panel, other):
        matrix = matrix_of(one)
        lesson = Lesson.of(matrix).known_by(int(at.timestamp()))
        model = forecaster("boosted").fit(lesson, quick("boosted"), 0)
        told.append(model.quantiles(matrix.take(matrix.issue_s == int(at.timestamp()))))
    assert np.array_equal(told[0], told[1])


def test_a_walk_forward_weighs_and_calibrates_by_the_past_alone() -> None:
    matrix = matrix_of(panel_of())
    midnight = WallClock(ZONE).midnight(FIRST + np.array([90, 115, 146]))
    warm, first, end = (int(at) for at in midnight)
    spec = WalkSpec((Refit(warm, first), Refit(first, end)))
    families = [forecaster(name) for name in ("seasonal_naive", "profile", "linear")]
    walk = walk_forward(Lesson.of(matrix), families, spec)
    losses = {
        n: scores.mean(loss / walk.matrix.scale[:, None]) for n, loss in walk.members.crps().items()
    }
    blend = scores.mean(scores.crps(walk.matrix.y, walk.blend) / walk.matrix.scale[:, None])
    assert blend <= 1.05 * min(losses.values())
    noisy = matrix.y.copy()
    noisy[matrix.issue_s >= first + 10 * 86_400] += 1e3
    other = walk_forward(Lesson.of(replace(matrix, y=noisy)), families, spec)
    before = walk.matrix.issue_s <= first + 10 * 86_400
    assert np.array_equal(walk.calibrated[before], other.calibrated[before])
    rungs = ladder(walk.matrix, walk.steps(KNOWN), np.random.default_rng(0))
    assert [rung.name for rung in rungs][-2:] == ["ensemble", "calibrated"]
    low, high = rungs[-1].intervals["crps"]
    assert low <= rungs[-1].metrics["crps"] <= high


def test_what_is_suspect_is_not_seen_and_what_is_missing_is_not_learnt() -> None:
    panel = panel_of(40)
    rows = panel.rows.reset_index(drop=True).assign(quality=np.int8(0))
    rows.loc[rows.index[500:510], ["y", "quality"]] = (1e9, SUSPECT)
    rows.loc[rows.index[600:610], "quality"] = MISSING
    matrix = matrix_of(replace(panel, rows=rows), 38)
    assert np.nanmax(matrix.X) < 1e4
    assert np.isnan(matrix.y).sum() >= 20


def test_a_short_past_knows_no_seasons_and_is_judged_forwards(parts: tuple[Lesson, Matrix]) -> None:
    matrix = parts[0].issued
    assert is_short(matrix)
    assert "year_sin" not in readable(matrix)
    for turn in holdouts(matrix, 4):
        assert matrix.issue_s[turn.known].max() < matrix.issue_s[turn.asked].min()


def test_a_new_series_is_forecast_like_its_neighbours_until_it_has_a_past() -> None:
    matrix = matrix_of(panel_of())
    big, small = (matrix.take(matrix.series == code) for code in (0, 1))
    neighbours = fit_neighbours(big).quantiles(small)
    known = scores.mae(small.target, neighbours[..., 4])
    flat = scores.mae(small.target, np.ones_like(small.y))
    assert known < 0.7 * flat
    none = np.full_like(neighbours, np.nan)
    days = np.zeros(len(small))
    assert np.array_equal(warmed_up(none, neighbours, days), neighbours)
    own = np.zeros_like(neighbours)
    assert np.allclose(warmed_up(own, neighbours, days + 14.0), neighbours / 2)


def test_holidays_come_from_the_calendar_of_a_country_and_its_part() -> None:
    days = holidays_of("AU", "VIC", range(2014, 2015))
    cup = np.datetime64("2014-11-04").astype("datetime64[D]").astype(int)
    assert int(cup) in days
    with pytest.raises(DataError, match=r"LK266.*no holidays are known for 'XX'"):
        holidays_of("XX", None, range(2014, 2015))


def test_a_panel_gathers_its_faults() -> None:
    ts = pd.to_datetime(["2025-01-01T00:00Z"] * 2)
    rows = pd.DataFrame({"series_id": ["a", "a"], "ts": ts, "y": [1.0, 2.0]})
    with pytest.raises(DataError, match="LK265") as caught:
        PanelDataset(rows, pd.DataFrame({"series_id": ["b"]}), 7_000)
    assert len(caught.value.details) == 3
