"""A project as small as one can be, and a stand-in for the kit's wheel."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lepton.clone import new
from lepton.solution import Project, Solution

FILES = {
    ".ci/run": "#!/usr/bin/env bash\n",
    ".dagster/dagster.yaml": "telemetry:\n  enabled: false\n",
    "solutions/__init__.py": '"""Solutions."""\n',
    "solutions/demo/__init__.py": "SOLUTION = None\n",
    "solutions/demo/solution.yaml": "solution: demo\ncustomer: sample\n",
    "solutions/demo/__pycache__/x.pyc": "cache",
    "solutions/demo/.hidden": "hidden",
    "solutions/other/__init__.py": "SOLUTION = None\n",
    "solutions/other/solution.yaml": "solution: other\n",
    "pipelines/__init__.py": '"""Pipelines."""\n',
    "data_contracts/demo/rows.odcs.yaml": "kind: DataContract\n",
    "data_contracts/other/rows.odcs.yaml": "kind: DataContract\n",
    "sample_data/demo/rows.parquet": "PAR1",
    "sample_data/other/rows.parquet": "PAR1",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Two solutions of which a clone may take one; the wheel is not built."""
    root = tmp_path / "kit"
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    monkeypatch.setattr(new, "kit_wheel", lambda _: ("lepton_kit-0.1.0-py3-none-any.whl", b"PK"))
    titles = {"demo": "Demonstration", "other": "Another"}
    solutions: Any = {
        name: SimpleNamespace(name=name, title=title) for name, title in titles.items()
    }
    return Project(root, cast("dict[str, Solution]", solutions))
