"""What past lives told at held-out alarms: who was alike, of what they failed, if it held."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.evaluation.shares import wilson
from lepton.report.blocks import Block, Section, table_or
from lepton.report.content import ReportContent
from lepton.report.tables import each, frame_table, make_table, number, percent, percent_span

SHOWN: Final = 12


def similar(content: ReportContent) -> Section | None:
    """Alarms with the past lives that they name; None where nothing tells lives apart."""
    frame = content.evaluation.similar
    if not len(frame.columns):
        return None
    title, words = "Past lives that looked alike", content.spec.words
    if "similar" not in frame:
        told = f"No {words.entity} has failed among those learnt from, so alarms name no past life."
        return Section("similar", title, "", [Block(missing=told)], "Past lives")
    head = ("", "value", "95 % interval", "what it says")
    blocks = [
        table_or(
            "Newest alarms",
            frame_table(_shown(frame, words.entity), most=SHOWN),
            f"No alarm was raised on a held-out {words.entity}.",
            f"The first of each held-out life; at most {SHOWN}. A past life is told with what it "
            "failed of and how long it had left when it looked so; none where none comes near.",
        ),
        table_or(
            "In numbers",
            make_table(head, list(_numbers(frame))),
            "No life whose alarm was raised has failed, so nobody can say what was told rightly.",
        ),
    ]
    text = (
        f"Each alarm names past lives whose sensors had moved alike: {len(frame):,} first alarms "
        f"of held-out {words.entities}, which are not among the past lives."
    )
    return Section("similar", title, text, blocks, "Past lives")


def _shown(frame: pd.DataFrame, entity: str) -> pd.DataFrame:
    newest = frame.sort_values("raised_at", ascending=False, kind="stable").head(SHOWN)
    modes = newest["mode"] if "mode" in newest else pd.Series(None, newest.index, dtype=object)
    return pd.DataFrame(
        {
            entity: newest["group"].astype("str"),
            "raised": newest["raised_at"].dt.strftime("%Y-%m-%d %H:%M"),
            "past lives": newest["similar"].where(newest["similar"] != "", "none"),
            "likeliest mode": [_mode(one) for one in each(newest)],
            "what happened": [
                _became(one.failed, one.left_h, mode)
                for one, mode in zip(each(newest), modes, strict=True)
            ],
        }
    )


def _mode(row: Any) -> str:
    return "not told" if pd.isna(row.told_mode) else f"{row.told_mode} ({percent(row.share)})"


def _became(failed: bool, left_h: float, mode: Any) -> str:
    after = f"{left_h:.0f} h" if left_h < 72 else f"{left_h / 24:.0f} days"
    if not failed:
        return f"no failure in {after}"
    return f"failed after {after}" + ("" if pd.isna(mode) else f" of {mode}")


def _numbers(frame: pd.DataFrame) -> Iterator[tuple[str, str, str, str]]:
    failed = frame[frame["failed"]]
    if failed.empty:
        return
    near = failed["similar"] != ""
    yield _share("has a similar past life", int(near.sum()), len(failed), "of lives that failed")
    error = (failed["told_left_h"] - failed["left_h"]).abs().dropna()
    if len(error):
        told = "hours that the closest past life had left, against hours that were left"
        yield "typical error of the closest life", f"{number(float(error.median()))} h", "", told
    known = failed.dropna(subset=["mode", "told_mode"]) if "mode" in failed else failed.iloc[:0]
    if len(known):
        right = int((known["mode"] == known["told_mode"]).sum())
        yield _share("likeliest mode is the right one", right, len(known), "where both are known")
        most = int(known["mode"].value_counts().iloc[0])
        told = "the most frequent mode of these, told always"
        yield _share("the same by the most frequent mode", most, len(known), told)


def _share(name: str, part: int, whole: int, about: str) -> tuple[str, str, str, str]:
    low, high = wilson(np.array([part / whole]), np.array([whole]))
    told = f"{about} ({part} of {whole})"
    return name, percent(part / whole), percent_span(float(low[0]), float(high[0])), told


__all__ = ["similar"]
