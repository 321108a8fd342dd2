"""The sensor kernel: statistics equal their definitions; missing, irregular and reset readings."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton_edge.errors import BundleError
from lepton_edge.sensors import SensorBank, SensorPlan, State, from_bytes, to_bytes

HOUR = 3600.0
HALVES = (2.0, 5.0, 12.0)
"""Hours."""
PLAN = SensorPlan(
    sensors=("x_temp", "x_still", "x_flow"),
    settings=("setting_1",),
    kept=(0, 2),
    setting_mean=(50.0,),
    setting_scale=(10.0,),
    centroids=((-1.0,), (1.0,)),
    reach=(0.5, 0.25),
    mean=((20.0, 3.0), (40.0, 5.0)),
    std=((2.0, 0.5), (4.0, 1.0)),
    slopes=(((0.0,), (0.0,)), ((8.0,), (0.0,))),
    limit=(50.0, 50.0),
    drifts=((0.6, 0.8),),
    plane=((1.0, 0.0),),
    plane_variance=(4.0,),
    index_mean=(0.5, 0.0, 0.0),
    index_std=(2.0, 1.0, 1.0),
    half_lives_s=(2 * HOUR, 5 * HOUR, 12 * HOUR),
    tick_s=HOUR,
    n_own=3,
    band=2.0,
)
LOW, HIGH = 40.0, 60.0
"""Settings at the centroids of the two regimes."""


def life(seed: int, n: int = 40, gaps: float = 0.2) -> dict[str, np.ndarray]:
    """n readings of one asset at irregular times, some values missing; regimes switch."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0.0, 1.0, (n, 3)) * [2.0, 0.0, 0.5] + [20.0, 7.0, 3.0]
    values[rng.random((n, 3)) < gaps] = np.nan
    return {
        "seconds": 1.7e9 + np.cumsum(rng.exponential(HOUR, n)),
        "values": values,
        "settings": rng.choice([LOW, HIGH, np.nan], (n, 1)),
    }


def follow(bank: SensorBank, told: dict[str, np.ndarray], state: State | None = None) -> np.ndarray:
    state, who = state or bank.start(1), np.array([0])
    columns = (told["seconds"], told["values"], told["settings"])
    rows = [
        bank.step(state, who, *(one[i : i + 1] for one in columns))
        for i in range(len(told["seconds"]))
    ]
    return np.concatenate(rows)


def asked(found: np.ndarray, name: str) -> np.ndarray:
    return found[:, PLAN.names.index(name)]


def at_low(values: list[float], hours: list[float] | None = None) -> dict[str, np.ndarray]:
    """Readings of x_temp in the low regime, whose residual is (value - 20) / 2."""
    n = len(values)
    return {
        "seconds": np.array(hours or range(n), dtype=np.float64) * HOUR,
        "values": np.column_stack((values, np.full(n, 7.0), np.full(n, 3.0))),
        "settings": np.full((n, 1), LOW),
    }


def test_a_residual_is_the_distance_from_what_the_regime_expects_in_its_own_deviations() -> None:
    told = at_low([24.0, 24.0, 24.0])
    # standardised 1.5 lies half a unit above the high centroid, where a unit is worth 8
    told["settings"] = np.array([[LOW], [HIGH], [65.0]])
    found = follow(SensorBank(PLAN), told)
    assert asked(found, "x_temp_residual") == pytest.approx([2.0, -4.0, -5.0])
    assert asked(found, "x_flow_residual") == pytest.approx([0.0, -2.0, -2.0])


def test_a_missing_setting_is_as_last_seen() -> None:
    told = at_low([24.0, 24.0, 24.0])
    told["settings"] = np.array([[HIGH], [np.nan], [LOW]])
    assert asked(follow(SensorBank(PLAN), told), "x_temp_residual").tolist() == [-4.0, -4.0, 2.0]


@given(seed=st.integers(0, 10_000), gaps=st.sampled_from([0.0, 0.3, 0.7]))
@settings(max_examples=20, deadline=None)
def test_means_spread_and_slope_are_those_of_weighted_readings(seed: int, gaps: float) -> None:
    told = life(seed, gaps=gaps)
    told["settings"][:] = LOW
    found, hours = follow(SensorBank(PLAN), told), told["seconds"] / HOUR
    z = (told["values"][:, 0] - 20.0) / 2.0
    for now in range(len(z)):
        known = np.flatnonzero(np.isfinite(z[: now + 1]))
        if not len(known):
            assert np.isnan(asked(found, "x_temp_medium")[now])
            continue
        x, t = z[known], hours[known]
        # weights since the last good reading: a missing value holds what was known
        fast, medium, slow = (0.5 ** ((t[-1] - t) / half) for half in HALVES)
        for name, weight in (("fast", fast), ("medium", medium), ("slow", slow)):
            mean = np.average(x, weights=weight)
            assert asked(found, f"x_temp_{name}")[now] == pytest.approx(mean, abs=1e-9)
        spread = np.average((x - np.average(x, weights=medium)) ** 2, weights=medium)
        assert asked(found, "x_temp_spread")[now] == pytest.approx(np.sqrt(spread), abs=1e-6)
        outside = np.average(np.abs(x) > PLAN.band, weights=slow)
        assert asked(found, "x_temp_outside")[now] == pytest.approx(outside, abs=1e-9)
        centred = t - np.average(t, weights=slow)
        weight_now = max((0.5 ** ((hours[now] - t) / HALVES[2])).sum(), 1.0)
        ridge = HALVES[2] ** 2 / weight_now
        slope = np.average(centred * x, weights=slow)
        slope /= np.average(centred**2, weights=slow) + ridge
        assert asked(found, "x_temp_slope")[now] == pytest.approx(slope * HALVES[2], abs=1e-7)


def test_differences_and_the_own_baseline() -> None:
    found = follow(SensorBank(PLAN), at_low([22.0, 24.0, 26.0, 60.0, 60.0]))
    fast, medium, slow, own, pair, other = (
        asked(found, f"x_temp_{name}")
        for name in ("fast", "medium", "slow", "own", "fast_medium", "medium_slow")
    )
    assert pair == pytest.approx(fast - medium)
    assert other == pytest.approx(medium - slow)
    # the first three good readings are 1, 2 and 3 healthy deviations
    assert medium - own == pytest.approx([1.0, 1.5, 2.0, 2.0, 2.0])


def test_indices_of_one_reading_are_the_formulas_of_its_residuals() -> None:
    told = at_low([26.0])
    told["values"][0, 2] = 5.0  # residuals 3 and 4
    found = follow(SensorBank(PLAN), told)
    assert asked(found, "drift_1_residual")[0] == pytest.approx((0.6 * 3 + 0.8 * 4 - 0.5) / 2.0)
    assert asked(found, "pca_t2_residual")[0] == pytest.approx(np.log1p(3**2 / 4.0))
    assert asked(found, "pca_q_residual")[0] == pytest.approx(np.log1p(4**2))
    assert asked(found, "health")[0] == pytest.approx(np.sqrt((3**2 + 4**2) / 2))


def test_a_missing_value_holds_the_state_is_masked_and_ages() -> None:
    told = at_low([24.0, 26.0, np.nan, np.inf, 26.0], hours=[0, 1, 3, 1000, 1001])
    found = follow(SensorBank(PLAN), told)
    assert asked(found, "x_temp_missing").tolist() == [0, 0, 1, 1, 0]
    assert asked(found, "n_missing").tolist() == [0, 0, 1, 1, 0]
    assert asked(found, "x_temp_unseen_h").tolist() == [0, 0, 2, 999, 0]
    for what in ("fast", "medium", "slow", "spread", "own"):
        held = asked(found, f"x_temp_{what}")
        assert held[1] == held[2] == held[3], what
    assert asked(found, "x_temp_residual")[2] == asked(found, "x_temp_fast")[1]
    # 1000 hours are hundreds of half-lives: the past has no weight left
    assert asked(found, "x_temp_fast")[4] == pytest.approx(3.0)


def test_a_gap_in_which_every_weight_underflows_keeps_what_was_seen() -> None:
    told = at_low([24.0, np.nan, np.nan], hours=[0, 10**6, 2 * 10**6])
    found = follow(SensorBank(PLAN), told)
    assert asked(found, "x_temp_slow").tolist() == [2.0, 2.0, 2.0]


def test_a_channel_that_was_never_seen_is_missing_and_not_healthy() -> None:
    told = at_low([np.nan, np.nan])
    found = follow(SensorBank(PLAN), told)
    for what in ("residual", "fast", "own", "spread", "slope", "outside"):
        assert np.isnan(asked(found, f"x_temp_{what}")).all(), what
        assert np.isfinite(asked(found, f"x_flow_{what}")).all(), what
    assert asked(found, "x_temp_unseen_h").tolist() == [0.0, 1.0]
    told["values"][:] = np.nan
    found = follow(SensorBank(PLAN), told)
    assert np.isnan(asked(found, "health")).all()
    assert np.isnan(asked(found, "drift_1_medium")).all()


def test_an_absurd_value_counts_for_the_limit() -> None:
    found = follow(SensorBank(PLAN), at_low([1e300, -1e300]))
    assert asked(found, "x_temp_residual").tolist() == [50.0, -50.0]


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_many_assets_at_once_equal_one_by_one(seed: int) -> None:
    bank, n = SensorBank(PLAN), 7
    lives = [life(seed + i) for i in range(n)]
    alone = np.stack([follow(bank, one) for one in lives])
    state = bank.start(n + 2)
    order = np.random.default_rng(seed).permutation(n)
    for now in range(alone.shape[1]):
        told = [
            np.stack([lives[i][key][now] for i in order])
            for key in ("seconds", "values", "settings")
        ]
        found = bank.step(state, order + 1, *told)
        assert np.allclose(found, alone[order, now], rtol=0, atol=1e-12, equal_nan=True)
    assert np.isnan(state["asset"][[0, n + 1]]).all()


@given(seed=st.integers(0, 10_000), stop=st.integers(0, 39))
@settings(max_examples=10, deadline=None)
def test_a_restored_state_goes_on_bit_by_bit(seed: int, stop: int) -> None:
    bank, told = SensorBank(PLAN), life(seed)
    whole, state = follow(bank, told), bank.start(1)
    follow_until = {key: one[:stop] for key, one in told.items()}
    if stop:
        follow(bank, follow_until, state)
    other = SensorPlan.from_json(json.loads(json.dumps(PLAN.to_json())))
    rest = {key: one[stop:] for key, one in told.items()}
    again = follow(SensorBank(other), rest, from_bytes(other, to_bytes(PLAN, state)))
    assert again.tobytes() == whole[stop:].tobytes()


def test_a_reset_asset_is_as_new_and_its_neighbour_as_before() -> None:
    bank, who = SensorBank(PLAN), np.array([0, 1])
    state = bank.start(2)
    first, second, third = (np.full((2, 3), value) for value in (24.0, 30.0, 26.0))
    low = np.full((2, 1), LOW)
    for hour, values in enumerate((first, second)):
        bank.step(state, who, np.full(2, hour * HOUR), values, low)
    bank.reset(state, np.array([1]), np.array([1.5 * HOUR]))
    found = bank.step(state, who, np.full(2, 2 * HOUR), third, low)
    assert asked(found, "age_h").tolist() == [2.0, 0.5]
    alone = follow(bank, at_low([26.0], hours=[2]))
    assert asked(found, "x_temp_slow")[1] == asked(alone, "x_temp_slow")[0] == 3.0
    assert asked(found, "x_temp_slow")[0] != 3.0


def test_a_reading_before_the_last_one_counts_as_of_that_instant() -> None:
    early, level = at_low([24.0, 26.0, 22.0], [0, 5, 3]), at_low([24.0, 26.0, 22.0], [0, 5, 5])
    one, other = (follow(SensorBank(PLAN), told) for told in (early, level))
    assert np.array_equal(one, other)


def test_regimes_tell_how_far_out_a_setting_lies() -> None:
    regime, distance = SensorBank(PLAN).regimes(np.array([[LOW], [HIGH], [70.0]]))
    assert regime.tolist() == [0, 1, 1]
    assert distance == pytest.approx([0.0, 0.0, 4.0])


def test_names_follow_the_statistics_asked_for() -> None:
    plan = replace(PLAN, what=("missing", "medium"))
    assert plan.names[0] == "x_temp_medium"
    assert plan.names[-5:-3] == ("x_temp_missing", "x_flow_missing")
    found = follow(SensorBank(plan), at_low([24.0]))
    assert found.shape == (1, len(plan.names))
    assert found[0, plan.names.index("x_temp_medium")] == 2.0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"what": ["median"]}, "unknown statistic 'median'"),
        ({"kept": [0, 3]}, "lies outside the sensors"),
        ({"mean": [[20.0, 3.0]]}, r"mean is no table of \(2, 2\)"),
        ({"mean": [[20.0, 3.0], [40.0]]}, "inhomogeneous"),
        ({"limit": [None, 1.0]}, "limit is no table"),
        ({"tick_s": 0.0}, "times and the own baseline must be positive"),
        ({"n_own": 0}, "times and the own baseline must be positive"),
        ({"sensors": ["x_a", "x_still", "x_a_slope"]}, "two features have one name"),
        ({"colour": 1}, r"fields \['colour'\] are too many or missing"),
    ],
)
def test_a_plan_that_does_not_fit_together_is_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(BundleError, match=f"LK645 sensor plan: .*{told}"):
        SensorPlan.from_json(PLAN.to_json() | change)


def test_a_state_that_is_damaged_or_of_another_plan_is_refused() -> None:
    raw = to_bytes(PLAN, SensorBank(PLAN).start(2))
    for broken in (raw[:-30], b"", b"text"):
        with pytest.raises(BundleError, match="LK646 state of the sensors"):
            from_bytes(PLAN, broken)
    with pytest.raises(BundleError, match="belongs to another plan"):
        from_bytes(replace(PLAN, band=3.0), raw)


def test_an_asset_twice_in_one_step_and_a_reading_without_time_are_refused() -> None:
    bank = SensorBank(PLAN)
    state = bank.start(2)
    with pytest.raises(ValueError, match="an asset has two readings in one step"):
        bank.step(state, np.array([1, 1]), np.zeros(2), np.zeros((2, 3)), np.zeros((2, 1)))
    with pytest.raises(ValueError, match="a reading has no time"):
        bank.step(state, np.array([1]), np.array([np.nan]), np.zeros((1, 3)), np.zeros((1, 1)))
    assert np.isnan(state["asset"]).all()
