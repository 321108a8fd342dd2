"""What a report of the next minutes of a network shows beside that of other forecasts."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lepton.forecast.panel import MISSING, OK, SUSPECT, PanelDataset
from lepton.forecast.prepared import Prepared
from lepton.forecast.usual import days_of
from lepton_edge.near_spec import NearSpec

_PLACE = ("road_id", "direction")


@dataclass(frozen=True)
class NearFacts:
    """network: series, road, km, free (of flow), one row a series in the order of the road; health:
    a row a series, a column a local day, share of intervals that are not believed or missing."""

    network: pd.DataFrame = field(default_factory=pd.DataFrame)
    health: pd.DataFrame = field(default_factory=pd.DataFrame)


def near_facts(prepared: Prepared) -> NearFacts | None:
    """The facts of forecasts of the next minutes, None of others."""
    look = next(iter(prepared.looks.values()))
    if not isinstance(look, NearSpec):
        return None
    network = _network(prepared, look)
    return NearFacts(network, _health(prepared.panel, list(network["series"])))


def _network(prepared: Prepared, look: NearSpec) -> pd.DataFrame:
    panel = prepared.panel
    free = days_of(panel, look, prepared.cuts.holdout_s).whole.free
    told = panel.series
    road = pd.Series("", index=told.index)
    for name in (name for name in _PLACE if name in told):
        road = road + " " + told[name].fillna("").astype("str")
    km = np.arange(len(told), dtype=np.float64)
    if "postmile_km" in told:
        place = told["postmile_km"].astype("float64").to_numpy()
        km = np.where(np.isfinite(place), place, km)
    found = pd.DataFrame(
        {"series": list(panel.ids), "road": road.str.strip().to_numpy(), "km": km, "free": free}
    )
    return found.sort_values(["road", "km"], kind="stable", ignore_index=True)


def _health(panel: PanelDataset, order: list[str]) -> pd.DataFrame:
    rows = panel.rows
    quality = rows["quality"] if "quality" in rows else pd.Series(OK, index=rows.index)
    bad = quality.isin([MISSING, SUSPECT]) | rows["y"].isna()
    day = rows["ts"].dt.tz_convert(panel.zones[0]).dt.tz_localize(None).dt.floor("D")
    good = (~bad).groupby([rows["series_id"], day]).sum().unstack(fill_value=0)
    # the first and last day may have fewer intervals: of these the best series counts as whole
    return (1 - good / good.max()).clip(lower=0.0).reindex(order)


__all__ = ["NearFacts", "near_facts"]
