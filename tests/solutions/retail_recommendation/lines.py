"""Order lines of a few words, for tests."""

from __future__ import annotations

from typing import Any

import pandas as pd

DAY_0 = pd.Timestamp("2025-03-03T10:00", tz="UTC")


def lines(*told: tuple[Any, ...], event: list[str] | None = None) -> pd.DataFrame:
    """Canonical interactions of (customer, item, day, quantity, price, order) a row; what a row
    leaves out is one piece at 1.0 in an order of that customer and day."""
    full = [(*row, *(1.0, 1.0, f"{row[0]}-{row[2]}")[len(row) - 3 :]) for row in told]
    frame = pd.DataFrame(
        full, columns=["customer_id", "item_id", "day", "quantity", "price", "order_id"]
    )
    made = pd.DataFrame(
        {
            "customer_id": frame["customer_id"].astype("str"),
            "item_id": frame["item_id"].astype("str"),
            "event_at": DAY_0 + pd.to_timedelta(frame["day"], unit="D"),
            "order_id": frame["order_id"].astype("str"),
            "quantity": frame["quantity"].astype(float),
            "price": frame["price"].astype(float),
        }
    )
    if event is not None:
        made["event"] = pd.Series(event, dtype="str")
    return made


def cell(frame: pd.DataFrame, row: str, column: str) -> Any:
    """One value of a frame by its labels."""
    return frame.loc[row, column]
