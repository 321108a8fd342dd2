"""Conditions of assets beside the scores of a whole table: the device's own alarms, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from lepton import roles
from lepton.dataset import TabularDataset
from lepton.evaluation.scored import microseconds

if TYPE_CHECKING:
    from lepton_edge.bundle import Opened
    from lepton_edge.runtime import Runtime

JOINED = "; "
"""Between the phrases, or the lives, of one alarm."""


def of_rows(opened: Opened, runtime: Runtime, rows: TabularDataset) -> pd.DataFrame | None:
    """Columns `condition`, `level`, `sensors`, `mode` and `similar` of each row, as a device that
    is sent the rows in their order answers; None where the bundle has no alarms.

    rows: in order of time, the past of each asset among them, with the model's inputs and the
    features by which past lives are compared. sensors, similar: joined into one text; None where no
    alarm stands.
    """
    from lepton_edge.alarm_stream import TOLD, Scored, has_alarms, read_alarms

    if not has_alarms(opened):
        return None
    alarms = read_alarms(opened, lambda *inputs: runtime.score(*inputs).score)
    plan, (numeric, texts) = alarms.plan, (rows.X, rows.C)
    pictured = () if plan.similar is None else plan.similar.plan.columns
    events = _records(rows.rows, [plan.asset, plan.life, *plan.sensors])
    pictures = _records(rows.rows, list(pictured)) if pictured else [{}] * len(rows)
    score = runtime.score(numeric, texts).score.tolist()
    at = microseconds(rows.role(roles.EVENT_AT)).tolist()
    found = []
    for row, (event, features) in enumerate(zip(events, pictures, strict=True)):
        one = slice(row, row + 1)
        reading = Scored(at[row], score[row], numeric[one], texts[one], features)
        found.append(_plain(dict(zip(TOLD, alarms.told(event, reading), strict=True))))
    names = ["condition", "level", "sensors", "mode", "similar"]
    return pd.DataFrame(found, index=rows.rows.index, columns=names, dtype="str")


def _plain(told: dict[str, Any]) -> dict[str, str | None]:
    mode = told["mode"]
    return {
        "condition": told["condition"],
        "level": told["level"],
        "sensors": JOINED.join(told["sensors"]) or None,
        "mode": None if mode is None else mode["name"],
        "similar": JOINED.join(one["life"] for one in told["similar"]) or None,
    }


def _records(frame: pd.DataFrame, names: list[str | None]) -> list[dict[str, Any]]:
    """Rows as a device is sent them: None where missing or not delivered."""
    there = [name for name in names if name is not None and name in frame]
    known = frame[there].notna().to_numpy(dtype=bool)
    values = frame[there].astype(object).where(known, None).to_numpy(dtype=object).tolist()
    return [dict(zip(there, row, strict=True)) for row in values]


__all__ = ["of_rows"]
