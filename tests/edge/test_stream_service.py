"""`python -m lepton_edge stream`: a decision for every event, also after a kill in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton import roles
from lepton.dataset import TabularDataset
from lepton.export.bundle import Bundle, write_bundle
from lepton.export.context import BundleContext
from lepton.features.spec import Category, FeatureSpec, Raw, Recency, Window
from lepton_edge.__main__ import main
from lepton_edge.bundle import open_bundle
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


@pytest.fixture(scope="module")
def streaming(
    model: TinyModel,
    context: BundleContext,
    rows: TabularDataset,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A bundle whose features can be computed from events."""
    at = pd.Timestamp("2026-01-01T00:00Z") + pd.to_timedelta(np.arange(len(rows)), unit="min")
    known = {**rows.roles, roles.EVENT_AT: "event_at"}
    sample = replace(rows, rows=rows.rows.assign(event_at=at), roles=known)
    told = replace(context, sample=sample, features=FEATURES, lateness_s=600.0)
    return write_bundle(tmp_path_factory.mktemp("streaming") / "bundle", model, told).path


def _event(number: int, **other: Any) -> dict[str, Any]:
    return {
        "event_id": f"e{number}",
        "event_at": f"2026-02-01T{number // 60:02d}:{number % 60:02d}:00+00:00",
        "amount": 10.0 + number % 7 * 30,
        "epoch_s": 1.7e9 + number * 1e5,
        "card": ["visa", "mc", "é"][number % 3],
        "os": None,
        **other,
    }


def _lines(numbers: range) -> str:
    return "".join(json.dumps(_event(number)) + "\n" for number in numbers)


def _service(bundle: Path, folder: Path, every: int = 7) -> StreamService:
    opened = open_bundle(bundle)
    return StreamService(opened, Runtime(opened), Storage(folder, every))


def _told(service: StreamService, numbers: range) -> list[dict[str, Any]]:
    return [json.loads(service.answer(json.dumps(_event(n)).encode())) for n in numbers]


def test_the_manifest_says_roles_and_lateness(streaming: Path) -> None:
    told = open_bundle(streaming).manifest.content["stream"]
    columns = {"key": "event_id", "event_at": "event_at", "target": "is_fraud"}
    assert told == {"columns": columns, "lateness_s": 600.0, "ahead_s": 300.0}


def test_every_event_is_answered_with_key_score_and_decision(
    streaming: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "events").write_text(_lines(range(20)))
    assert main(["stream", str(streaming), str(tmp_path / "events"), "--state", str(tmp_path)]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["key"] for one in told] == [f"e{number}" for number in range(20)]
    runtime = Runtime(streaming)
    texts = np.array([["é", ""]], dtype=object)
    wanted = runtime.score(np.array([[10 + 5 * 30, 1.7e9 + 5e5, 180.0, 1.0]]), texts)
    assert (told[5]["score"], told[5]["decision"]) == (wanted.score[0], wanted.decision[0])
    assert (tmp_path / "stream.state").is_file()


def test_after_a_kill_the_events_since_the_checkpoint_are_sent_again_and_counted_once(
    streaming: Path, tmp_path: Path
) -> None:
    wanted = _told(_service(streaming, tmp_path / "whole"), range(40))
    killed = _service(streaming, tmp_path / "state")
    _told(killed, range(20))
    killed.save()
    _told(killed, range(20, 25))
    again = _service(streaming, tmp_path / "state")
    repeated = _told(again, range(15, 20))
    assert [one.pop("repeated") for one in repeated] == [True] * 5
    assert repeated == wanted[15:20]
    assert _told(again, range(20, 40)) == wanted[20:]
    assert again.stream.events == 40


@pytest.mark.parametrize(
    ("line", "code", "where"),
    [
        (b"{", "LK291", "field '*'"),
        (b"\xff\xfe", "LK291", "field '*'"),
        (b'["a"]', "LK291", "field '*'"),
        (b"[" * 5_000, "LK291", "field '*'"),
        (b'{"event_id": "a", "amount": NaN}', "LK291", "field '*'"),
        (json.dumps({"amount": 1}).encode(), "LK290", "field 'event_id'"),
        (json.dumps(_event(1) | {"event_id": [1]}).encode(), "LK290", "field 'event_id'"),
        (json.dumps({"event_id": "a"}).encode(), "LK290", "field 'event_at'"),
        (json.dumps(_event(1, amount="12")).encode(), "LK288", "field 'amount'"),
        (json.dumps(_event(1, event_at="today")).encode(), "LK288", "field 'event_at'"),
        (json.dumps(_event(1, card="\ud800")).encode(), "LK283", "row 0, field 'card'"),
        (
            json.dumps(_event(1, event_at="2025-01-01T00:00Z")).encode(),
            "LK287",
            "field 'event_at'",
        ),
    ],
)
def test_a_bad_line_is_answered_by_row_and_field_and_the_next_one_as_if_it_never_came(
    streaming: Path, tmp_path: Path, line: bytes, code: str, where: str
) -> None:
    service = _service(streaming, tmp_path)
    _told(service, range(1))
    told = json.loads(service.answer(line))
    assert (told["row"], told["error"], told["where"]) == (2, code, where)
    wanted = _told(_service(streaming, tmp_path / "other"), range(4))[3]
    if code != "LK283":
        _told(service, range(1, 3))
        assert _told(service, range(3, 4))[0] == wanted


def test_a_bundle_without_roles_and_a_state_of_another_bundle_are_refused(
    bundle: Bundle, streaming: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stream", str(bundle.path), "--state", str(tmp_path)]) == 6
    assert "LK616" in capsys.readouterr().err
    (tmp_path / "stream.state").write_bytes(b"nonsense")
    assert main(["stream", str(streaming), "--state", str(tmp_path)]) == 6
    assert "LK614" in capsys.readouterr().err


def test_a_second_process_on_one_state_is_refused_and_the_first_goes_on(
    streaming: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = _process(streaming, tmp_path)
    wanted = _feed(first, range(3))
    assert main(["stream", str(streaming), "--state", str(tmp_path)]) == 6
    assert "LK618" in capsys.readouterr().err
    assert [one["key"] for one in wanted + _feed(first, range(3, 5))] == [
        f"e{number}" for number in range(5)
    ]
    assert _end(first, signal.SIGTERM) == 0


def test_an_event_of_the_far_future_is_refused_and_makes_no_other_late(
    streaming: Path, tmp_path: Path
) -> None:
    service = _service(streaming, tmp_path)
    _told(service, range(2))
    future = _event(2, event_at="2999-01-01T00:00:00+00:00")
    told = json.loads(service.answer(json.dumps(future).encode()))
    assert (told["error"], told["where"]) == ("LK293", "field 'event_at'")
    wanted = _told(_service(streaming, tmp_path / "other"), range(2))
    assert len(_told(service, range(2, 4))) == 2
    assert service.stream.events == 4
    assert wanted[0]["key"] == "e0"


def _process(streaming: Path, state: Path) -> subprocess.Popen[str]:
    runtime = streaming / "runtime"
    site = str(Path(sys.modules["numpy"].__file__ or "").parents[1])
    command = [sys.executable, "-B", "-m", "lepton_edge", "stream", str(streaming)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(runtime), site])}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        [*command, "--state", str(state), "--checkpoint-every", "5"],
        env=environment,
        text=True,
        encoding="utf-8",
        **pipes,
    )


def _feed(process: subprocess.Popen[str], numbers: range) -> list[dict[str, Any]]:
    assert process.stdin is not None
    assert process.stdout is not None
    told = []
    for number in numbers:
        process.stdin.write(json.dumps(_event(number)) + "\n")
        process.stdin.flush()
        told.append(json.loads(process.stdout.readline()))
    return told


def _end(process: subprocess.Popen[str], number: int) -> int:
    process.send_signal(number)
    process.communicate()
    return process.returncode


def test_kill_and_terminate_lose_nothing_that_is_sent_again(
    streaming: Path, tmp_path: Path
) -> None:
    wanted = _told(_service(streaming, tmp_path / "whole"), range(24))
    first = _process(streaming, tmp_path / "state")
    assert _feed(first, range(13)) == wanted[:13]
    assert _end(first, signal.SIGKILL) == -signal.SIGKILL
    second = _process(streaming, tmp_path / "state")
    told = _feed(second, range(10, 18))
    assert [{**one, "repeated": True} for one in told] == [
        {**one, "repeated": True} for one in wanted[10:18]
    ]
    assert _end(second, signal.SIGTERM) == 0
    third = _process(streaming, tmp_path / "state")
    assert _feed(third, range(18, 24)) == wanted[18:]
    assert _end(third, signal.SIGTERM) == 0
