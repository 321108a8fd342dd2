"""Reasons that decisions were given, and single decisions told as a person would ask for them."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from lepton.report.tables import percent

MAX_REASONS: Final = 15
CAUGHT: Final = 4
MISSED: Final = 3
FALSE: Final = 3
"""Worked cases of each kind."""
_TAIL: Final = 4


def reasons(scored: pd.DataFrame) -> pd.DataFrame:
    """One row a reason: rows that were acted on for it, positives among them, their share; the
    most frequent first. Empty where rows carry no reasons."""
    columns = ["reason", "rows", "positives", "share_positive"]
    if "reasons" not in scored:
        return pd.DataFrame(columns=columns)
    named = scored["reasons"].fillna("").str.split(";").explode().str.strip()
    named = named[named != ""]
    target = (scored["target"] == 1).reindex(named.index)
    frame = pd.DataFrame({"reason": named.to_numpy(), "hit": target.to_numpy()})
    found = frame.groupby("reason")["hit"].agg(["size", "sum", "mean"]).reset_index()
    found.columns = pd.Index(columns)
    ordered = found.sort_values("rows", ascending=False, kind="stable", ignore_index=True)
    return ordered.head(MAX_REASONS)


def worked_cases(scored: pd.DataFrame, slices: tuple[str, ...]) -> pd.DataFrame:
    """Ten single rows: the dearest that were caught, the dearest missed, the surest false alerts.

    Keys and entities are masked. Columns that the rows lack are left out.
    """
    positive, acted = scored["target"].to_numpy() == 1, _acted(scored)
    picked = [
        ("caught", _dearest(scored, positive & acted, "miss_cost", CAUGHT)),
        ("missed", _dearest(scored, positive & ~acted, "miss_cost", MISSED)),
        ("false alert", _dearest(scored, ~positive & acted, "score", FALSE)),
    ]
    frames = [_told(rows, kind, slices) for kind, rows in picked if len(rows)]
    told = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    return told.loc[:, [name for name in told if told[name].fillna("").ne("").any()]]


def masked(identifier: object) -> str:
    """The last characters of an identifier: enough to find it with the data at hand."""
    text = str(identifier)
    return "…" + text[-min(_TAIL, max(len(text) // 2, 1)) :]


def _acted(scored: pd.DataFrame) -> np.ndarray:
    """Rows that were acted on for a reason; those above the threshold where rows tell none."""
    if "reasons" in scored and scored["reasons"].fillna("").ne("").any():
        return np.asarray(scored["reasons"].fillna("").ne("").to_numpy())
    return np.asarray(scored["decision"].to_numpy() == 1)


def _dearest(scored: pd.DataFrame, mask: np.ndarray, column: str, most: int) -> pd.DataFrame:
    return scored[mask].sort_values(column, ascending=False, kind="stable").head(most)


def _told(rows: pd.DataFrame, kind: str, slices: tuple[str, ...]) -> pd.DataFrame:
    columns: dict[str, object] = {"outcome": kind, "row": [masked(key) for key in rows["key"]]}
    if "entity" in rows:
        columns["entity"] = [masked(one) for one in rows["entity"]]
    columns["at"] = rows["event_at"].dt.strftime("%d %b %H:%M").to_numpy()
    if "value" in rows:
        columns["value"] = rows["value"].to_numpy()
    columns["score"] = [percent(score) for score in rows["score"]]
    for name in ("action", *slices, "reasons", "rules"):
        if name in rows:
            texts = rows[name].astype(object).where(rows[name].notna(), None)
            columns[name] = [_spaced(one) if one else None for one in texts]
    return pd.DataFrame(columns)


def _spaced(text: str) -> str:
    """Names as words, so that a narrow column can break them."""
    return str(text).replace(",", ", ").replace("_", " ")


__all__ = ["masked", "reasons", "worked_cases"]
