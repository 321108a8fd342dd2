"""The command line of a device: clear words, clear exit codes, from the bundle's own files."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lepton.dataset import TabularDataset
from lepton.export.bundle import Bundle
from lepton.testing import corrupt
from lepton_edge.__main__ import main


@pytest.fixture
def table(rows: TabularDataset, tmp_path: Path) -> Path:
    place = tmp_path / "rows.csv"
    rows.rows.head(5).to_csv(place, index=False)
    return place


def test_verify_prints_hashes_difference_and_flips(
    bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(bundle.path)]) == 0
    told = capsys.readouterr().out
    assert "files have the sha256" in told
    assert "0 flips" in told
    assert told.endswith("verified\n")


def test_damaged_bundle_ends_with_six(bundle: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    corrupt(bundle.path / "LICENSE", "flip")
    assert main(["verify", str(bundle.path)]) == 6
    assert "LK605" in capsys.readouterr().err


def test_other_outputs_end_with_six(
    bundle: Bundle, reseal: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    place = bundle.path / "golden.json"
    golden = json.loads(place.read_text())
    golden["score"][3] += 1e-3
    place.write_text(json.dumps(golden))
    reseal(bundle.path, "golden.json")
    assert main(["verify", str(bundle.path)]) == 6
    assert "REFUSED" in capsys.readouterr().out


def test_score_passes_the_key_through(
    bundle: Bundle,
    table: Path,
    model: Any,
    rows: TabularDataset,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["score", str(bundle.path), str(table)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "event_id,score,decision"
    assert lines[1].startswith("e00000,")
    assert float(lines[5].split(",")[1]) == pytest.approx(model.score(rows)[4], abs=1e-12)


def test_score_reads_json_lines_from_standard_input(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"amount": 5, "epoch_s": 1.7e9, "since_last": None, "count": 0, "card": "mc", "os": None}
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(row) + "\n"))
    assert main(["score", str(bundle.path), "--format", "jsonl"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"score", "decision"}


def test_refused_rows_end_with_four_and_nothing_is_scored(
    bundle: Bundle, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table.write_text(table.read_text().replace("visa", "visa,"))
    assert main(["score", str(bundle.path), str(table)]) == 4
    told = capsys.readouterr()
    assert (told.out, "LK284" in told.err) == ("", True)


def test_absent_file_and_provider_end_with_seven(bundle: Bundle, tmp_path: Path) -> None:
    assert main(["score", str(bundle.path), str(tmp_path / "none.csv")]) == 7
    assert main(["verify", str(bundle.path), "--provider", "NoSuchProvider"]) == 7


def test_the_bundle_verifies_itself_twice_in_an_empty_environment(bundle: Bundle) -> None:
    site = str(Path(sys.modules["numpy"].__file__ or "").parents[1])
    code = (
        "import sys, runpy; sys.argv = ['lepton_edge', 'verify', sys.argv[1]]\n"
        "try: runpy.run_module('lepton_edge', run_name='__main__')\n"
        "except SystemExit as end: done = end.code\n"
        "import lepton_edge; assert 'runtime' in lepton_edge.__file__, lepton_edge.__file__\n"
        "heavy = {'pandas', 'lightgbm', 'onnx', 'lepton', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(done or ' '.join(heavy) or 0)"
    )
    paths = os.pathsep.join([str(bundle.path / "runtime"), site])
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-S", "-c", code, str(bundle.path)],
            env={"PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "verified" in done.stdout
