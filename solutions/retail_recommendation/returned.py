"""Which pieces came back: returns taken from what the customer had bought before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

_NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Matched:
    """pieces, at: returned of each purchase row, float64, and when, NaT for none, as the rows
    stand; unmatched: returns that the customer had never bought, or not so many of."""

    pieces: np.ndarray
    at: pd.Series
    unmatched: int


def returned_pieces(bought: pd.DataFrame, back: pd.DataFrame) -> Matched:
    """Each return's pieces, from the latest earlier purchases of the same customer and item.

    bought, back: customer_id, item_id, event_at, quantity, of which a return's sign does not count.
    Only purchases can be returned: other events have nothing to give back. What came back of a row
    came at one instant, and each return looks at what was before it alone, so that what was known
    at any cutoff can be told.
    """
    pieces, came = np.zeros(len(bought)), np.full(len(bought), _NEVER)
    if back.empty:
        return Matched(pieces, _instants(came, bought.index), 0)
    is_purchase = (bought["event"] == "purchase").to_numpy()
    pair, block = _pairs(bought, back)
    at = _microseconds(bought["event_at"])
    place = np.lexsort((at, pair))
    place = place[is_purchase[place]]
    first = np.searchsorted(pair[place], block, side="left")
    last = np.searchsorted(pair[place], block, side="right")
    when = _microseconds(back["event_at"])
    quantity = np.abs(back["quantity"].to_numpy(dtype=float))
    free = bought["quantity"].to_numpy(dtype=float).copy()
    unmatched = 0
    for row in np.argsort(when, kind="stable").tolist():
        mine = place[first[row] : last[row]]
        before = mine[at[mine] <= when[row]][::-1]
        left = quantity[row]
        for purchase in before.tolist():
            if came[purchase] not in (_NEVER, when[row]):
                continue
            taken = min(left, free[purchase])
            came[purchase] = when[row]
            free[purchase] -= taken
            pieces[purchase] += taken
            left -= taken
            if left <= 0:
                break
        unmatched += bool(left > 0 or not len(before))
    return Matched(pieces, _instants(came, bought.index), unmatched)


def as_known(rows: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Cleaned rows before `cutoff`, with what had come back by then; later returns are not seen."""
    known = rows[rows["event_at"] < cutoff]
    if "returned" not in known or "returned_at" not in known:
        return known
    seen = known["returned_at"] < cutoff
    return known.assign(returned=known["returned"].where(seen, 0.0))


def _pairs(bought: pd.DataFrame, back: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """One number for each customer and item, the same in both frames."""
    both = pd.concat([bought[["customer_id", "item_id"]], back[["customer_id", "item_id"]]])
    number = both.groupby(["customer_id", "item_id"], sort=False, dropna=False).ngroup().to_numpy()
    return number[: len(bought)], number[len(bought) :]


def _instants(came: np.ndarray, index: pd.Index) -> pd.Series:
    at = pd.to_datetime(np.where(came == _NEVER, 0, came), unit="us", utc=True).as_unit("us")
    return pd.Series(at, index=index).where(came != _NEVER)


def _microseconds(at: pd.Series) -> np.ndarray:
    return np.asarray(at.dt.as_unit("us").astype("int64"))


__all__ = ["Matched", "as_known", "returned_pieces"]
