"""What a search found, and the front of smaller ones, come back from disk as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lepton.compress.forecasts import ForecastArtefact, ForecastFront
from lepton.forecast.board import ForecastBoard, Selected, Trial
from lepton.forecast.prepared import Prepared, limits_of
from lepton.forecast.spec import SETTINGS, cuts_of
from tests.forecast import tiny


def test_a_board_comes_back_as_it_was(tmp_path: Path) -> None:
    matrix, champion = tiny.matrix(), tiny.champion()
    told = {"linear": champion.blend(matrix), "ensemble": champion.quantiles(matrix)}
    board = ForecastBoard(
        champion,
        champion,
        "rcrps",
        (Trial("lightgbm", 0.1, 1.0, 0.5), Trial("linear", None, 1.0, 0.0, "it fell")),
        Selected.of(matrix, told),
        best_score=0.1,
        spent_units=4,
        spent_s=1.0,
        notes=("a note",),
    )
    board.save(tmp_path)
    again = ForecastBoard.load(tmp_path)
    assert again.to_frame().equals(board.to_frame())
    assert again.trials == board.trials
    assert again.champion.fingerprint == again.twin.fingerprint == champion.fingerprint
    assert (again.notes, again.best_score, again.spent_units) == (("a note",), 0.1, 4)
    assert list(again.selected.quantiles) == list(told)
    for name in ("series", "issue_s", "lead_h", "y"):
        np.testing.assert_array_equal(getattr(again.selected, name), getattr(board.selected, name))


def test_a_front_comes_back_as_it_was_and_marks_what_is_shipped(tmp_path: Path) -> None:
    best = ForecastArtefact("best", 0.1, 0.0, 0.0, 900, 1.0, 0.5, ())
    small = ForecastArtefact("only linear", 0.11, 0.1, 0.2, 90, 0.1, 0.05, ("may lose 20 %",))
    front = ForecastFront((small, best), "best", tiny.champion(), ("few weeks",))
    front.save(tmp_path)
    again = ForecastFront.load(tmp_path)
    assert (again.artefacts, again.chosen, again.notes) == (front.artefacts, "best", front.notes)
    table = again.to_frame().set_index("name")
    assert table["chosen"].to_dict() == {"only linear": False, "best": True}
    assert table.loc["only linear", "why"] == "may lose 20 %"


def test_prepared_series_come_back_as_they_were(tmp_path: Path) -> None:
    panel = tiny.panel()
    one = Prepared(panel, tiny.specs(), cuts_of(panel, SETTINGS), "load")
    one.save(tmp_path)
    again = Prepared.load(tmp_path)
    assert (again.cuts, again.task, dict(again.looks)) == (one.cuts, "load", dict(one.looks))
    assert again.numeric == one.numeric
    assert again.panel.is_known_perfectly
    at = {name: tiny.issue_times()[:2] for name in tiny.ZONES}
    first, second = (
        own.panel.histories["west"].window(tiny.specs()["west"], at["west"]) for own in (one, again)
    )
    np.testing.assert_array_equal(first.past, second.past)


def test_perfect_weather_and_a_short_history_are_said() -> None:
    panel = tiny.panel()
    told = " ".join(limits_of(Prepared(panel, tiny.specs(), cuts_of(panel, SETTINGS))))
    assert "perfect weather" in told
    assert "84 days" in told
