"""False alerts that fall evenly, and those that do not."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from lepton.evaluation.groups import false_alert_ratio


def scored(**alerts: tuple[int, int]) -> pd.DataFrame:
    """Group -> (negative rows, of them alerted), and one positive row in each."""
    parts = [
        pd.DataFrame(
            {
                "band": name,
                "target": [0.0] * n + [1.0],
                "decision": [1] * hit + [0] * (n - hit) + [1],
            }
        )
        for name, (n, hit) in alerts.items()
    ]
    return pd.concat(parts).sample(frac=1, random_state=3).reset_index(drop=True)


def test_ratio_is_lowest_over_highest_rate_of_false_alerts() -> None:
    rows = scored(young=(200, 20), old=(400, 20))
    assert false_alert_ratio("band").of(rows) == pytest.approx(0.5)


def test_a_group_too_small_to_judge_is_left_out() -> None:
    rows = scored(young=(200, 20), old=(400, 20), few=(20, 0))
    assert false_alert_ratio("band").of(rows) == pytest.approx(0.5)


@pytest.mark.parametrize("groups", [{"one": (300, 5)}, {"a": (300, 0), "b": (300, 0)}])
def test_without_two_groups_or_any_false_alert_there_is_no_ratio(
    groups: dict[str, tuple[int, int]],
) -> None:
    assert math.isnan(false_alert_ratio("band").of(scored(**groups)))


def test_weights_count_as_rows() -> None:
    rows = scored(young=(200, 20), old=(400, 20))
    double = np.where(rows["decision"] == 1, 2.0, 1.0)
    assert false_alert_ratio("band").prepare(rows)(double) == pytest.approx((40 / 420) / (40 / 220))
