"""Fraud detection from the sample's raw table to a published version, through the pipeline."""

from __future__ import annotations

from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from datetime import date
from io import StringIO
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from lepton.config import BudgetConfig, SolutionConfig, load_config
from lepton.context import make_context
from lepton.csv_safe import write_csv
from lepton.errors import ContractViolation
from lepton.evaluation.results import Evaluation
from lepton.progress import Silent
from lepton.registry.store import Registry
from lepton.scoring import score
from lepton.solution import Project, find_project, kit_root
from lepton_edge.__main__ import main as edge
from lepton_edge.bundle import open_bundle
from pipelines.factory import build_solution_defs
from pipelines.run import RunOutcome, run_solution

NAME = "fraud_detection"
DAY = "2025-04-26"
PLANTED = "planted-7f3e9c-never-to-be-written"
"""What the environment of a run holds and nothing that it writes may."""

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Done:
    """One run on the sample, its project writing to a folder of its own."""

    project: Project
    config: SolutionConfig
    outcome: RunOutcome

    @property
    def registry(self) -> Registry:
        return Registry(self.project.workspace.registry(NAME))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A small search: a few fits are enough to beat the baselines on the sample."""
    project = replace(find_project(kit_root()), state=tmp_path_factory.mktemp("state"))
    settings = load_config(project.workspace.config(NAME))
    config = settings.model_copy(update={"budget": BudgetConfig(work_units=3)})
    with pytest.MonkeyPatch.context() as patch:
        for name in ("API_TOKEN", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD"):
            patch.setenv(name, PLANTED)
        outcome = run_solution(project, project.solution(NAME), config, Silent())
    return Done(project, config, outcome)


def test_the_first_run_publishes_a_version_that_verifies(done: Done) -> None:
    assert done.outcome.refused == ()
    assert done.outcome.version == 1
    current = done.registry.current()
    assert current is not None
    assert current.number == 1
    told = open_bundle(current.path).manifest.content["stream"]
    stream = done.config.stream
    assert (told["lateness_s"], told["ahead_s"]) == (stream.lateness_s, stream.ahead_s)


def test_the_report_is_one_page_that_needs_nothing_else(done: Done) -> None:
    page = done.outcome.report.read_text(encoding="utf-8")
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert 'src="http' not in page


def test_c05_a_secret_of_the_environment_is_in_nothing_that_a_run_writes(done: Done) -> None:
    state = done.project.workspace.home.parent
    files = [path for path in state.rglob("*") if path.is_file()]
    assert any(path.suffix == ".html" for path in files)
    assert any(path.name == "manifest.json" for path in files)
    assert [str(path) for path in files if PLANTED.encode() in path.read_bytes()] == []


def test_the_policys_decisions_are_evaluated_and_saved(done: Done) -> None:
    folder = next(done.project.workspace.assets(NAME).glob("evaluation/*/value"))
    found = Evaluation.load(folder)
    assert {"action", "reasons", "rules", "review_sample"} <= set(found.scored.columns)
    alerted = found.scored["action"] != "approve"
    assert (found.scored.loc[alerted, "reasons"] != "").mean() > 0.9
    assert found.facts["policy_saved"] > 0
    assert found.facts["by_hand_most"] <= done.config.costs["alerts_per_day"] + 5
    assert len(found.rules) > 3
    assert (found.rules["missing"] == "").all()


def test_d16_unseen_category_is_scored_as_unknown_and_counted(done: Done, tmp_path: Path) -> None:
    table = pd.read_parquet(done.project.root / done.config.source["transactions"]).tail(300)
    table["channel"] = table["channel"].astype(object)
    levels = set(table["channel"].dropna())
    changed = table.assign(merchant_country="ZZ")
    changed.to_parquet(tmp_path / "new.parquet")
    source = {"transactions": str(tmp_path / "new.parquet")}
    found = score(make_context(done.project, NAME, run_id="unseen", source=source))
    assert len(levels) > 1
    assert len(found.frame) == 300
    assert found.unseen == {"merchant_country": 300}


def test_file_on_a_device_and_pipeline_act_alike(done: Done, tmp_path: Path) -> None:
    table = pd.read_parquet(done.project.root / done.config.source["transactions"]).tail(400)
    table.to_parquet(tmp_path / "new.parquet")
    source = {"transactions": str(tmp_path / "new.parquet")}
    found = score(make_context(done.project, NAME, run_id="alike", source=source))
    write_csv(found.inputs, tmp_path / "rows.csv")
    told = StringIO()
    with redirect_stdout(told):
        assert edge(["score", str(found.version.path), str(tmp_path / "rows.csv")]) == 0
    device = pd.read_csv(StringIO(told.getvalue()), keep_default_na=False)
    for name in ("action", "reasons", "rules", "review_sample"):
        assert device[name].tolist() == found.frame[name].tolist()


def test_r09_refused_data_leave_current_and_go_to_quarantine(done: Done, tmp_path: Path) -> None:
    rows = pd.read_parquet(done.project.root / done.config.source["transactions"])
    spoiled = tmp_path / "transactions.parquet"
    rows.assign(amount=-1.0).to_parquet(spoiled)
    changed = done.config.model_copy(update={"source": {"transactions": str(spoiled)}})
    with pytest.raises(ContractViolation) as refused:
        run_solution(done.project, done.project.solution(NAME), changed, Silent())
    assert any("amount" in line for line in refused.value.details)
    current = done.registry.current()
    assert current is not None
    assert current.number == 1


@pytest.mark.parametrize("rows", [1, 300])
def test_new_rows_without_labels_are_scored(done: Done, tmp_path: Path, rows: int) -> None:
    path = tmp_path / "new.parquet"
    table = pd.read_parquet(done.project.root / done.config.source["transactions"]).tail(rows)
    table.drop(columns=["is_fraud", "label_at", "typology"]).to_parquet(path)
    source = {"transactions": str(path)}
    ctx = make_context(done.project, NAME, run_id=f"scoring_{rows}", source=source)
    scored = score(ctx).frame
    assert sorted(scored["transaction_id"]) == sorted(table["transaction_id"])
    assert scored["score"].between(0, 1).all()


def test_rows_scored_with_their_history_score_as_in_the_whole_table(
    done: Done, tmp_path: Path
) -> None:
    table = pd.read_parquet(done.project.root / done.config.source["transactions"])
    table = table.sort_values("event_at", ignore_index=True)
    table.iloc[:-200].to_parquet(tmp_path / "earlier.parquet")
    table.iloc[-250:].to_parquet(tmp_path / "new.parquet")
    table.to_parquet(tmp_path / "whole.parquet")

    def scored(file: str, history: str | None = None) -> pd.DataFrame:
        source = {"transactions": str(tmp_path / file)}
        ctx = make_context(done.project, NAME, run_id="looking_back", source=source)
        past = None if history is None else tmp_path / history
        return score(ctx, history=past).frame.reset_index(drop=True)

    with_history = scored("new.parquet", "earlier.parquet")
    pd.testing.assert_frame_equal(
        with_history, scored("whole.parquet").tail(250).reset_index(drop=True)
    )
    assert not with_history["score"].equals(scored("new.parquet")["score"])


def test_r01_a_day_is_scored_by_the_current_version_and_again_the_same(done: Done) -> None:
    defs = build_solution_defs(done.project, done.project.solution(NAME), done.config)
    job = defs.resolve_job_def(f"{NAME}_score")
    with dg.DagsterInstance.ephemeral() as instance:
        results = [job.execute_in_process(partition_key=DAY, instance=instance) for _ in range(2)]
    frames = [result.asset_value(dg.AssetKey([NAME, "scores"])) for result in results]
    pd.testing.assert_frame_equal(*(frame.drop(columns="run_id") for frame in frames))
    assert len(frames[0]) > 0
    assert set(frames[0]["event_at"].dt.date) == {date.fromisoformat(DAY)}
    assert frames[0]["model_version"].unique().tolist() == [1]
    assert frames[0]["run_id"].unique().tolist() == [results[0].run_id.replace("-", "")]
