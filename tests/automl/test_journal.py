from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lepton.automl.budget import Budget
from lepton.automl.fits import Fit
from lepton.automl.journal import KEPT, Journal
from lepton.automl.search import SearchSpec, search
from lepton.dataset import Parts
from lepton.progress import Silent


def _watch_fits(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Lines that searches write from now on: one for each fit that the journal did not have."""
    written: list[bytes] = []
    real = Journal.add

    def add(self: Journal, line: bytes) -> Fit:
        written.append(line)
        return real(self, line)

    monkeypatch.setattr(Journal, "add", add)
    return written


def test_a_second_run_refits_nothing_that_is_complete(
    parts: Parts, search_spec: SearchSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = search(parts, search_spec, Silent())
    asked = _watch_fits(monkeypatch)
    second = search(parts, search_spec, Silent())
    assert asked == []
    assert second.best.fingerprint == first.best.fingerprint
    assert second.trials == first.trials
    assert second.notes == ("16 fits were taken from the journal",)


def test_more_budget_goes_on_where_less_has_ended(
    parts: Parts, search_spec: SearchSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    search(parts, search_spec, Silent())
    asked = _watch_fits(monkeypatch)
    found = search(parts, replace(search_spec, budget=Budget(work_units=20)), Silent())
    assert 0 < len(asked) <= 4
    assert len(found.trials) == 5


def test_other_rows_or_another_seed_do_not_share_trials(
    parts: Parts, search_spec: SearchSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    search(parts, search_spec, Silent())
    asked = _watch_fits(monkeypatch)
    search(parts, replace(search_spec, seed=1), Silent())
    assert len(asked) == 16
    newest = parts.folds[-1]
    fewer = newest.known.copy()
    fewer[np.argmax(fewer)] = False
    folds = (*parts.folds[:-1], replace(newest, known=fewer))
    search(replace(parts, folds=folds), search_spec, Silent())
    assert len(asked) == 32
    same = parts.train.take(parts.train.y >= 0)
    search(replace(parts, train=same), search_spec, Silent())
    assert len(asked) == 32


def test_a_trial_whose_files_are_damaged_is_fitted_again(
    parts: Parts, search_spec: SearchSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = search(parts, search_spec, Silent())
    margins = sorted(search_spec.journal.glob("*/*/margin.npy"))
    margins[0].write_bytes(margins[0].read_bytes()[:-8])
    estimators = sorted(search_spec.journal.glob("*/*/estimator.txt"))
    estimators[1].write_bytes(estimators[1].read_bytes()[:-40])
    asked = _watch_fits(monkeypatch)
    second = search(parts, search_spec, Silent())
    assert len(asked) == 2
    assert second.best.fingerprint == first.best.fingerprint


def test_only_the_newest_searches_are_kept(tmp_path: Path) -> None:
    for number in range(KEPT + 3):
        folder = tmp_path / f"{number:032x}"
        folder.mkdir()
        (folder / "fits.jsonl").write_text("")
        os.utime(folder / "fits.jsonl", (number, number))
    Journal(tmp_path, "f" * 64)
    left = sorted(int(path.name, 16) for path in tmp_path.iterdir())
    assert left == list(range(4, KEPT + 3))
