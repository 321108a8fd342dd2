"""What new series cost, and what is usual for series of which little is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lepton.forecast import near_cold
from lepton.forecast.near_cold import ALL, KNOWN_H, cold_facts
from lepton.forecast.near_lessons import Span
from lepton.forecast.usual import Days, days_of
from tests.forecast import near_tiny

SPAN = Span(near_tiny.at(7), near_tiny.at(8))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_cold, "FEWEST", 6)
    monkeypatch.setattr(near_cold, "_LEARNT", 1_800)
    monkeypatch.setattr(near_cold, "_ASKED", 900)
    monkeypatch.setattr(near_cold, "PARTS", 3)


def test_too_few_series_tell_nothing() -> None:
    assert cold_facts(near_tiny.prepared(), SPAN) == {}


def test_errors_of_new_series_fall_with_what_is_known_of_them(small: None) -> None:
    found = cold_facts(near_tiny.prepared(), SPAN)
    names = [*map(str, KNOWN_H), ALL]
    assert set(found) == {f"cold_{name}_{m}" for name in names for m in (15, 30, 60)}
    for minutes in (15, 30, 60):
        assert found[f"cold_{ALL}_{minutes}"] < found[f"cold_0_{minutes}"]
        assert 0.8 < found[f"cold_{ALL}_{minutes}"] < 1.5
    assert found == cold_facts(near_tiny.prepared(), SPAN)


def test_only_the_last_hours_of_the_left_out_are_known() -> None:
    made, out = near_tiny.prepared(), np.array([1, 4])
    days = days_of(made.panel, near_tiny.spec(), made.cuts.holdout_s)
    short = near_cold._last(days, out, 24, made)
    known = np.isfinite(short.values[..., out]).sum(axis=(0, 1))
    assert ((known > 0.9 * 288) & (known <= 288)).all()
    others = np.setdiff1d(np.arange(6), out)
    np.testing.assert_array_equal(short.values[..., others], days.values[..., others])
    nothing = near_cold._last(days, out, 0, made)
    assert np.isnan(nothing.values[..., out]).all()


def of_days(known: int) -> Days:
    """The road's six days, of its third detector only the last ones, and 20 slower than it is."""
    days = days_of(near_tiny.panel(), near_tiny.spec(), near_tiny.at(6))
    values = days.values.copy()
    values[: len(values) - known, :, 2] = np.nan
    values[..., 2] -= 20.0
    return replace(days, values=values)


def test_a_young_series_is_drawn_to_what_it_would_be_were_it_new() -> None:
    tables = {known: of_days(known).whole.table[0, :, 2] for known in (0, 1, 2, 3, 6)}
    gaps = [float(np.mean(tables[0] - tables[known])) for known in (1, 2, 3, 6)]
    assert gaps == sorted(gaps)
    assert gaps[0] < 4.0
    assert gaps[-1] == pytest.approx(20.0, abs=2.5)


def test_what_is_usual_for_others_does_not_depend_on_how_young_one_is() -> None:
    young, old = of_days(1).whole.table, of_days(6).whole.table
    np.testing.assert_array_equal(np.delete(young, 2, axis=2), np.delete(old, 2, axis=2))
