"""A run whose process is killed, at every asset: nothing half is seen, the next run is whole."""

from __future__ import annotations

import os
import signal
from typing import Any

import dagster as dg

from lepton.progress import Silent
from lepton_edge import atomic
from pipelines.run import RunOutcome, run_solution
from pipelines.stage_assets import STAGES
from tests.pipelines.conftest import Demo


def run(demo: Demo) -> RunOutcome:
    return run_solution(demo.project, demo.solution, demo.config, Silent())


def killed_in(demo: Demo, verb: str) -> int:
    """Signal that ended a forked process which was killed in the stage `verb` of a run."""
    child = os.fork()
    if child == 0:
        demo.stages[verb] = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        run(demo)
        os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


def current_values(demo: Demo) -> dict[str, Any]:
    """Asset -> the content that a reader of its latest value finds."""
    folders = demo.project.workspace.assets("demo").glob("*")
    return {one.name: (atomic.resolve(one) / "value/value").read_text() for one in folders}


def statuses(demo: Demo) -> list[dg.DagsterRunStatus]:
    home = demo.project.workspace.dagster_home
    with dg.DagsterInstance.from_config(str(home)) as instance:
        return [record.status for record in instance.get_runs()]


def test_r02_killed_in_every_step_in_turn_nothing_half_is_seen_and_the_next_run_is_whole(
    whole: Demo,
) -> None:
    undisturbed = run(whole)
    expected = current_values(whole)
    for stage in STAGES:
        assert killed_in(whole, stage.verb) == signal.SIGKILL
        assert current_values(whole) == expected
        assert statuses(whole)[0] is dg.DagsterRunStatus.STARTED
    again = run(whole)
    assert again.metrics == undisturbed.metrics
    assert current_values(whole) == expected
    assert [status.value for status in statuses(whole)] == [
        "SUCCESS",
        *["FAILURE"] * len(STAGES),
        "SUCCESS",
    ]
