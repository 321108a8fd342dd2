"""Export: the bundle equals its model, or there is no bundle."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from lepton.contracts.model import Extras
from lepton.dataset import TabularDataset
from lepton.errors import ExportError, IntegrityError
from lepton.export.bundle import Bundle, write_bundle, zip_bundle
from lepton.export.context import BundleContext
from lepton.export.parity import CaseParity, Parity, check, require
from lepton.export.static_check import check_static
from lepton.features.batch import compute
from lepton.features.fitted import fit_tree_preprocess
from lepton.features.spec import FeatureSpec
from lepton.features.stream_parity import events_of
from lepton_edge.bundle import open_bundle
from lepton_edge.errors import ProviderError
from lepton_edge.golden import check_golden
from lepton_edge.runtime import Runtime
from lepton_edge.stream_service import Storage, StreamService
from tests.export.tiny import TinyModel
from tests.features.frames import CONTRACT, SPEC, events


def test_x01_every_kind_of_row_scores_as_the_model_does(
    model: Any, bundle: Bundle, rows: TabularDataset
) -> None:
    parity = check(model, bundle.path, rows)
    require(parity)
    kinds = {"real", "random", "missing", "zeros", "large", "unseen"}
    assert set(parity.by_case) == kinds | {"threshold", "above", "below", "golden"}
    assert parity.max_abs_diff < 1e-12
    assert (parity.flips_golden, parity.flips_random) == (0, 0)
    assert parity.by_case["threshold"].rows >= 40


def test_x01_another_model_fails_parity_and_the_worst_case_is_named(
    model: Any, bundle: Bundle, rows: TabularDataset
) -> None:
    other = replace(model, calibration=replace(model.calibration, c=0.5))
    with pytest.raises(ExportError, match=r"LK505 parity on '\w+' rows: scores differ by up to"):
        require(check(other, bundle.path, rows))


def test_x01_a_golden_flip_is_refused_however_small_the_difference() -> None:
    parity = Parity(1e-16, 1, 0, 10, {"golden": CaseParity(10, 1e-16, 1)})
    with pytest.raises(ExportError, match="1 golden decisions flip"):
        require(parity)


def test_x02_operator_missing_in_the_opset_is_named_with_the_opset(model: Any) -> None:
    with pytest.raises(ExportError, match="LK502 operator StringConcat: opset 18 of domain"):
        model.graph().to_onnx(opsets={"": 18, "ai.onnx.ml": 5})
    graph = model.graph()
    branches = tuple(replace(branch, preprocess=plain(6)) for branch in graph.branches)
    numbers = replace(graph, categorical=(), branches=branches, numeric=tuple("abcdef"))
    with pytest.raises(ExportError, match=r"operator TreeEnsemble: opset 3 of domain 'ai.onnx.ml'"):
        numbers.to_onnx(opsets={"": 21, "ai.onnx.ml": 3})


def test_x12_raw_table_and_raw_events_meet_in_the_bundle(
    context: BundleContext, tmp_path: Path
) -> None:
    """Features and preprocessing travel: a device needs no more than what happened."""
    table = events(4, n=240)
    dataset = compute(table, CONTRACT, SPEC, Extras())
    known = np.isfinite(dataset.y)
    train = dataset.take(np.flatnonzero(known))
    preprocess = fit_tree_preprocess(train)
    data = lgb.Dataset(preprocess.apply(train.X, train.C), train.y)
    booster = lgb.train({"objective": "binary", "num_threads": 1, "verbose": -1}, data, 8)
    model = TinyModel(booster, preprocess, dataset.numeric, dataset.categorical, threshold=0.6)
    spec = FeatureSpec.from_json(dataset.spec)
    facts = replace(context, sample=train, features=spec, lateness_s=36_000.0)
    opened = open_bundle(write_bundle(tmp_path / "bundle", model, facts).path)
    assert check_golden(opened, Runtime(opened)).passed
    batch = Runtime(opened).score(dataset.X, dataset.C)
    wanted = dict(
        zip(dataset.rows["id"], zip(batch.score, batch.decision, strict=True), strict=True)
    )
    service = StreamService(opened, Runtime(opened), Storage(tmp_path / "state"))
    rows = dataset.rows.assign(now=dataset.rows["arrived"].fillna(dataset.rows["at"]))
    coming = rows.sort_values(["now", "at", "id"])[list(table.columns)]
    for event in events_of(coming):
        told = json.loads(service.answer(json.dumps(event, default=str).encode()))
        score, decision = wanted[event["id"]]
        assert told["score"] == pytest.approx(score, rel=0, abs=1e-12), event["id"]
        assert told["decision"] == decision
    assert {decision for _, decision in wanted.values()} == {0, 1}


def plain(width: int) -> Any:
    from lepton.graph.nodes import Preprocess

    return Preprocess(width)


def test_x04_truncated_model_is_a_hash_error(
    bundle: Bundle, rows: TabularDataset, model: Any
) -> None:
    place = bundle.path / "model.onnx"
    place.write_bytes(place.read_bytes()[:-1])
    with pytest.raises(IntegrityError, match=r"LK605 .*model\.onnx.*bytes, where the manifest"):
        check(model, bundle.path, rows)


def foreign(**changes: Any) -> bytes:
    value = helper.make_tensor_value_info("x", TensorProto.DOUBLE, [1])
    out = helper.make_tensor_value_info("y", TensorProto.DOUBLE, [1])
    node = helper.make_node("Abs", ["x"], ["y"], domain=changes.get("domain", ""))
    nodes = [node] * changes.get("count", 1)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(changes.get("domain", ""), 1)]
    model = helper.make_model(helper.make_graph(nodes, "g", [value], [out]), opset_imports=opsets)
    model.functions.extend(changes.get("functions", ()))
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (foreign(domain="com.example"), "operators of other domains: com.example"),
        (foreign(count=10_001), "10,001 nodes, more than 10,000"),
        (foreign(functions=[onnx.FunctionProto(name="f")]), "1 model-local functions"),
        (b"\xff\xff", "not a whole protobuf"),
    ],
)
def test_x05_what_a_device_would_not_load_is_not_exported(content: bytes, told: str) -> None:
    with pytest.raises(ExportError, match=f"LK504(.|\n)*{told}"):
        check_static(content)


def test_x06_absent_execution_provider_is_refused_unless_fallback_is_allowed(
    bundle: Bundle,
) -> None:
    wanted = "NoSuchExecutionProvider"
    with pytest.raises(ProviderError, match=f"LK991 execution provider {wanted}: not on this"):
        Runtime(bundle.path, provider=wanted)
    stand_in = Runtime(bundle.path, provider=wanted, allow_fallback=True)
    assert stand_in.provider == "CPUExecutionProvider"


def test_golden_rows_repeat_and_hold_every_kind(bundle: Bundle) -> None:
    opened = open_bundle(bundle.path)
    found = check_golden(opened, Runtime(opened))
    assert found.passed
    assert found.rows == len(json.loads(opened.read("golden.json"))["score"]) >= 250
    cases = set(json.loads(opened.read("golden.json"))["case"])
    assert {"real", "missing", "unseen", "above", "large"} <= cases


def test_a_bundle_is_never_overwritten(bundle: Bundle, model: Any, context: BundleContext) -> None:
    before = (bundle.path / "manifest.json").read_bytes()
    with pytest.raises(ExportError, match=r"LK506.*there is a bundle already"):
        write_bundle(bundle.path, model, context)
    assert (bundle.path / "manifest.json").read_bytes() == before


def test_the_same_model_gives_the_same_bundle_and_zip(
    bundle: Bundle, model: Any, context: BundleContext, tmp_path: Path
) -> None:
    again = write_bundle(tmp_path / "again", model, context)
    first, second = zip_bundle(bundle.path, tmp_path / "1"), zip_bundle(again.path, tmp_path / "2")
    assert first.read_bytes() == second.read_bytes()


def test_the_manifest_names_inputs_contract_and_every_file(bundle: Bundle) -> None:
    said = bundle.manifest
    assert said["inputs"]["categorical"] == ["card", "os"]
    assert (said["key"], said["contracts"]["events"]["id"]) == ("event_id", "tiny/events")
    present = {p.relative_to(bundle.path).as_posix() for p in bundle.path.rglob("*") if p.is_file()}
    assert present == {*said["files"], "manifest.json"}


def test_reference_tells_shares_and_quantiles(bundle: Bundle, rows: TabularDataset) -> None:
    found = json.loads((bundle.path / "reference.json").read_text())
    missing = np.isnan(rows.X[:, 2]).mean()
    assert found["numeric"]["since_last"]["null_share"] == pytest.approx(missing)
    assert found["numeric"]["amount"]["at"][0] == rows.X[:, 0].min()
    assert set(found["categorical"]["card"]["top"]) == {"visa", "mc", "é"}
