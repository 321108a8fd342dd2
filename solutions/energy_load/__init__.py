"""Energy load: everything the domain adds to the core, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from lepton.evaluation.splits import SplitSpec
from lepton.features.spec import FeatureSpec
from lepton.solution import DecisionSpec, Solution
from lepton.task import TaskKind, TaskSpec
from solutions.energy_load.bench_openstef import openstef
from solutions.energy_load.bench_vic import vic


def _simulate(rng: np.random.Generator, size: int) -> Mapping[str, pd.DataFrame]:
    from solutions.energy_load.simulate import simulate

    return simulate(rng, size)


SOLUTION: Final = Solution(
    name="energy_load",
    title="Energy load",
    about="Forecasts load with honest intervals, and says what a battery should do with it",
    tables=("load",),
    tasks=(
        TaskSpec(
            name="day_ahead",
            kind=TaskKind.FORECAST,
            table="load",
            target="power_kw",
            metric="crps",
        ),
    ),
    features=FeatureSpec(()),
    families=("linear", "lightgbm", "boosted", "net"),
    baselines=(),
    metrics=(),
    decision=DecisionSpec({}, lambda rows, costs: np.empty(0), lambda rows, costs: np.empty(0)),
    gates={},
    split=SplitSpec(),
    simulate=_simulate,
    benchmarks={"vic": vic, "openstef": openstef},
)

__all__ = ["SOLUTION"]
