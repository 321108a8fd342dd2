"""Sensor features of a table: what the plan learns, and that batch equals the device's kernel."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.errors import FeatureError
from lepton.features.sensors import Recipe, compute_sensors, fit_sensors
from lepton_edge.sensors import SensorBank, SensorPlan, from_bytes, to_bytes

SENSORS = ["x_heat", "x_flow", "x_still", "x_noise"]
SETTINGS = ["setting_1", "setting_2"]
START = pd.Timestamp("2025-03-01", tz="UTC")


def fleet(seed: int = 0, assets: int = 12, n: int = 60, gaps: float = 0.05) -> pd.DataFrame:
    """Lives of about n readings in three regimes; heat rises and flow falls towards the end.

    Times are irregular, rows shuffled, some values missing; x_still never changes.
    """
    rng = np.random.default_rng(seed)
    tables = []
    for asset in range(assets):
        m = int(rng.integers(n // 2, n + n // 2 + 1))
        regime = rng.integers(0, 3, m)
        wear = np.linspace(0.0, 1.0, m) ** 3
        heat = 50.0 * regime + rng.normal(0.0, 1.0, m) + 8.0 * wear + rng.normal(0.0, 0.3)
        flow = 10.0 - 3.0 * regime + rng.normal(0.0, 0.1, m) * (1 + regime) - 0.8 * wear
        table = pd.DataFrame(
            {
                "asset_id": f"a{asset:02d}",
                "event_at": START + pd.to_timedelta(np.cumsum(rng.integers(1, 7_200, m)), unit="s"),
                "setting_1": 100.0 * regime + rng.normal(0.0, 1.0, m),
                "setting_2": np.where(regime == 1, 0.2, 0.8),
                "x_heat": heat,
                "x_flow": flow,
                "x_still": 14.7,
                "x_noise": rng.normal(0.0, 1.0, m),
            }
        )
        for column in ("x_heat", "x_flow"):
            table.loc[rng.random(m) < gaps, column] = np.nan
        tables.append(table)
    rows = pd.concat(tables, ignore_index=True)
    rows["event_at"] = rows["event_at"].dt.as_unit("us")
    return rows.sample(frac=1.0, random_state=seed)


def learn(rows: pd.DataFrame, recipe: Recipe | None = None) -> SensorPlan:
    return fit_sensors(rows, "asset_id", "event_at", SENSORS, SETTINGS, recipe=recipe)


def features(
    plan: SensorPlan, rows: pd.DataFrame, resets: pd.DataFrame | None = None
) -> pd.DataFrame:
    return compute_sensors(plan, rows, "asset_id", "event_at", resets)


def resets(*told: tuple[str, str | pd.Timestamp]) -> pd.DataFrame:
    frame = pd.DataFrame(told, columns=["asset_id", "event_at"])
    frame["event_at"] = pd.to_datetime(frame["event_at"], utc=True).dt.as_unit("us")
    return frame


def same(left: pd.DataFrame, right: pd.DataFrame) -> bool:
    found, wanted = (one.reindex(right.index).to_numpy() for one in (left, right))
    return np.allclose(found, wanted, rtol=0, atol=1e-12, equal_nan=True)


def test_the_plan_finds_the_regimes_and_what_is_healthy_in_them() -> None:
    plan = learn(fleet(assets=40))
    assert len(plan.centroids) == 3
    assert [plan.sensors[k] for k in plan.kept] == ["x_heat", "x_flow", "x_noise"]
    order = np.argsort(np.array(plan.centroids)[:, 0])
    assert np.array(plan.mean)[order, 0] == pytest.approx([0.0, 50.0, 100.0], abs=0.4)
    assert np.array(plan.std)[order, 1] == pytest.approx([0.1, 0.2, 0.3], rel=0.25)


def test_residuals_do_not_show_the_regime_but_the_wear() -> None:
    rows = fleet(assets=40, gaps=0.0)
    found = features(learn(rows), rows)
    residual = found["x_heat_residual"].to_numpy()
    regime = np.round(rows["setting_1"].to_numpy() / 100)
    assert abs(np.corrcoef(residual, regime)[0, 1]) < 0.05
    place = rows.groupby("asset_id")["event_at"].rank(pct=True).to_numpy()
    for name, sign in (("x_heat_medium", 1), ("x_flow_medium", -1), ("drift_1_medium", 1)):
        assert sign * np.mean(found[name].to_numpy()[place > 0.95]) > 3.0, name
        assert abs(np.mean(found[name].to_numpy()[place < 0.3])) < 0.7, name


def test_the_direction_of_wear_has_a_better_signal_than_any_sensor() -> None:
    rows = fleet(assets=40, gaps=0.0)
    found = features(learn(rows), rows)
    place = rows.groupby("asset_id")["event_at"].rank(pct=True).to_numpy()

    def signal(name: str) -> float:
        values = found[f"{name}_residual"].to_numpy()
        early, late = values[place < 0.25], values[place > 0.9]
        return float(abs(late.mean() - early.mean()) / early.std())

    assert signal("drift_1") > max(map(signal, ("x_heat", "x_flow", "x_noise")))


def test_a_line_on_the_settings_is_taken_out_within_a_regime() -> None:
    rng = np.random.default_rng(3)
    rows = fleet(assets=60)
    rows["setting_1"] = rng.uniform(0.0, 1.0, len(rows))
    rows["setting_2"] = 1.0
    rows["x_noise"] = 4.0 * rows["setting_1"] + rng.normal(0.0, 0.1, len(rows))
    plan = learn(rows)
    assert len(plan.centroids) == 1
    residual = features(plan, rows)["x_noise_residual"].to_numpy()
    assert abs(np.corrcoef(residual, rows["setting_1"])[0, 1]) < 0.05
    assert residual.std() == pytest.approx(1.0, abs=0.25)


def test_a_bent_dependence_on_a_setting_is_followed_by_more_regimes() -> None:
    rng = np.random.default_rng(3)
    rows = fleet(assets=40)
    rows["setting_1"] = rng.uniform(-1.0, 1.0, len(rows))
    rows["setting_2"] = 1.0
    rows["x_noise"] = 10.0 * rows["setting_1"] ** 2 + rng.normal(0.0, 0.1, len(rows))
    plan = learn(rows)
    assert len(plan.centroids) > 3
    left = features(plan, rows)["x_noise_residual"].to_numpy() * np.mean(plan.std, axis=0)[-1]
    assert left.std() < 0.1 * rows["x_noise"].std()


def test_scales_follow_the_lives_and_the_time_between_readings() -> None:
    rows = fleet(n=400, assets=4)
    rows["event_at"] = START + pd.to_timedelta(
        rows.groupby("asset_id")["event_at"].rank().to_numpy() * 60, unit="s"
    )
    plan = learn(rows, Recipe(scales=(0.001, 0.1, 0.2), ticks=(2.0, 4.0, 8.0), own=0.1))
    lengths = rows.groupby("asset_id").size()
    assert plan.tick_s == 60.0
    span = 60.0 * (lengths.median() - 1)
    assert plan.half_lives_s == pytest.approx((120.0, 0.1 * span, 0.2 * span))
    assert plan.n_own == np.ceil(0.1 * lengths.median())


def test_the_plan_is_the_same_whatever_the_order_of_rows() -> None:
    rows = fleet()
    assert learn(rows) == learn(rows.sample(frac=1.0, random_state=9))


@given(seed=st.integers(0, 1_000), stop=st.integers(0, 400))
@settings(max_examples=6, deadline=None)
def test_stream_equals_batch_over_a_fleet_with_a_restart(seed: int, stop: int) -> None:
    rows = fleet(seed, assets=5, n=40, gaps=0.2)
    plan = learn(rows)
    found = features(plan, rows)
    device = SensorPlan.from_json(json.loads(json.dumps(plan.to_json())))
    bank, places = (
        SensorBank(device),
        {name: i for i, name in enumerate(sorted(set(rows.asset_id)))},
    )
    state = bank.start(len(places))
    rows = rows.sort_values("event_at")
    seconds = np.array([at.timestamp() for at in rows["event_at"]])
    values, given = (rows[names].to_numpy(dtype=np.float64) for names in (SENSORS, SETTINGS))
    wanted = found.loc[rows.index].to_numpy()
    for now, name in enumerate(rows["asset_id"]):
        if now == stop:
            state = from_bytes(device, to_bytes(device, state))
        who, row = np.array([places[name]]), slice(now, now + 1)
        stepped = bank.step(state, who, seconds[row], values[row], given[row])
        assert np.allclose(stepped[0], wanted[now], rtol=0, atol=1e-12, equal_nan=True)


def test_shuffled_rows_have_the_same_features_and_keep_their_index() -> None:
    rows = fleet()
    plan = learn(rows)
    found = features(plan, rows)
    shuffled = rows.sample(frac=1.0, random_state=4)
    again = features(plan, shuffled)
    assert again.index.equals(shuffled.index)
    assert same(again, found)


@given(seed=st.integers(0, 1_000), share=st.floats(0.1, 0.9))
@settings(max_examples=6, deadline=None)
def test_l07_later_rows_changed_or_deleted_change_nothing_before(seed: int, share: float) -> None:
    rows = fleet(seed, assets=5)
    plan = learn(rows)
    cut = rows["event_at"].quantile(share)
    before = rows["event_at"] <= cut
    found = features(plan, rows)[before]
    turned = rows.copy()
    turned.loc[~before, [*SENSORS, *SETTINGS]] = 1e6
    assert same(features(plan, turned)[before], found)
    assert same(features(plan, rows[before]), found)


def test_one_asset_s_rows_say_nothing_of_another() -> None:
    rows = fleet()
    plan = learn(rows)
    mine = rows["asset_id"] == "a03"
    assert same(features(plan, rows[mine]), features(plan, rows)[mine])


def test_a_reset_begins_a_life_whose_age_counts_from_it() -> None:
    rows = fleet(assets=3)
    plan = learn(rows)
    mine = rows[rows["asset_id"] == "a01"].sort_values("event_at")
    turn = mine["event_at"].iloc[20]
    found = features(plan, rows, resets(("a01", turn), ("a01", "2025-02-28"), ("zz", turn)))
    age = found["age_h"].loc[mine.index].to_numpy()
    assert age[20] == 0.0
    hours = (mine["event_at"] - pd.Timestamp("2025-02-28", tz="UTC")).dt.total_seconds() / 3600
    assert age[:20] == pytest.approx(hours.to_numpy()[:20])
    alone = features(plan, mine.iloc[20:])
    assert same(found.loc[alone.index], alone)
    others = rows["asset_id"] != "a01"
    assert same(found[others], features(plan, rows[others]))


def test_resets_also_part_the_lives_that_the_plan_learns_from() -> None:
    rows = fleet(assets=6, gaps=0.0)
    recipe = Recipe(scales=(0.1, 0.2, 0.4), ticks=(0.0, 0.0, 0.0))
    rank = rows.groupby("asset_id")["event_at"].rank()
    rows["event_at"] = START + pd.to_timedelta(rank.to_numpy(), unit="h")
    halves = rows.groupby("asset_id")["event_at"].transform("median").dt.as_unit("us")
    told = rows.assign(event_at=halves).drop_duplicates("asset_id")
    plan = fit_sensors(rows, "asset_id", "event_at", SENSORS, SETTINGS, resets=told, recipe=recipe)
    assert plan.half_lives_s[2] == pytest.approx(0.5 * learn(rows, recipe).half_lives_s[2], rel=0.1)


def test_no_settings_constant_sensors_and_gaps_yield_what_they_allow() -> None:
    rows = fleet()
    rows["x_heat"], rows["x_still"], rows["x_noise"] = np.nan, 3.0, np.inf
    plan = fit_sensors(rows, "asset_id", "event_at", SENSORS)
    assert [plan.sensors[k] for k in plan.kept] == ["x_flow"]
    found = features(plan, rows)
    assert np.isfinite(found["x_flow_medium"]).mean() > 0.95
    assert found["age_h"].notna().all()


def test_only_constant_sensors_leave_the_age() -> None:
    rows = fleet()
    plan = fit_sensors(rows, "asset_id", "event_at", ["x_still"], SETTINGS)
    found = features(plan, rows)
    assert list(found.columns) == ["health", "n_missing", "age_h"]
    assert found["health"].isna().all()
    assert (found["n_missing"] == 0).all()


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_handful_of_rows_is_enough_to_go_on(n: int) -> None:
    rows = fleet(gaps=0.0).drop_duplicates("asset_id").head(n)
    found = features(learn(rows), rows)
    assert len(found) == n
    assert np.isfinite(found.drop(columns="health").to_numpy()).all()
    assert found["health"].notna().all() == (n > 1)


def test_no_rows_have_no_features_and_teach_nothing() -> None:
    rows = fleet()
    found = features(learn(rows), rows.head(0))
    assert found.shape == (0, len(learn(rows).names))
    with pytest.raises(FeatureError, match="LK341 sensor features: no training row"):
        learn(rows.head(0))


@pytest.mark.parametrize(("column", "lost"), [("asset_id", None), ("event_at", None)])
def test_rows_without_asset_or_time_are_refused(column: str, lost: None) -> None:
    rows = fleet()
    plan = learn(rows)
    rows.loc[rows.index[:3], column] = lost
    with pytest.raises(FeatureError, match=rf"LK340 .*3 row\(s\) without '{column}'"):
        features(plan, rows)


def test_a_sensor_that_falls_silent_holds_its_state_in_every_index() -> None:
    rows = fleet(gaps=0.0).sort_values(["asset_id", "event_at"])
    plan = learn(rows)
    late = rows.groupby("asset_id").cumcount() >= 20
    silent = rows.copy()
    silent.loc[late, "x_noise"] = np.nan
    found, whole = features(plan, silent), features(plan, rows)
    assert same(found[~late], whole[~late])
    assert np.isfinite(found.to_numpy()).all()
    assert (found.loc[late, "x_noise_missing"] == 1.0).all()
    apart = (found["drift_1_medium"] - whole["drift_1_medium"])[late]
    assert apart.abs().max() < 2.0


def test_a_sensor_named_like_a_statistic_of_another_is_refused() -> None:
    rows = fleet().rename(columns={"x_flow": "x_heat_slope"})
    with pytest.raises(FeatureError, match=r"LK342 .*first 'x_heat_slope_medium'.*\n.*rename"):
        fit_sensors(rows, "asset_id", "event_at", ["x_heat", "x_heat_slope"], SETTINGS)


def test_a_model_may_take_some_statistics_only() -> None:
    rows = fleet()
    plan = learn(rows)
    chosen = plan.select(("slope", "missing"))
    assert set(chosen) < set(plan.names)
    assert "x_heat_slope" in chosen
    assert "x_heat_slope_medium" not in chosen
    lean = learn(rows, Recipe(what=("slope", "missing")))
    assert lean.names == chosen
    assert same(features(lean, rows), features(plan, rows)[list(chosen)])


def test_a_sensor_that_stands_still_in_health_tells_of_the_wear_that_moves_it() -> None:
    rows = fleet(gaps=0.0)
    place = rows.groupby("asset_id")["event_at"].rank(pct=True)
    rows["x_still"] = np.where(place > 0.8, 3.0, 0.0)
    found = features(learn(rows), rows)["x_still_residual"].to_numpy()
    assert (found[place <= 0.8] == 0.0).all()
    assert (found[place > 0.8] == found.max()).all()
    assert 1.0 < found.max() < 6.0
