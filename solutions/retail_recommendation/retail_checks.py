"""What the tables of a retailer must keep to together: every check of the domain, one verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from lepton.contracts.model import Severity, Violation
from solutions.retail_recommendation.catalogue_checks import catalogue_violations
from solutions.retail_recommendation.cleaning import clean, spellings, with_events
from solutions.retail_recommendation.crowd_checks import crowd_violations, volume_violations
from solutions.retail_recommendation.findings import Place, of_share
from solutions.retail_recommendation.limits import LIMITS, Limits
from solutions.retail_recommendation.row_checks import (
    returns_violation,
    row_violations,
    service_violations,
    spelling_violations,
)
from solutions.retail_recommendation.time_checks import time_violations


def retail_checks(
    tables: Mapping[str, pd.DataFrame], limits: Limits = LIMITS
) -> Iterator[Violation]:
    """One violation for each rule that canonical tables break; most only warn."""
    came = tables["interactions"]
    yield from spelling_violations(came, limits)
    told = spellings(came["item_id"])
    rows = with_events(came.assign(item_id=came["item_id"].map(told).astype("str")))
    yield from row_violations(rows, limits)
    yield from service_violations(rows, tables.get("items"), limits)
    yield from time_violations(rows, limits)
    yield from crowd_violations(rows, limits)
    yield from catalogue_violations(tables, rows, limits)
    cleaned = clean(came, tables.get("items"))
    n_returns = int(((rows["event"] == "return") & rows["customer_id"].notna()).sum())
    unmatched = returns_violation(n_returns, cleaned.unmatched, limits)
    if unmatched is not None:
        yield unmatched
    yield from volume_violations(cleaned.rows, limits)


def delivery_checks(
    before: Mapping[str, pd.DataFrame], now: Mapping[str, pd.DataFrame], limits: Limits = LIMITS
) -> Iterator[Violation]:
    """What a delivery breaks by the one before it: events, channels, countries and prices whose
    mix moved, by the population stability index, and items that have new numbers."""
    former, current = (with_events(one["interactions"]) for one in (before, now))
    for column in ("event", "channel", "store_id", "country", "price"):
        if column not in former or column not in current:
            continue
        moved = stability_index(former[column], current[column])
        warn, fail = limits.mix
        if moved > warn:
            yield Violation(
                "LK263",
                f"has another mix than the delivery before: index {moved:.2f}, at most "
                f"{fail if moved > fail else warn:g}",
                "interactions",
                column,
                Severity.TABLE if moved > fail else Severity.WARNING,
                len(current),
                0,
                (),
                "look for codes that changed, a source that is missing, or another currency",
            )
    new = set(current["item_id"]) - set(former["item_id"])
    one = of_share(
        "LK263",
        "items that the delivery before did not have",
        Place("interactions", "item_id", "look for numbers that were written in another way"),
        (len(new), current["item_id"].nunique()),
        limits.cold_items,
        sorted(new),
    )
    if one is not None:
        yield one


def stability_index(before: pd.Series, now: pd.Series) -> float:
    """Population stability index over the values, or over ten shares of equal size for numbers;
    0.1 is a small change, 0.25 a large one (Siddiqi 2006)."""
    if pd.api.types.is_numeric_dtype(before):
        edges = np.unique(before.dropna().quantile(np.linspace(0.1, 0.9, 9)))
        before, now = (pd.Series(np.searchsorted(edges, one.dropna())) for one in (before, now))
    shares = pd.concat(
        [one.fillna("missing").value_counts(normalize=True) if one.dtype == "str"
         else one.value_counts(normalize=True) for one in (before, now)],
        axis=1,
    ).fillna(0.0).clip(lower=1e-4)  # fmt: skip
    old, new = shares.iloc[:, 0], shares.iloc[:, 1]
    return float(((new - old) * np.log(new / old)).sum())


__all__ = ["delivery_checks", "retail_checks", "stability_index"]
