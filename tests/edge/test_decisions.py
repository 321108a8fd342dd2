"""A bundle with a policy: file, stream and pipeline do the same with the same rows."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton import decisions, roles
from lepton.dataset import TabularDataset
from lepton.export.bundle import Bundle, write_bundle
from lepton.export.context import BundleContext, Decisions
from lepton.features.spec import Category, FeatureSpec, Raw, Recency, Window
from lepton.rules import load_rules
from lepton_edge.__main__ import main
from lepton_edge.bundle import open_bundle
from lepton_edge.decider import has_decisions
from lepton_edge.policy import Action, Policy, Sample
from lepton_edge.runtime import Runtime
from lepton_edge.stream_service import Storage, StreamService
from tests.export.tiny import TinyModel

FEATURES = FeatureSpec(
    (
        Raw("amount", "amount"),
        Raw("epoch_s", "epoch_s"),
        Recency("since_last", ("card",)),
        Window("count", ("card",), "count", 3_600.0),
        Category("card", "card"),
        Category("os", "os"),
    )
)
ACTIONS = (
    Action("approve", positive=(15.0, 0.9), negative=(0.0, 0.0)),
    Action("review", positive=(4.0, 0.0), negative=(4.0, 0.0), limited=True),
    Action("block", positive=(0.0, 0.0), negative=(60.0, 0.02)),
)
RULES = """
version: 7
rules:
  - {name: large, when: amount > 60, action: block, reason: a large amount}
  - {name: mc, when: amount > 150 and card == "mc", action: review, mode: active, reason: of mc}
"""


@pytest.fixture(scope="module")
def deciding(
    model: TinyModel,
    context: BundleContext,
    rows: TabularDataset,
    tmp_path_factory: pytest.TempPathFactory,
) -> Bundle:
    """A bundle with three actions, two rules and 30 reviews a day."""
    folder = tmp_path_factory.mktemp("deciding")
    (folder / "rules.yaml").write_text(RULES)
    names = [action.name for action in ACTIONS]
    rules = load_rules(
        folder / "rules.yaml", actions=names, numeric=rows.numeric, categorical=rows.categorical
    )
    at = pd.Timestamp("2026-01-01T00:00Z") + pd.to_timedelta(np.arange(len(rows)), unit="min")
    known = {**rows.roles, roles.EVENT_AT: "event_at", roles.VALUE: "amount"}
    sample = replace(rows, rows=rows.rows.assign(event_at=at), roles=known)
    told = replace(
        context,
        sample=sample,
        features=FEATURES,
        lateness_s=600.0,
        levels={"card": ["mc", "visa"], "os": ["a"]},
        decisions=Decisions(
            policy=Policy(ACTIONS, capacity=30, sample=Sample(salt="tiny")),
            unseen=sample,
            review_sample=0.05,
            phrases={"how much": ("amount",), "how often": ("since_*", "count")},
            rules=rules,
        ),
    )
    return write_bundle(folder / "bundle", model, told)


def events(n: int = 240) -> list[dict[str, Any]]:
    """Ten minutes apart, so that they reach over two days."""
    rng = np.random.default_rng(5)
    at = pd.Timestamp("2026-02-01T00:00Z") + pd.to_timedelta(np.arange(n) * 10, unit="min")
    return [
        {
            "event_id": f"e{number}",
            "event_at": at[number].isoformat(),
            "amount": round(float(rng.exponential(90.0)), 2),
            "epoch_s": 1.7e9 + number * 3e4,
            "card": ["visa", "mc", "é"][number % 3],
            "os": None,
        }
        for number in range(n)
    ]


def service(bundle: Bundle, folder: Path) -> StreamService:
    opened = open_bundle(bundle.path)
    return StreamService(opened, Runtime(opened), Storage(folder))


def streamed(found: StreamService, some: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [json.loads(found.answer(json.dumps(event).encode())) for event in some]


def as_features(found: StreamService, some: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same events as rows of ready features, which is what a file holds."""
    return [{**event, **found.stream.update(event)} for event in some]


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row of features with null for what is missing."""
    return {k: None if v == "" or v != v else v for k, v in row.items()}


def test_file_stream_and_pipeline_act_alike_on_the_same_rows_in_the_same_order(
    deciding: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = streamed(service(deciding, tmp_path / "a"), events())
    table = as_features(service(deciding, tmp_path / "b"), events())
    lines = "".join(json.dumps(plain(row)) + "\n" for row in table)
    (tmp_path / "rows.jsonl").write_text(lines)
    file = ["score", str(deciding.path), str(tmp_path / "rows.jsonl"), "--format", "jsonl"]
    assert main(file) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    names = ("action", "reasons", "rules", "review_sample", "decision")
    assert [{n: row[n] for n in names} for row in told] == [
        {n: row[n] for n in names} for row in wanted
    ]

    frame = pd.DataFrame(table)
    frame["event_at"] = pd.to_datetime(frame["event_at"])
    known = {roles.KEY: "event_id", roles.EVENT_AT: "event_at", roles.VALUE: "amount"}
    inputs = deciding.manifest["inputs"]
    rows = TabularDataset(frame, tuple(inputs["numeric"]), tuple(inputs["categorical"]), known)
    opened = open_bundle(deciding.path)
    runtime = Runtime(opened)
    scores = runtime.score(rows.X, rows.C)
    decided = decisions.decide(opened, runtime, rows, (rows.X, rows.C), scores)
    assert decided is not None
    assert decided.action == [row["action"] for row in wanted]
    assert [list(one) for one in decided.reasons] == [row["reasons"] for row in wanted]
    assert decided.review_sample == [row["review_sample"] for row in wanted]


def test_no_day_has_more_reviews_than_places_but_for_active_rules(
    deciding: Bundle, tmp_path: Path
) -> None:
    found = streamed(service(deciding, tmp_path), events())
    days = [event["event_at"][:10] for event in events()]
    asked = Counter(
        day
        for day, row in zip(days, found, strict=True)
        if row["action"] == "review" and "mc" not in row["rules"]
    )
    assert set(Counter(row["action"] for row in found)) == {"approve", "review", "block"}
    assert max(asked.values()) <= 30


def test_shadow_rules_are_written_down_and_change_no_action(
    deciding: Bundle, tmp_path: Path
) -> None:
    found = streamed(service(deciding, tmp_path), events())
    hit = [row["action"] for row in found if row["rules"] == ["large"]]
    assert {"approve", "review"} <= set(hit)
    assert not any("a large amount" in row["reasons"] for row in found)


def test_active_rules_make_actions_stricter_and_are_the_first_reason(
    deciding: Bundle, tmp_path: Path
) -> None:
    hit = [row for row in streamed(service(deciding, tmp_path), events()) if "mc" in row["rules"]]
    assert len(hit) > 5
    assert {row["action"] for row in hit} <= {"review", "block"}
    assert {row["reasons"][0] for row in hit} == {"of mc"}


def test_alerted_rows_say_why_and_rows_that_pass_say_nothing(
    deciding: Bundle, tmp_path: Path
) -> None:
    found = streamed(service(deciding, tmp_path), events())
    assert all(not r["reasons"] for r in found if r["action"] == "approve" and not r["decision"])
    told = {phrase for row in found for phrase in row["reasons"]}
    assert {"how much", "how often"} <= told
    assert told <= {"how much", "how often", "of mc"} | {
        f"unusual {name}" for name in ("epoch_s", "card", "os")
    }


def test_after_a_kill_the_places_of_the_day_that_were_taken_stay_taken(
    deciding: Bundle, tmp_path: Path
) -> None:
    wanted = streamed(service(deciding, tmp_path / "whole"), events())
    first = service(deciding, tmp_path / "state")
    streamed(first, events()[:100])
    first.save()
    again = service(deciding, tmp_path / "state")
    repeated = streamed(again, events()[95:100])
    assert [row.pop("repeated") for row in repeated] == [True] * 5
    assert repeated == wanted[95:100]
    assert streamed(again, events()[100:]) == wanted[100:]


def test_rows_without_event_time_are_scored_and_a_note_says_why_there_are_no_actions(
    deciding: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pd.DataFrame(as_features(service(deciding, tmp_path), events(5)))
    rows.drop(columns="event_at").to_csv(tmp_path / "rows.csv", index=False)
    assert main(["score", str(deciding.path), str(tmp_path / "rows.csv")]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[0] == "event_id,score,decision"
    assert "no actions: the rows lack event_at" in told.err


def test_an_event_time_that_is_none_is_refused_by_row(
    deciding: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pd.DataFrame(as_features(service(deciding, tmp_path), events(3)))
    rows.loc[1, "event_at"] = "yesterday"
    rows.to_csv(tmp_path / "rows.csv", index=False)
    assert main(["score", str(deciding.path), str(tmp_path / "rows.csv")]) == 4
    assert "row 2, field 'event_at'" in capsys.readouterr().err


def test_o01_no_cell_of_the_scores_runs_as_a_formula(
    deciding: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pd.DataFrame(as_features(service(deciding, tmp_path), events(3)))
    rows["event_id"] = ["=cmd()", "+1", "plain"]
    rows.to_csv(tmp_path / "rows.csv", index=False)
    assert main(["score", str(deciding.path), str(tmp_path / "rows.csv")]) == 0
    told = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["event_id"] for row in told] == ["'=cmd()", "'+1", "plain"]
    assert list(told[0])[3:] == ["action", "reasons", "rules", "review_sample"]


def test_d16_unseen_category_is_scored_as_unknown_and_counted(
    deciding: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pd.DataFrame(as_features(service(deciding, tmp_path), events(6)))
    rows.to_csv(tmp_path / "rows.csv", index=False)
    assert main(["score", str(deciding.path), str(tmp_path / "rows.csv")]) == 0
    assert "2 rows have a 'card' never seen in training" in capsys.readouterr().err


def test_a_value_that_is_no_number_is_refused_before_the_state_changes(
    deciding: Bundle, tmp_path: Path
) -> None:
    found = service(deciding, tmp_path)
    (told,) = streamed(found, [{**events(1)[0], "amount": True}])
    assert (told["error"], told["where"]) == ("LK290", "field 'amount'")
    assert found.stream.events == 0


def test_the_manifest_names_the_rules_by_version_and_hash_and_older_bundles_have_scores_alone(
    deciding: Bundle, bundle: Bundle
) -> None:
    opened = open_bundle(deciding.path)
    assert opened.manifest.content["rules"]["version"] == 7
    assert {"decision.json", "reasons.json", "rules.json", "levels.json"} <= set(
        opened.manifest.files
    )
    card = (deciding.path / "model-card.md").read_text()
    assert "Actions: approve, review, block, whichever costs least" in card
    assert "review at most 30 a day" in card
    assert "Rules: version 7, 2 beside the model" in card
    older = open_bundle(bundle.path)
    assert "rules" not in older.manifest.content
    assert not has_decisions(older)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("decision.json", {"actions": []}),
        ("rules.json", {"rules": [{"name": "x"}]}),
        (
            "rules.json",
            {
                "rules": [
                    {
                        "name": "x",
                        "when": ["exec", "boom"],
                        "reads": [],
                        "texts": [],
                        "action": "review",
                        "mode": "active",
                        "reason": "x",
                    }
                ]
            },
        ),
        ("reasons.json", {"groups": [], "typical": {"numeric": {}, "categorical": {}}}),
    ],
)
def test_a_bundle_whose_decisions_are_not_understood_is_refused(
    deciding: Bundle, tmp_path: Path, reseal: Any, name: str, content: Any
) -> None:
    import shutil

    path = Path(shutil.copytree(deciding.path, tmp_path / "bundle"))
    (path / name).write_text(json.dumps(content))
    reseal(path, name)
    assert main(["stream", str(path), "--state", str(tmp_path / "state")]) == 6
