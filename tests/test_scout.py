"""The scout: a first model beside a run, read from what the run reads and never published."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from lepton.config import BudgetConfig, SolutionConfig, load_config
from lepton.context import make_context
from lepton.errors import DataError, LeptonError
from lepton.registry.store import Registry
from lepton.scout import first_model, main, scouting
from lepton.solution import Project, find_project, kit_root

NAME = "fraud_detection"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return replace(find_project(kit_root()), state=tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def settings(project: Project) -> SolutionConfig:
    return load_config(project.workspace.config(NAME))


def asked(project: Project, settings: SolutionConfig, run_id: str) -> dict[str, object]:
    return {
        "root": str(project.root),
        "state": str(project.state),
        "config": settings.model_dump(mode="json"),
        "config_path": str(project.workspace.config(NAME)),
        "run_id": run_id,
    }


@pytest.mark.slow
def test_a_first_model_scores_and_nothing_is_published(
    project: Project, settings: SolutionConfig
) -> None:
    main(asked(project, settings, "scouted"))
    folder = project.workspace.run(NAME, "scouted") / "first"
    facts = json.loads((folder / "model.json").read_text())
    assert facts["family"] in project.solution(NAME).families
    session = ort.InferenceSession((folder / "model.onnx").read_bytes())
    feed = {
        node.name: np.zeros((3, node.shape[1]))
        if node.name == "numeric"
        else np.full((3, node.shape[1]), "", dtype=object)
        for node in session.get_inputs()
    }
    score, _ = session.run(["score", "decision"], feed)
    assert ((score > 0) & (score < 1)).all()
    assert Registry(project.workspace.registry(NAME)).current() is None
    assert first_model(make_context(project, NAME, run_id="scouted")) is None


def test_what_goes_wrong_is_left_for_the_run_to_tell(
    project: Project, settings: SolutionConfig, tmp_path: Path
) -> None:
    missing = settings.model_copy(update={"source": {"transactions": str(tmp_path / "no.csv")}})
    main(asked(project, missing, "nothing"))
    assert not (project.workspace.run(NAME, "nothing") / "first").exists()
    with pytest.raises(LeptonError) as told:
        first_model(make_context(project, NAME, run_id="nothing", source=missing.source))
    assert isinstance(told.value, DataError)


def test_there_is_no_scout_where_work_units_are_counted(
    project: Project, settings: SolutionConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    monkeypatch.setattr("lepton.scout.subprocess.Popen", lambda *given, **_: started.append(given))
    units = settings.model_copy(update={"budget": BudgetConfig(work_units=3)})
    with scouting(project, units, project.workspace.config(NAME), "units"):
        pass
    assert started == []
