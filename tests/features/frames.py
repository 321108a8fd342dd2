"""Small event tables whose every feature can be computed by its definition."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from lepton import roles
from lepton.contracts.model import Column, ColumnType, Contract
from lepton.features.spec import (
    Alignment,
    Calendar,
    Category,
    Contrast,
    DelayedRate,
    Difference,
    FeatureSpec,
    Flag,
    KnownRun,
    Last,
    LastKnown,
    LastLabels,
    Ratio,
    Raw,
    Recency,
    Speed,
    Window,
)

HOUR = 3_600.0


def _column(name: str, kind: ColumnType, *named: str) -> Column:
    return Column(
        name, kind, present=False, nullable=True, roles=named, lost_without=f"No {name}, no gain."
    )


CONTRACT = Contract(
    solution="toy",
    table="events",
    version="1.0.0",
    columns=(
        _column("id", ColumnType.STRING, roles.KEY),
        _column("at", ColumnType.TIMESTAMP, roles.EVENT_AT),
        _column("arrived", ColumnType.TIMESTAMP, roles.INGESTED_AT),
        _column("known", ColumnType.TIMESTAMP, roles.LABEL_AT),
        _column("who", ColumnType.STRING, roles.ENTITY),
        _column("where", ColumnType.STRING, roles.ENTITY),
        _column("amount", ColumnType.NUMBER, roles.VALUE),
        _column("bad", ColumnType.INTEGER, roles.TARGET),
        _column("lat", ColumnType.NUMBER),
        _column("lon", ColumnType.NUMBER),
    ),
    rules=(),
    min_rows=1,
    max_quarantine_share=0.05,
    closed=False,
    fingerprint="",
)

_SPANS = {"short": 2 * HOUR, "long": 24 * HOUR, "ever": None}

_WINDOWS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("who",), ("short", "long", "ever")),
    (("who", "where"), ("ever",)),
    ((), ("long",)),
)
_Op = Literal["count", "sum", "mean", "max", "min", "std", "distinct"]
_OPS: tuple[tuple[_Op, str | None], ...] = (
    ("count", None),
    ("sum", "amount"),
    ("mean", "amount"),
    ("max", "amount"),
    ("min", "amount"),
    ("std", "amount"),
    ("distinct", "where"),
)

SPEC = FeatureSpec(
    (
        Raw("amount", "amount"),
        Category("where", "where"),
        Calendar("hour", "hour", "Europe/Berlin"),
        Calendar("weekday", "weekday"),
        Calendar("is_weekend", "is_weekend"),
        Calendar("is_night", "is_night", "America/New_York"),
        *(
            Window(f"{op}_{span}_{'_'.join(by) or 'all'}", by, op, _SPANS[span], value)
            for by, spans in _WINDOWS
            for span in spans
            for op, value in _OPS
        ),
        Window("known_amounts", ("who",), "count", 2 * HOUR, "amount"),
        Recency("recency", ("who",)),
        LastLabels("last_one", ("where",), 1),
        LastLabels("last_three", ("who", "where"), 3),
        DelayedRate("rate_long", ("where",), 24 * HOUR, strength=3.0),
        DelayedRate("rate_ever", ("who",), None),
        DelayedRate("known_long", ("where",), 24 * HOUR, what="known"),
        DelayedRate("positives_ever", ("where",), None, what="positives"),
        Ratio("to_mean", "amount", "mean_long_who"),
        Difference("above_mean", "amount", "mean_long_who"),
        Difference("z", "amount", "mean_ever_who", "std_ever_who"),
        Flag("is_large", "amount", above=30.0),
        Flag("is_x", "where", equals="x"),
        Window("large_long", ("who",), "sum", 24 * HOUR, "is_large"),
        Window("x_long", ("who",), "mean", 24 * HOUR, "is_x"),
        *(
            Window(f"{op}_before_{name}", ("who",), op, span, value, gap_s=gap)
            for name, span, gap in (("long", 24 * HOUR, 3 * HOUR), ("ever", None, 5 * HOUR))
            for op, value in _OPS[:3]
        ),
        Window("mean_gap", ("who",), "mean", None, "recency"),
        Window("std_gap", ("who",), "std", None, "recency"),
        Contrast("burstiness", "std_gap", "mean_gap"),
        Calendar("hour_sin", "hour_sin", "Europe/Berlin"),
        Calendar("hour_cos", "hour_cos", "Europe/Berlin"),
        Window("mean_sin", ("who",), "mean", None, "hour_sin"),
        Window("mean_cos", ("who",), "mean", 24 * HOUR, "hour_cos"),
        Alignment("usual_hour", "hour_sin", "hour_cos", "mean_sin", "mean_cos"),
        Last("last_lat", ("who",), "lat"),
        Last("last_lon", ("who",), "lon"),
        Speed("speed", "lat", "lon", "last_lat", "last_lon", "recency"),
        DelayedRate("large_bad", ("where",), 24 * HOUR, what="positives", value="is_large"),
        DelayedRate("lost_ever", ("who",), None, what="positives", value="amount"),
        LastKnown("since_bad", ("where",), "positive"),
        LastKnown("since_good", ("who", "where"), "negative"),
        LastKnown("since_known", ("where",), "all"),
        LastKnown("last_bad_amount", ("where",), "positive", "amount"),
        KnownRun("run", ("who",), 50),
        KnownRun("run_small", ("where",), 4, "length", "is_large"),
        KnownRun("run_age", ("where",), 5, "seconds", "is_large"),
    )
)


def events(seed: int, n: int = 40, *, late: bool = True) -> pd.DataFrame:
    """`n` events of three entities over two days, with ties, gaps, missing cells and late rows."""
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2026-03-28T12:00Z")
    minutes = np.sort(rng.integers(0, 48 * 6, n)) * 10
    at = start + pd.to_timedelta(minutes, unit="min")
    delay = pd.to_timedelta(rng.choice([0, 0, 0, 90, 600], n) if late else np.zeros(n), unit="min")
    known = at + pd.to_timedelta(rng.choice([0, 60, 700], n), unit="min")
    frame = pd.DataFrame(
        {
            "id": [f"k{place:03d}" for place in range(n)],
            "at": at.as_unit("us"),
            "arrived": (at + delay).as_unit("us"),
            "known": known.as_unit("us"),
            "who": pd.array(rng.choice(["a", "b", "c"], n), dtype="str"),
            "where": pd.array(rng.choice(["x", "y"], n), dtype="str"),
            "amount": np.round(rng.lognormal(3, 1, n), 2),
            "bad": rng.choice([0.0, 1.0, 1.0, np.nan], n),
            "lat": rng.uniform(-90, 90, n),
            "lon": rng.uniform(-180, 180, n),
        }
    )
    frame.loc[rng.random(n) < 0.1, "who"] = pd.NA
    frame.loc[rng.random(n) < 0.1, "amount"] = np.nan
    frame.loc[rng.random(n) < 0.2, "lat"] = np.nan
    frame.loc[rng.random(n) < 0.1, "arrived"] = pd.NaT
    return frame.sample(frac=1, random_state=seed).reset_index(drop=True)
