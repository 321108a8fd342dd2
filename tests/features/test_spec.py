"""A feature spec is data: it survives JSON, and nothing unknown slips in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lepton.errors import FeatureError
from lepton.features.spec import (
    DelayedRate,
    FeatureSpec,
    Flag,
    Node,
    Ratio,
    Raw,
    Window,
    resolve,
)
from tests.features.frames import CONTRACT, SPEC


def test_a_spec_survives_json() -> None:
    assert FeatureSpec.from_json(json.loads(json.dumps(SPEC.to_json()))) == SPEC


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"kind": "windo"}, "unknown kind 'windo'; did you mean 'window'?"),
        ({"kind": "raw", "name": "a", "sourc": "b"}, "field 'sourc' of kind 'raw'; did you mean"),
        ({"kind": "raw", "name": "a"}, "kind 'raw' as given"),
    ],
)
def test_an_unknown_kind_or_field_is_refused(node: dict[str, Any], message: str) -> None:
    with pytest.raises(FeatureError, match="LK301") as caught:
        FeatureSpec.from_json([node])
    assert message in str(caught.value)


def test_every_node_that_reads_nothing_known_is_told_at_once() -> None:
    spec = FeatureSpec((Ratio("a", "amont", "amount"), Raw("b", "nothing"), Raw("at", "amount")))
    with pytest.raises(FeatureError, match="3 node") as caught:
        resolve(spec, CONTRACT, ["amount"])
    assert "'a' reads 'amont'; did you mean 'amount'?" in caught.value.details


@pytest.mark.parametrize(
    ("node", "told"),
    [
        (Flag("a", "amount"), "'a' must say either `above` or `equals`"),
        (Flag("a", "amount", above=1.0, equals="x"), "'a' must say either"),
        (Window("a", ("who",), "max", 9.0, "amount", gap_s=1.0), "a gap, which only count, sum"),
        (Window("a", ("who",), "sum", 9.0, "amount", gap_s=9.0), "a gap that is not shorter"),
        (DelayedRate("a", ("who",), 9.0, value="amount"), "which only the sum of positives"),
    ],
)
def test_fields_that_have_no_meaning_together_are_refused(node: Node, told: str) -> None:
    with pytest.raises(FeatureError, match="LK302") as caught:
        resolve(FeatureSpec((node,)), CONTRACT, ["amount", "who"])
    assert told in str(caught.value.details)
