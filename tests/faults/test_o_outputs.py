"""Faults of outputs: what a spreadsheet or a terminal would run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from lepton.csv_safe import write_csv


def test_o01_text_cells_are_no_formulas_and_numbers_stay(tmp_path: Path) -> None:
    cells = ["=HYPERLINK(1)", "+1", "-2", "@a", "\ttab", "\rcr", "\0nul", "a=b", "", None]
    frame = pd.DataFrame(
        {
            "text": cells,
            "number": [-1.5, *([2.0] * 9)],
            "whole": [-3] * 10,
            "=name": ["x"] * 10,
            "at": pd.to_datetime(["2025-01-01T00:00:00Z"] * 10),
        }
    )
    write_csv(frame, tmp_path / "out.csv")
    back = pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)
    assert back["text"].tolist() == [
        "'=HYPERLINK(1)",
        "'+1",
        "'-2",
        "'@a",
        "'\ttab",
        "'\rcr",
        "'nul",
        "a=b",
        "",
        "",
    ]
    assert back["number"][0] == "-1.5"
    assert back["whole"][0] == "-3"
    assert back.columns.tolist() == ["text", "number", "whole", "'=name", "at"]
    assert back["at"][0] == "2025-01-01T00:00:00+00:00"
