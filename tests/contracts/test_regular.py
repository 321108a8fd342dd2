"""A series on its grid: each fault is found where it was put, and nothing else is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lepton.contracts.keys import repeated
from lepton.contracts.regular import (
    Regular,
    level_shifts,
    longest_gap,
    regular,
    runs,
    spikes,
    step_of,
    stuck,
    unit_factor,
    worst_missing_share,
)

FIRST = pd.Timestamp("2024-01-01", tz="UTC")
HOUR, QUARTER = pd.Timedelta(hours=1), pd.Timedelta(minutes=15)
DAYS = 90


def load(step: pd.Timedelta = HOUR) -> Regular:
    """Ninety days of a daily and weekly course with noise that never repeats itself."""
    n = round(pd.Timedelta(days=DAYS) / step)
    hour = np.arange(n) * (step / HOUR)
    rng = np.random.default_rng(0)
    values = 100 + 30 * np.sin(2 * np.pi * hour / 24) + 10 * np.sin(2 * np.pi * hour / 168)
    return Regular(FIRST, step, values + rng.normal(0, 2, n))


def with_values(series: Regular, **at: float) -> Regular:
    values = series.values.copy()
    for place, value in at.items():
        values[int(place[1:])] = value
    return Regular(series.first, series.step, values)


@pytest.mark.parametrize("step", [QUARTER, HOUR / 2, HOUR])
def test_rows_in_any_order_with_copies_and_gaps_come_to_their_grid(step: pd.Timedelta) -> None:
    truth = load(step)
    rows = pd.DataFrame({"at": truth.at, "value": truth.values}).drop(index=[5, 6, 700])
    rows = pd.concat([rows, rows.iloc[[10]]]).sample(frac=1, random_state=3)
    found = regular(rows["at"], rows["value"].to_numpy())
    assert found is not None
    assert (found.step, found.first, found.copies, found.off_grid) == (step, FIRST, 1, 0)
    assert np.flatnonzero(np.isnan(found.values)).tolist() == [5, 6, 700]
    known = ~np.isnan(found.values)
    np.testing.assert_array_equal(found.values[known], truth.values[known])


def test_rows_between_two_steps_are_counted_and_left_out() -> None:
    at = pd.date_range(FIRST, periods=100, freq=HOUR)
    odd = pd.DatetimeIndex([*at, FIRST + HOUR / 3, FIRST + 50.5 * HOUR])
    found = regular(odd, np.arange(102.0))
    assert found is not None
    assert found.off_grid == 2
    np.testing.assert_array_equal(found.values, np.arange(100.0))


def test_a_first_row_off_the_grid_does_not_move_the_grid() -> None:
    whole = pd.date_range(FIRST + HOUR, periods=50, freq=HOUR)
    at = pd.DatetimeIndex([FIRST + pd.Timedelta(minutes=20), *whole])
    found = regular(at, np.arange(51.0))
    assert found is not None
    assert (found.first, found.off_grid) == (FIRST + HOUR, 1)


def test_a_step_needs_two_instants() -> None:
    assert step_of(pd.DatetimeIndex([FIRST, FIRST])) is None
    assert regular(pd.DatetimeIndex([FIRST]), np.array([1.0])) is None
    shaky = pd.DatetimeIndex([FIRST + n * QUARTER + pd.Timedelta(seconds=n % 3) for n in range(9)])
    assert step_of(shaky) == QUARTER


def test_the_worst_window_and_the_longest_gap_are_found() -> None:
    series = load()
    values = series.values.copy()
    values[100:110] = np.nan
    values[1_500:1_530] = np.nan
    series = Regular(FIRST, HOUR, values)
    share, since = worst_missing_share(series, 30)
    assert share == pytest.approx(30 / 720)
    assert since <= FIRST + 1_500 * HOUR <= since + 720 * HOUR
    assert longest_gap(series) == (30 * HOUR, FIRST + 1_500 * HOUR)
    assert longest_gap(load()) == (pd.Timedelta(0), FIRST)


def test_runs_are_stretches_of_a_mask() -> None:
    first, length = runs(np.array([True, False, True, True, False, True]))
    assert (first.tolist(), length.tolist()) == ([0, 2, 5], [1, 2, 1])
    assert runs(np.zeros(3, dtype=bool))[0].size == 0


def test_stuck_values_are_told_from_zeros_and_from_single_repeats() -> None:
    values = load().values.copy()
    values[50:54] = 7.0
    values[80:100] = 0.0
    values[200:203] = 5.0
    first, length = stuck(Regular(FIRST, HOUR, values), 4)
    assert (first.tolist(), length.tolist()) == ([50], [4])


def test_spikes_are_found_where_they_are_and_nowhere_else() -> None:
    clean = load()
    assert not spikes(clean).any()
    found = spikes(with_values(clean, p300=400.0, p301=380.0, p900=-150.0, p1500=250.0))
    assert np.flatnonzero(found).tolist() == [300, 301, 900, 1_500]


def test_a_hot_week_is_no_spike() -> None:
    values = load().values.copy()
    values[1_000:1_060] *= 1.5
    assert not spikes(Regular(FIRST, HOUR, values))[1_003:1_057].any()


@pytest.mark.parametrize(("factor", "n"), [(1.6, 1), (0.5, 1), (1.2, 0), (1000.0, 1)])
def test_a_level_that_shifts_at_once_is_told_with_its_day_and_ratio(factor: float, n: int) -> None:
    values = load().values.copy()
    values[45 * 24 :] *= factor
    found = level_shifts(Regular(FIRST, HOUR, values))
    assert len(found) == n
    for shift in found:
        assert abs(shift.at - (FIRST + pd.Timedelta(days=45))) <= pd.Timedelta(days=1)
        assert shift.ratio == pytest.approx(factor, rel=0.1)


def test_a_level_that_grows_with_the_season_is_no_shift() -> None:
    series = load()
    season = np.linspace(1.0, 4.0, len(series.values))
    assert level_shifts(Regular(FIRST, HOUR, series.values * season)) == ()


@pytest.mark.parametrize(
    ("ratio", "step", "told"),
    [
        (1_010.0, HOUR, "a thousand times"),
        (0.00097, QUARTER, "a thousandth"),
        (4.1, QUARTER, "4 times"),
        (0.26, QUARTER, "1/4"),
        (2.05, HOUR / 2, "2 times"),
        (4.1, HOUR, None),
        (1.5, QUARTER, None),
        (float("nan"), QUARTER, None),
    ],
)
def test_ratios_of_units_are_named(ratio: float, step: pd.Timedelta, told: str | None) -> None:
    found = unit_factor(ratio, step)
    assert (found is None) == (told is None)
    assert told is None or (found or "").startswith(told)


def test_copies_and_conflicts_of_a_key_of_two_columns() -> None:
    frame = pd.DataFrame(
        {
            "m": ["a", "a", "b", "b", "a", None, None],
            "t": [1, 1, 1, 1, 2, 3, 3],
            "v": [5.0, 5.0, 5.0, 6.0, 5.0, 1.0, 1.0],
        }
    )
    copies, conflicts = repeated(frame, ["m", "t"])
    assert np.flatnonzero(copies).tolist() == [1]
    assert np.flatnonzero(conflicts).tolist() == [2, 3]


def test_values_that_miss_alike_are_copies_too() -> None:
    frame = pd.DataFrame({"k": ["a", "a"], "v": [np.nan, np.nan]})
    copies, conflicts = repeated(frame, ["k"])
    assert (copies.tolist(), conflicts.tolist()) == ([False, True], [False, False])
