"""How long work tells where it stands: stage, best score so far, time left."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives what a stage has to say; the command line draws it, Dagster logs it."""

    def stage(self, name: str) -> None:
        """A stage begins; `name` is its verb."""

    def step(
        self,
        text: str,
        *,
        done: float | None = None,
        best: float | None = None,
        left_s: float | None = None,
    ) -> None:
        """Something happened: share done (0..1), best score so far, seconds left."""


class Silent:
    """Progress that nobody watches."""

    def stage(self, name: str) -> None:
        """Say nothing."""

    def step(
        self,
        text: str,
        *,
        done: float | None = None,
        best: float | None = None,
        left_s: float | None = None,
    ) -> None:
        """Say nothing."""
