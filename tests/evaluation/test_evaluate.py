from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.errors import SearchError
from lepton.evaluation.evaluate import Rivals, evaluate
from lepton.evaluation.metrics import METRICS
from lepton.evaluation.results import REFERENCE, Evaluation

RNG = np.random.default_rng


@dataclass(frozen=True)
class Parity:
    max_abs_diff: float = 1e-12
    flips: int = 0


def scored(quality: float, *, n: int = 1500, seed: int = 0) -> pd.DataFrame:
    """The same rows whatever `quality`, which is how far apart the scores of the classes lie."""
    rng = RNG(seed)
    target = (rng.random(n) < 0.1).astype(float)
    margin = rng.normal(0, 1, n) + quality * (target - 0.5) - 2.2
    score = 1 / (1 + np.exp(-margin))
    return pd.DataFrame(
        {
            "key": [f"t{i}" for i in range(n)],
            "event_at": pd.Timestamp("2025-01-01", tz="UTC")
            + pd.to_timedelta(np.arange(n) // 50, "D"),
            "target": target,
            "score": score,
            "decision": (score > 0.2).astype(int),
            "miss_cost": 50.0,
            "alert_cost": 1.0,
        }
    )


def judged(
    rows: pd.DataFrame,
    baselines: Mapping[str, pd.DataFrame] | None = None,
    gates: Mapping[str, float] | None = None,
) -> Evaluation:
    return evaluate(
        scored=rows,
        rivals=Rivals({"rule": scored(0.5)} if baselines is None else baselines, rows),
        metrics=list(METRICS.values()),
        task_metric=METRICS["ap"],
        gates={"calibration_ece": 1.0} if gates is None else gates,
        parity=Parity(),
        leaks=(),
        rng=RNG(3),
    )


def test_a_good_model_passes_and_its_facts_add_up() -> None:
    rows = scored(4.0)
    found = judged(rows)
    assert found.passed
    assert found.facts["rows"] == 1500
    assert found.facts["days"] == 30
    assert found.facts["alerts"] == rows["decision"].sum()
    assert found.facts["threshold"] > 0.2
    assert found.facts["gain_low"] < found.facts["gain"]
    assert list(found.rival_scores) == ["rule", REFERENCE]
    assert found.metric("ap").value == pytest.approx(METRICS["ap"].of(rows))


def test_l10_a_model_worse_than_a_baseline_is_refused_and_the_gate_says_by_how_much() -> None:
    found = judged(scored(0.5), {"strong rule": scored(4.0), "weak rule": scored(0.1)})
    assert not found.passed
    gate = next(gate for gate in found.gates if gate.name == "beats_baseline")
    assert gate.found.startswith("-0.")
    assert "over strong rule" in gate.found


def test_without_baselines_nothing_is_shown_and_the_gate_fails() -> None:
    gate = judged(scored(4.0), {}).gates[0]
    assert (gate.name, gate.passed) == ("beats_baseline", False)


def test_rows_without_a_known_target_are_left_out_everywhere() -> None:
    rows = scored(4.0)
    rows.loc[1400:, "target"] = np.nan
    found = judged(rows)
    assert len(found.scored) == len(found.rival_scores) == 1400
    assert found.facts["unknown_targets"] == 100


def test_a_holdout_without_labels_is_an_error_with_a_remedy() -> None:
    with pytest.raises(SearchError, match="LK432") as caught:
        judged(scored(4.0).assign(target=np.nan))
    assert "none of 1,500 rows has a known target" in str(caught.value)


def test_o04_without_positives_every_number_has_a_reason_and_gates_fail() -> None:
    rows = scored(4.0).assign(target=0.0)
    found = judged(rows, {"rule": rows})
    assert found.metric("ap").value is None
    assert found.metric("ap").reason == "no positive row"
    assert not found.passed
    json.dumps(found.to_json(), allow_nan=False)


def test_same_seed_gives_the_same_evaluation() -> None:
    assert judged(scored(4.0)).to_json() == judged(scored(4.0)).to_json()


def test_saved_evaluation_is_read_back_equal(tmp_path: Path) -> None:
    found = judged(scored(4.0))
    found.save(tmp_path)
    again = Evaluation.load(tmp_path)
    assert again.to_json() == found.to_json()
    pd.testing.assert_frame_equal(again.scored, found.scored)
    pd.testing.assert_frame_equal(again.rival_scores, found.rival_scores)
