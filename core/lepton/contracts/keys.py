"""Keys: which rows copy another one, and which contradict it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def repeated(frame: pd.DataFrame, key: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Masks of the rows that copy an earlier one, and of those whose key names different rows.

    key: the columns that name a row together; a row without any of them has no key.
    """
    names = list(key)
    known = frame[names].notna().all(axis=1)
    several = (frame[names].duplicated(keep=False) & known).to_numpy()
    rows = frame.loc[several]
    different = rows.drop_duplicates()
    torn = different.loc[different.duplicated(names, keep=False), names].drop_duplicates()
    contradicts = rows[names].merge(torn.assign(torn=True), how="left", on=names, validate="m:1")
    torn_rows = contradicts["torn"].notna().to_numpy()
    conflicts, copies = np.zeros(len(frame), dtype=bool), np.zeros(len(frame), dtype=bool)
    conflicts[several] = torn_rows
    copies[several] = rows.duplicated().to_numpy() & ~torn_rows
    return copies, conflicts


__all__ = ["repeated"]
