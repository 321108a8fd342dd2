"""Figures of the next minutes show what is there, and nothing where nothing is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lepton.report import near_plots
from lepton.report.cold_plot import cold
from lepton.report.near_facts import near_facts
from tests.forecast import near_tiny


def scored() -> pd.DataFrame:
    """Two days of forecasts of the road, wrong by 5 at the latest value and by 1 otherwise."""
    at = pd.date_range("2025-03-24", periods=48, freq="h", tz="UTC").repeat(len(near_tiny.IDS))
    rows = pd.DataFrame({"issued_at": at, "entity": list(near_tiny.IDS) * 48})
    leads = [rows.assign(lead_h=lead / 12, event_at=at) for lead in range(12)]
    found = pd.concat(leads, ignore_index=True)
    found["local_at"] = found["event_at"].dt.tz_localize(None) + pd.to_timedelta(
        found["lead_h"], unit="h"
    )
    found["target"] = np.where(found["entity"] == "d2", 20.0, 60.0)
    return found.assign(q50=found["target"] + 1, median_persistence=found["target"] + 5)


def test_the_network_is_told_in_the_order_of_the_road() -> None:
    facts = near_facts(near_tiny.prepared())
    assert facts is not None
    assert list(facts.network["series"]) == list(near_tiny.IDS)
    assert facts.network["free"].between(55, 70).all()
    # nine days of 24 hours, of which the clock change lets one hour reach into a tenth
    assert facts.health.shape == (6, 10)
    assert facts.health.to_numpy()[:, 1:-1].max() < 0.1


def test_the_map_shows_a_square_a_detector_for_each_span() -> None:
    facts = near_facts(near_tiny.prepared())
    assert facts is not None
    figure = near_plots.network_map(scored(), facts.network)
    assert figure is not None
    panels = [axes for axes in figure.axes if axes.get_title()]
    assert [axes.get_title() for axes in panels] == [f"in {m} minutes" for m in (15, 30, 60)]
    assert all(np.shape(axes.collections[0].get_offsets()) == (6, 2) for axes in panels)
    assert near_plots.network_map(scored().iloc[:0], facts.network) is None


def test_the_error_of_each_lead_stands_beside_its_floor() -> None:
    figure = near_plots.by_minutes(scored())
    assert figure is not None
    lines: Any = figure.axes[0].lines
    own, floor = lines
    assert list(own.get_xdata()) == list(range(5, 65, 5))
    np.testing.assert_allclose(own.get_ydata(), 1.0)
    np.testing.assert_allclose(floor.get_ydata(), 5.0)


def test_curves_come_from_the_facts_and_are_left_out_without_them() -> None:
    facts = {"dead_0_15": 2.0, "dead_30_15": 2.5, "onset_precision_at_50": 0.8}
    facts |= {"onset_precision_at_100": 0.2, "onset_lead_5": 0.4, "onset_lead_10": 0.6}
    facts["onset_lead_median_min"] = 10.0
    dead = near_plots.dead(facts)
    assert dead is not None
    rise: Any = dead.axes[0].lines[0]
    np.testing.assert_allclose(rise.get_ydata(), [0.0, 25.0])
    curve, early = near_plots.precision_recall(facts), near_plots.lead_times(facts)
    assert curve is not None
    assert early is not None
    line: Any = curve.axes[0].lines[0]
    bars: Any = early.axes[0].patches
    assert list(line.get_xdata()) == [50.0, 100.0]
    assert [bar.get_height() for bar in bars] == [40.0, 60.0]
    for draw in (near_plots.dead, near_plots.precision_recall, near_plots.lead_times):
        assert draw({}) is None


def test_new_detectors_are_drawn_by_what_is_known_of_them() -> None:
    facts = {"cold_0_15": 1.2, "cold_24_15": 1.1, "cold_all_15": 1.0, "cold_0_60": 1.5}
    figure = cold(facts)
    assert figure is not None
    (axes,) = figure.axes
    assert [one.get_text() for one in axes.get_xticklabels()] == ["none", "1 day", "all"]
    lines: Any = axes.lines
    np.testing.assert_allclose(lines[0].get_ydata(), [20.0, 10.0, 0.0])
    np.testing.assert_allclose(lines[1].get_ydata(), [50.0])
    assert cold({"dead_0_15": 2.0}) is None


def test_a_road_over_a_day_shows_what_came_and_what_was_forecast() -> None:
    facts = near_facts(near_tiny.prepared())
    assert facts is not None
    figure = near_plots.space_time(scored(), facts.network)
    assert figure is not None
    assert sum("what came" in axes.get_title() for axes in figure.axes) == 1
    assert near_plots.health(facts.health) is not None
