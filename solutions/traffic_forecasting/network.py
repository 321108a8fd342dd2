"""How the product's network does on a simulated road, which takes `realism` too much time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lepton.forecast import scores
from lepton.forecast.families import forecaster
from lepton.forecast.near_lessons import NearLearning, Span, asked_of, learnt_from, near_lesson
from lepton.forecast.neighbourhood import from_edges
from lepton.forecast.usual import days_of
from solutions.traffic_forecasting.detectors import MPH
from solutions.traffic_forecasting.realism import AHEAD, JUDGE_SHARE, LEARN_D
from solutions.traffic_forecasting.simulate import Simulated
from solutions.traffic_forecasting.wide import STEPS, network_of

NET: Final = "near_net"
STEP_S: Final = 300
LEARNT, JUDGED = 50_000, 20_000
"""Issues of a detector that it learns from, and by which it is judged."""


def net_errors(made: Simulated, seed: int = 0) -> Mapping[int, float]:
    """Steps ahead -> mean absolute error of the network's median in mph, learnt from the days and
    judged by the last fifth of the record that `realism.skill` takes.

    Raises SearchError where torch is not installed.
    """
    v = made.clean.speed / MPH
    cut = int(len(v) * (1 - JUDGE_SHARE))
    begin = max(cut - LEARN_D * 288, 0)
    share = (cut - begin) / (len(v) - begin)
    data = network_of(
        v[begin:],
        made.ids,
        made.at[begin],
        STEP_S,
        str(made.tables["sensors"]["tz"].iloc[0]),
        (share, share),
        from_edges(made.ids, made.tables["edges"]),
    )
    days = days_of(data.panel, data.spec, data.at(data.train))
    whole = Span(data.at(STEPS), data.at(data.train - STEPS))
    learnt = learnt_from(data.panel, data.spec, days, whole, NearLearning(most=LEARNT, seed=seed))
    family = forecaster(NET)
    model = family.fit(near_lesson(learnt, learnt), dict(family.params), seed)
    test = asked_of(data.panel, data.spec, days.whole, data.test(), most=JUDGED)
    told = model.quantiles(test)
    return {ahead: scores.mae(test.y[:, ahead - 1], told[:, ahead - 1, 4]) for ahead in AHEAD}


__all__ = ["net_errors"]
