"""A run that is over, and what tests ask of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lepton.config import SolutionConfig
from lepton.context import Context, make_context
from lepton.registry.store import Registry, Version
from lepton.solution import Project
from pipelines.run import RunOutcome


@dataclass(frozen=True)
class Done:
    """One run of a solution, its project writing to a folder of its own."""

    project: Project
    config: SolutionConfig
    outcome: RunOutcome

    @property
    def version(self) -> Version:
        """The version that is current."""
        registry = Registry(self.project.workspace.registry(self.config.solution))
        current = registry.current()
        assert current is not None
        return current

    def context(self, run_id: str, **files: Path) -> Context:
        """The run's context again, with other files for some tables."""
        source = {**self.config.source, **{name: str(path) for name, path in files.items()}}
        return make_context(self.project, self.config.solution, run_id=run_id, source=source)
