"""Which past lives a bundle remembers, and what they tell of held-out alarms."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from lepton import roles
from lepton.dataset import TabularDataset
from lepton.similar import FEWEST_OF_MODE, MOST_COLUMNS, MOST_LIVES, learnt
from lepton.solution import PastLives
from lepton_edge.similar import SimilarLives, SimilarPlan

SPEC = PastLives("life", "left", "failed", "mode", ("x_*",), lambda _: 10.0)
START = pd.Timestamp("2026-01-01T00:00Z").as_unit("us")


def _fleet(
    counts: dict[str | None, int], *, noise: float = 0.1, whole: int = 3, seed: int = 0
) -> TabularDataset:
    """Lives of 40 hours; `x_0` rises before a failure of the first mode, `x_1` of the second ...
    and `whole` lives that did not fail. Each asset has two lives."""
    rng, frames, number = np.random.default_rng(seed), [], 0
    for place, mode in enumerate([*counts, "well"]):
        for _ in range(counts.get(mode, whole)):
            left = np.arange(39.0, -1.0, -1.0)
            values = rng.normal(0.0, noise, (40, len(counts)))
            if mode != "well":
                values[:, place] += np.maximum(20.0 - left, 0.0)
            frame = pd.DataFrame(values, columns=[f"x_{at}" for at in range(len(counts))])
            at = START + pd.to_timedelta(50 * number + np.arange(40), unit="h")
            frames.append(
                frame.assign(
                    x_flat=1.0,
                    asset=f"a{number // 2}",
                    life=f"a{number // 2}#{number % 2}",
                    left=left,
                    failed=mode != "well",
                    mode=None if mode == "well" else mode,
                    at=at,
                )
            )
            number += 1
    rows = pd.concat(frames, ignore_index=True).sample(frac=1.0, random_state=1)
    return TabularDataset(rows, (), (), {roles.EVENT_AT: "at", roles.GROUP: "asset"})


def _plan(rows: TabularDataset) -> SimilarPlan:
    names = [name for name in map(str, rows.rows) if name.startswith("x_")]
    found = learnt(rows, SPEC, names, 10.0)
    assert found is not None
    return found


def test_failed_lives_are_remembered_some_horizons_before_their_end_and_no_others() -> None:
    found = _plan(_fleet({"heat": 9, "crack": 2}))
    assert len(found.lives) == 11
    assert {life.left_h for life in found.lives} == {(0.0, 3.0, 5.0, 10.0, 20.0)}
    assert found.columns == ("x_0", "x_1")
    first = next(life for life in found.lives if life.name == "a0#0")
    assert first.failed_at == (START + pd.Timedelta(hours=39)).isoformat()
    assert [round(one[0]) for one in first.pictures] == [20, 17, 15, 10, 0]


def test_a_mode_is_told_by_name_once_it_has_failures_enough() -> None:
    found = _plan(_fleet({"heat": FEWEST_OF_MODE, "crack": FEWEST_OF_MODE - 1, None: 2}))
    assert found.modes == ("heat",)
    assert {life.mode for life in found.lives} == {"heat", "crack", None}


def test_held_out_assets_are_told_their_mode_and_the_hours_they_have_left() -> None:
    lives = SimilarLives(_plan(_fleet({"heat": 12, "crack": 10})))
    for place, mode in enumerate(("heat", "crack")):
        picture = np.full(2, 0.0)
        picture[place] = 17.0
        assert lives.likeliest(picture)[0] == mode
        closest = lives.matches(picture)[0]
        assert (closest.life.mode, closest.left_h) == (mode, 3.0)


def test_of_many_lives_the_newest_of_each_mode_are_kept_and_stand_for_the_others() -> None:
    rows = _fleet({"heat": 3 * MOST_LIVES, "crack": 12})
    found = _plan(rows)
    assert len(found.lives) == MOST_LIVES
    of = {mode: [one for one in found.lives if one.mode == mode] for mode in ("heat", "crack")}
    assert len(of["crack"]) == 12
    assert {one.weight for one in of["crack"]} == {1.0}
    assert sum(one.weight for one in of["heat"]) == pytest.approx(3 * MOST_LIVES)
    assert min(one.failed_at for one in of["heat"]) > (START + pd.Timedelta(days=90)).isoformat()


def test_a_table_stays_small_however_many_sensors_and_lives_there_are() -> None:
    rows = _fleet({f"m{at}": 30 for at in range(50)})
    found = _plan(rows)
    assert (len(found.columns), len(found.lives)) == (MOST_COLUMNS, MOST_LIVES)
    assert len(found.modes) <= 8
    assert len(json.dumps(found.to_json())) < 200_000


def test_without_failures_there_is_nothing_to_remember() -> None:
    rows = _fleet({"heat": 0}, whole=5)
    assert learnt(rows, SPEC, ["x_0"], 10.0) is None


def test_a_single_failure_is_remembered_and_compared_without_a_reach() -> None:
    found = _plan(_fleet({"heat": 1}))
    assert found.reach == np.inf
    assert found.modes == ()
    lives = SimilarLives(found)
    assert [one.life.name for one in lives.matches(np.array([20.0]))] == ["a0#0"]


def test_the_plan_is_as_it_will_be_read_from_the_bundle() -> None:
    found = _plan(_fleet({"heat": 9, "crack": 9}))
    again = SimilarPlan.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False)))
    assert again == found
