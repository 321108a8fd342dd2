"""What a report says of forecasts, in reading order."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from lepton.evaluation.results import MetricResult
from lepton.report import forecast_plots, queue_section
from lepton.report.blocks import Block, Section, picture, table_or
from lepton.report.content import ReportContent
from lepton.report.own import own_blocks
from lepton.report.summary import gate_lines
from lepton.report.tables import (
    Table,
    cut_lines,
    each,
    frame_table,
    label_of,
    make_table,
    metric_table,
    percent,
)


def summary(content: ReportContent) -> Section:
    """What those who decide need to know, each sentence from numbers further down."""
    blocks = [
        Block("What was found", lines=list(_found(content)), half=True),
        Block("Gates in plain words", lines=cut_lines(list(gate_lines(content))), half=True),
        Block(
            "What limits this",
            lines=cut_lines(list(_limits(content))),
            half=True,
        ),
    ]
    text = "For those who decide; every number has its page below, with the rows it comes from."
    return Section("summary", "Summary", text, blocks)


def _found(content: ReportContent) -> Iterator[str]:
    found = {one.name: one for one in content.evaluation.metrics}
    scored = content.evaluation.scored
    issues = scored[["entity", "issued_at"]].drop_duplicates()
    yield (
        f"{len(issues):,} forecasts of {scored['entity'].nunique():,} "
        f"{content.spec.words.entities}, {len(scored):,} {content.spec.words.rows} in all, were "
        "made as the device makes them and compared with what came."
    )
    if _has(found, "wape"):
        yield f"The median is off by {percent(_of(found, 'wape'))} of the quantity on the whole."
    if _has(found, "mase"):
        yield f"That is {percent(1 - _of(found, 'mase'))} less than last week's value is off."
    if _has(found, "coverage80"):
        yield (
            f"{percent(_of(found, 'coverage80'))} of the values lay inside the interval that is "
            "meant to hold 80 %."
        )
    yield from queue_section.worth(content)


def _limits(content: ReportContent) -> Iterator[str]:
    if content.forecast is not None:
        yield from content.forecast.limits
    if content.simulated:
        yield "The data are simulated: no number here says what to expect from real ones."
    for table, rows in content.data.quarantined.items():
        yield f"{rows:,} rows of {table} broke the contract and were left out."


def _has(found: dict[str, MetricResult], name: str) -> bool:
    return name in found and found[name].value is not None


def _of(found: dict[str, MetricResult], name: str) -> float:
    value = found[name].value
    return float("nan") if value is None else value


def performance(content: ReportContent) -> Section:
    """Fans, errors by hour and lead, every metric, each series."""
    scored = content.evaluation.scored
    unit = content.forecast.unit if content.forecast else ""
    blocks = [
        *picture(
            "Four forecasts",
            "Of the largest series: the best, a usual and the worst forecast, and the one of the "
            "highest value. Bands hold 80, 60 and 20 %.",
            forecast_plots.fans(scored, unit),
            "There were too few forecasts to pick from.",
        ),
        *picture(
            "When it is off",
            "Mean absolute error by local hour and day of the week, over the mean of each series.",
            forecast_plots.by_hour(scored),
        ),
        *(
            []
            if content.forecast and content.forecast.near
            else picture(
                "Error by how far ahead",
                "Mean absolute error over the mean of each series.",
                forecast_plots.by_lead(scored),
            )
        ),
        *_again(content),
        *own_blocks(content, "performance"),
        _each_series(content),
        Block("All metrics", table=metric_table(content.evaluation)),
    ]
    text = (
        f"{len(scored):,} {content.spec.words.rows} that the search never saw, read once; every "
        "forecast knew only what was there when it was issued."
    )
    return Section("performance", "Performance", text, blocks)


def _again(content: ReportContent) -> list[Block]:
    """What making forecasts again during the day is worth; nothing where they are not."""
    told = content.forecast.again if content.forecast else pd.DataFrame()
    if told.empty:
        return []
    first = told.iloc[0]
    return picture(
        "Made again during the day",
        "Error of the intervals after the newest value: as first issued, and moved by how far that "
        f"value was off. {first.ahead_h:g} h after it, {percent(1 - first.after / first.before)} "
        f"of the error is gone, and {percent(first.coverage80)} lie inside the 80 % interval.",
        forecast_plots.made_again(told, content.forecast.unit if content.forecast else ""),
    )


def _each_series(content: ReportContent) -> Block:
    scored = content.evaluation.scored
    rows = []
    for name, own in scored.groupby("entity"):
        error = (own["target"] - own["q50"]).abs().mean()
        size = own["target"].abs().mean()
        naive = (
            (own["target"] - own["median_seasonal_naive"]).abs().mean()
            if "median_seasonal_naive" in own
            else float("nan")
        )
        inside = ((own["target"] >= own["q10"]) & (own["target"] <= own["q90"])).mean()
        rows.append(
            (
                name,
                len(own),
                size,
                error,
                100 * error / size if size else None,
                error / naive if naive else None,
                100 * inside,
            )
        )
    rows.sort(key=lambda row: -row[2])
    columns = (
        "series",
        "values",
        "mean size",
        "mean error",
        "error, %",
        "over last week's",
        "in 80 %, %",
    )
    return Block(f"Each {content.spec.words.entity}", table=make_table(columns, rows))


def calibration(content: ReportContent) -> Section:
    """Whether deciles are what they say, over all and week by week."""
    scored = content.evaluation.scored
    few = "There are too few values to tell."
    blocks = [
        *picture(
            "Deciles",
            "A tenth of the values should lie below the first decile, half below the median.",
            forecast_plots.reliability(scored),
            few,
        ),
        *picture(
            "Coverage along time",
            "Share of each week's values inside the 80 % interval.",
            forecast_plots.coverage_by_week(scored),
            few,
        ),
    ]
    text = "Intervals are stretched by what was missed in the last weeks, as a device does it."
    return Section("calibration", "Calibration", text, blocks)


def choice(content: ReportContent) -> Section:
    """Families and their shares, and what each step adds."""
    model, facts = content.model, content.forecast
    rungs = facts.rungs if facts else pd.DataFrame()
    blocks = [
        *picture(
            "What each step adds",
            "Loss on the selection, by models that had not seen it; the bar is the 95 % interval "
            "over weeks. The last row is what is shipped.",
            forecast_plots.ladder(rungs),
            "There was no selection to tell.",
        ),
        Block("The same in numbers", table=_rungs(rungs)),
        table_or("Families", frame_table(model.leaderboard), "No family was tried."),
        *([Block("Notes of the search", lines=cut_lines(model.notes))] if model.notes else []),
        *own_blocks(content, "choice"),
    ]
    text = f"What the search tried, by {label_of(model.metric)} on the selection. {model.budget}"
    return Section("choice", "How it was chosen", text.strip(), blocks, "Choice")


def _rungs(rungs: pd.DataFrame) -> Table:
    columns = ("step", "loss", "95 % from", "to", "over the step before")
    rows = [(r.name, r.loss, r.low, r.high, r.vs_before) for r in each(rungs)] if len(rungs) else []
    return make_table(columns, rows)


def series(content: ReportContent) -> Section:
    """The history: what was marked and why, how the load answers to weather, how sums agree."""
    facts = content.forecast
    if facts is None:
        return Section("series", "Series", "", [])
    blocks = [
        *picture(
            "Response to temperature",
            "Load over each series' usual level at temperatures of two degrees, the middle half "
            "shaded.",
            forecast_plots.response(facts.response, "degrees C"),
        ),
        *(
            [Block("Sums", facts.sums_told, table=frame_table(facts.sums))]
            if len(facts.sums)
            else []
        ),
        Block("Series", table=frame_table(facts.series)),
        *own_blocks(content, "series"),
    ]
    return Section("series", "Series", "What the forecasts are made from.", blocks)


__all__ = ["calibration", "choice", "performance", "series", "summary"]
