"""What pages are computed from: calendar, history, windows, detection, overlap, cases, budgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton.dataset import TabularDataset
from lepton.evaluation.metrics import METRICS
from lepton.evaluation.results import Evaluation
from lepton.report import cases, overlap, slices
from lepton.report.budget import budget_frame, budget_slider
from lepton.report.calendar import daily
from lepton.report.detection import detection_hours
from lepton.report.folds import HOLDOUT, WEEK, Window, fold_frame
from lepton.report.history import KNOWN_DAYS, TROUBLE_DAYS, with_history

START = pd.Timestamp("2025-01-06", tz="UTC")
ROLES = {"event_at": "event_at", "target": "target", "entity": "who", "label_at": "label_at"}


def dataset(days: list[float], target: list[float], who: list[str]) -> TabularDataset:
    event = START + pd.to_timedelta(days, "D")
    rows = pd.DataFrame(
        {
            "event_at": event,
            "target": target,
            "who": who,
            "label_at": event + pd.Timedelta(days=5),
        }
    )
    return TabularDataset(rows, (), (), ROLES)


def scored(**columns: Sequence[object]) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    plain: dict[str, Any] = {
        "key": [f"payment-{i:04}" for i in range(n)],
        "event_at": START + pd.to_timedelta(np.arange(n) * 6.0, "h"),
        "score": np.linspace(0.9, 0.1, n),
        "miss_cost": 100.0,
        "alert_cost": 4.0,
    }
    return pd.DataFrame({**plain, **columns})


def evaluation(rows: pd.DataFrame, **rivals: list[float]) -> Evaluation:
    facts = {"alerts": float((rows["decision"] == 1).sum())}
    return Evaluation((), {}, (), (), rows, facts, pd.DataFrame(rivals))


def test_calendar_has_every_day_and_tells_those_that_are_not_known_yet() -> None:
    frame, delay = daily(dataset([0, 0.1, 2, 9], [0, 1, 0, np.nan], ["a"] * 4))
    assert delay == pytest.approx(5.0)
    assert frame["rows"].tolist() == [2, 0, 1, 0, 0, 0, 0, 0, 0, 1]
    assert frame["positives"].tolist()[:3] == [1, 0, 0]
    assert frame["known"].tolist()[-1] == 0
    assert frame["matured"].tolist() == [True] * 4 + [False] * 6


def test_a_day_of_half_the_usual_rows_is_odd() -> None:
    days = [float(day) for day in range(28) for _ in range(4 if day == 21 else 10)]
    frame, _ = daily(dataset(days, [0.0] * len(days), ["a"] * len(days)))
    assert frame.index[frame["odd"]].tolist() == [21]


def test_history_counts_from_the_first_row_and_from_the_first_positive() -> None:
    whole = dataset([0, 3, 5, 8], [0, 1, 0, 1], ["ann", "ann", "bob", "ann"])
    rows = whole.rows.rename(columns={"who": "entity"}).iloc[[3, 2]]
    found = with_history(rows, whole)
    assert found[KNOWN_DAYS].tolist() == [8, 0]
    assert found[TROUBLE_DAYS].tolist()[0] == 5
    assert np.isnan(found[TROUBLE_DAYS].tolist()[1])


def test_without_entities_there_is_no_history() -> None:
    rows = scored(target=[0, 1], decision=[0, 1])
    assert with_history(rows, dataset([0, 1], [0, 1], ["a", "b"]))[KNOWN_DAYS].isna().all()


def test_detection_counts_from_the_first_positive_to_the_first_one_alerted() -> None:
    rows = scored(
        entity=["ann", "bob", "ann", "ann", "cid", "cid"],
        target=[1, 1, 0, 1, 1, 0],
        decision=[0, 1, 1, 1, 0, 1],
    ).sample(frac=1, random_state=1)
    assert detection_hours(rows).to_dict() == {"ann": 18.0, "bob": 0.0, "cid": np.inf}


def test_trouble_that_began_before_these_rows_is_left_out() -> None:
    rows = scored(entity=["ann", "bob"], target=[1, 1], decision=[1, 1])
    rows[TROUBLE_DAYS] = [4.0, 0.0]
    assert detection_hours(rows).to_dict() == {"bob": 0.0}


def test_windows_stand_before_the_weeks_of_the_holdout_and_the_holdout_is_last() -> None:
    n = 4 * 17
    target = [float(i % 3 == 0) for i in range(n)]
    rows = scored(target=target, decision=[0] * n)
    frame = fold_frame(
        [Window("1", rows.head(40))], evaluation(rows), [METRICS["ap"]], np.random.default_rng(0)
    )
    assert frame["fold"].tolist() == ["1", WEEK, WEEK, HOLDOUT]
    assert frame["rows"].tolist() == [40, 28, 40, 68]
    assert frame["ap_low"].notna().tolist()[:3] == [True] * 3


def test_a_window_with_hardly_a_positive_is_not_rated() -> None:
    rows = scored(target=[1, 1, 0, 0], decision=[0] * 4)
    frame = fold_frame(
        [Window("1", rows)], evaluation(rows), [METRICS["ap"]], np.random.default_rng(0)
    )
    assert np.isnan(frame["ap"].iloc[0])


def test_overlap_counts_each_row_once() -> None:
    rows = scored(
        target=[1, 1, 1, 0, 0, 1],
        decision=[1, 1, 0, 1, 0, 0],
        rules=["a", "", "a,b", None, "b", ""],
    )
    found = overlap.overlap(evaluation(rows), None)
    assert found is not None
    told = overlap.counts(found).set_index("alerted by")
    assert told["rows"].to_dict() == {
        "both": 1,
        "model alone": 2,
        "rules alone": 2,
        "neither": 1,
    }
    assert told["positives"].tolist() == [1, 1, 1, 1]


def test_without_named_rules_a_baseline_alerts_as_many_rows_as_the_model() -> None:
    rows = scored(target=[1, 0, 1, 0], decision=[1, 1, 0, 0])
    found = overlap.overlap(evaluation(rows, card=[0.1, 0.9, 0.8, 0.2]), "card")
    assert found is not None
    assert found.rules.tolist() == [False, True, True, False]
    assert overlap.overlap(evaluation(rows), "card") is None


def test_reasons_are_counted_with_what_they_were_right_about() -> None:
    rows = scored(
        target=[1, 0, 1], decision=[1, 1, 0], reasons=["new device; night", "new device", ""]
    )
    found = cases.reasons(rows).set_index("reason").to_dict("index")
    assert found["new device"] == {"rows": 2, "positives": 1, "share_positive": 0.5}
    assert found["night"] == {"rows": 1, "positives": 1, "share_positive": 1.0}


def test_worked_cases_are_the_dearest_and_mask_who_they_are() -> None:
    rows = scored(
        entity=[f"customer-{i}" for i in range(30)],
        target=[1] * 20 + [0] * 10,
        decision=[1] * 10 + [0] * 10 + [1] * 10,
        miss_cost=[float(i) for i in range(30)],
    )
    found = cases.worked_cases(rows, ("channel",))
    assert found["outcome"].value_counts().to_dict() == {"caught": 4, "missed": 3, "false alert": 3}
    assert found["row"].tolist()[:2] == ["…0009", "…0008"]
    assert not found.astype(str).apply(lambda c: c.str.contains("customer|payment")).any(axis=None)


def test_short_identifiers_are_masked_as_well() -> None:
    assert cases.masked("ab") == "…b"
    assert cases.masked("") == "…"


def test_a_budget_takes_the_highest_scores_and_its_money_is_a_days() -> None:
    rows = scored(target=[1, 0] * 20, decision=[0] * 40)
    frame = budget_frame(evaluation(rows), np.array([1.0, 4.0]))
    assert frame["recall"].tolist() == [0.25, 1.0]
    assert frame["precision"].tolist() == [0.5, 0.5]
    assert frame["saved_a_day"].tolist() == [46.0, 184.0]  # half of the alerts save 100, all cost 4


def test_a_slider_starts_at_the_decision_and_is_left_out_where_days_are_empty() -> None:
    rows = scored(target=[1, 0] * 500, decision=[1] * 100 + [0] * 900)
    rows["event_at"] = START + pd.to_timedelta(np.arange(1000) // 100, "D")
    slider = budget_slider(evaluation(rows))
    assert slider is not None
    assert slider.positions[slider.start][0] == "10"
    assert budget_slider(evaluation(rows.iloc[::100])) is None


def test_recall_by_group_keeps_the_order_of_ordered_groups() -> None:
    rows = scored(target=[1] * 6, decision=[1, 0, 1, 1, 0, 0])
    groups = pd.Series(pd.Categorical(["b", "b", "a", "a", "a", None], ["b", "a"], ordered=True))
    found = slices.recall_by(rows, groups)
    assert found["group"].tolist() == ["b", "a"]
    assert found["recall"].tolist() == pytest.approx([0.5, 2 / 3])
