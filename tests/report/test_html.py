from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.dataset import SwitchedOff, TabularDataset
from lepton.evaluation.evaluate import Rivals, evaluate
from lepton.evaluation.metrics import METRICS
from lepton.evaluation.results import Evaluation
from lepton.report.blocks import Block
from lepton.report.calendar import daily
from lepton.report.drawing import new_axes, new_figure
from lepton.report.folds import fold_frame
from lepton.report.html import (
    DataFacts,
    ModelFacts,
    PartFact,
    ReportContent,
    render,
    write_report,
)
from lepton.report.own import own_blocks
from lepton.solution import Figure

SCRIPT = "<script>alert(1)</script>"


@dataclass(frozen=True)
class Parity:
    max_abs_diff: float = 3.3e-16
    flips: int = 0


def scored(quality: float, noise: float, *, n: int = 4000) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    chance = 1 / (1 + np.exp(-(rng.normal(-5.5, 2.2, n))))
    target = (rng.random(n) < chance).astype(float)
    margin = quality * np.log(chance / (1 - chance)) + noise * rng.normal(0, 1, n)
    score = 1 / (1 + np.exp(-margin))
    return pd.DataFrame(
        {
            "key": [f"t{i}" for i in range(n)],
            "entity": [f"c{i % 700}" for i in range(n)],
            "event_at": pd.Timestamp("2025-03-01", tz="UTC")
            + pd.to_timedelta(np.sort(rng.uniform(0, 42 * 86_400, n)), "s"),
            "target": target,
            "score": score,
            "decision": (score >= 0.12).astype(int),
            "miss_cost": rng.lognormal(4, 0.8, n),
            "alert_cost": 6.0,
        }
    )


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    rows = scored(1.0, 0.4)
    return evaluate(
        scored=rows,
        rivals=Rivals(
            {"amount": scored(0.3, 1.0), f"rule {SCRIPT}": scored(0.5, 0.9)}, scored(1, 0.35)
        ),
        metrics=list(METRICS.values()),
        task_metric=METRICS["ap"],
        gates={"calibration_ece": 0.5},
        parity=Parity(),
        leaks=(),
        rng=np.random.default_rng(1),
    )


@pytest.fixture(scope="module")
def content(evaluation: Evaluation) -> ReportContent:
    return make_content(evaluation)


@pytest.fixture(scope="module")
def page(content: ReportContent) -> str:
    return render(content)


def calendar(rows: pd.DataFrame) -> pd.DataFrame:
    dataset = TabularDataset(rows, (), (), {"event_at": "event_at", "target": "target"})
    return daily(dataset)[0]


def make_content(evaluation: Evaluation) -> ReportContent:
    def at(text: str) -> pd.Timestamp:
        return pd.Timestamp(text, tz="UTC")

    rng = np.random.default_rng(0)
    trials = pd.DataFrame(
        {
            "name": [f"t{i:03}" for i in range(60)],
            "family": ["lightgbm", "logistic"] * 30,
            "score": [*np.sort(rng.normal(0.55, 0.05, 59))[::-1], np.nan],
            "seconds": rng.gamma(2, 1.5, 60),
            "note": "portfolio: learning_rate=0.04, num_leaves=50, min_data_in_leaf=40",
        }
    )
    rules = pd.DataFrame(
        {"name": ["amount"], "family": ["baseline"], "score": [0.2], "seconds": [0.0], "note": ""}
    )
    front = pd.DataFrame(
        {
            "name": ["full", "half", "quarter", "small from scratch"],
            "score": [0.62, 0.619, 0.60, 0.58],
            "low": [0.58, 0.579, 0.56, 0.54],
            "high": [0.66, 0.659, 0.64, 0.62],
            "loss": [0.0, 0.001, 0.02, 0.04],
            "bound": [0.0, 0.004, 0.031, 0.055],
            "bytes": [820_000, 260_000, 91_000, 90_000],
            "us_per_row": [9.1, 3.3, 1.4, 1.4],
            "accepted": [True, True, False, False],
            "control": [False, False, False, True],
            "chosen": [False, True, False, False],
        }
    )
    return ReportContent(
        title="Fraud detection",
        subtitle="Which transactions are worth an analyst's minutes",
        customer="acme",
        run_id="r20250501_101500_000000",
        kit_version="0.1.0",
        made_at=datetime(2025, 5, 1, 10, 15, tzinfo=UTC),
        data=DataFacts(
            violations=["LK210 transactions.amount positive: 12 of 90,000 rows (e.g. -3, 0)"],
            quarantined={"transactions": 12},
            notes=["column 'promo' is not in the contract and is ignored"],
            switched_off=[SwitchedOff("device_seen", ("device_id",), "new devices stay unseen")],
            parts=[
                PartFact("train", 52_000, 420, at("2024-10-01"), at("2025-01-10")),
                PartFact("selection", 12_000, 96, at("2025-01-25"), at("2025-02-14")),
                PartFact("holdout", 4000, 80, at("2025-03-01"), at("2025-04-11")),
            ],
            dropped={"label not known when selection begins": 8123},
            calendar=calendar(evaluation.scored),
            delay_days=10.0,
            drift=pd.DataFrame(
                {
                    "feature": ["amount", "hour"],
                    "psi": [0.4, 0.01],
                    "missing_before": 0.0,
                    "missing_after": 0.1,
                }
            ),
        ),
        model=ModelFacts(
            metric="ap",
            leaderboard=pd.concat([trials, rules], ignore_index=True),
            front=front,
            importance=pd.DataFrame({"feature": ["amount", "card_sum_7d"], "share": [0.4, 0.2]}),
            trials=trials[["family", "score", "seconds"]],
            folds=fold_frame([], evaluation, [METRICS["ap"]], rng),
        ),
        evaluation=evaluation,
        environment={"Python": "3.11", "seed": "0", "model": "sha256 5f2c"},
        simulated=True,
        links={"Data Docs": "data_docs/index.html", "elsewhere": "https://example.org/"},
    )


def test_o02_script_in_any_name_is_escaped(content: ReportContent) -> None:
    hostile = replace(
        content,
        title=SCRIPT,
        customer=SCRIPT,
        data=replace(
            content.data,
            violations=[SCRIPT],
            switched_off=[SwitchedOff(SCRIPT, (SCRIPT,), SCRIPT)],
        ),
        environment={SCRIPT: SCRIPT},
        links={SCRIPT: "javascript:alert(1)"},
    )
    page = render(hostile)
    assert len(re.findall("<script", page.lower())) == 1
    assert "alert(1)</script" not in page
    assert "&lt;script&gt;" in page
    assert "javascript:" not in page
    assert "default-src 'none'" in page


def test_report_is_one_file_without_outer_references(
    tmp_path: Path, content: ReportContent
) -> None:
    path = write_report(tmp_path / "deep" / "report.html", content)
    assert [found.name for found in path.parent.iterdir()] == ["report.html"]
    page = path.read_text(encoding="utf-8")
    sources = re.findall(r'(?:src|href)="([^"]{0,60})', page)
    assert all(s.startswith(("data:image/svg+xml;base64,", "#", "data_docs/")) for s in sources)
    assert not re.search(r"url\(|@import|<link|<iframe|https?://", page)


def test_every_figure_is_drawn_and_the_same_content_gives_the_same_page(
    content: ReportContent, page: str
) -> None:
    assert page.count("<img ") == 13
    assert page == render(content)


def test_verdict_stands_first_and_names_the_gate_that_refused(
    content: ReportContent, page: str
) -> None:
    gates = tuple(replace(gate, passed=gate.name != "parity") for gate in content.evaluation.gates)
    refused = replace(content, evaluation=replace(content.evaluation, gates=gates))
    assert "Passed" in page
    told = render(refused)
    assert told.index("Refused") < told.index("Gate parity does not hold") < told.index("<main>")


def test_simulated_data_are_called_so_and_real_ones_are_not(
    content: ReportContent, page: str
) -> None:
    assert "Simulated data." in page
    assert "Simulated data." not in render(replace(content, simulated=False))


def test_money_of_rows_without_time_is_told_without_days(content: ReportContent) -> None:
    costs = content.evaluation.scored.assign(miss_cost=100.0, alert_cost=4.0)
    priced = replace(content, evaluation=replace(content.evaluation, scored=costs))
    assert "of money were at stake in these days" in render(priced)
    bare = render(replace(priced, is_timed=False))
    assert f"of money were at stake in these {content.spec.words.rows}" in bare
    assert "in these days" not in bare[: bare.index('<section id="gates"')]


def test_o04_report_of_rows_without_positives_tells_the_reason(content: ReportContent) -> None:
    rows = scored(1.0, 0.4).assign(target=0.0)
    empty = evaluate(
        scored=rows,
        rivals=Rivals({}, rows),
        metrics=list(METRICS.values()),
        task_metric=METRICS["ap"],
        gates={},
        parity=Parity(),
        leaks=(),
        rng=np.random.default_rng(0),
    )
    page = render(replace(content, evaluation=empty))
    assert "not available" in page
    assert "no positive row" in page
    text = re.sub(r'base64,[^"]*|<script>.*?</script>|<style>.*?</style>', "", page, flags=re.S)
    assert not re.search(
        r"\b(nan|inf|none)\b", text.replace("None: ", "").replace("'none'", ""), re.I
    )


def test_a_run_without_search_or_front_still_has_its_report(content: ReportContent) -> None:
    bare = replace(content, data=DataFacts(), model=ModelFacts("ap"))
    assert "Performance on the holdout" in render(bare)


def test_o06_ten_thousand_columns_and_groups_of_long_names_give_a_page_of_bounded_size(
    content: ReportContent,
) -> None:
    long = "größe_名前$x^2$" * 300
    names = [f"{i}{long}" for i in range(10_000)]
    drift = pd.DataFrame(
        {"feature": names, "psi": 0.5, "missing_before": 0.0, "missing_after": 0.0}
    )
    importance = pd.DataFrame({"feature": names, "share": 1e-4})
    rows = content.evaluation.scored
    kinds = [f"{i % 50}{long}" for i in range(len(rows))]
    page = render(
        replace(
            content,
            title=names[0],
            data=replace(
                content.data,
                drift=drift,
                absent=[(name, name) for name in names],
                switched_off=[SwitchedOff(name, (name,), name) for name in names],
                violations=names,
            ),
            model=replace(content.model, importance=importance),
            evaluation=replace(content.evaluation, scored=rows.assign(kind=kinds)),
            slices=["kind"],
        )
    )
    assert len(page.encode()) < 2_500_000
    assert long not in page
    assert "9,960 further rows are not shown." in page
    assert "and 9,960 more" in page


def test_the_script_is_the_one_that_the_policy_names_and_the_numbers_stand_without_it(
    page: str,
) -> None:
    script = re.search(r"<script>(.*?)</script>", page, re.S)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert 'class="slider" hidden' in page
    assert "What a budget of alerts buys" in page


def test_sections_that_have_nothing_to_show_say_why(content: ReportContent) -> None:
    bare = replace(
        content,
        data=DataFacts(),
        model=ModelFacts("ap"),
        evaluation=replace(
            content.evaluation, scored=content.evaluation.scored.drop(columns="entity")
        ),
        slices=["channel"],
    )
    page = render(bare)
    for told in (
        "The contract&#39;s rules were not handed to the report.",
        "No column &#39;channel&#39; was delivered, or it is empty.",
        "Not measured: no column names the entity.",
        "Not measured: the data have no column that says which group",
        "This version gives no reasons with its decisions.",
        "Not compared: neither is there a rule that hits",
        "Not applicable: it takes 30 rows on either side.",
        "No trial was recorded.",
    ):
        assert told in page


def test_a_solutions_own_figure_is_shown_in_its_section_where_it_has_something_to_show(
    content: ReportContent,
) -> None:
    def draw(evaluation: Evaluation) -> object:
        figure = new_figure()
        new_axes(figure, xlabel="day", ylabel="cards").plot([0, len(evaluation.scored)])
        return figure

    def told(drawn: Callable[[Evaluation], object]) -> list[Block]:
        own = Figure("Cards found first", "Higher is better.", drawn, section="detection")
        found = replace(content, figures=[own])
        assert own_blocks(found, "value") == []
        return own_blocks(found, "detection")

    (picture,) = told(draw)
    assert picture.picture.startswith("data:image/svg+xml;base64,")
    assert picture.half
    (sentence,) = told(lambda _: "no card was found")
    assert sentence.missing == "no card was found"
    (table,) = told(lambda _: pd.DataFrame({"kind_of": ["stolen"], "n": [3]}))
    assert table.table is not None
    assert table.table.columns == ("kind of", "n")
    assert told(lambda _: None) == []
