"""What `dagster dev` shows of a solution."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import dagster as dg

from lepton.task import TaskKind
from pipelines.factory import build_solution_defs
from pipelines.stage_assets import STAGES
from tests.pipelines.conftest import Demo

ASSETS = {
    "source",
    "validated",
    "features",
    "leaderboard",
    "model",
    "bundle",
    "evaluation",
    "report",
    "published",
    "scores",
}


def definitions(demo: Demo) -> dg.Definitions:
    return build_solution_defs(demo.project, demo.solution, demo.config)


def test_every_noun_of_the_design_is_an_asset_of_its_solution(demo: Demo) -> None:
    graph = definitions(demo).resolve_asset_graph()
    assert {key.to_user_string() for key in graph.get_all_asset_keys()} == {
        f"demo/{name}" for name in ASSETS
    }
    assert {graph.get(key).group_name for key in graph.get_all_asset_keys()} == {"demo"}


def test_the_contract_blocks_and_the_gates_only_warn(demo: Demo) -> None:
    graph = definitions(demo).resolve_asset_graph()
    blocking = {key.name: graph.get_check_spec(key).blocking for key in graph.asset_check_keys}
    assert blocking == {"contract": True, "gates": False}


def test_jobs_schedules_and_sensor_have_their_names(demo: Demo) -> None:
    repository = definitions(demo).get_repository_def()
    jobs = {job.name for job in repository.get_all_jobs()} - {"__ASSET_JOB"}
    assert jobs == {"demo_train", "demo_score"}
    assert {one.name: one.cron_schedule for one in repository.schedule_defs} == {
        "demo_retrain": demo.config.schedule.retrain,
        "demo_score_daily": demo.config.schedule.score,
    }
    assert {one.name for one in repository.sensor_defs} >= {"demo_new_file"}


def test_forecasts_are_also_made_again_by_a_schedule_of_their_own(demo: Demo) -> None:
    task = SimpleNamespace(name="rows", kind=TaskKind.FORECAST)
    vars(demo.solution)["task_named"] = lambda _: task
    schedule = demo.config.schedule.model_copy(update={"reforecast": "5 * * * *"})
    demo.config = demo.config.model_copy(update={"schedule": schedule})
    made = definitions(demo)
    repository = made.get_repository_def()
    assert {one.name for one in repository.schedule_defs} >= {"demo_reforecast"}
    again = made.resolve_job_def("demo_reforecast").asset_layer.selected_asset_keys
    assert {key.path[-1] for key in again} == {"reforecasts"}
    trained = made.resolve_job_def("demo_train").asset_layer.selected_asset_keys
    assert {key.path[-1] for key in trained} == ASSETS - {"scores"}


def test_training_leaves_the_daily_scores_alone(demo: Demo) -> None:
    job = definitions(demo).resolve_job_def("demo_train")
    assert {key.path[-1] for key in job.asset_layer.selected_asset_keys} == ASSETS - {"scores"}


def test_the_launchpad_opens_with_the_settings_of_solution_yaml(demo: Demo) -> None:
    config = definitions(demo).resolve_job_def("demo_train").run_config
    assert config is not None
    assert config["resources"]["demo_settings"]["config"] == {"budget_work_units": 7, "seed": 3}


def test_two_solutions_stand_side_by_side(demo: Demo) -> None:
    other = type(demo.solution)(**{**vars(demo.solution), "name": "other"})
    both = dg.Definitions.merge(
        definitions(demo), build_solution_defs(demo.project, other, demo.config)
    )
    assert len(both.resolve_asset_graph().get_all_asset_keys()) == 2 * len(ASSETS)


def test_the_daily_schedule_asks_for_the_day_that_is_over(demo: Demo) -> None:
    repository = definitions(demo).get_repository_def()
    schedule = repository.get_schedule_def("demo_score_daily")
    at = datetime(2026, 3, 1, 5, tzinfo=UTC)
    with dg.build_schedule_context(
        scheduled_execution_time=at, repository_def=repository
    ) as context:
        told = schedule.evaluate_tick(context)
    assert [request.partition_key for request in told.run_requests or ()] == ["2026-02-28"]


def test_every_stage_is_a_function_that_takes_what_the_asset_needs() -> None:
    import inspect

    from lepton import stages

    for stage in STAGES:
        taken = list(inspect.signature(getattr(stages, stage.verb)).parameters.values())
        needed = [one for one in taken if one.default is one.empty]
        assert len(needed) == 1 + len(stage.needs), stage.asset
