"""Progress: the same events as plain lines and as a board."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from lepton.cli.progress import Board, Lines, shown


def drawn(board: Board) -> str:
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(board.draw())
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_lines_tell_each_step_once(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    lines.stage("search")
    for _ in range(2):
        lines.step("trial 3", best=0.71234, left_s=75)
    assert capsys.readouterr().err == ("== search\n   trial 3, best so far 0.7123, 1:15 left\n")


def test_the_board_shows_done_active_best_and_time_left() -> None:
    now = [0.0]
    board = Board("Fraud detection", clock=lambda: now[0])
    board.stage("read")
    now[0] = 65.0
    board.stage("search")
    board.step("trial 3", done=0.5, best=0.7, left_s=30.0)
    now[0] = 75.0
    told = drawn(board)
    assert "✓ read" in told
    assert "1:05" in told
    assert "› search" in told
    assert "best so far 0.7000, 0:20 left" in told
    board.end()
    assert "›" not in drawn(board)
    assert "left" not in drawn(board)


def test_what_a_stage_says_cannot_steer_the_terminal() -> None:
    board = Board("x")
    board.step("\x1b[2J[red]")
    assert "\\x1b[2J[red]" in drawn(board)


def test_without_a_terminal_progress_is_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with shown("title") as progress:
        progress.stage("read")
    assert capsys.readouterr().err == "== read\n"
