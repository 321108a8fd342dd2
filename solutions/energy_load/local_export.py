"""Load as many systems export it: by the local clock, without an offset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

Fold = Literal["both", "first", "mean", "copied"]


def local_export(load: pd.DataFrame, zones: Mapping[str, str], fold: Fold) -> pd.DataFrame:
    """The rows of load meter by meter; `local_time`, text in each one's zone, in place of event_at.

    fold: what the system does with the times that come twice in autumn: writes both, keeps the
    first, writes their mean, or writes the first one's value for both. Times that spring skips are
    in no export.
    """
    rows = load.sort_values(["meter_id", "event_at"], kind="stable", ignore_index=True)
    local = pd.Series("", index=rows.index, dtype="str")
    for meter_id, mine in rows.groupby("meter_id", sort=True)["event_at"]:
        clock = pd.DatetimeIndex(mine).tz_convert(zones[str(meter_id)])
        local[mine.index] = clock.strftime("%Y-%m-%d %H:%M")
    found = rows.drop(columns="event_at").assign(local_time=local)
    key = ["meter_id", "local_time"]
    twice = found.groupby(key, sort=False)["power_kw"]
    if fold == "mean":
        found["power_kw"] = np.where(found.duplicated(key, keep=False), twice.transform("mean"),
                                     found["power_kw"])  # fmt: skip
    elif fold == "copied":
        found["power_kw"] = twice.transform("first")
    if fold in ("first", "mean"):
        found = found.drop_duplicates(key)
    return found[["meter_id", "local_time", "power_kw"]].reset_index(drop=True)


__all__ = ["Fold", "local_export"]
