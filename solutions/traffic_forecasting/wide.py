"""Wide tables of a benchmark, a row an interval and a column a detector, as a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lepton.forecast.lag_graph import learnt_neighbours
from lepton.forecast.near_lessons import Span
from lepton.forecast.panel import PanelDataset
from lepton.forecast.prepared import Prepared
from lepton.forecast.spec import Cuts
from lepton.forecast.usual import days_of
from lepton_edge.near_spec import NearSpec
from lepton_edge.neighbours import Neighbours

STEPS = 12
"""Intervals of the input, and of the forecast."""


@dataclass(frozen=True, eq=False)
class Network:
    """panel, spec: as forecasts see it; first_s: UTC seconds of step 0; select, train: numbers of
    the steps at which the selection and the test part begin; n_steps: of all."""

    panel: PanelDataset
    spec: NearSpec
    first_s: int
    select: int
    train: int
    n_steps: int

    def at(self, step: int) -> int:
        """UTC seconds of a step."""
        return self.first_s + self.spec.step_s * step

    @property
    def prepared(self) -> Prepared:
        """As the features stage gives it."""
        cuts = Cuts(self.first_s, self.at(self.select), self.at(self.train), self.at(self.n_steps))
        return Prepared(self.panel, dict.fromkeys(self.panel.ids, self.spec), cuts, "speed")

    def test(self) -> Span:
        """Issues whose window and horizon lie wholly in the test part."""
        return Span(self.at(self.train + STEPS), self.at(self.n_steps - STEPS + 1))


def network_of(
    values: np.ndarray,
    ids: Sequence[str],
    first: pd.Timestamp,
    step_s: int,
    zone: str,
    shares: tuple[float, float],
    neighbours: Neighbours | None = None,
) -> Network:
    """The network of values (steps, detectors), of which 0 is missing.

    first: instant of the first row; shares: of the steps at which selection and test part begin;
    neighbours: learnt from what lies before the selection where None.
    """
    n_steps, n = values.shape
    at = pd.date_range(first.tz_convert("UTC"), periods=n_steps, freq=f"{step_s}s")
    names = tuple(ids)
    rows = pd.DataFrame(
        {
            "series_id": pd.Series(np.tile(np.array(names, dtype=object), n_steps), dtype="str"),
            "ts": at.repeat(n),
            "y": np.where(values > 0, values, np.nan).ravel(),
        }
    )
    series = pd.DataFrame({"series_id": pd.Series(names, dtype="str"), "tz": zone})
    panel = PanelDataset(rows, series, step_s)
    spec = NearSpec(step_s, zone, STEPS, neighbours or Neighbours.none(names), n_past=STEPS)
    select, train = (int(n_steps * share) for share in shares)
    first_s = int(first.timestamp())
    if neighbours is None:
        days = days_of(panel, spec, first_s + step_s * select)
        spec = replace(spec, neighbours=learnt_neighbours(names, days))
    return Network(panel, spec, first_s, select, train, n_steps)


__all__ = ["STEPS", "Network", "network_of"]
