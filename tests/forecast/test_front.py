"""Members are left out where that costs little, proved on the selection."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lepton.forecast.board import ForecastBoard, Selected, Trial
from lepton.forecast.front import WHOLE, ForecastFront, compress
from tests.forecast import tiny

SPANS = np.array([50.0, 50.0])


def board(worse: float) -> ForecastBoard:
    """Two members; by how much the linear one's error is larger than the forest's on the
    selection."""
    champion, matrix = tiny.champion(), tiny.matrix()
    noise = np.random.default_rng(0).normal(size=(*matrix.y.shape, 1))
    spread = np.linspace(-2, 2, 9)
    told = {
        "linear": matrix.y[..., None] + worse * noise + spread,
        "lightgbm": matrix.y[..., None] + noise + spread,
    }
    return ForecastBoard(
        champion,
        "rcrps",
        (Trial("lightgbm", 0.1, 1.0, 0.5), Trial("linear", 0.2, 1.0, 0.5, "slow")),
        Selected.of(matrix, told),
        best_score=0.1,
        spent_units=4,
        spent_s=1.0,
        notes=("a note",),
    )


def chosen(worse: float, max_loss: float) -> ForecastFront:
    return compress(
        board(worse),
        tiny.matrix().take(np.arange(2)),
        SPANS,
        max_loss=max_loss,
        confidence=0.95,
        rng=np.random.default_rng(0),
    )


def test_a_member_that_adds_nothing_is_left_out() -> None:
    front = chosen(worse=6.0, max_loss=0.02)
    assert front.chosen != WHOLE
    assert "linear" not in front.champion.members or "lightgbm" not in front.champion.members
    assert front.artefacts["lightgbm"].loss < 0 < front.artefacts["linear"].loss
    sizes = front.to_frame().set_index("name")["bytes"]
    assert sizes[front.chosen] < sizes[WHOLE]


def test_the_whole_blend_ships_where_every_part_loses_too_much() -> None:
    front = chosen(worse=1.0, max_loss=-0.5)
    assert front.chosen == WHOLE
    assert [one.accepted for one in front.artefacts.values()] == [True, False, False]


def test_the_bound_is_above_the_loss_and_both_stand_beside_what_is_put_up_with() -> None:
    front = chosen(worse=3.0, max_loss=0.02)
    for one in front.artefacts.values():
        assert one.loss <= one.loss_bound + 1e-12
    assert "2.0%" in front.artefacts["linear"].why


def test_board_and_front_come_back_from_disk_as_they_were(tmp_path: Path) -> None:
    first = board(2.0)
    (tmp_path / "board").mkdir()
    first.save(tmp_path / "board")
    again = ForecastBoard.load(tmp_path / "board")
    assert again.to_frame().equals(first.to_frame())
    assert again.champion.fingerprint == first.champion.fingerprint
    assert list(again.selected.quantiles) == list(first.selected.quantiles)
    np.testing.assert_array_equal(again.selected.y, first.selected.y)
    front = chosen(2.0, 0.02)
    (tmp_path / "front").mkdir()
    front.save(tmp_path / "front")
    loaded = ForecastFront.load(tmp_path / "front")
    assert loaded.artefacts == front.artefacts
    assert loaded.champion.fingerprint == front.champion.fingerprint
    assert loaded.to_frame().loc[lambda f: f["chosen"], "name"].tolist() == [front.chosen]


@pytest.mark.parametrize("metric", ["rcrps"])
def test_a_front_says_what_it_is_scored_by(metric: str) -> None:
    assert chosen(2.0, 0.02).metric == metric == board(2.0).metric
