"""Forecasts made again during the day: the bundle's last ones, moved by how far they are off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from lepton.context import Context
from lepton.contracts.model import Validated
from lepton.errors import ConfigError
from lepton.forecast.judged import LEVELS, instants
from lepton.forecast.spec import again_of, daily_issues
from lepton.forecast_batch import (
    Asked,
    Issued,
    cleaned,
    days_of,
    entity_name,
    issued_by,
    spec_of,
    weeks_before,
)
from lepton_edge.wall_clock import DAY_S

if TYPE_CHECKING:
    from lepton.forecast.panel import PanelDataset
    from lepton_edge.correction import Value

_MOST: Final = 4
"""Newest issues that are looked at, as many as a stream keeps."""


def reforecasts(ctx: Context, bundle: Path, validated: Validated) -> pd.DataFrame:
    """What was last issued of every series for the hours `again_h` after all that is known, moved
    by the error at its newest value, each by its own: sums that held need not hold any more.

    Columns: the entity's, issued_at (when it is made again), event_at, the deciles, carried_from
    (when it was issued first), error (of the newest value in widths of its 80 % interval, NaN where
    nothing could be told). Raises ConfigError LK159 where `again_h` is 0.
    """
    panel = cleaned(ctx, validated).panel
    looks = days_of(spec_of(ctx).looks(panel, ctx.settings))
    n = again_of(ctx.settings, panel.step_s)
    if not n:
        raise ConfigError(
            "LK159",
            where="settings.again_h",
            found="0: forecasts are not made again during the day",
            remedy="set again_h to the hours ahead that are wanted, 6 for instance",
        )
    now_s = panel.end_s + panel.latency_s.get("y", 0)
    hour = ctx.settings["issue_hour"]
    issues = {
        name: daily_issues(look, now_s - (_MOST + 1) * DAY_S, now_s + 1, hour)[-_MOST:]
        for name, look in looks.items()
    }
    asked = Asked(panel, looks, issues, weeks_before(ctx, looks, issues))
    issued = issued_by(bundle, asked)
    parts = list(_again(bundle, panel, issued, now_s, n))
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    name = entity_name(ctx)
    rows = rows.rename(columns={"series": name})
    return spec_of(ctx).with_beside(rows, name, panel, ctx.settings)


def _again(
    bundle: Path, panel: PanelDataset, issued: Issued, now_s: int, n: int
) -> Iterator[pd.DataFrame]:
    """One series after another."""
    from lepton.export.edge import edge_faults
    from lepton_edge.bundle import open_bundle
    from lepton_edge.correction import Issue, Running
    from lepton_edge.forecast_plan import read_plan

    with edge_faults():
        correction = read_plan(open_bundle(bundle)).correction
    matrix, found = issued.now, issued.found
    now = now_s // panel.step_s
    for code, name in enumerate(panel.ids):
        own = np.flatnonzero(matrix.series == code)
        own = own[np.isfinite(found.quantiles[own]).all(axis=(1, 2))]
        issues = [
            Issue(int(matrix.issue_s[row]), found.step[row], found.quantiles[row]) for row in own
        ]
        running, known = Running.of(issues), _newest(panel, name, now_s)
        made = running.again(known, now, n, correction)
        if not len(made.step):
            continue
        told: dict[str, Any] = {
            "series": pd.Series([name] * len(made.step), dtype="str"),
            "issued_at": instants(np.full(len(made.step), now_s)),
            "event_at": instants(made.step * panel.step_s),
            **{level: made.quantiles[:, place] for place, level in enumerate(LEVELS)},
            "carried_from": instants(made.issue_s),
            "error": running.error(known),
        }
        yield pd.DataFrame(told)


def _newest(panel: PanelDataset, name: str, now_s: int) -> Value | None:
    """The last interval that is known by now, and its value."""
    from lepton_edge.correction import Value

    past = panel.histories[name].y
    there = np.isfinite(past.value) & (past.available_s <= now_s)
    if not there.any():
        return None
    last = int(past.step[there].max())
    at = np.flatnonzero(there & (past.step == last))
    at = at[np.argsort(past.available_s[at], kind="stable")]
    return Value(last, float(past.value[at[-1]]), int(past.available_s[at[0]]))


__all__ = ["reforecasts"]
