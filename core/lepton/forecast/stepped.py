"""Side data by the hour, or in any other length, as values of the intervals that are forecast."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lepton.contracts.regular import step_of

_HOUR = pd.Timedelta(hours=1)
_LONGEST = pd.Timedelta(hours=6)


def at_steps(
    table: pd.DataFrame, columns: Sequence[str], keys: Sequence[str], step_s: int
) -> pd.DataFrame:
    """`ts`, `keys` and the means of `columns` of each interval, in order.

    table: valid_at, the begin of what each row's values are of, as long as the table's own step,
    an hour where it has none, six at most; they count for each finer interval in it. keys: what
    tells editions and places apart.
    """
    step, length = pd.Timedelta(seconds=step_s), length_of(table)
    rows = table[["valid_at", *keys, *columns]].copy()
    if step < length:
        finer = [
            rows.assign(valid_at=rows["valid_at"] + k * step) for k in range(round(length / step))
        ]
        rows = pd.concat(finer, ignore_index=True)
    rows["ts"] = rows["valid_at"].dt.floor(step)
    order = ["ts", *keys]
    found = rows.groupby(order, as_index=False, dropna=False)[list(columns)].mean()
    return found.sort_values(order, kind="stable", ignore_index=True)


def length_of(table: pd.DataFrame) -> pd.Timedelta:
    """How long the values of a row with `valid_at` are of: the table's own step, an hour where it
    has none, six at most."""
    own = step_of(table["valid_at"])
    return _HOUR if own is None else min(own, _LONGEST)


__all__ = ["at_steps", "length_of"]
