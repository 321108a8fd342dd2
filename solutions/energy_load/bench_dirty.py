"""What dirt in a history costs, what clock changes cost, and what adding up costs or gains.

Tables as those of `lepton simulate`, their own faults mended first: that is the truth. Then faults
as of a history that nobody has looked after are put in, and the product learns and forecasts three
times: from the truth, from the dirty history after it was cleaned, and from it as it came. All are
judged on the truth of the same days, which no model had seen. Clock changes are judged on networks
of three years that are simulated for it, in a zone of each hemisphere.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.automl.budget import Budget
from lepton.benching import versions
from lepton.forecast import scores
from lepton.forecast.board import CALIBRATED
from lepton.forecast.cleaning import Cleaned, clean
from lepton.forecast.coherent import choose, joint, node_errors, sums_of
from lepton.forecast.families import forecaster
from lepton.forecast.lessons import held_out, lesson_of
from lepton.forecast.matrix import Matrix
from lepton.forecast.panel import MISSING, OK, PanelDataset
from lepton.forecast.prepared import Prepared
from lepton.forecast.rolling import Refit
from lepton.forecast.search import ForecastSearch, search, spans_of
from lepton.forecast.spec import SETTINGS, Cuts, cuts_of
from lepton.forecast.walk import WalkSpec, walk_forward
from lepton.frames import read_parquet, read_raw
from lepton.hierarchies import each_day
from lepton.solution import BenchRequest
from lepton_edge.wall_clock import DAY_S, WallClock
from solutions.energy_load.dirt import DIRTY, Soiled, soil
from solutions.energy_load.limits import NEVER_ZERO, UNEVEN
from solutions.energy_load.panel import looks, panel
from solutions.energy_load.plan import BERLIN, MELBOURNE, Plan
from solutions.energy_load.simulate import simulate_all

TABLES: Final = ("load", "meters", "weather", "events")
FAMILIES: Final = ("linear", "lightgbm", "boosted")
RESAMPLES: Final = 500
FIRST_DAY, REFIT_DAYS, WARM_DAYS = 400, 232, 28
"""Of the years with clock changes: the first day that is judged, days between refits, and days
before it from which weights come."""
WEEK_D, NEAR_D = 7, 35


@dataclass(frozen=True, eq=False)
class Arm:
    """One history, and its forecasts (n, leads, 9) of the issues of the holdout."""

    prepared: Prepared
    matrix: Matrix
    quantiles: np.ndarray
    selected: Any


def dirty(request: BenchRequest) -> Mapping[str, Any]:
    """The protocol's JSON for the tables in the folder `request.data`.

    Options: `work_units` (10): fits of each search, two a family; `clock` (1): 0 leaves out years
    with clock changes; `years_meters` (4): meters of each network that is simulated for these.
    """
    started = time.process_time()
    options = request.numbers(work_units=10, clock=1, years_meters=4)
    tables = _read(request.data)
    true = clean(panel(tables, SETTINGS))
    load = _as_load(true.panel)
    spoilt = _spoilt(load, tables, request.seed)
    cuts = cuts_of(true.panel, SETTINGS)
    panels = {
        "clean": _cleaned(tables, load),
        "cleaned": _cleaned(tables, spoilt.load),
        "raw": _as_it_came(panel(tables | {"load": spoilt.load}, SETTINGS)),
    }
    arms = {}
    for name, found in panels.items():
        request.progress.stage(f"history: {name}")
        arms[name] = _arm(found, cuts, request, int(options["work_units"]))
    rng = np.random.default_rng(request.seed)
    metrics, intervals = _costs(arms, rng)
    metrics |= _found_again(panels["cleaned"].audit, spoilt, tables)
    reconciliation = _sums(arms["clean"])
    metrics |= {name: value for name, value in reconciliation.items() if isinstance(value, float)}
    if options["clock"]:
        request.progress.stage("clock changes")
        ratio, low, high, near = clock_changes(request, int(options["years_meters"]), rng)
        metrics |= {"clock_change_ratio": ratio, "clock_change_ratio_near": near}
        intervals["clock_change_ratio"] = [low, high]
    return {
        "protocol": "dirty",
        "options": options,
        "metrics": metrics,
        "intervals": intervals,
        "reconciliation": reconciliation,
        "cpu_s": round(time.process_time() - started, 1),
        "versions": versions(),
    }


def _read(folder: Path) -> dict[str, pd.DataFrame]:
    found = {}
    for table in TABLES:
        for suffix, read in (("parquet", read_parquet), ("csv", read_raw)):
            path = folder / f"{table}.{suffix}"
            if path.is_file():
                found[table] = read(path)
    return found


def _as_load(found: PanelDataset) -> pd.DataFrame:
    """What is believed of a panel as the table load; short gaps are bridged, long ones stay."""
    rows = found.rows.dropna(subset=["y"])
    return pd.DataFrame(
        {"event_at": rows["ts"], "meter_id": rows["series_id"], "power_kw": rows["y"]}
    ).sort_values(["event_at", "meter_id"], kind="stable", ignore_index=True)


def _spoilt(load: pd.DataFrame, tables: Mapping[str, pd.DataFrame], seed: int) -> Soiled:
    """Faults of every kind in every meter that is read; zeros where nothing is ever 0."""
    meters = tables["meters"]
    return soil(
        np.random.default_rng([seed, 1]),
        load,
        DIRTY,
        zeros_on=set(meters.loc[meters["type"].isin(NEVER_ZERO), "meter_id"]),
        spared=set(meters.loc[meters["type"] == "losses", "meter_id"]),
    )


def _cleaned(tables: Mapping[str, pd.DataFrame], load: pd.DataFrame) -> Cleaned:
    return clean(panel({**tables, "load": load}, SETTINGS))


def _as_it_came(found: PanelDataset) -> Cleaned:
    """Everything that came is believed, what did not come is missing."""
    rows = found.rows.assign(y=found.rows["before"])
    quality = np.where(rows["y"].notna(), OK, MISSING).astype(np.int8)
    rows = rows.assign(quality=quality).drop(columns=["reason", "before"])
    return Cleaned(replace(found, rows=rows), pd.DataFrame())


def _arm(found: Cleaned, cuts: Cuts, request: BenchRequest, work_units: int) -> Arm:
    """Search on all before the holdout, then forecasts of the holdout's issues."""
    prepared = Prepared(found.panel, looks(found.panel, SETTINGS), cuts, "load")
    asked = ForecastSearch(FAMILIES, Budget(work_units=work_units), request.seed, SETTINGS)
    board = search(prepared, asked, request.progress)
    matrix = held_out(prepared, SETTINGS)
    return Arm(prepared, matrix, board.champion.blend(matrix), board.selected)


def _costs(
    arms: Mapping[str, Arm], rng: np.random.Generator
) -> tuple[dict[str, Any], dict[str, list[float]]]:
    """Losses of all histories on the truth, the mean over series, by that from the truth."""
    true = arms["clean"]
    y, spans = true.matrix.y, spans_of(true.prepared)[true.matrix.series][:, None]
    loss = {
        name: np.nanmean(scores.crps(y, arm.quantiles) / spans, axis=1)
        for name, arm in arms.items()
        if np.array_equal(arm.matrix.issue_s, true.matrix.issue_s)
    }
    block = (true.matrix.issue_s - true.matrix.issue_s.min()) // (7 * DAY_S)
    metrics: dict[str, Any] = {f"rcrps_{name}": float(np.nanmean(x)) for name, x in loss.items()}
    intervals = {}
    for name, of in (("dirty_cost", "cleaned"), ("dirty_cost_without_cleaning", "raw")):
        metrics[name], *limits = _ratio(loss[of], loss["clean"], block, rng)
        metrics[name] -= 1
        intervals[name] = [one - 1 for one in limits]
    return metrics, intervals


def _ratio(
    over: np.ndarray, under: np.ndarray, block: np.ndarray, rng: np.random.Generator
) -> tuple[float, float, float]:
    """Mean of one by mean of the other, and its 95 % interval over whole weeks."""
    n = int(block.max()) + 1
    known = np.isfinite(over) & np.isfinite(under)
    sums = [np.bincount(block[known], x[known], minlength=n) for x in (over, under)]
    draws = np.array([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(RESAMPLES)])
    low, high = np.quantile((draws @ sums[0]) / (draws @ sums[1]), [0.025, 0.975])
    return float(sums[0].sum() / sums[1].sum()), float(low), float(high)


def _found_again(
    audit: pd.DataFrame, spoilt: Soiled, tables: Mapping[str, pd.DataFrame]
) -> dict[str, float]:
    """Share of wrong values that the cleaner marks, and share of what it marks that is wrong: of
    even loads, and of all; gaps need no finding."""
    wrong = spoilt.points[spoilt.points["kind"] != "gap"]
    marked = audit[audit["reason"] != "missing"].rename(
        columns={"series_id": "meter_id", "ts": "event_at"}
    )
    both = marked.merge(
        wrong[["meter_id", "event_at", "kind"]], on=["meter_id", "event_at"], how="outer"
    )
    is_marked, is_wrong = both["reason"].notna(), both["kind"].notna()
    kinds = tables["meters"].set_index("meter_id")["type"]
    even = ~both["meter_id"].map(kinds).isin(UNEVEN)
    found = {}
    for name, inside in (("", even), ("_all_meters", pd.Series(True, index=both.index))):
        hits = float((is_marked & is_wrong & inside).sum())
        found[f"cleaner_recall{name}"] = hits / max(float((is_wrong & inside).sum()), 1.0)
        found[f"cleaner_precision{name}"] = hits / max(float((is_marked & inside).sum()), 1.0)
    return found


def _sums(arm: Arm) -> dict[str, Any]:
    """Errors of direct, bottom-up, MinT and chosen forecasts of the holdout, by their size."""
    prepared, told = arm.prepared, arm.selected
    hierarchy, notes = sums_of(prepared.panel, prepared.cuts.holdout_s)
    if hierarchy is None:
        return {"notes": list(notes)}
    ids, step_s = prepared.panel.ids, prepared.panel.step_s
    past = joint(hierarchy, ids, told.series, told.issue_s, told.y, told.quantiles[CALIBRATED])
    asked = joint(
        hierarchy, ids, arm.matrix.series, arm.matrix.issue_s, arm.matrix.y, arm.quantiles
    )
    choice = choose(hierarchy, past)
    made = {m: each_day(hierarchy, m, past, asked, step_s) for m in choice.loss if m != "direct"}
    points = {"direct": asked.quantiles[..., 4], **{m: q[..., 4] for m, q in made.items()}}
    points["chosen"] = points[choice.method]
    roots = list(hierarchy.roots)
    errors = {name: node_errors(asked, point) for name, point in points.items()}
    total = {name: scores.mean(found[roots]) for name, found in errors.items()}
    own = np.moveaxis(points["chosen"], 1, 0)
    told_all = np.isfinite(own).all(axis=(0, 2))
    return {
        "method": choice.method,
        "notes": list(notes),
        "selection": {"all": dict(choice.loss), "total": dict(choice.roots)},
        "coherence_kw": hierarchy.incoherence(own[:, told_all]),
        "total_vs_better": total["chosen"] / min(total["direct"], total["bottom_up"]),
        **{f"total_{name}": value for name, value in total.items()},
        **{f"all_{name}": scores.mean(found) for name, found in errors.items()},
    }


def clock_changes(
    request: BenchRequest, meters: int, rng: np.random.Generator
) -> tuple[float, float, float, float]:
    """Error in the weeks after clock changes by that of all other weeks, its 95 % interval, and by
    that of the weeks within five of a change; over both networks."""
    after, near, loss, block = [], [], [], []
    for number, place in enumerate((BERLIN, MELBOURNE)):
        plan = Plan(meters, 1_096, place, first="2022-01-01", faults=False)
        made = simulate_all(np.random.default_rng([request.seed, 2, number]), plan)
        found = clean(panel({name: made.tables[name] for name in TABLES}, SETTINGS)).panel
        own, matrix = _walked(found, request.seed)
        days_since = _since_change(matrix.issue_s, place.zone)
        after.append((days_since >= 0) & (days_since < WEEK_D))
        near.append(~after[-1] & (np.abs(days_since) <= NEAR_D))
        loss.append(own)
        week = (matrix.issue_s - matrix.issue_s.min()) // (7 * DAY_S)
        block.append(week + 1_000 * number)
        request.progress.step(f"{place.zone}: {_share(own, after[-1], ~after[-1]):.3f}")
    is_after, is_near, losses = (np.concatenate(one) for one in (after, near, loss))
    blocks = np.unique(np.concatenate(block), return_inverse=True)[1]
    draws = []
    for _ in range(RESAMPLES):
        times = np.bincount(rng.integers(0, blocks.max() + 1, blocks.max() + 1))
        weight = np.pad(times, (0, blocks.max() + 1 - len(times)))[blocks]
        draws.append(
            np.average(losses[is_after], weights=weight[is_after] + 1e-9)
            / np.average(losses[~is_after], weights=weight[~is_after] + 1e-9)
        )
    low, high = np.quantile(draws, [0.025, 0.975])
    return (
        _share(losses, is_after, ~is_after),
        float(low),
        float(high),
        _share(losses, is_after, is_near),
    )


def _share(losses: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
    return float(losses[one].mean() / losses[other].mean())


def _walked(found: PanelDataset, seed: int) -> tuple[np.ndarray, Matrix]:
    """Error of each issue's median by the size of its series, from the first day judged on."""
    cuts = cuts_of(found, SETTINGS)
    everything = replace(cuts, selection_s=cuts.end_s, holdout_s=cuts.end_s)
    prepared = Prepared(found, looks(found, SETTINGS), everything)
    lesson = lesson_of(prepared, SETTINGS, anywhere=False)
    first_s = cuts.start_s + FIRST_DAY * DAY_S
    starts = np.arange(first_s, cuts.end_s - REFIT_DAYS * DAY_S / 2, REFIT_DAYS * DAY_S)
    ends = [*starts[1:].astype(int).tolist(), cuts.end_s]
    refits = [Refit(int(at), int(until)) for at, until in zip(starts, ends, strict=True)]
    warm = Refit(first_s - WARM_DAYS * DAY_S, first_s)
    members = [forecaster(name) for name in ("profile", *FAMILIES)]
    walk = walk_forward(lesson, members, WalkSpec((warm, *refits), seed=seed))
    matrix = walk.matrix
    size = np.nanmean(np.abs(matrix.y), axis=1)
    error = np.nanmean(np.abs(matrix.y - walk.calibrated[..., 4]), axis=1)
    level = pd.Series(size).groupby(matrix.series).transform("mean").to_numpy()
    return error / level, matrix


def _since_change(issue_s: np.ndarray, zone: str) -> np.ndarray:
    """Days from the nearest day on which the clock was changed, negative before it."""
    clock = WallClock(zone)
    day = clock.day(issue_s)
    every = np.arange(day.min() - 40, day.max() + 41)
    begins = clock.instant(every * DAY_S)
    changed = every[:-1][np.diff(begins) != DAY_S]
    apart = day[:, None] - changed[None]
    return np.asarray(np.take_along_axis(apart, np.abs(apart).argmin(axis=1)[:, None], 1)[:, 0])


__all__ = ["clock_changes", "dirty"]
