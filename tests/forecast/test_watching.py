"""Alarms of a history and what they were worth, on queues whose begin is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lepton.forecast.watching import (
    Outcome,
    Record,
    alarms_of,
    incidents_of,
    outcome,
    queues_of,
    stays_of,
    watched,
    with_best_chance,
)
from lepton_edge.neighbours import Neighbours
from lepton_edge.queues import NO_ALARM, QueueSpec
from lepton_edge.watch import Sight, WatchSpec

ROAD = Neighbours(
    ("a", "b", "c"), ((), (0,), (1,)), ((1,), (2,), ()), ((), (1.0,), (1.0,)), ((1.0,), (1.0,), ())
)
FREE = np.full(3, 100.0)
SPEC = WatchSpec(QueueSpec(c_miss=4.0, c_false=1.0, low_s=300.0))
T0 = 1_700_000_100


def record(chance_by: float = 1.0) -> Record:
    """c jams at step 40, then b; chances tell c at step 36, and a at step 10 for nothing."""
    speed, chance = np.full((80, 3), 95.0), np.zeros((80, 3))
    speed[40:60, 2], speed[44:60, 1] = 40.0, 40.0
    speed[70, 0] = 40.0
    chance[36:60, 2] = 0.5
    chance[10:12, 0] = 0.5
    seen = Sight(speed / FREE, np.zeros(speed.shape))
    at_s = T0 + 300 * np.arange(1, 81, dtype=np.int64)
    return Record(ROAD.ids, at_s, speed, seen, chance_by * chance, FREE, 300)


def judged(made: Record) -> tuple[pd.DataFrame, pd.DataFrame, Outcome, np.ndarray]:
    found = watched(made, SPEC, ROAD)
    return found.alarms, found.queues, found.worth, found.told.alarm


def test_a_queue_that_was_foreseen_is_warned_of_by_its_lead_and_alarms_for_nothing_are_false() -> (
    None
):
    alarms, queues, worth, told = judged(record())
    assert alarms["first"].tolist() == ["a", "c"]
    assert alarms["most"].tolist() == [1, 2]
    assert alarms["came"].tolist() == [False, True]
    assert queues["lead_min"].tolist() == [15.0]
    assert (worth.queues, worth.warned, worth.alarms, worth.false) == (1, 1, 2, 1)
    assert (worth.median_lead_min, worth.cost) == (15.0, 1.0)
    assert worth.false_per_100_days == pytest.approx(100 / (80 / 288 * 3))
    raised = (alarms["raised_at"] - pd.Timestamp(T0, unit="s", tz="UTC")).dt.total_seconds() / 300
    assert raised.tolist() == [11.0, 37.0]
    stays = stays_of(told, record())
    own = stays[stays["alarm"] == 1]
    assert own["series"].tolist() == ["b", "c"]
    # b is low from step 44 on and is taken in with the second low interval
    assert own["from_at"].tolist()[0] == pd.Timestamp(T0 + 300 * 46, unit="s", tz="UTC")


def test_a_queue_that_nobody_foresaw_is_missed_though_it_has_an_alarm_later() -> None:
    alarms, queues, worth, told = judged(record(0.0))
    assert queues["lead_min"].isna().all()
    assert (worth.queues, worth.warned, worth.false, worth.cost) == (1, 0, 0, 4.0)
    assert np.isnan(worth.median_lead_min)
    assert (told[41, 2], told[40, 2]) == (0, NO_ALARM)
    assert len(alarms) == 1


def test_the_chance_that_costs_least_on_a_record_is_taken() -> None:
    # at 0.5 the queue is warned of and a false alarm is raised; a's chance is lowered to tell apart
    made = record()
    made.chance[10:12, 0] = 0.3
    best = with_best_chance(made, SPEC, ROAD)
    assert best.queue.from_chance == 0.5
    assert best.incident is None
    calm = replace(made, value=np.full_like(made.value, 95.0))
    assert with_best_chance(calm, SPEC, ROAD) == SPEC


def test_one_low_interval_is_no_queue_and_raises_no_alarm() -> None:
    _, _, _, told = judged(record())
    assert (told[65:, 0] == NO_ALARM).all()


def test_nothing_at_all_gives_empty_tables() -> None:
    made = record()
    told = np.full(made.value.shape, NO_ALARM)
    jam = np.zeros(made.value.shape, dtype=bool)
    alarms, queues = alarms_of(told, jam, made), queues_of(told, jam, made, ROAD)
    assert len(alarms) == len(queues) == len(stays_of(told, made)) == 0
    assert outcome(alarms, queues, made, SPEC.queue).cost == 0.0
    assert len(incidents_of(jam, made)) == 0


def test_an_incident_is_told_from_its_first_interval_to_its_last() -> None:
    made, told = record(), np.zeros((80, 3), dtype=bool)
    told[5:8, 1] = told[20, 0] = True
    found = incidents_of(told, made)
    assert found["series"].tolist() == ["b", "a"]
    length = (found["cleared_at"] - found["told_at"]).dt.total_seconds()
    assert length.tolist() == [900.0, 300.0]
