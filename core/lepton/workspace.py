"""Where a project keeps what it makes: everything under one dot folder of its root."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lepton.names import check_id


@dataclass(frozen=True)
class Workspace:
    """Folders of the project at `root`; nothing is made before something is written.

    state: where the project writes, its own root unless that is the installed kit.
    """

    root: Path
    state: Path | None = None

    @property
    def home(self) -> Path:
        """The folder that git ignores but for `wheels/` and `lock.json`."""
        return (self.state or self.root) / ".lepton"

    @property
    def dagster_home(self) -> Path:
        """Dagster's instance: its `dagster.yaml`, runs and schedules."""
        return (self.state or self.root) / ".dagster"

    def registry(self, solution: str) -> Path:
        """Versions and pointers of one solution."""
        return self.home / "registry" / check_id(solution, "solution")

    def assets(self, solution: str) -> Path:
        """Latest values between the stages, one folder an asset."""
        return self.home / "assets" / check_id(solution, "solution")

    def run(self, solution: str, run_id: str) -> Path:
        """What one run writes for people: report, quarantine, Data Docs."""
        return self.home / "runs" / check_id(solution, "solution") / check_id(run_id, "run id")

    def journal(self, solution: str) -> Path:
        """Trials of searches, by fingerprint of what was searched."""
        return self.home / "journal" / check_id(solution, "solution")

    def contracts(self, solution: str) -> Path:
        """The ODCS files of one solution."""
        return self.root / "data_contracts" / check_id(solution, "solution")

    def config(self, solution: str) -> Path:
        """The solution.yaml that a consultant edits."""
        return self.root / "solutions" / check_id(solution, "solution") / "solution.yaml"
