"""Rings and schedules of forecasts: many values at once as one by one, days of any length."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton_edge.asof_stream import Ring
from lepton_edge.forecast_plan import Schedule


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 60))
def test_many_values_at_once_are_kept_as_one_by_one(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    at_once, one_by_one = Ring(3, 8), Ring(3, 8)
    for _ in range(3):
        series, step = rng.integers(0, 3, n), rng.integers(0, 30, n)
        value = rng.normal(0, 1, n)
        at_once.put(series, step, value)
        for place in range(n):
            inside = slice(place, place + 1)
            one_by_one.put(series[inside], step[inside], value[inside])
        assert np.array_equal(at_once.step, one_by_one.step)
        assert np.array_equal(at_once.value, one_by_one.value, equal_nan=True)


def seconds(*date: int) -> int:
    return int(datetime(*date, tzinfo=UTC).timestamp())  # type: ignore[arg-type, misc]


def test_a_gate_comes_once_a_local_day_also_where_the_clock_skips_or_repeats_it() -> None:
    schedule = Schedule("Europe/Berlin", (150,))  # half past two
    first, last = seconds(2025, 1, 1), seconds(2026, 1, 1)
    found = schedule.between(first, last)
    assert len(found) == 365
    assert seconds(2025, 3, 30, 1, 30) in found  # skipped: as far after the change
    assert seconds(2025, 10, 26, 0, 30) in found  # twice: the first
    gaps = np.diff(found)
    assert set(gaps.tolist()) <= {22 * 3600, 23 * 3600, 24 * 3600, 25 * 3600, 26 * 3600}


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(0, 20 * 86_400), max_size=6))
def test_nothing_is_due_twice_however_the_time_is_cut(cuts: list[int]) -> None:
    schedule = Schedule("America/New_York", (0, 600), every_s=21_600)
    first = seconds(2025, 3, 1)
    ends = [first, *sorted(first + cut for cut in cuts), first + 20 * 86_400]
    parts = [at for low, high in pairwise(ends) for at in schedule.between(low, high)]
    assert parts == schedule.between(first, ends[-1])
