"""Group R of the reliability catalogue: searches that are killed, and trials that fail."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton.automl.families import lightgbm, logistic
from lepton.automl.families.base import Family, Fitted
from lepton.automl.search import SearchSpec, search
from lepton.dataset import Parts
from lepton.errors import SearchError
from lepton.graph.nodes import Linear
from lepton.progress import Silent


def _raise(*_: Any) -> Fitted:
    raise MemoryError("no room for the histogram")


def _broken(family: Family, **changed: Any) -> Family:
    return replace(family, **changed)


def test_r10_a_torn_journal_line_is_ignored(parts: Parts, search_spec: SearchSpec) -> None:
    first = search(parts, search_spec, Silent())
    (lines,) = search_spec.journal.glob("*/fits.jsonl")
    content = lines.read_bytes()
    lines.write_bytes(content[: content.rindex(b"{") + 40])
    second = search(parts, search_spec, Silent())
    assert "15 fits were taken from the journal" in second.notes
    assert second.best.fingerprint == first.best.fingerprint
    third = search(parts, search_spec, Silent())
    assert "16 fits were taken from the journal" in third.notes


@pytest.mark.parametrize("junk", [b"", b"\x00\xff\n", b"[1]\n{}\nnull\n", b'{"trial_id": 1}\n'])
def test_r10_a_journal_of_junk_starts_cleanly(
    parts: Parts, search_spec: SearchSpec, junk: bytes
) -> None:
    search(parts, search_spec, Silent())
    (lines,) = search_spec.journal.glob("*/fits.jsonl")
    lines.write_bytes(junk)
    assert len(search(parts, search_spec, Silent()).trials) == 4


def test_r11_a_family_that_raises_is_recorded_and_the_search_goes_on(
    parts: Parts, search_spec: SearchSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lightgbm, "FAMILY", _broken(lightgbm.FAMILY, fit=_raise))
    found = search(parts, search_spec, Silent())
    failed = [trial for trial in found.trials if trial.failed]
    assert found.best.newest.family == "logistic"
    assert {trial.reason for trial in failed} == {"MemoryError: no room for the histogram"}
    assert any("trials failed" in note for note in found.notes)


@pytest.mark.skipif(sys.platform != "linux", reason="fits are forked on Linux only")
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_r11_a_fit_that_breaks_its_interpreter_fails_alone(
    parts: Parts, search_spec: SearchSpec, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def crash(*_: Any) -> Fitted:
        os.kill(os.getpid(), number)
        raise AssertionError("never reached")

    monkeypatch.setattr(lightgbm, "FAMILY", _broken(lightgbm.FAMILY, fit=crash))
    found = search(parts, search_spec, Silent())
    failed = {trial.reason.split(",")[0] for trial in found.trials if trial.failed}
    assert failed == {f"its process died of {signal.Signals(number).name}"}
    assert found.best.newest.family == "logistic"


def test_r11_a_family_whose_matrices_cannot_be_made_is_recorded(
    parts: Parts, search_spec: SearchSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lightgbm, "FAMILY", _broken(lightgbm.FAMILY, share=_raise))
    found = search(parts, search_spec, Silent())
    assert found.best.newest.family == "logistic"
    assert any("MemoryError: no room" in note for note in found.notes)


def test_r11_scores_that_are_not_finite_fail_the_trial(
    parts: Parts, search_spec: SearchSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nan(estimator: Linear, X: np.ndarray) -> np.ndarray:
        return np.full(len(X), np.nan)

    monkeypatch.setattr(logistic, "FAMILY", _broken(logistic.FAMILY, margin=nan))
    found = search(parts, search_spec, Silent())
    assert {one.family for one in found.best.newest.singles} == {"lightgbm"}
    assert any("scores are not finite" in trial.reason for trial in found.trials)


def test_r11_where_all_trials_fail_the_reasons_are_told(
    parts: Parts, search_spec: SearchSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (lightgbm, logistic):
        monkeypatch.setattr(module, "FAMILY", _broken(module.FAMILY, fit=_raise))
    with pytest.raises(SearchError, match="LK413 search: all 8 trials failed") as caught:
        search(parts, search_spec, Silent())
    assert caught.value.details == (
        "lightgbm: MemoryError: no room for the histogram",
        "logistic: MemoryError: no room for the histogram",
    )


def test_r12_the_same_seed_gives_the_same_ranking_and_scores(
    parts: Parts, search_spec: SearchSpec, tmp_path: Path
) -> None:
    told: list[Mapping[str, Any]] = []
    for place in ("a", "b"):
        found = search(parts, replace(search_spec, journal=tmp_path / place), Silent())
        frame = found.to_frame().drop(columns="seconds")
        told.append({"frame": frame.to_dict(), "best": found.best.fingerprint})
    assert told[0] == told[1]
