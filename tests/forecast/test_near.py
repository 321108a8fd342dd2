"""Promises of forecasts of the next minutes: nothing later is seen, neighbours stand in, floors are
beaten, nobody's own day tells what is usual on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lepton.forecast import scores
from lepton.forecast.lag_graph import learnt_neighbours
from lepton.forecast.leak import leak_of
from lepton.forecast.near import NearIssues, build_near, window_of
from lepton.forecast.near_agreement import near_agreement
from lepton.forecast.near_lessons import NearLearning, Span, asked_of, learnt_from
from lepton.forecast.near_onset import fit_onset, happened, is_free
from lepton.forecast.prepared import Prepared
from lepton.forecast.usual import days_of
from lepton_edge.near import NearWindow, near_features
from lepton_edge.near_spec import NearSpec
from lepton_edge.wall_clock import WallClock
from tests.forecast import near_tiny


def test_noise_in_place_of_everything_later_changes_no_feature() -> None:
    rng = np.random.default_rng(0)
    habits = days_of(near_tiny.panel(), near_tiny.spec(), near_tiny.at(5)).whole
    issues = near_tiny.at(5) + 300 * rng.integers(0, 900, 12)
    assert leak_of(near_tiny.prepared(), issues, rng, habits) == 0.0


def test_noise_in_place_of_everything_later_changes_nothing_that_is_usual() -> None:
    panel, cut = near_tiny.panel(), near_tiny.at(5)
    rows = panel.rows.copy()
    later = (rows["ts"].astype("datetime64[s, UTC]").astype("int64") >= cut).to_numpy()
    rows.loc[later, "y"] = np.random.default_rng(1).normal(0, 1e3, later.sum())
    before, after = (
        days_of(one, near_tiny.spec(), cut).whole for one in (panel, replace(panel, rows=rows))
    )
    for name, values in before.to_arrays().items():
        np.testing.assert_array_equal(values, after.to_arrays()[name])


def test_what_is_usual_on_a_day_that_is_learnt_from_comes_from_other_days() -> None:
    panel, spec = near_tiny.panel(), near_tiny.spec()
    rows = panel.rows.copy()
    day = rows["ts"].dt.tz_convert(near_tiny.ZONE).dt.date
    own = (day == sorted(set(day))[2]).to_numpy()
    rows.loc[own, "y"] = 5.0
    changed = replace(panel, rows=rows)
    at = np.array([near_tiny.at(2.4)], dtype=np.int64)
    issues = NearIssues(at, np.ones((1, len(near_tiny.IDS)), dtype=bool))
    told = [
        build_near(one, spec, issues, days_of(one, spec, near_tiny.at(6)))
        for one in (panel, changed)
    ]
    # the smoothing of single precision apart, nothing of the day itself is in it
    np.testing.assert_allclose(told[0].column("habit"), told[1].column("habit"), atol=1e-3)


def test_a_batch_and_single_instants_give_the_same_bits() -> None:
    panel, spec = near_tiny.panel(), near_tiny.spec()
    habits = days_of(panel, spec, near_tiny.at(6)).whole
    at = near_tiny.at(6) + 300 * np.arange(40, dtype=np.int64)
    whole = near_features(spec, window_of(panel, spec, at), habits)
    n = len(near_tiny.IDS)
    for place in (0, 17, 39):
        one = near_features(spec, window_of(panel, spec, at[place : place + 1]), habits)
        here = slice(place * n, (place + 1) * n)
        np.testing.assert_array_equal(one.X, whole.X[here])
        np.testing.assert_array_equal(one.shape, whole.shape[here])


def test_rings_give_the_bits_of_the_batch_after_a_restart_too() -> None:
    habits = days_of(near_tiny.panel(), near_tiny.spec(), near_tiny.at(6)).whole
    issues = near_tiny.at(6.3) + 300 * np.arange(9, dtype=np.int64)
    worst, compared = near_agreement(near_tiny.panel(), near_tiny.spec(), habits, issues)
    assert worst == 0.0
    assert compared > 1_000


def test_a_spec_comes_back_from_plain_data() -> None:
    spec = replace(near_tiny.spec(), holidays=(20_000, 20_001))
    assert NearSpec.from_json(spec.to_json()) == spec


def test_a_dead_detector_starts_from_what_is_usual_moved_by_its_neighbours() -> None:
    panel, spec = near_tiny.panel(), near_tiny.spec()
    habits = days_of(panel, spec, near_tiny.at(6)).whole
    at = np.array([near_tiny.at(6.5)], dtype=np.int64)
    past = window_of(panel, spec, at).past.copy()
    usual = habits.at(spec, WallClock(near_tiny.ZONE), at // 300 - 1)[0]
    past[0, 2] = np.nan
    past[0, 1, -1], past[0, 3, -1] = usual[1] - 10, usual[3] - 20
    made = near_features(spec, NearWindow(at // 300, past), habits)
    recent = made.X[2, 0, spec.names.index("recent")]
    assert recent == pytest.approx(usual[2] - 15, abs=1e-9)
    assert made.X[2, 0, spec.names.index("age_min")] == 65.0
    assert np.isfinite(made.X[2]).all()


def test_dead_detectors_are_learnt_from_and_left_out_ones_never() -> None:
    days = days_of(near_tiny.panel(), near_tiny.spec(), near_tiny.at(6))
    learning = NearLearning(most=3_000, copies=1.0, left_out=(4,))
    span = Span(near_tiny.at(1), near_tiny.at(5))
    learnt = learnt_from(near_tiny.panel(), near_tiny.spec(), days, span, learning)
    unknown = learnt.shape[:, learnt.shape_names.index("unknown")]
    assert 0.05 < (unknown == 12).mean() < 0.3
    assert 4 not in learnt.series


def test_a_new_detector_is_told_by_its_neighbours_alone_while_learning() -> None:
    days = days_of(near_tiny.panel(), near_tiny.spec(), near_tiny.at(6))
    told = days.as_if_new(np.array([2])).whole.table
    known = days.whole.table
    np.testing.assert_allclose(told[0, :, 2], known[0][:, [1, 3]].mean(axis=1), atol=6.0)
    assert not np.array_equal(told[..., 2], known[..., 2])
    np.testing.assert_array_equal(told[..., 4], known[..., 4])


def test_trees_beat_every_floor_on_a_road_whose_waves_they_can_see_coming() -> None:
    asked = near_tiny.asked()
    loss = {
        name: scores.mean(scores.crps(asked.y, near_tiny.fitted(name).quantiles(asked)))
        for name in ("persistence", "habit", "drift", "near_trees")
    }
    assert loss["near_trees"] < 0.97 * min(loss[name] for name in loss if name != "near_trees")


def test_deciles_never_cross_and_hold_about_what_they_say() -> None:
    asked = near_tiny.asked()
    told = near_tiny.fitted("near_trees").quantiles(asked)
    assert (np.diff(told, axis=-1) >= 0).all()
    assert 0.6 < scores.coverage(asked.y, told[..., 0], told[..., -1]) < 0.95


def test_onset_is_two_slow_intervals_after_free_flow() -> None:
    asked = near_tiny.asked(200)
    free = asked.shape[:, asked.shape_names.index("free")][0]
    y = np.full((3, 12), free)
    y[0, 4:6] = 0.5 * free
    y[1, [1, 3, 5, 7]] = 0.5 * free
    y[2, 2:] = np.nan
    rows = replace(asked.take(np.zeros(3, dtype=np.int64)), y=y)
    told = happened(rows, near_tiny.RULE)
    np.testing.assert_array_equal(told[0], [0, 1, 1])
    np.testing.assert_array_equal(told[1], [0, 0, 0])
    assert np.isnan(told[2]).all()


def test_chances_of_congestion_rank_what_comes_and_grow_with_the_span() -> None:
    onset = fit_onset(near_tiny.lesson(), near_tiny.RULE, 0)
    assert onset is not None
    asked = near_tiny.asked(4_000)
    chance = onset.chances(asked)
    assert (np.diff(chance, axis=1) >= 0).all()
    free, truth = is_free(asked, near_tiny.RULE), happened(asked, near_tiny.RULE)[:, 1]
    known = free & np.isfinite(truth)
    came, not_ = chance[known & (truth > 0), 1], chance[known & (truth == 0), 1]
    assert came.mean() > 5 * not_.mean()


@pytest.mark.parametrize("late", [4, 6, 9])
def test_readings_that_come_late_are_free_only_where_some_are_known_and_none_is_slow(
    late: int,
) -> None:
    rule, asked = replace(near_tiny.RULE, late=late), near_tiny.asked(300)
    gone = replace(asked, shape=np.full_like(asked.shape, np.nan))
    assert not is_free(gone, rule).any()
    free = is_free(asked, rule)
    assert 0 < free.mean() < 1
    slow = asked.shape.copy()
    slow[:, asked.shape_names.index("free")] = 1e4
    assert not is_free(replace(asked, shape=slow), rule).any()


def test_prepared_comes_back_with_its_look(tmp_path: Path) -> None:
    near_tiny.prepared().save(tmp_path)
    again = Prepared.load(tmp_path)
    assert dict(again.looks) == dict(near_tiny.prepared().looks)


def test_issues_are_asked_at_all_minutes_of_the_hour() -> None:
    habits = days_of(near_tiny.panel(), near_tiny.spec(), near_tiny.at(6)).whole
    span = Span(near_tiny.at(6), near_tiny.at(8))
    asked = asked_of(near_tiny.panel(), near_tiny.spec(), habits, span, most=1_200)
    assert len(set(asked.issue_s % 3_600)) == 12


def test_a_graph_is_learnt_in_which_what_comes_first_lies_down_the_road() -> None:
    days = days_of(near_tiny.panel(), near_tiny.spec(), near_tiny.at(7))
    found = learnt_neighbours(near_tiny.IDS, days)
    # waves begin at the last detector and reach the first one last
    later = [code > own for own, row in enumerate(found.down) for code in row]
    assert sum(later) > 0.8 * len(later)
    assert found.n_edges > 8
