"""The streaming twin equals the batch engine on every feature, whatever comes and when."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.contracts.model import Extras
from lepton.dataset import TabularDataset
from lepton.features.batch import compute
from lepton.features.parity import relative
from lepton.features.spec import DelayedRate, FeatureSpec, Window
from lepton.features.stream_parity import difference, events_of, replay, stream_parity
from lepton_edge.errors import BundleError, RowError
from lepton_edge.stream import FeatureStream
from tests.features.frames import CONTRACT, HOUR, SPEC, events

SEEDS = st.integers(0, 10_000)
LATENESS_S = 10 * HOUR
Op = Literal["count", "sum", "mean", "max", "min", "std"]
COLUMNS = {"key": "id", "event_at": "at", "label_at": "known", "target": "bad"}
START = 1_700_000_000_000_000


def _compute(table: pd.DataFrame, spec: FeatureSpec = SPEC) -> TabularDataset:
    return compute(table, CONTRACT, spec, Extras())


def _arriving(dataset: TabularDataset, columns: list[str]) -> list[dict[str, Any]]:
    rows = dataset.rows
    order = rows.assign(now=rows["arrived"].fillna(rows["at"])).sort_values(["now", "at", "id"])
    return list(events_of(order[columns]))


def _stream(spec: FeatureSpec, lateness_s: float = LATENESS_S, **roles: str) -> FeatureStream:
    return FeatureStream(spec.to_json(), COLUMNS | roles, lateness_s)


def _apart(found: Any, wanted: Any) -> float:
    """Relative difference; a missing text is "" in a stream."""
    return relative(None if found == "" else found, None if wanted == "" else wanted)


def _event(second: float, **columns: Any) -> dict[str, Any]:
    return {"id": f"k{second}", "at": START + round(second * 1e6), "who": "a", **columns}


@given(seed=SEEDS, late=st.booleans(), stop_at=st.none() | st.integers(1, 59))
@settings(max_examples=20, deadline=None)
def test_stream_equals_batch_with_ties_gaps_lateness_and_restores(
    seed: int, late: bool, stop_at: int | None
) -> None:
    table = events(seed, n=60, late=late)
    table = table if late else table.drop(columns="arrived")
    dataset = _compute(table)
    for chunk, found, _ in replay(dataset, list(table.columns), LATENESS_S, stop_at):
        for name in found[0]:
            assert difference(chunk, found, name) <= 1e-9, name


@given(seed=SEEDS, stop_at=st.integers(1, 39))
@settings(max_examples=10, deadline=None)
def test_a_restored_stream_goes_on_bit_by_bit(
    seed: int, stop_at: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dataset = _compute(events(seed))
    coming = _arriving(dataset, ["id", "at", "arrived", "known", "who", "where", "amount", "bad"])
    one = FeatureStream(dataset.spec, dataset.roles, LATENESS_S)
    for event in coming[:stop_at]:
        one.update(event)
    path = tmp_path_factory.mktemp("state") / "stream.state"
    one.checkpoint(path, {"place": stop_at})
    other = FeatureStream(dataset.spec, dataset.roles, LATENESS_S)
    assert other.restore(path) == {"place": stop_at}
    assert repr([other.update(event) for event in coming[stop_at:]]) == repr(
        [one.update(event) for event in coming[stop_at:]]
    )


@given(seed=SEEDS, every=st.integers(1, 9))
@settings(max_examples=8, deadline=None)
def test_what_is_forgotten_changes_no_feature(seed: int, every: int) -> None:
    dataset = _compute(events(seed, n=60))
    coming = _arriving(dataset, ["id", "at", "arrived", "known", "who", "where", "amount", "bad"])
    tidy, messy = (FeatureStream(dataset.spec, dataset.roles, LATENESS_S) for _ in range(2))
    for number, event in enumerate(coming):
        if number % every == 0:
            tidy.sweep()
        found, wanted = tidy.update(event), messy.update(event)
        for name, value in wanted.items():
            assert _apart(found[name], value) <= 1e-12, name


@given(seed=SEEDS, share=st.floats(0.2, 0.9))
@settings(max_examples=10, deadline=None)
def test_l07_later_rows_change_nothing_that_was_said_before(seed: int, share: float) -> None:
    dataset = _compute(events(seed))
    coming = _arriving(dataset, ["id", "at", "arrived", "known", "who", "where", "amount", "bad"])
    cut = int(share * len(coming))
    one, other = (FeatureStream(dataset.spec, dataset.roles, LATENESS_S) for _ in range(2))
    said = [one.update(event) for event in coming]
    newest = max(event["at"] for event in coming[:cut])
    for event in coming[:cut]:
        # a label that is not known by then may turn out either way
        turned = {"bad": 1.0} if event["known"] is None or event["known"] > newest else {}
        assert repr(other.update({**event, **turned})) == repr(said.pop(0))


@given(seed=SEEDS)
@settings(max_examples=5, deadline=None)
def test_labels_by_themselves_equal_labels_in_the_table(seed: int) -> None:
    table = events(seed, late=False).drop(columns="arrived")
    dataset = _compute(table)
    stream = FeatureStream(dataset.spec, dataset.roles, 0.0)
    due: list[tuple[Any, int, Mapping[str, Any]]] = []
    for number, event in enumerate(events_of(dataset.rows[list(table.columns)])):
        told = [one for one in due if one[0] <= event["at"]]
        for label_at, at, row in told:
            stream.learn(row["id"], row["bad"], label_at)
            due.remove((label_at, at, row))
        found = stream.update({**event, "bad": None, "known": None})
        if event["bad"] is not None:
            due.append((event["known"], number, event))
        for name, value in found.items():
            wanted = dataset.rows[name].iloc[number]
            assert _apart(value, wanted) <= 1e-9, name


def test_an_event_beyond_the_lateness_is_refused_and_counted_and_changes_nothing() -> None:
    stream = _stream(FeatureSpec((Window("n", ("who",), "count", None),)), 60.0)
    stream.update(_event(100))
    with pytest.raises(RowError, match=r"LK287 field 'at': 61 s behind the newest event"):
        stream.update(_event(39))
    assert stream.update(_event(40))["n"] == 0.0
    assert stream.update(_event(101))["n"] == 2.0
    assert (stream.events, stream.late_events, stream.refused_events) == (3, 1, 1)


def test_an_event_ahead_of_its_arrival_or_of_the_clock_is_refused_and_changes_nothing() -> None:
    spec = FeatureSpec((Window("n", ("who",), "count", None),))
    arriving = _stream(spec, 60.0, ingested_at="arrived")
    now = START + 10_000_000
    clocked = FeatureStream(spec.to_json(), COLUMNS, 60.0, ahead_s=5.0, clock=lambda: now)
    for stream in (arriving, clocked):
        assert stream.update(_event(1, arrived=now))["n"] == 0.0
        with pytest.raises(RowError, match="LK293 field 'at': 990 s in the future"):
            stream.update(_event(1_000, arrived=now))
        assert stream.update(_event(2, arrived=now))["n"] == 1.0
        assert (stream.refused_events, stream.late_events) == (1, 0)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ({"at": "yesterday"}, "field 'at': 'yesterday' is no instant"),
        ({"at": "2026-01-01T00:00:00"}, "field 'at': 2026-01-01T00:00:00 names no time zone"),
        ({"at": 10**30}, "field 'at': .* between the years"),
        ({"amount": "7"}, "field 'amount': '7' is not a number"),
        ({"amount": float("inf")}, "field 'amount': an infinite number"),
        ({"amount": 10**400}, "field 'amount': beyond the largest"),
        ({"who": ["a"]}, "field 'who': .* neither text nor number"),
        ({"bad": 1, "known": "soon"}, "field 'known': 'soon' is no instant"),
    ],
)
def test_a_field_that_cannot_be_read_is_named_and_leaves_the_stream_as_it_was(
    broken: dict[str, Any], told: str
) -> None:
    nodes = (
        Window("s", ("who",), "sum", None, "amount"),
        DelayedRate("r", ("who",), None, what="known"),
    )
    stream = _stream(FeatureSpec(nodes))
    with pytest.raises(RowError, match=f"LK288 {told}"):
        stream.update(_event(0, amount=1.0) | broken)
    assert stream.update(_event(1, amount=1.0))["s"] == 0.0


def test_a_label_that_nobody_waits_for_is_refused() -> None:
    stream = _stream(FeatureSpec((DelayedRate("r", ("who",), None, what="positives"),)))
    stream.update(_event(0))
    stream.learn("k0", 1, START + 5_000_000)
    for key in ("k0", "k7"):
        with pytest.raises(RowError, match=r"LK289.*no event of this key waits"):
            stream.learn(key, 1, START)
    assert [stream.update(_event(second))["r"] for second in (4, 5)] == [0.0, 1.0]


def test_memory_holds_no_more_than_the_windows_reach() -> None:
    stream = _stream(FeatureSpec((Window("n", ("who",), "count", 60.0),)), 10.0)
    found = [stream.update(_event(second))["n"] for second in range(2_000)]
    assert set(found[60:]) == {60.0}
    assert len(stream.histories[0]["a"].at) < 200
    stream.update(_event(10_000) | {"who": "b"})
    stream.sweep()
    assert set(stream.histories[0]) == {"b"}


def test_long_entities_and_large_amounts_do_not_drift() -> None:
    rng = np.random.default_rng(0)
    n = 5_000
    at = pd.Timestamp("2026-01-01T00:00Z").as_unit("us") + pd.to_timedelta(np.arange(n), unit="min")
    amount = np.where(rng.random(n) < 0.01, 9_999_999.99, rng.lognormal(3, 2, n).round(2))
    table = pd.DataFrame({"id": np.arange(n).astype(str), "at": at, "who": "a", "amount": amount})
    ops: tuple[Op, ...] = ("count", "sum", "mean", "max", "min", "std")
    spans = {"1h": HOUR, "2d": 48 * HOUR, "ever": None}
    spec = FeatureSpec(
        tuple(
            Window(f"{op}_{name}", ("who",), op, span, "amount")
            for op in ops
            for name, span in spans.items()
        )
    )
    found = stream_parity(table, CONTRACT, spec, Extras(), seed=0)
    assert set(found.modes) == {"plain", "late", "restored"}
    for mode in found.modes.values():
        assert mode.max_rel_diff <= 1e-9, mode.worst


def test_equal_values_deviate_by_exactly_nothing() -> None:
    nodes = [Window(f"s{w}", ("who",), "std", w, "amount") for w in (3.0, None)]
    stream = _stream(FeatureSpec(tuple(nodes)))
    found = [stream.update(_event(second, amount=33.33)) for second in range(30)]
    assert {value for one in found[1:] for value in one.values()} == {0.0}


def test_a_state_of_another_spec_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    spec = FeatureSpec((Window("n", ("who",), "count", 60.0),))
    stream, path = _stream(spec), tmp_path / "state"
    stream.update(_event(0))
    stream.checkpoint(path)
    with pytest.raises(BundleError, match=r"LK615.*another lateness"):
        _stream(spec, 1.0).restore(path)
    raw = path.read_bytes()
    for broken in (raw[:-9], raw[:50], b"", raw[:200] + b"x" + raw[201:]):
        path.write_bytes(broken)
        with pytest.raises(BundleError, match="LK614"):
            _stream(spec).restore(path)


def test_a_node_that_is_not_understood_is_refused() -> None:
    for node in ({"kind": "windo", "name": "a"}, {"kind": "raw", "name": "a"}):
        with pytest.raises(BundleError, match="LK613"):
            FeatureStream([node], COLUMNS, 0.0)
