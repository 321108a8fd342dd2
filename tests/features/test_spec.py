"""A feature spec is data: it survives JSON, and nothing unknown slips in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lepton.errors import FeatureError
from lepton.features.spec import FeatureSpec, Ratio, Raw, resolve
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
