"""A customer with a wide file of speeds and a matrix gets the network that the benchmark reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from lepton.contracts.mapping import load_mappings
from lepton.contracts.odcs import load_contracts
from lepton.contracts.read import read_tables
from lepton_edge.neighbours import Neighbours
from solutions.traffic_forecasting import SOLUTION
from solutions.traffic_forecasting.bench_los import read_los
from solutions.traffic_forecasting.panel import panel
from tests.forecast import near_tiny

ROOT = Path(__file__).parents[3]
MPH = 1.609344
IDS = ("773", "061", "9", "717", "52", "400")
MAPPING = """
tables:
  readings:
    clock: {name: AT, start: 2012-03-01T00:00:00-08:00, step_s: 300}
    melt: {keep: [AT], name: DETECTOR, value: SPEED}
    columns:
      event_at: AT
      sensor_id: DETECTOR
      speed_kmh: {from: SPEED, unit: {from: mph, to: km/h}}
  sensors:
    columns: {sensor_id: sensor_id, tz: {constant: America/Los_Angeles}}
  edges:
    dialect: {header: false}
    matrix: {from: A, to: B, value: W, ids: {table: readings, column: sensor_id}}
    columns: {from_id: A, to_id: B, weight: W}
"""


def heaviest(of: Neighbours) -> list[dict[str, list[tuple[str, float]]]]:
    """Neighbours and their weights by name, up and down the road."""
    sides = ((of.up, of.up_weights), (of.down, of.down_weights))
    return [
        {
            name: [(of.ids[code], w) for code, w in zip(own, heavy, strict=True)]
            for name, own, heavy in zip(of.ids, codes, weights, strict=True)
        }
        for codes, weights in sides
    ]


def test_the_panel_of_a_wide_file_and_a_matrix_is_that_of_the_benchmark(tmp_path: Path) -> None:
    speeds = np.nan_to_num(near_tiny.speeds()[: 4 * 288]).round(3)
    pd.DataFrame(speeds, columns=list(IDS)).to_csv(tmp_path / "los_speed.csv", index=False)
    near = np.random.default_rng(0).uniform(0.1, 1.0, (6, 6)).round(3)
    near[near < 0.4] = 0.0
    np.fill_diagonal(near, 1.0)
    pd.DataFrame(near).to_csv(tmp_path / "los_adj.csv", index=False, header=False)
    pd.DataFrame({"sensor_id": IDS}).to_csv(tmp_path / "detectors.csv", index=False)
    (tmp_path / "mapping.yaml").write_text(MAPPING)

    source = {
        "edges": "los_adj.csv",
        "readings": "los_speed.csv",
        "sensors": "detectors.csv",
    }
    whole = load_contracts(ROOT / "data_contracts" / "traffic_forecasting")
    contracts = {name: whole[name] for name in source}
    mappings = load_mappings(tmp_path / "mapping.yaml", contracts)
    read = read_tables(tmp_path, source, mappings, contracts)
    assert [one.violations for one in read.values()] == [()] * 3
    made = panel({name: one.frame for name, one in read.items()}, SOLUTION.settings)

    wanted = read_los(tmp_path)
    both = made.rows.merge(
        wanted.panel.rows, on=["series_id", "ts"], how="outer", validate="one_to_one"
    )
    assert len(both) == len(made.rows) == speeds.size
    np.testing.assert_allclose(both["y_x"] / MPH, both["y_y"], rtol=1e-12)
    assert both["y_x"].isna().sum() == (speeds == 0).sum() > 0
    assert made.neighbours is not None
    assert heaviest(made.neighbours) == [
        {name: told[name] for name in sorted(told)} for told in heaviest(wanted.spec.neighbours)
    ]
    assert set(made.zones) == set(wanted.panel.zones)
