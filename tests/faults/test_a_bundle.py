"""A bundle that is not whole is refused, and the message names the file."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lepton.export.bundle import Bundle
from lepton.testing import corrupt
from lepton_edge.bundle import BundleError, open_bundle
from lepton_edge.seal import damaged_file, is_sealed, sealed


def manifest(bundle: Bundle, **changes: object) -> None:
    place = bundle.path / "manifest.json"
    content = {**json.loads(place.read_text()), **changes}
    del content["sha256"]
    place.write_bytes(sealed(content))


def sealed_by_hand(head: str) -> bytes:
    """Any text as the head of a manifest whose seal holds, as an attacker might write it."""
    digest = hashlib.sha256(head.encode()).hexdigest()
    return f'{head},\n "sha256": "{digest}"\n}}\n'.encode()


def test_a05_flipped_byte_in_any_file_is_named(bundle: Bundle) -> None:
    open_bundle(bundle.path)
    for name in bundle.manifest["files"]:
        place = bundle.path / name
        whole = place.read_bytes()
        for mode in ("flip", "truncate", "append", "empty"):
            corrupt(place, mode)
            with pytest.raises(BundleError, match=rf"LK605 .*{name}") as caught:
                open_bundle(bundle.path)
            assert "copy the whole bundle again" in caught.value.remedy
            place.write_bytes(whole)
    open_bundle(bundle.path)


def test_a05_flipped_byte_in_the_manifest_is_never_blamed_on_another_file(bundle: Bundle) -> None:
    place = bundle.path / "manifest.json"
    whole = place.read_bytes()
    assert is_sealed(whole)
    for at in range(len(whole)):
        assert not is_sealed(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    in_a_hash = whole.index(b'"sha256": "') + 11
    in_a_name = whole.index(b'"model.onnx"') + 1
    for at in (0, whole.index(b'"format": ') + 10, in_a_hash, in_a_name, len(whole) - 1):
        place.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(BundleError, match=r"LK605 .*manifest\.json: changed") as caught:
            open_bundle(bundle.path)
        assert "copy the whole bundle again" in caught.value.remedy
    for damaged in (b"", b"[]", whole[: len(whole) // 2], whole + b"\n"):
        place.write_bytes(damaged)
        with pytest.raises(BundleError, match=r"LK605 .*manifest\.json: changed"):
            open_bundle(bundle.path)


def test_a05_manifest_of_no_sense_is_refused_though_its_seal_holds(bundle: Bundle) -> None:
    place = bundle.path / "manifest.json"
    whole = place.read_text()
    head = whole[: whole.rindex(',\n "sha256"')]
    damaged = {
        head[: len(head) // 2]: "not valid JSON",
        head.replace('"threshold"', '"run_id"'): "stands twice",
        head.replace('"threshold": ', '"threshold": NaN, "x": '): "NaN is not a JSON number",
        "[" * 100_000: "nested deeper",
        head.replace('"threshold"', '"treshold"'): "threshold, treshold",
        "[]": "not valid JSON",
    }
    for text, told in damaged.items():
        place.write_bytes(sealed_by_hand(text))
        with pytest.raises(BundleError, match=f"LK602.*{told}"):
            open_bundle(bundle.path)


def test_a05_damaged_runtime_is_named_before_it_runs(bundle: Bundle) -> None:
    package = bundle.path / "runtime" / "lepton_edge"
    assert damaged_file(package) is None
    for place in sorted(package.glob("*.py")):
        whole = place.read_bytes()
        corrupt(place, "flip")
        assert damaged_file(package) == place
        place.write_bytes(whole)
    manifest(bundle, format=2)
    assert damaged_file(package) is None


@pytest.mark.parametrize("name", ["__main__.py", "bundle.py", "onnx_guard.py"])
def test_a05_damaged_runtime_ends_without_a_traceback(bundle: Bundle, name: str) -> None:
    place = bundle.path / "runtime" / "lepton_edge" / name
    place.write_bytes(b"!" + place.read_bytes()[1:])
    environment = {"PYTHONPATH": str(bundle.path / "runtime"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "lepton_edge", "verify", str(bundle.path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (6, "")
    assert done.stderr.startswith(f"LK605 {place}: not the runtime's file")
    assert "Traceback" not in done.stderr


def test_a06_missing_file_is_refused(bundle: Bundle) -> None:
    (bundle.path / "golden.json").unlink()
    with pytest.raises(BundleError, match=r"LK604.*1 missing \(golden.json\)"):
        open_bundle(bundle.path)


def test_a06_extra_file_is_refused(bundle: Bundle) -> None:
    (bundle.path / "runtime" / "more.py").write_text("")
    with pytest.raises(BundleError, match=r"LK604.*1 not in the manifest \(runtime/more.py\)"):
        open_bundle(bundle.path)


def test_a06_missing_manifest_is_refused(bundle: Bundle) -> None:
    (bundle.path / "manifest.json").unlink()
    with pytest.raises(BundleError, match=r"LK601.*manifest\.json: no manifest"):
        open_bundle(bundle.path)


def test_a07_newer_format_is_refused_in_words(bundle: Bundle) -> None:
    manifest(bundle, format=2, kit_version="3.0.0")
    told = r"LK603.*format 2, made by kit 3\.0\.0; this runtime reads format 1"
    with pytest.raises(BundleError, match=told):
        open_bundle(bundle.path)


@pytest.mark.parametrize("kind", ["symlink", "hardlink", "fifo", "folder link"])
def test_a13_links_and_special_files_are_refused(bundle: Bundle, tmp_path: Path, kind: str) -> None:
    place, outside = bundle.path / "reference.json", tmp_path / "outside"
    outside.write_bytes(place.read_bytes())
    if kind == "folder link":
        (bundle.path / "contracts").rename(tmp_path / "contracts")
        place = bundle.path / "contracts"
        place.symlink_to(tmp_path / "contracts")
    else:
        place.unlink()
        make = {"symlink": place.symlink_to, "hardlink": place.hardlink_to}
        os.mkfifo(place) if kind == "fifo" else make[kind](outside)
    with pytest.raises(BundleError, match=f"LK606.*{place.name}.*link"):
        open_bundle(bundle.path)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/../b", "a//b", ".hidden", "a\nb"])
def test_a13_names_that_leave_the_folder_are_refused(bundle: Bundle, name: str) -> None:
    files = {**bundle.manifest["files"], name: {"sha256": "0" * 64, "bytes": 1}}
    manifest(bundle, files=files)
    with pytest.raises(BundleError, match=r"LK607.*could leave the folder"):
        open_bundle(bundle.path)


def test_x03_tensor_data_outside_the_file_are_refused_before_onnxruntime(
    bundle: Bundle, reseal: Callable[[Path, str], None]
) -> None:
    import onnx

    place = bundle.path / "model.onnx"
    model = onnx.ModelProto.FromString(place.read_bytes())
    tensor = model.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    place.write_bytes(model.SerializeToString())
    reseal(bundle.path, "model.onnx")
    with pytest.raises(BundleError, match=r"LK608.*lie outside the file"):
        open_bundle(bundle.path)


def test_x03_tensor_outside_hidden_in_a_tree_attribute_is_refused(
    bundle: Bundle, reseal: Callable[[Path, str], None]
) -> None:
    import onnx

    place = bundle.path / "model.onnx"
    model = onnx.ModelProto.FromString(place.read_bytes())
    trees = next(node for node in model.graph.node if node.op_type == "TreeEnsemble")
    splits = next(item for item in trees.attribute if item.name == "nodes_splits")
    splits.t.data_location = onnx.TensorProto.EXTERNAL
    place.write_bytes(model.SerializeToString())
    reseal(bundle.path, "model.onnx")
    with pytest.raises(BundleError, match="LK608"):
        open_bundle(bundle.path)


def test_x04_what_is_no_model_never_reaches_onnxruntime(
    bundle: Bundle, reseal: Callable[[Path, str], None]
) -> None:
    for content in (b"\xff" * 50, b"PK\x03\x04 not an onnx file", b"\x3a\xff\xff\xff\xff\x0f"):
        (bundle.path / "model.onnx").write_bytes(content)
        reseal(bundle.path, "model.onnx")
        with pytest.raises(BundleError, match=r"LK605.*not an ONNX file"):
            open_bundle(bundle.path)
