from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from lepton.automl.families import family
from lepton.automl.families.net import FAMILY as NET
from lepton.automl.fits import Bench
from lepton.automl.model import Model, blend, refit
from lepton.automl.stored_steps import steps_from_json
from lepton.automl.trial import Plan
from lepton.dataset import Parts, TabularDataset
from lepton.errors import IntegrityError
from lepton.evaluation.calibration import Calibration

RECIPES = {
    "lightgbm": {
        "learning_rate": 0.1,
        "num_leaves": 7,
        "min_data_in_leaf": 20,
        "feature_fraction": 1.0,
        "rounds": 12,
    },
    "logistic": {"C": 0.1},
    "ellipsoid": {"plane": 0.9},
    "net": {**NET.portfolio[0], "hidden": [16, 8], "epochs": 8, "learning_rate": 0.01},
}


@pytest.fixture(params=sorted(RECIPES))
def model(request: pytest.FixtureRequest, parts: Parts) -> Model:
    if not family(request.param).available():
        pytest.skip(f"the library of {request.param} is not installed")
    bench = Bench(parts.folds, 0, lambda: 0.0)
    bench.prepare(request.param, 0)
    fitted = bench.run(Plan(request.param, RECIPES[request.param]), 0).model
    assert fitted is not None
    return replace(fitted, calibration=Calibration(1.2, 0.9, 0.1), threshold=0.2)


def test_a_model_comes_back_from_disk_with_the_same_scores(
    model: Model, parts: Parts, tmp_path: Path
) -> None:
    model.save(tmp_path)
    again = Model.load(tmp_path)
    assert again.fingerprint == model.fingerprint
    assert (again.score(parts.selection) == model.score(parts.selection)).all()
    assert (again.decide(parts.selection) == model.decide(parts.selection)).all()


def test_the_graph_scores_as_the_native_model_does(model: Model, parts: Parts) -> None:
    rows = parts.selection
    assert np.allclose(model.graph().score(rows.X, rows.C), model.score(rows), rtol=0, atol=1e-12)


def test_what_matters_is_named_by_feature(model: Model) -> None:
    gains = model.importance()
    assert set(gains) == {"x0", "x1", "x2", "x3", "level"}
    if model.family != "ellipsoid":  # which knows of no target
        assert max(gains, key=lambda name: gains[name]) in {"x0", "level"}
        assert gains["x3"] < gains["x0"]


def test_a_truncated_estimator_is_refused_before_it_is_parsed(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path)
    path = tmp_path / "estimator.txt"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(IntegrityError, match=r"LK630.*estimator\.txt does not have the sha256"):
        Model.load(tmp_path)


def test_a_changed_setting_is_refused(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path)
    path = tmp_path / "model.json"
    facts = json.loads(path.read_text())
    path.write_text(json.dumps({**facts, "threshold": 0.9}))
    with pytest.raises(IntegrityError, match=r"LK630.*fingerprint"):
        Model.load(tmp_path)


def test_the_fingerprint_follows_the_threshold_and_the_calibration(model: Model) -> None:
    assert replace(model, threshold=0.3).fingerprint != model.fingerprint
    assert replace(model, calibration=Calibration()).fingerprint != model.fingerprint
    assert replace(model).fingerprint == model.fingerprint


def test_a_refit_keeps_calibration_and_threshold_and_is_repeatable(
    model: Model, make_rows: Callable[..., TabularDataset]
) -> None:
    rows = make_rows(3000)
    first, second = (refit(model, rows, seed=0) for _ in range(2))
    assert first is not None
    assert second is not None
    assert (first.calibration, first.threshold) == (model.calibration, model.threshold)
    assert first.n_rows == 3000
    assert first.fingerprint == second.fingerprint


def test_rounds_grow_with_the_root_of_the_rows_up_to_a_bound(
    parts: Parts, make_rows: Callable[..., TabularDataset]
) -> None:
    bench = Bench(parts.folds, 0, lambda: 0.0)
    bench.prepare("lightgbm", 0)
    fitted = bench.run(Plan("lightgbm", RECIPES["lightgbm"]), 0).model
    assert fitted is not None
    model = replace(fitted, params={**fitted.params, "rounds": 10})
    many, same = make_rows(6000), parts.train
    grown, kept = refit(model, many, seed=0), refit(model, same, seed=0)
    assert grown is not None
    assert kept is not None
    assert grown.params["rounds"] == 13
    assert kept.params["rounds"] == 10


def test_a_refit_that_its_deadline_cuts_short_gives_nothing(parts: Parts) -> None:
    bench = Bench(parts.folds, 0, lambda: 0.0)
    bench.prepare("lightgbm", 0)
    fitted = bench.run(Plan("lightgbm", RECIPES["lightgbm"]), 0).model
    assert fitted is not None
    assert refit(fitted, parts.train, seed=0, expired=lambda: True) is None


def test_an_unknown_step_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="unknown step 'cube'"):
        steps_from_json(
            {"n_numeric": 1, "numeric": [{"kind": "cube"}], "n_categorical": 0, "categorical": None}
        )


def _fitted(parts: Parts) -> list[Model]:
    bench = Bench(parts.folds, 0, lambda: 0.0)
    found = []
    for name in ("lightgbm", "logistic"):
        params = RECIPES[name]
        bench.prepare(name, 0)
        model = bench.run(Plan(name, params), 0).model
        assert model is not None
        found.append(model)
    return found


def test_a_blend_is_the_weighted_sum_of_its_members_in_python_and_in_onnx(parts: Parts) -> None:
    trees, linear = _fitted(parts)
    both = blend([trees, linear], [0.75, 0.25])
    rows = parts.selection
    wanted = 0.75 * trees.margin(rows) + 0.25 * linear.margin(rows)
    assert np.allclose(both.margin(rows), wanted, rtol=0, atol=1e-12)
    session = ort.InferenceSession(both.graph().to_onnx(), providers=["CPUExecutionProvider"])
    score = session.run(None, {"numeric": rows.X, "categorical": rows.C})[0]
    assert np.allclose(score, both.score(rows), rtol=0, atol=1e-12)


def test_a_blend_of_blends_is_taken_apart_and_one_member_alone_is_itself(parts: Parts) -> None:
    trees, linear = _fitted(parts)
    inner = blend([trees, linear], [0.5, 0.5])
    outer = blend([inner, trees], [0.5, 0.5])
    assert outer.weights == (0.25, 0.25, 0.5)
    assert blend([trees], [1.0]) is trees
    other = replace(linear, numeric=("x1", "x0", "x2", "x3"))
    with pytest.raises(ValueError, match="the same features in the same order"):
        blend([trees, other], [0.5, 0.5])


def test_a_blend_comes_back_from_disk_and_is_refused_where_a_member_is_another(
    parts: Parts, tmp_path: Path
) -> None:
    trees, linear = _fitted(parts)
    both = replace(blend([trees, linear], [0.75, 0.25]), threshold=0.3, n_rows=7)
    both.save(tmp_path)
    again = Model.load(tmp_path)
    assert again.fingerprint == both.fingerprint
    assert again.graph().to_onnx() == both.graph().to_onnx()
    linear.save(tmp_path / "member-0")
    with pytest.raises(IntegrityError, match=r"LK630.*members are not those"):
        Model.load(tmp_path)


def test_a_blend_tells_importance_by_shares_and_refits_all_members(parts: Parts) -> None:
    trees, linear = _fitted(parts)
    both = blend([trees, linear], [0.75, 0.25])
    assert sum(both.importance().values()) == pytest.approx(1.0)
    whole = refit(both, parts.selection, seed=0)
    assert whole is not None
    assert {member.n_rows for member in whole.members} == {len(parts.selection)}
    assert whole.weights == both.weights
    assert refit(both, parts.selection, seed=0, expired=lambda: True) is None


def test_branches_with_equal_steps_share_their_matrix(parts: Parts, tmp_path: Path) -> None:
    trees, _ = _fitted(parts)
    trees.save(tmp_path)
    twice = blend([trees, Model.load(tmp_path)], [0.5, 0.5])
    model = onnx.load_from_string(twice.graph().to_onnx())
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("LabelEncoder") == 1
    assert kinds.count("TreeEnsemble") == 2
