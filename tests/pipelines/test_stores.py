"""Values between the steps: the old one or the new one, whatever happens on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from lepton import stored
from lepton.contracts.model import Validated
from lepton.errors import MachineError
from lepton.testing import fail_at
from pipelines import io_managers
from pipelines.io_managers import ScoresStore, StageStore

KEY = dg.AssetKey(["demo", "validated"])


def value(rows: int) -> Validated:
    return Validated({"rows": pd.DataFrame({"a": [float(row) for row in range(rows)]})}, (), {})


def save(store: Any, content: Any, **context: Any) -> None:
    with dg.build_output_context(asset_key=KEY, run_id="r1", **context) as output:
        store.handle_output(output, content)


def load(store: Any, **context: Any) -> Any:
    """The value as another process reads it: from the disk."""
    io_managers._kept.clear()
    return load_here(store, **context)


def load_here(store: Any, **context: Any) -> Any:
    with dg.build_input_context(asset_key=KEY, **context) as given:
        return store.load_input(given)


@pytest.fixture(autouse=True)
def _only_light_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kinds of values without importing the families."""
    kind = stored._Kind(
        "validated", stored._is(Validated), stored._save_validated, stored._load_validated
    )
    monkeypatch.setattr(stored, "_kinds", lambda: (kind,))


def test_what_was_stored_is_read_again(tmp_path: Path) -> None:
    store = StageStore(root=str(tmp_path))
    save(store, value(3))
    pd.testing.assert_frame_equal(load(store).tables["rows"], value(3).tables["rows"])


def test_a_process_reads_a_value_once_and_the_newest_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = StageStore(root=str(tmp_path))
    save(store, value(3))
    read = load(store)
    with monkeypatch.context() as patched:
        patched.setattr(stored, "load", lambda kind, folder: pytest.fail("read again"))
        assert load_here(store) is read
    save(store, value(5))
    assert len(load_here(store).tables["rows"]) == 5
    for number in range(io_managers._MOST_KEPT):
        save(StageStore(root=str(tmp_path / str(number))), value(1))
    assert len(io_managers._kept) == io_managers._MOST_KEPT
    assert len(load_here(store).tables["rows"]) == 5


@pytest.mark.parametrize("operation", ["open", "write", "fsync", "replace", "rename"])
def test_x03_a_disk_that_refuses_leaves_the_value_before(tmp_path: Path, operation: Any) -> None:
    store = StageStore(root=str(tmp_path))
    save(store, value(3))
    for nth in range(1, 4):
        with fail_at(operation, nth) as fault:
            try:
                save(store, value(5))
            except OSError:
                assert fault.fired
                assert len(load(store).tables["rows"]) == 3
    save(store, value(5))
    assert len(load(store).tables["rows"]) == 5
    assert not list(tmp_path.rglob(".tmp-*"))


def test_a_missing_or_damaged_value_is_told_with_its_place(tmp_path: Path) -> None:
    store = StageStore(root=str(tmp_path))
    with pytest.raises(MachineError, match=r"LK941 .*no complete value of demo/validated"):
        load(store)
    save(store, value(3))
    (tmp_path / "validated/current").write_text("../../etc")
    with pytest.raises(MachineError, match=r"LK941 .*does not name a value"):
        load(store)


def test_nothing_is_ever_pickled(tmp_path: Path) -> None:
    store = StageStore(root=str(tmp_path))
    save(store, value(3))
    suffixes = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert suffixes == {"", ".json", ".parquet"}
    with pytest.raises(TypeError, match="no stage's value"):
        save(store, object())


def test_r01_a_day_scored_twice_is_one_file(tmp_path: Path) -> None:
    store = ScoresStore(root=str(tmp_path))
    for run in ("r1", "r2"):
        frame = pd.DataFrame({"score": [0.5], "run_id": [run]})
        save(store, frame, partition_key="2026-02-28")
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert path.relative_to(tmp_path) == Path("validated/2026-02-28.parquet")
    assert load(store, partition_key="2026-02-28")["run_id"].tolist() == ["r2"]
