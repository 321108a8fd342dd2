"""Weather and events beside a network: nothing later is seen, only what helps is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lepton.automl.budget import Budget
from lepton.export.forecast_parity import check_forecasts
from lepton.forecast.leak import leak_of
from lepton.forecast.near import NearIssues, build_near
from lepton.forecast.near_agreement import near_agreement
from lepton.forecast.near_beside import without, worth_of
from lepton.forecast.near_lessons import NearLearning
from lepton.forecast.near_search import near_spec, search_near, study
from lepton.forecast.search import ForecastSearch
from lepton.forecast.usual import days_of
from lepton.progress import Silent
from lepton_edge.forecast_golden import check_windows
from lepton_edge.forecaster import Forecaster
from tests.forecast import near_beside_tiny, near_tiny

LEARNING = NearLearning(most=6_000)


def test_noise_in_place_of_later_editions_changes_no_feature() -> None:
    rng = np.random.default_rng(0)
    prepared = near_beside_tiny.prepared()
    habits = days_of(prepared.panel, near_beside_tiny.spec(), near_tiny.at(5)).whole
    issues = near_tiny.at(5) + 300 * rng.integers(0, 900, 12)
    assert leak_of(prepared, issues, rng, habits) == 0.0


def test_an_edition_that_is_dated_back_does_change_features() -> None:
    """What the leak test must be able to see."""
    prepared = near_beside_tiny.prepared()
    panel, spec = prepared.panel, near_beside_tiny.spec()
    habits = days_of(panel, spec, near_tiny.at(5)).whole
    at = np.array([near_tiny.at(5.02)], dtype=np.int64)
    known = near_beside_tiny.known()
    early = known.assign(issued_at=known["issued_at"] - np.timedelta64(7_200, "s"))
    issues = NearIssues(at, np.ones((1, 6), dtype=bool))
    told = [build_near(replace(panel, known=one), spec, issues, habits) for one in (known, early)]
    assert not np.array_equal(told[0].shape, told[1].shape, equal_nan=True)


def test_the_newest_edition_counts_and_goes_on() -> None:
    prepared, spec = near_beside_tiny.prepared(), near_beside_tiny.spec()
    habits = days_of(prepared.panel, spec, near_tiny.at(5)).whole
    wet = next(s for s in range(near_tiny.at(5), near_tiny.at(6), 1_800) if _begins(s))
    issues = NearIssues(np.array([wet + 1_800]), np.ones((1, 6), dtype=bool))
    made = build_near(prepared.panel, spec, issues, habits)
    # foreseen an hour ahead it is twice as hard as what was seen of the last half hour
    assert set(made.column("rain").ravel()) == {4.0}
    seen = made.shape[:, made.shape_names.index("rain_before")]
    assert seen == pytest.approx(2.0 * 6 / spec.n_back)


def _begins(at_s: int) -> bool:
    wet = near_beside_tiny.is_wet(np.array([at_s - 1, at_s]))
    return bool(wet[1] and not wet[0])


def test_an_event_is_unknown_before_its_report_and_lasts_until_its_end_is_told() -> None:
    prepared, spec = near_beside_tiny.prepared(), near_beside_tiny.spec()
    habits = days_of(prepared.panel, spec, near_tiny.at(5)).whole
    start = near_tiny.START + 5 * near_tiny.DAY_S + 15 * 3_600
    at = start + 300 * np.array([0, 1, 7, 8])
    picked = np.ones((4, 6), dtype=bool)
    made = build_near(prepared.panel, spec, NearIssues(at, picked), habits)
    own = made.take(made.series == 5).column("event")
    assert (own == np.array([0.0, 0.5, 0.5, 0.0])[:, None]).all()
    assert (made.take(made.series != 5).column("event") == 0).all()


def test_where_a_table_is_not_delivered_any_more_its_columns_are_unknown() -> None:
    spec = near_beside_tiny.spec()
    habits = days_of(near_tiny.panel(), spec, near_tiny.at(5)).whole
    issues = NearIssues(np.array([near_tiny.at(5.5)]), np.ones((1, 6), dtype=bool))
    made = build_near(near_tiny.panel(), spec, issues, habits)
    assert np.isnan(made.column("rain")).all()
    assert (made.column("event") == 0).all()


def test_rings_give_the_bits_of_the_batch() -> None:
    panel, spec = near_beside_tiny.panel(), near_beside_tiny.spec()
    habits = days_of(panel, spec, near_tiny.at(6)).whole
    issues = near_tiny.at(6.62) + 300 * np.arange(14, dtype=np.int64)
    worst, compared = near_agreement(panel, spec, habits, issues)
    assert worst == 0.0
    assert compared > 1_000


def test_without_columns_the_features_are_those_of_the_road_alone() -> None:
    panel, spec = near_beside_tiny.panel(), near_beside_tiny.spec()
    habits = days_of(panel, spec, near_tiny.at(6)).whole
    issues = NearIssues(np.array([near_tiny.at(6.5)]), np.ones((1, 6), dtype=bool))
    whole, alone = (build_near(panel, one, issues, habits) for one in (spec, near_tiny.spec()))
    cut = without(whole, spec, [])
    assert (cut.names, cut.shape_names) == (alone.names, alone.shape_names)
    np.testing.assert_array_equal(cut.X, alone.X)
    np.testing.assert_array_equal(cut.shape, alone.shape)


def test_some_of_what_is_learnt_from_is_without_what_is_known_beside_it() -> None:
    prepared = near_beside_tiny.prepared()
    learnt = study(prepared, prepared.cuts.holdout_s, LEARNING).learnt
    unknown = np.isnan(learnt.column("rain")).all(axis=1)
    assert 0.03 < unknown.mean() < 0.2
    assert np.isfinite(learnt.column("event")).all()


def test_a_column_is_kept_where_it_saves_error_and_not_where_it_says_nothing() -> None:
    for lost_kmh, kept in ((15.0, ["rain"]), (0.0, [])):
        prepared = near_beside_tiny.prepared(lost_kmh)
        learnt = study(prepared, prepared.cuts.holdout_s, LEARNING).learnt
        worth = worth_of(near_spec(prepared), learnt, 0)
        assert [one.name for one in worth if one.is_kept] == kept
        assert [one.name for one in worth] == ["rain", "event"]


def test_the_search_says_what_each_is_worth_and_looks_at_no_other() -> None:
    board = near_beside_tiny.board()
    assert [one.name for one in board.champion.spec.known] == ["rain"]
    assert any(note.startswith("rain: is looked at") for note in board.notes)
    assert any(note.startswith("event: is not looked at") for note in board.notes)


def test_both_families_forecast_slower_where_rain_is_foreseen() -> None:
    asked, champion = near_beside_tiny.asked(), near_beside_tiny.board().champion
    wet = replace(asked, X=asked.X.copy(), shape=asked.shape.copy())
    dry = replace(asked, X=asked.X.copy(), shape=asked.shape.copy())
    for one, amount in ((wet, 2.0), (dry, 0.0)):
        one.X[..., one.names.index("rain")] = amount
        one.shape[:, one.shape_names.index("rain_ahead")] = amount
    assert set(champion.members) == {"near_trees", "near_net"}
    for model in champion.members.values():
        lost = model.quantiles(dry)[..., 4] - model.quantiles(wet)[..., 4]
        assert np.mean(lost[:, -1]) > 2.0


def test_a_bundle_forecasts_as_its_champion_does(tmp_path: Path) -> None:
    champion, path = near_beside_tiny.board().champion, near_beside_tiny.bundle(tmp_path)
    asked = near_beside_tiny.asked()
    blind = replace(asked, X=asked.X.copy(), shape=asked.shape.copy())
    blind.X[..., asked.names.index("rain")] = np.nan
    for name in ("rain_before", "rain_ahead"):
        blind.shape[:, asked.shape_names.index(name)] = np.nan
    for matrix in (asked, blind):
        parity = check_forecasts(champion, path, matrix)
        assert parity.passed, parity
        assert parity.max_abs_diff < 1e-4
    assert check_windows(Forecaster(path)).max_abs_diff <= 1e-6


def test_a_short_budget_looks_at_no_column() -> None:
    asked = ForecastSearch(("near_trees",), Budget(seconds=100.0), 0, {})
    found = search_near(near_beside_tiny.prepared(), asked, Silent(), LEARNING)
    assert found.champion.spec.known == ()
    assert any("had no room" in note for note in found.notes)
