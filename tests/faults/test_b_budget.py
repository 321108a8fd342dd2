"""Group B of the reliability catalogue: what a search may spend."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from lepton.automl.budget import Budget, Meter
from lepton.automl.families import lightgbm, logistic
from lepton.automl.families.base import Fitted
from lepton.automl.machine import available_workers
from lepton.automl.search import SearchSpec, search
from lepton.dataset import Parts, TabularDataset
from lepton.progress import Silent


@dataclass
class _Clock:
    """A clock on which every look takes `tick_s`."""

    tick_s: float
    now_s: float = 0.0

    def __call__(self) -> float:
        self.now_s += self.tick_s
        return self.now_s


def test_b01_a_budget_of_one_second_gives_the_best_so_far(
    parts: Parts, search_spec: SearchSpec
) -> None:
    clock = _Clock(0.02)
    spec = replace(search_spec, budget=Budget(seconds=1.0), clock=clock)
    found = search(parts, spec, Silent())
    assert found.spent.seconds <= 1.1
    assert found.best_score > 0
    assert any(note.startswith("starved") for note in found.notes)


def test_b01_a_fit_is_cut_short_at_its_deadline_and_is_still_a_model(
    parts: Parts, search_spec: SearchSpec
) -> None:
    spec = replace(
        search_spec, budget=Budget(seconds=1.0), clock=_Clock(0.1), families=("lightgbm",)
    )
    found = search(parts, spec, Silent())
    assert found.trials[0].reason == "cut short by its deadline"
    assert found.best.newest.singles[0].params["rounds"] < 10


def test_b01_a_trial_cut_short_is_fitted_again_when_there_is_more_budget(
    parts: Parts, search_spec: SearchSpec
) -> None:
    short = replace(search_spec, budget=Budget(seconds=1.0), clock=_Clock(0.1))
    search(parts, short, Silent())
    found = search(parts, search_spec, Silent())
    assert all(trial.reason == "" for trial in found.trials)


@pytest.mark.parametrize(
    ("warm_s", "used"), [(0.5, {"lightgbm", "logistic"}), (50.0, {"lightgbm"})]
)
def test_b01_a_family_is_imported_once_and_only_where_there_is_time_for_it(
    parts: Parts,
    search_spec: SearchSpec,
    monkeypatch: pytest.MonkeyPatch,
    warm_s: float,
    used: set[str],
) -> None:
    warmed: list[str] = []
    slow = replace(
        logistic.FAMILY, warm_s=warm_s, warm=lambda: warmed.append("logistic"), fast=None
    )
    monkeypatch.setattr(logistic, "FAMILY", slow)
    spec = replace(search_spec, budget=Budget(seconds=60.0), clock=_Clock(0.02))
    found = search(parts, spec, Silent())
    assert {trial.family for trial in found.trials} == used
    assert len(warmed) == len(used) - 1


def test_b01_matrices_that_took_long_keep_no_configuration_out_once_they_are_made(
    parts: Parts, search_spec: SearchSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a large table they take longer than a fit may; they are made once."""
    clock = _Clock(0.01)
    prepare = logistic.FAMILY.preprocess

    def slowly(rows: TabularDataset) -> Any:
        clock.now_s += 5.0
        return prepare(rows)

    monkeypatch.setattr(logistic, "FAMILY", replace(logistic.FAMILY, preprocess=slowly))
    spec = replace(
        search_spec, budget=Budget(seconds=60.0), clock=clock, families=("logistic",), workers=1
    )
    found = search(parts, spec, Silent())
    assert len(found.trials) >= len(logistic.PORTFOLIO)


def _hang(*_: Any) -> Fitted:
    threading.Event().wait()
    raise AssertionError("never reached")


@pytest.mark.skipif(sys.platform != "linux", reason="fits are forked on Linux only")
def test_b02_a_fit_that_hangs_is_killed_and_the_search_goes_on(
    parts: Parts, search_spec: SearchSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = logistic.PORTFOLIO[:1]
    monkeypatch.setattr(logistic, "FAMILY", replace(logistic.FAMILY, fit=_hang, portfolio=one))
    found = search(parts, replace(search_spec, stuck_s=4.0), Silent())
    stuck = [trial for trial in found.trials if trial.failed]
    assert {trial.family for trial in stuck} == {"logistic"}
    assert {trial.reason for trial in stuck} == {"killed at its limit of 4 s"}
    assert found.single.newest.family == "lightgbm"


@pytest.mark.skipif(sys.platform != "linux", reason="fits are forked on Linux only")
def test_b02_the_first_fit_of_a_search_in_seconds_may_hang_too(
    parts: Parts, search_spec: SearchSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = lightgbm.PORTFOLIO[:1]
    monkeypatch.setattr(lightgbm, "FAMILY", replace(lightgbm.FAMILY, fit=_hang, portfolio=one))
    spec = replace(search_spec, budget=Budget(seconds=300.0), stuck_s=4.0)
    spec = replace(spec, clock=_Clock(5.0))
    found = search(parts, spec, Silent())
    assert found.best.newest.family == "logistic"
    assert any("killed at its limit" in note for note in found.notes)


@pytest.mark.skipif(sys.platform != "linux", reason="fits are forked on Linux only")
@pytest.mark.parametrize("workers", [1, 2, 64])
def test_b05_fits_at_a_time_are_no_more_than_the_workers_and_have_one_thread_each(
    parts: Parts,
    search_spec: SearchSpec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    workers: int,
) -> None:
    real = lightgbm.FAMILY.fit

    def fit(*asked: Any) -> Fitted:
        fitted = real(*asked)
        n_threads = len(list(Path("/proc/self/task").iterdir()))
        (tmp_path / f"threads-{os.getpid()}").write_text(str(n_threads))
        return fitted

    monkeypatch.setattr(lightgbm, "FAMILY", replace(lightgbm.FAMILY, fit=fit))
    search(parts, replace(search_spec, families=("lightgbm",), workers=workers), Silent())
    threads = [int(path.read_text()) for path in tmp_path.glob("threads-*")]
    assert len(threads) == 16
    assert set(threads) == {1}
    assert available_workers() <= (os.cpu_count() or 1)


def test_the_seconds_a_run_spent_before_and_needs_after_are_not_the_searchs() -> None:
    meter = Meter(Budget(seconds=100.0), _Clock(0.0), spent_s=60.0, reserve_s=30.0)
    assert meter.left_s == pytest.approx(10.0)
    assert 0 < meter.fit_limit_s <= 10.0
    assert Meter(Budget(seconds=100.0), _Clock(0.0), spent_s=80.0, reserve_s=30.0).is_over()


def test_a_first_model_is_on_disk_early_and_is_replaced_by_better_ones(
    parts: Parts, search_spec: SearchSpec, tmp_path: Path
) -> None:
    import json

    import onnxruntime as ort

    spec = replace(search_spec, budget=Budget(work_units=1), checkpoint=tmp_path / "first")
    search(parts, spec, Silent())
    first = json.loads((tmp_path / "first" / "model.json").read_text())
    search(parts, replace(search_spec, checkpoint=tmp_path / "last"), Silent())
    last = json.loads((tmp_path / "last" / "model.json").read_text())
    assert last["folds"] == 4 > first["folds"]
    session = ort.InferenceSession(tmp_path / "last" / "model.onnx")
    rows = parts.selection
    (score,) = session.run(["score"], {"numeric": rows.X, "categorical": rows.C})
    assert ((score > 0) & (score < 1)).all()
