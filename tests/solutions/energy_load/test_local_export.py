"""What a local export loses in autumn: nothing where both hours are written, else it is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.contracts.apply import apply_mapping
from lepton.contracts.mapping import TableMapping
from lepton.contracts.odcs import load_contracts
from solutions.energy_load.load_checks import load_checks
from solutions.energy_load.local_export import Fold, local_export
from solutions.energy_load.plan import BERLIN, Plan
from solutions.energy_load.simulate import Simulated, simulate_all

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def made() -> Simulated:
    return simulate_all(np.random.default_rng(0), Plan(7, 410, BERLIN, "2023-01-01", faults=False))


def read_back(made: Simulated, fold: Fold, *, backwards: bool = False) -> pd.DataFrame:
    """The export of the network, mapped by the zones that its register tells."""
    meters = made.tables["meters"]
    exported = local_export(
        made.clean, dict(zip(meters["meter_id"], meters["tz"], strict=True)), fold
    )
    if backwards:
        exported = exported[::-1].reset_index(drop=True)
    lookup = {"column": "meter_id", "table": "meters", "key": "meter_id", "zone": "tz"}
    at = {"from": "local_time", "zone_of": lookup, "ambiguous": "order", "by": "meter_id"}
    columns = {"meter_id": "meter_id", "power_kw": "power_kw", "event_at": at}
    mapping = TableMapping.model_validate({"columns": columns})
    contract = load_contracts(ROOT / "data_contracts" / "energy_load")["load"]
    mapped = apply_mapping(exported, mapping, contract, others={"meters": meters})
    assert (mapped.faults, mapped.violations) == ((), ())
    return mapped.frame


@pytest.mark.parametrize("backwards", [False, True])
def test_an_export_of_both_hours_comes_back_bit_by_bit(made: Simulated, backwards: bool) -> None:
    order = ["event_at", "meter_id"]
    found = read_back(made, "both", backwards=backwards).sort_values(order, ignore_index=True)
    pd.testing.assert_frame_equal(found[[*order, "power_kw"]], made.clean[[*order, "power_kw"]])


@pytest.mark.parametrize(
    ("fold", "rule"),
    [
        ("first", "has one of the two hours that come twice: collapsed"),
        ("mean", "has one of the two hours that come twice: collapsed"),
        ("copied", "tells the same twice in the hour that comes twice: collapsed"),
    ],
)
def test_an_export_that_collapses_the_hours_is_told(made: Simulated, fold: Fold, rule: str) -> None:
    load = read_back(made, fold)
    told = [one for one in load_checks({**made.tables, "load": load}) if one.code == "LK245"]
    assert [one.rule.split(" (")[0] for one in told] == [rule]
    # a meter whose values repeat by nature may be spared
    assert len(told[0].examples) == 3
