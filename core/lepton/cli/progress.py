"""Progress on a terminal: stages done and under way, best score so far, time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lepton.cli.screen import clean, note

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lepton.progress import Progress


@contextmanager
def shown(title: str) -> Iterator[Progress]:
    """Progress to give to a run: drawn where stderr is a terminal, else a line an event."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console
    from rich.live import Live

    board = Board(title)
    with Live(
        get_renderable=board.draw, console=Console(stderr=True), refresh_per_second=4
    ) as live:
        yield board
        board.end()
        live.refresh()


@dataclass
class Lines:
    """Progress as plain lines on stderr, for logs; repeated texts are left out."""

    last: str = ""

    def stage(self, name: str) -> None:
        """A line for the stage."""
        note(f"== {name}")

    def step(
        self,
        text: str,
        *,
        done: float | None = None,
        best: float | None = None,
        left_s: float | None = None,
    ) -> None:
        """A line for the step, with the best score so far and the time left."""
        line = f"   {text}{_best(best)}{_left(left_s)}"
        if line != self.last:
            note(line)
        self.last = line


@dataclass
class Stage:
    """One row of the board: its name, when it began and ended, and what it said last."""

    name: str
    began_s: float
    ended_s: float | None = None
    text: str = ""
    done: float | None = None


@dataclass
class Board:
    """Progress as a list of stages that is drawn again and again."""

    title: str
    clock: Callable[[], float] = time.monotonic
    stages: list[Stage] = field(default_factory=list)
    best: float | None = None
    left_until_s: float | None = None

    def stage(self, name: str) -> None:
        """Close the stage that was under way and begin the next."""
        self.end()
        self.stages.append(Stage(name, self.clock()))

    def step(
        self,
        text: str,
        *,
        done: float | None = None,
        best: float | None = None,
        left_s: float | None = None,
    ) -> None:
        """Keep what was said last of the stage under way."""
        if not self.stages:
            self.stage("start")
        active = self.stages[-1]
        active.text = text
        active.done = active.done if done is None else done
        self.best = self.best if best is None else best
        self.left_until_s = None if left_s is None else self.clock() + left_s

    def end(self) -> None:
        """Close the stage that is under way."""
        if self.stages and self.stages[-1].ended_s is None:
            self.stages[-1].ended_s = self.clock()
        self.left_until_s = None

    def draw(self) -> RenderableType:
        """The stages, the active one with a bar where its share done is known."""
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 1))
        grid.add_row("", Text(clean(self.title), style="bold"), "", self._summary())
        for stage in self.stages:
            grid.add_row(*self._row(stage))
        return grid

    def _row(self, stage: Stage) -> tuple[RenderableType, ...]:
        from rich.progress_bar import ProgressBar
        from rich.text import Text

        ended = stage.ended_s is not None
        spent = (stage.ended_s or self.clock()) - stage.began_s
        mark = Text("✓", style="green") if ended else Text("›", style="bold cyan")
        name = Text(clean(stage.name), style="" if ended else "bold cyan")
        said: RenderableType = Text(clean(stage.text), style="dim", overflow="ellipsis")
        if not ended and stage.done is not None:
            said = _beside(ProgressBar(total=1.0, completed=stage.done, width=24), said)
        return mark, name, Text(_clock(spent), style="dim"), said

    def _summary(self) -> RenderableType:
        from rich.text import Text

        left = None if self.left_until_s is None else max(self.left_until_s - self.clock(), 0.0)
        return Text(f"{_best(self.best)}{_left(left)}".strip(" ,"), style="bold")


def _beside(*parts: RenderableType) -> RenderableType:
    from rich.table import Table

    row = Table.grid(padding=(0, 1))
    row.add_row(*parts)
    return row


def _best(best: float | None) -> str:
    return "" if best is None else f", best so far {best:.4f}"


def _left(left_s: float | None) -> str:
    return "" if left_s is None else f", {_clock(left_s)} left"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
