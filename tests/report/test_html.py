from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.dataset import SwitchedOff
from lepton.evaluation.evaluate import Rivals, evaluate
from lepton.evaluation.metrics import METRICS
from lepton.evaluation.results import Evaluation
from lepton.report.drawing import new_axes, new_figure
from lepton.report.html import (
    DataFacts,
    ModelFacts,
    PartFact,
    ReportContent,
    render,
    write_report,
)
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


@pytest.fixture
def content(evaluation: Evaluation) -> ReportContent:
    return make_content(evaluation)


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
        ),
        model=ModelFacts(
            metric="ap",
            leaderboard=pd.concat([trials, rules], ignore_index=True),
            front=front,
            importance=pd.DataFrame({"feature": ["amount", "card_sum_7d"], "share": [0.4, 0.2]}),
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
    assert "<script" not in page.lower()
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
    content: ReportContent,
) -> None:
    page = render(content)
    assert page.count("<img ") == 8
    assert page == render(content)


def test_verdict_stands_first_and_names_the_gate_that_refused(content: ReportContent) -> None:
    gates = tuple(replace(gate, passed=gate.name != "parity") for gate in content.evaluation.gates)
    refused = replace(content, evaluation=replace(content.evaluation, gates=gates))
    assert "Passed" in render(content)
    page = render(refused)
    assert page.index("Refused") < page.index("Gate parity does not hold") < page.index("<nav>")


def test_simulated_data_are_called_so_and_real_ones_are_not(content: ReportContent) -> None:
    assert "Simulated data." in render(content)
    assert "Simulated data." not in render(replace(content, simulated=False))


def test_o06_report_stays_bounded_with_very_many_and_very_long_names(
    content: ReportContent,
) -> None:
    long = "größe_名前" * 2000
    many = [SwitchedOff(f"{long}{i}", (long,), long) for i in range(10_000)]
    data = replace(content.data, switched_off=many, violations=[long] * 10_000)
    page = render(replace(content, title=long, data=data))
    assert len(page.encode()) < 2_000_000
    assert "9,960 further rows are not shown." in page
    assert "and 9,960 more" in page
    assert long not in page


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
    assert "no positive row" in page
    assert "nan" not in re.sub(r"base64,[^\"]*", "", page).lower()


def test_a_run_without_search_or_front_still_has_its_report(content: ReportContent) -> None:
    bare = replace(content, data=DataFacts(), model=ModelFacts("ap"))
    assert "Performance on the holdout" in render(bare)


@pytest.mark.parametrize("drawn", [True, False])
def test_a_solutions_own_figure_is_shown_where_it_has_something_to_show(
    content: ReportContent, drawn: bool
) -> None:
    def draw(evaluation: Evaluation) -> object:
        figure = new_figure()
        new_axes(figure, xlabel="day", ylabel="cards").plot([0, len(evaluation.scored)])
        return figure if drawn else None

    own = Figure("Cards found first", "Higher is better.", draw)
    assert ("Cards found first" in render(replace(content, figures=[own]))) is drawn
