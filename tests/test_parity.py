"""Parity on a table nobody has mapped: a draft where it is clear, one error where it is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.context import Context, make_context
from lepton.errors import ConfigError
from lepton.frames import write_parquet
from lepton.parity import agreement, with_draft
from lepton.solution import find_project

ROOT = Path(__file__).parents[1]
THEIRS = {
    "transaction_id": "TRANSACTION_ID",
    "event_at": "TX_DATETIME",
    "customer_id": "CUSTOMER_ID",
    "terminal_id": "TERMINAL_ID",
    "amount": "TX_AMOUNT",
    "is_fraud": "TX_FRAUD",
}


def _payments(rows: int = 900) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    seconds = np.sort(rng.integers(0, 40 * 86_400, rows))
    at = pd.Timestamp("2025-01-01") + pd.to_timedelta(seconds, unit="s")
    return pd.DataFrame(
        {
            "transaction_id": np.arange(rows),
            "event_at": at.as_unit("us"),
            "customer_id": rng.integers(0, 12, rows),
            "terminal_id": rng.integers(0, 9, rows),
            "amount": rng.lognormal(3, 1, rows).round(2),
            "is_fraud": (rng.random(rows) < 0.03).astype(np.int64),
        }
    ).sample(frac=1, random_state=1)


def _context(frame: pd.DataFrame, folder: Path) -> Context:
    write_parquet(frame, folder / "raw.parquet")
    project = find_project(ROOT)
    source = {"transactions": str(folder / "raw.parquet")}
    found = make_context(project, "fraud_detection", run_id="r1", source=source)
    (folder / "project").mkdir()
    kept = type(project)(project.root, project.solutions, state=folder / "project")
    return Context(kept, found.solution, found.config, "r1", found.config_path)


def test_a_customers_own_columns_are_mapped_by_a_draft_and_every_engine_agrees(
    tmp_path: Path,
) -> None:
    found = agreement(_context(_payments().rename(columns=THEIRS), tmp_path), 700)
    found.require()
    assert found.draft is not None
    assert "customer_id: CUSTOMER_ID" in found.draft.read_text()
    assert found.graph is None
    assert found.features.rows == 700
    assert found.features.stream is not None
    assert set(found.features.stream.modes) == {"plain", "late", "restored"}
    assert found.features.stream.lateness_s >= 900.0
    assert found.features.batch_vs_pandas is not None


def test_a_table_without_anything_like_an_amount_is_one_clear_error(tmp_path: Path) -> None:
    frame = _payments().rename(columns=THEIRS).drop(columns="TX_AMOUNT")
    ctx = _context(frame.assign(note="?"), tmp_path)
    with pytest.raises(ConfigError, match=r"LK157.*no mapping is configured.*clearly amount"):
        with_draft(ctx)


def test_a_canonical_table_needs_no_draft(tmp_path: Path) -> None:
    at = _payments().assign(event_at=lambda t: t["event_at"].dt.tz_localize("UTC"))
    ctx = _context(at, tmp_path)
    assert with_draft(ctx) == (ctx, None)
