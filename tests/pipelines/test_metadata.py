"""What a solution's figures become in Dagster's UI, whatever they draw."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure as Drawing

from lepton.solution import Figure
from pipelines.metadata import _plots


def shown(drawn: Any) -> dict[str, str]:
    """The markdown of one figure that draws `drawn`."""
    figure = Figure("Board", "What it is.", lambda evaluation: drawn)
    ctx: Any = SimpleNamespace(solution=SimpleNamespace(figures=(figure,)))
    return {name: value.md_str for name, value in _plots(ctx, None).items()}


@pytest.mark.parametrize(
    ("drawn", "told"),
    [
        (pd.DataFrame({"asset": ["a|1"], "score": [0.5]}), "| asset | score |\n|---|---|\n| a"),
        ("No failure is among these readings.", "No failure is among these readings."),
        (Drawing(), "![Board](data:image/png;base64,"),
    ],
    ids=["table", "sentence", "picture"],
)
def test_every_kind_of_figure_is_shown_under_its_caption(drawn: Any, told: str) -> None:
    text = shown(drawn)["plot Board"]
    assert text.startswith("What it is.\n\n")
    assert told in text


def test_a_figure_that_draws_nothing_is_left_out() -> None:
    assert shown(None) == {}
