"""Figures of a maintenance report: lives are found again in scored rows, and each says why not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure as Drawing

from lepton.evaluation.results import Evaluation
from solutions.predictive_maintenance.figures import (
    FIGURES,
    _ends,
    _front,
    fleet_board,
    policy_cost,
)
from solutions.predictive_maintenance.told import Told, told

START = pd.Timestamp("2025-01-01", tz="UTC").as_unit("us")
HORIZON = 24


def scored() -> pd.DataFrame:
    """Two-hourly readings of four assets, shuffled. Each fails at hour 120, is back a day and a
    half later, is replaced at hour 320 (its last day's outcome is unknown, so absent), and runs on
    until hour 460; readings between hour 200 and 210 are lost."""
    parts = []
    for number in range(4):
        at = np.arange(0, 460, 2)
        down = ((at > 120) & (at < 156)) | ((at > 296) & (at < 330)) | ((at > 200) & (at < 210))
        at = at[~down]
        target = ((at <= 120) & (at >= 120 - HORIZON)).astype(float)
        parts.append(
            pd.DataFrame(
                {
                    "key": [f"r{number}-{hour}" for hour in at],
                    "group": f"a{number}",
                    "event_at": START + pd.to_timedelta(at, unit="h"),
                    "target": target,
                    "score": np.where(target == 1, 0.8, 0.1),
                }
            )
        )
    rows = pd.concat(parts, ignore_index=True)
    decision = (rows["score"] >= 0.5).astype(np.int64)
    rows = rows.assign(decision=decision, miss_cost=100.0, alert_cost=20.0)
    return rows.sample(frac=1.0, random_state=0)


def judged(rows: pd.DataFrame) -> Evaluation:
    return Evaluation((), {}, (), (), rows)


def lives_of(rows: pd.DataFrame) -> Told:
    found = told(rows)
    assert isinstance(found, Told)
    return found


def test_lives_are_cut_at_failures_and_replacements_but_not_at_lost_readings() -> None:
    found = lives_of(scored())
    first = found.rows[found.rows["asset_id"] == "a0"].groupby("life")["event_at"]
    hours = ((first.min() - START) / pd.Timedelta(hours=1)).tolist()
    assert hours == [0.0, 156.0, 330.0]


def test_failures_are_where_runs_of_positive_readings_end() -> None:
    found = lives_of(scored())
    assert found.failures["asset_id"].tolist() == ["a0", "a1", "a2", "a3"]
    assert set(found.failures["failed_at"]) == {START + pd.Timedelta(hours=120)}
    assert found.horizon == pd.Timedelta(hours=HORIZON)
    assert found.threshold == 0.8


def test_two_failures_of_short_lives_in_a_row_are_two() -> None:
    rows = scored()
    again = rows[rows["target"] == 1]
    later = again.assign(event_at=again["event_at"] + pd.Timedelta(hours=HORIZON + 30))
    both = pd.concat([again, later, rows[rows["target"] == 0].head(1)])
    assert len(lives_of(both).failures) == 8


def test_only_lives_seen_from_their_beginning_cost_anything() -> None:
    ends, row, life = _ends(lives_of(scored()))
    assert len(ends) == 8
    assert sorted(set(ends.hours.tolist())) == [128.0, 140.0]
    assert not ends.failed.any()
    assert len(row) == len(life)


def test_front_never_falls_and_ends_at_the_highest_recall() -> None:
    rate, best = _front(np.array([0.4, 0.0, 0.2]), np.array([0.3, 0.1, 0.6]))
    assert rate.tolist() == [0.0, 0.2, 0.4]
    assert best.tolist() == [0.1, 0.6, 0.6]


def test_board_ranks_assets_by_their_newest_score() -> None:
    rows = scored()
    newest = rows["event_at"] == rows["event_at"].max()
    rows.loc[newest & (rows["group"] == "a2"), ["score", "decision"]] = [0.9, 1]
    board = fleet_board(judged(rows))
    assert isinstance(board, pd.DataFrame)
    assert board["asset"].tolist() == ["a2", "a0", "a1", "a3"]
    assert board["warnings of the week"].tolist() == [1, 0, 0, 0]
    assert board["last reading"].iloc[0] == "2025-01-20 02:00"


def test_every_figure_draws_where_there_are_lives() -> None:
    rows = scored()
    # a second year with the lives of the first gives failures of lives seen whole
    later = rows.assign(event_at=rows["event_at"] + pd.Timedelta(days=40), key=rows["key"] + "b")
    drawn = [figure.draw(judged(pd.concat([rows, later]))) for figure in FIGURES]
    assert all(isinstance(one, (Drawing, pd.DataFrame)) for one in drawn), drawn


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (scored().iloc[:0], "name no asset"),
        (scored().drop(columns="group"), "name no asset"),
        (scored().assign(target=0.37), "remaining life"),
        (scored().assign(target=0.0), "No failure"),
    ],
    ids=["empty", "no asset", "remaining life", "no failure"],
)
def test_a_figure_says_why_there_is_none(rows: pd.DataFrame, why: str) -> None:
    answers = [figure.draw(judged(rows)) for figure in FIGURES if figure.draw is not fleet_board]
    assert all(isinstance(answer, str) and why in answer for answer in answers), answers
    assert isinstance(fleet_board(judged(rows)), (str, pd.DataFrame))


def test_of_readings_that_stand_alone_no_life_is_drawn() -> None:
    alone = judged(scored().drop_duplicates("group"))
    answers = [figure.draw(alone) for figure in FIGURES if figure.section == "performance"]
    assert [one for one in answers if one is not None] == [fleet_board(alone)]


def test_too_few_failures_of_lives_seen_whole_are_no_cost() -> None:
    assert policy_cost(judged(scored())) == (
        "0 failures of lives seen whole are too few for a cost."
    )
