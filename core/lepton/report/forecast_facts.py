"""From the values of a forecast's stages to what its report says."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from lepton.forecast.board import ForecastBoard, Selected
from lepton.forecast.panel import OK, PanelDataset
from lepton.forecast.prepared import Prepared, limits_of
from lepton.forecast.scores import crps
from lepton.forecast.search import spans_of
from lepton.report.content import ForecastFacts
from lepton.report.near_facts import near_facts
from lepton_edge.asof_spec import Known

RESAMPLES: Final = 300
WEEK_S: Final = 7 * 86_400
BIN_C: Final = 2.0
FEWEST: Final = 50
PARTS: Final = (
    ("night, 0 to 6 h", 0, 6),
    ("morning, 6 to 12 h", 6, 12),
    ("afternoon and evening", 12, 24),
)


def forecast_facts(
    prepared: Prepared, board: ForecastBoard, unit: str, rng: np.random.Generator
) -> ForecastFacts:
    """What a report of forecasts says beside metrics and gates."""
    panel = prepared.panel
    return ForecastFacts(
        unit=unit,
        rungs=_rungs(board.selected, spans_of(prepared), rng),
        series=_series(panel),
        response=_response(prepared),
        sums=_sums(panel),
        sums_told="What each parent measured over the sum of what its parts did, in the hours in "
        "which all are known; 1 where they agree.",
        limits=limits_of(prepared),
        near=near_facts(prepared),
    )


def _rungs(selected: Selected, spans: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Loss of each step with its interval over weeks, and over the loss of the step before."""
    block = (selected.issue_s - selected.issue_s.min(initial=0)) // WEEK_S
    n = int(block.max(initial=0)) + 1
    draws = np.array([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(RESAMPLES)])
    rows = []
    before: float | None = None
    for name, told in selected.quantiles.items():
        loss = crps(selected.y, told) / spans[selected.series][:, None]
        known = np.isfinite(loss)
        if not known.any():
            continue
        sums = np.bincount(block, np.where(known, loss, 0.0).sum(axis=1), minlength=n)
        counts = np.bincount(block, known.sum(axis=1), minlength=n)
        drawn = (draws @ sums) / np.maximum(draws @ counts, 1)
        low, high = np.quantile(drawn, [0.025, 0.975])
        mean = float(sums.sum() / counts.sum())
        rows.append((name, mean, low, high, None if before is None else mean / before))
        before = mean
    return pd.DataFrame(rows, columns=["name", "loss", "low", "high", "vs_before"])


def _series(panel: PanelDataset) -> pd.DataFrame:
    rows = panel.rows
    told = [name for name in ("type", "parent_id", "tz", "country") if name in panel.series]
    found = panel.series[["series_id", *told]].copy()
    by = rows.groupby("series_id")
    good = (rows["quality"] == OK) if "quality" in rows else pd.Series(True, index=rows.index)
    found["first"] = found["series_id"].map(by["ts"].min())
    found["values"] = found["series_id"].map(good.groupby(rows["series_id"]).sum())
    found["unknown, %"] = 100 * found["series_id"].map(1 - good.groupby(rows["series_id"]).mean())
    found["mean"] = found["series_id"].map(by["y"].mean())
    found["highest"] = found["series_id"].map(by["y"].max())
    return found.sort_values("mean", ascending=False, ignore_index=True, key=lambda x: x.abs())


def _response(prepared: Prepared) -> pd.DataFrame:
    """Quartiles of the load over its series' level by temperature, by part of the day; of the known
    column that is a temperature, its last edition before the interval began."""
    columns = ["part", "at", "low", "middle", "high"]
    panel = prepared.panel
    spec = next(iter(prepared.looks.values()))
    known = (one for one in spec.known if isinstance(one, Known))
    named = [one.name for one in known if one.is_temperature]
    if not named or panel.known is None:
        return pd.DataFrame(columns=columns)
    rows = _with_temperature(panel, named[0])
    rows["hour"] = _local_hours(panel, rows)
    rows["at"] = BIN_C * (rows["temperature"] / BIN_C).round()
    found = []
    for part, first, last in PARTS:
        inside = rows[(rows["hour"] >= first) & (rows["hour"] < last)].groupby("at")["over"]
        quartiles = inside.quantile(np.array([0.25, 0.5, 0.75])).unstack()
        kept = quartiles[inside.size() >= FEWEST]
        found += [
            (part, at, *values) for at, values in zip(kept.index, kept.to_numpy(), strict=True)
        ]
    return pd.DataFrame(found, columns=columns)


def _with_temperature(panel: PanelDataset, name: str) -> pd.DataFrame:
    """series_id, ts, over (the load over its series' mean size), temperature."""
    rows = panel.rows[["series_id", "ts", "y"]].dropna().copy()
    level = rows["y"].abs().groupby(rows["series_id"]).transform("mean")
    rows["over"] = rows["y"] / level.where(level > 0)
    known = panel.known
    assert known is not None
    keys = ["series_id", "ts"] if "series_id" in known else ["ts"]
    told = known[[*keys, *(["issued_at"] if "issued_at" in known else []), name]].dropna()
    if "issued_at" in told:
        told = told[told["issued_at"] <= told["ts"]].sort_values("issued_at", kind="stable")
    told = told.drop_duplicates(keys, keep="last").rename(columns={name: "temperature"})
    return rows.merge(told[[*keys, "temperature"]], on=keys, how="inner").dropna()


def _local_hours(panel: PanelDataset, rows: pd.DataFrame) -> pd.Series:
    zone = dict(zip(panel.ids, panel.zones, strict=True))
    hours = pd.Series(0, index=rows.index)
    for name, inside in rows.groupby(rows["series_id"].map(zone)).groups.items():
        hours.loc[inside] = rows.loc[inside, "ts"].dt.tz_convert(str(name)).dt.hour
    return hours


def _sums(panel: PanelDataset) -> pd.DataFrame:
    columns = ["parent", "children", "over their sum"]
    if "parent_id" not in panel.series:
        return pd.DataFrame(columns=columns)
    table = panel.rows.pivot(index="ts", columns="series_id", values="y")
    found = []
    for parent, children in panel.series.groupby("parent_id")["series_id"]:
        if parent in table:
            both = table[[parent, *children]].dropna()
            total = both[list(children)].sum(axis=1).sum()
            if len(both) and total:
                found.append((parent, ", ".join(children), both[parent].sum() / total))
    return pd.DataFrame(found, columns=columns)


__all__ = ["forecast_facts"]
