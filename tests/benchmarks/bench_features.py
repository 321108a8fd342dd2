"""What features cost: CPU seconds of pandas groupby-rolling over those of the batch engine.

Count, sum and mean over 1, 7 and 30 days by customer and by terminal, past rows only, both sides
in the same run; beside them the whole spec of fraud detection against its definition.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lepton.contracts.model import Extras
from lepton.contracts.odcs import load_contracts
from lepton.features.parity import feature_parity
from solutions.fraud_detection.features import FEATURES

CONTRACTS = Path(__file__).parents[2] / "data_contracts" / "fraud_detection"
DAYS = 180
HANDBOOK = {
    "TRANSACTION_ID": "transaction_id",
    "TX_DATETIME": "event_at",
    "CUSTOMER_ID": "customer_id",
    "TERMINAL_ID": "terminal_id",
    "TX_AMOUNT": "amount",
    "TX_FRAUD": "is_fraud",
}


def made_up(rows: int) -> pd.DataFrame:
    """`rows` payments of 5,000 customers at 10,000 terminals over half a year."""
    rng = np.random.default_rng(0)
    seconds = np.sort(rng.integers(0, DAYS * 86_400, rows))
    return pd.DataFrame(
        {
            "transaction_id": np.arange(rows),
            "event_at": pd.Timestamp("2025-01-01") + pd.to_timedelta(seconds, unit="s"),
            "customer_id": rng.integers(0, 5_000, rows),
            "terminal_id": rng.integers(0, 10_000, rows),
            "amount": rng.lognormal(3.5, 1.0, rows).round(2),
            "is_fraud": (rng.random(rows) < 0.01).astype(np.int64),
        }
    )


def canonical(table: pd.DataFrame) -> pd.DataFrame:
    """`table` as the contract has it: ids as text of one length, UTC, labels after seven days."""
    ids = ("transaction_id", "customer_id", "terminal_id")
    text = {name: table[name].astype("str").str.zfill(8) for name in ids}
    event_at = table["event_at"].dt.tz_localize("UTC").dt.as_unit("us")
    return table.assign(**text, event_at=event_at, label_at=event_at + pd.Timedelta(days=7))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the cost of both sides and how far they are apart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--data", type=Path, help="the Handbook's transactions, as parquet")
    given = parser.parse_args(arguments)
    table = made_up(given.rows)
    if given.data is not None:
        whole = pd.read_parquet(given.data, columns=list(HANDBOOK)).rename(columns=HANDBOOK)
        table = whole.head(given.rows)
    contract = load_contracts(CONTRACTS)["transactions"]
    found = feature_parity(canonical(table), contract, FEATURES, Extras(), seed=0)
    shown = {name: value for name, value in found.to_json().items() if name != "stream"}
    if found.stream is not None:
        modes = found.stream.modes.items()
        shown |= {f"stream_max_rel_diff {name}": mode.max_rel_diff for name, mode in modes}
        shown["stream_events_per_cpu_s"] = float(round(found.stream.events_per_cpu_s))
    for name, value in shown.items():
        sys.stdout.write(f"{name:<30}{_text(value)}\n")


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)


if __name__ == "__main__":
    main()
