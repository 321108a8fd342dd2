"""A run in this process: the same assets, our own errors, nothing deployed by a failure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from lepton.errors import ContractViolation, LeptonError, MachineError
from lepton.progress import Silent
from lepton.registry.lock import hold
from lepton.stages import Published
from pipelines.factory import build_solution_defs
from pipelines.run import RunOutcome, run_solution
from pipelines.scope import lock_path
from pipelines.stage_assets import STAGES
from tests.pipelines.conftest import Demo

VERBS = [stage.verb for stage in STAGES]


def run(demo: Demo) -> RunOutcome:
    return run_solution(demo.project, demo.solution, demo.config, Silent())


def test_a_run_calls_every_stage_once_in_order(whole: Demo) -> None:
    outcome = run(whole)
    assert whole.called == VERBS
    assert outcome.version == 1
    assert outcome.refused == ()
    assert outcome.metrics == {"ap": 0.5}
    assert outcome.report == Path("report.html")


def test_the_stages_get_what_solution_yaml_says(whole: Demo) -> None:
    seen: list[Any] = []

    def read(ctx: Any) -> dict[str, Any]:
        seen.append(ctx)
        return {}

    whole.stages["read"] = read
    outcome = run(whole)
    (ctx,) = seen
    assert ctx.config == whole.config
    assert ctx.run_id == outcome.run_id
    assert outcome.run_id.isalnum()


def test_a_run_is_recorded_where_dagster_dev_looks(whole: Demo) -> None:
    outcome = run(whole)
    home = whole.project.workspace.dagster_home
    with dg.DagsterInstance.from_config(str(home)) as instance:
        (record,) = instance.get_runs()
        assert record.run_id.replace("-", "") == outcome.run_id
        assert record.is_success
        assert instance.get_latest_materialization_event(dg.AssetKey(["demo", "published"]))


def test_refused_gates_end_in_an_outcome_and_not_in_an_error(whole: Demo) -> None:
    whole.stages["publish"] = lambda *_: Published(None, promoted=False, refused=("lift",))
    outcome = run(whole)
    assert outcome.version is None
    assert outcome.refused == ("lift",)
    assert outcome.report == Path("report.html")


def refuse(ctx: Any, *values: Any) -> Any:
    raise ContractViolation(
        "LK201", where="rows", found="2 rules broken", remedy="mend", details=["one", "two"]
    )


def test_r09_refused_data_stop_the_run_before_anything_downstream(whole: Demo) -> None:
    whole.stages["validate"] = refuse
    with pytest.raises(ContractViolation) as raised:
        run(whole)
    assert whole.called == ["read", "validate"]
    assert raised.value.code == "LK201"
    assert raised.value.details == ("one", "two")


def test_r09_a_failed_contract_check_stops_the_run_before_anything_downstream(
    whole: Demo,
) -> None:
    whole.broken.append("amount below 0")
    with pytest.raises(ContractViolation, match=r"LK299 demo/validated"):
        run(whole)
    assert whole.called == ["read", "validate"]


def test_the_value_before_stays_where_a_run_fails(whole: Demo) -> None:
    run(whole)
    values = sorted(whole.project.workspace.assets("demo").glob("*/current"))
    before = [path.read_text() for path in values]
    whole.stages["read"] = refuse
    with pytest.raises(ContractViolation):
        run(whole)
    assert [path.read_text() for path in values] == before


def test_a_failed_run_leaves_a_record_of_what_failed(whole: Demo) -> None:
    whole.stages["search"] = refuse
    with pytest.raises(ContractViolation):
        run(whole)
    (path,) = whole.project.root.glob(".lepton/runs/demo/*/failure.json")
    record = json.loads(path.read_text())
    assert record["step"] == "demo__leaderboard"
    assert record["error"].startswith("LK201 rows: 2 rules broken")


def test_an_unexpected_failure_has_a_code_and_names_the_log(whole: Demo) -> None:
    def divide(ctx: Any, *values: Any) -> Any:
        return 1 / 0

    whole.stages["featurize"] = divide
    with pytest.raises(LeptonError, match=r"LK949 step demo__features: .*ZeroDivision") as told:
        run(whole)
    log = Path(told.value.remedy.removeprefix("the traceback is in "))
    assert "ZeroDivisionError" in log.read_text()


def test_nothing_of_dagster_reaches_the_terminal(
    whole: Demo, capfd: pytest.CaptureFixture[str]
) -> None:
    whole.stages["featurize"] = refuse
    with pytest.raises(ContractViolation):
        run(whole)
    assert capfd.readouterr() == ("", "")


def test_an_interrupt_stays_an_interrupt(whole: Demo) -> None:
    def interrupt(ctx: Any, *values: Any) -> Any:
        raise KeyboardInterrupt

    whole.stages["search"] = interrupt
    with pytest.raises(KeyboardInterrupt):
        run(whole)


def test_r05_a_second_run_of_the_solution_is_told_who_holds_the_lock(
    whole: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.run.LOCK_WAIT_S", 0.0)
    with (
        hold(lock_path(whole.project.workspace, "demo"), "first"),
        pytest.raises(MachineError, match=r"LK905 .*first"),
    ):
        run(whole)
    assert whole.called == []


def test_r05_a_run_from_the_ui_holds_the_lock_from_its_first_step_to_its_last(
    whole: Demo,
) -> None:
    path = lock_path(whole.project.workspace, "demo")
    told: list[str] = []

    def search(ctx: Any, *values: Any) -> dict[str, Any]:
        with (
            pytest.raises(MachineError, match=r"LK905") as refused,
            hold(path, "second", wait_s=0.0),
        ):
            pass
        told.append(str(refused.value))
        return {}

    whole.stages["search"] = search
    job = build_solution_defs(whole.project, whole.solution, whole.config)
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.resolve_job_def("demo_train").execute_in_process(instance=instance)
    assert result.run_id in told[0]
    with hold(path, "third", wait_s=0.0):
        pass
