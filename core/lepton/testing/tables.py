"""Tiny tables of known shape."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lepton import roles
from lepton.dataset import TabularDataset

_START = pd.Timestamp("2025-01-01", tz="UTC")
_DAY_S = 86_400.0


def tiny_transactions(
    rng: np.random.Generator, rows: int, *, days: float = 60.0, rate: float = 0.1
) -> pd.DataFrame:
    """`rows` card payments over `days` days in the fraud contract's columns, by event time.

    About `rate` of them are frauds, whose amounts are ten times as high as the others'; every
    label is known three days after its event.
    """
    event_at = _START + pd.to_timedelta(np.sort(rng.random(rows)) * days * _DAY_S, unit="s")
    event_at = event_at.as_unit("us")
    is_fraud = (rng.random(rows) < rate).astype(np.int64)
    amount = rng.gamma(2.0, 20.0, rows) * np.where(is_fraud == 1, 10.0, 1.0)
    return pd.DataFrame(
        {
            "transaction_id": [f"t{number:06d}" for number in range(rows)],
            "event_at": event_at,
            "label_at": event_at + pd.Timedelta(days=3),
            "customer_id": _ids(rng, "c", rows, 40),
            "terminal_id": _ids(rng, "s", rows, 20),
            "merchant_country": rng.choice(["DE", "FR", "NA"], rows),
            "amount": amount.round(2),
            "is_fraud": is_fraud,
        }
    )


def tiny_dataset(rng: np.random.Generator, rows: int, *, rate: float = 0.1) -> TabularDataset:
    """Those payments as a dataset: two numeric features, one categorical, five roles."""
    frame = tiny_transactions(rng, rows, rate=rate)
    frame["log_amount"] = np.log1p(frame["amount"])
    frame["noise"] = np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows))
    return TabularDataset(
        rows=frame,
        numeric=("log_amount", "noise"),
        categorical=("merchant_country",),
        roles={
            roles.KEY: "transaction_id",
            roles.ENTITY: "customer_id",
            roles.EVENT_AT: "event_at",
            roles.LABEL_AT: "label_at",
            roles.TARGET: "is_fraud",
            roles.VALUE: "amount",
        },
    )


def _ids(rng: np.random.Generator, prefix: str, rows: int, n_ids: int) -> list[str]:
    return [f"{prefix}{number}" for number in rng.integers(0, n_ids, rows)]
