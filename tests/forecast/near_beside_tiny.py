"""The tiny road with rain for all and events by detector, in editions."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from lepton.automl.budget import Budget
from lepton.export.forecast_bundle import write_forecast_bundle
from lepton.forecast.board import ForecastBoard
from lepton.forecast.matrix import Matrix
from lepton.forecast.near_lessons import NearLearning, Span, asked_of
from lepton.forecast.near_search import near_spec, search_near
from lepton.forecast.panel import PanelDataset
from lepton.forecast.prepared import Prepared
from lepton.forecast.search import ForecastSearch
from lepton.progress import Silent
from lepton_edge.near_beside import NearKnown
from lepton_edge.near_spec import NearSpec
from tests.forecast import near_tiny

RAIN, EVENT = NearKnown("rain", is_shared=True), NearKnown("event", otherwise=0.0)
SPELL_S = 9_000
"""Seconds of a dry, and of a wet spell."""
SPELLS = np.random.default_rng(11).random(200) < 0.4


def is_wet(at_s: np.ndarray) -> np.ndarray:
    """Whether it rains, in spells at any time of the day."""
    return np.asarray(SPELLS[(at_s - near_tiny.START) // SPELL_S])


@cache
def known() -> pd.DataFrame:
    """Rain by the half hour, foreseen (twice too hard) an hour before and seen at its end; an event
    at one detector each afternoon, told five minutes late and over after forty."""
    begin = near_tiny.START + 1_800 * np.arange(near_tiny.DAYS * 48)
    rain = 2.0 * is_wet(begin)
    parts = []
    for late, factor in ((-3_600, 2.0), (1_800, 1.0)):
        for step in range(6):
            parts.append(_rows(begin + 300 * step, begin + late).assign(rain=factor * rain))
    for day in range(near_tiny.DAYS):
        start = near_tiny.START + day * near_tiny.DAY_S + 15 * 3_600
        at = start + 300 * np.arange(9)
        own = _rows(at, np.maximum(at, start + 300)).assign(event=[0.5] * 8 + [0.0])
        parts.append(own.assign(series_id=near_tiny.IDS[day % 6]))
    made = pd.concat(parts, ignore_index=True)
    return made.astype({"series_id": "str"}).assign(
        series_id=made["series_id"].astype("str").where(made["series_id"].notna(), None)
    )


def _rows(at_s: np.ndarray, issued_s: np.ndarray) -> pd.DataFrame:
    told = {"ts": at_s, "issued_at": issued_s}
    return pd.DataFrame({name: pd.to_datetime(s, unit="s", utc=True) for name, s in told.items()})


@cache
def panel(lost_kmh: float = 15.0) -> PanelDataset:
    """The road, slower by so much where it rains."""
    made = near_tiny.panel()
    at = made.rows["ts"].astype("datetime64[s, UTC]").astype("int64").to_numpy()
    y = made.rows["y"] - lost_kmh * is_wet(at)
    return replace(made, rows=made.rows.assign(y=y), known=known())


def spec() -> NearSpec:
    """The look with both columns."""
    return replace(near_tiny.spec(), known=(RAIN, EVENT))


def prepared(lost_kmh: float = 15.0) -> Prepared:
    """As that of the road alone."""
    looks = dict.fromkeys(near_tiny.IDS, spec())
    return replace(near_tiny.prepared(), panel=panel(lost_kmh), looks=looks)


@cache
def board() -> ForecastBoard:
    """What the search finds, a network among it."""
    asked = ForecastSearch(("near_trees", "near_net"), Budget(work_units=20), 0, {})
    return search_near(prepared(), asked, Silent(), NearLearning(most=6_000), near_tiny.RULE)


def asked(most: int = 300) -> Matrix:
    """Issues of the holdout as its champion is asked."""
    champion = board().champion
    assert champion.habits is not None
    own = replace(prepared(), looks=champion.series.specs)
    span = Span(near_tiny.at(7), near_tiny.at(8.9))
    return asked_of(panel(), near_spec(own), champion.habits, span, most=most)


def bundle(folder: Path) -> Path:
    """The bundle of what the search found."""
    context = replace(near_tiny.context(), panel=panel())
    return write_forecast_bundle(folder / "bundle", board().champion, context).path
