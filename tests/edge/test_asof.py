"""The kernel of forecasts: nothing of the future, the same bits in batch and stream."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton_edge.asof import Features, features, level, recent_shape
from lepton_edge.asof_history import ALWAYS, History, Vintages
from lepton_edge.asof_spec import AsOfSpec, Known
from lepton_edge.asof_stream import AsOfStream
from lepton_edge.errors import BundleError
from lepton_edge.wall_clock import WallClock

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
START = int(datetime(2025, 1, 6, tzinfo=UTC).timestamp())
DAYS = 90


def spec_of(step_s: int = 3_600, zone: str = "Europe/Berlin", n_leads: int = 24) -> AsOfSpec:
    known = (Known("temp", is_temperature=True), Known("price", is_brief=True))
    easter = int(np.datetime64("2025-04-21").astype("datetime64[D]").astype(np.int64))
    return AsOfSpec(step_s, zone, n_leads, known=known, holidays=(20_089, easter))


def history_of(spec: AsOfSpec, seed: int = 0, latency_s: int = 0) -> History:
    """A series with gaps, weather measured and forecast twice, a price known the day before."""
    rng = np.random.default_rng(seed)
    n = DAYS * spec.a_day
    step = START // spec.step_s + np.arange(n)
    end = (step + 1) * spec.step_s
    y = 100 + 30 * np.sin(np.arange(n) * 2 * np.pi / spec.a_day) + rng.normal(0, 5, n)
    y[rng.random(n) < 0.03] = np.nan
    temp = [Vintages(step, end, rng.normal(10, 5, n))]
    temp += [Vintages(step, end - back, rng.normal(10, 5, n)) for back in (86_400, 3 * 86_400)]
    whole = Vintages(*(np.concatenate([getattr(t, f) for t in temp]) for f in FIELDS))
    price = Vintages(step, end - 2 * 86_400, rng.normal(50, 20, n))
    return History(Vintages(step, end + latency_s, y), {"temp": whole, "price": price})


FIELDS = ("step", "available_s", "value")


def with_noise_after(vintages: Vintages, issue_s: int, rng: np.random.Generator) -> Vintages:
    """The same up to the issue; after it other values, and vintages that did not exist."""
    later = vintages.available_s > issue_s
    value = np.where(later, rng.normal(0, 1e6, len(later)), vintages.value)
    more = rng.integers(0, len(later), 50)
    return Vintages(
        np.concatenate([vintages.step, vintages.step[more]]),
        np.concatenate([vintages.available_s, issue_s + rng.integers(1, 10**6, 50)]),
        np.concatenate([value, rng.normal(0, 1e6, 50)]),
    )


def same(left: Features, right: Features) -> bool:
    return all(
        np.array_equal(getattr(left, name), getattr(right, name), equal_nan=True)
        for name in ("X", "scale", "step")
    )


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1_000),
    zone=st.sampled_from(ZONES),
    step_s=st.sampled_from((900, 1_800, 3_600)),
    minutes=st.integers(0, 60 * 24 * 60),
    latency_s=st.sampled_from((0, 3_600, 2 * 86_400)),
)
def test_noise_after_the_issue_changes_no_feature(
    seed: int, zone: str, step_s: int, minutes: int, latency_s: int
) -> None:
    spec = spec_of(step_s, zone, n_leads=12)
    history, rng = history_of(spec, seed, latency_s), np.random.default_rng(seed + 1)
    issue_s = START + 20 * 86_400 + 60 * minutes
    known = {name: with_noise_after(v, issue_s, rng) for name, v in history.known.items()}
    other = History(with_noise_after(history.y, issue_s, rng), known)
    at = np.array([issue_s])
    left, right = history.window(spec, at), other.window(spec, at)
    assert same(features(spec, left), features(spec, right))
    shapes = [recent_shape(spec, window, 168) for window in (left, right)]
    assert np.array_equal(shapes[0], shapes[1])


def told_until(history: History, spec: AsOfSpec, issue_s: int) -> AsOfStream:
    """A stream that heard everything that was available by then, in the order of arrival."""
    stream = AsOfStream(spec, np.array([np.nan]))
    _tell(stream, history, -1, issue_s)
    return stream


def _tell(stream: AsOfStream, history: History, after_s: int, until_s: int) -> None:
    for name, vintages in {"": history.y, **history.known}.items():
        order = np.argsort(vintages.available_s, kind="stable")
        at = vintages.available_s[order]
        order = order[(at > after_s) & (at <= until_s)]
        row = np.zeros(len(order), dtype=np.int64)
        rows = (row, vintages.step[order], vintages.value[order])
        if name:
            stream.tell_known(name, *rows)
        else:
            stream.tell(*rows)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1_000),
    zone=st.sampled_from(ZONES),
    step_s=st.sampled_from((900, 3_600)),
    hours=st.integers(0, 24 * 40),
)
def test_stream_and_batch_give_the_same_bits(seed: int, zone: str, step_s: int, hours: int) -> None:
    spec = spec_of(step_s, zone)
    history = history_of(spec, seed)
    issue_s = START + 35 * 86_400 + 3_600 * hours
    every = issue_s + 3_600 * np.arange(-5, 3, dtype=np.int64)
    batch = features(spec, history.window(spec, every))
    window = told_until(history, spec, issue_s).window(np.array([0]), issue_s)
    one = features(spec, window)
    assert np.array_equal(one.X[0], batch.X[5], equal_nan=True)
    assert one.scale[0] == batch.scale[5]


def test_a_restart_in_the_middle_changes_no_bit() -> None:
    spec = spec_of()
    history = history_of(spec)
    half, end = START + 40 * 86_400 + 1_800, START + 50 * 86_400
    through = told_until(history, spec, end)
    stopped = told_until(history, spec, half)
    again = AsOfStream.from_bytes(spec, stopped.to_bytes())
    _tell(again, history, half, end)
    assert again.to_bytes() == through.to_bytes()
    series = np.array([0])
    assert same(
        features(spec, again.window(series, end)), features(spec, through.window(series, end))
    )


def test_a_state_of_another_spec_or_a_damaged_one_is_refused() -> None:
    raw = AsOfStream(spec_of(), np.array([np.nan])).to_bytes()
    with pytest.raises(BundleError, match=r"LK647.*another spec"):
        AsOfStream.from_bytes(spec_of(zone="UTC"), raw)
    with pytest.raises(BundleError, match="LK647"):
        AsOfStream.from_bytes(spec_of(), raw[: len(raw) // 2])


def exact(zone: str, step_s: int = 3_600) -> tuple[AsOfSpec, History]:
    """Load that is its wall clock's hour plus a hundred times the local date."""
    spec = replace(spec_of(step_s, zone), known=())
    step = START // step_s + np.arange(DAYS * spec.a_day)
    wall = WallClock(zone).wall(step * step_s)
    y = wall % 86_400 / 3_600 + 100.0 * (wall // 86_400 - 20_000)
    return spec, History(Vintages(step, (step + 1) * step_s, y), {})


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Melbourne"])
@pytest.mark.parametrize("step_s", [900, 1_800, 3_600])
def test_lags_keep_to_the_wall_clock_through_its_changes(zone: str, step_s: int) -> None:
    spec, history = exact(zone, step_s)
    clock = WallClock(zone)
    days = np.arange(20_094 + 30, 20_094 + 80)
    made = features(spec, history.window(spec, clock.midnight(days)))
    wall = clock.wall(made.step * step_s)
    hour, day = wall % 86_400 / 3_600, wall // 86_400 - 20_000
    for back, name in ((1, "recent_1"), (7, "week_1"), (14, "week_2")):
        got = made.X[:, :, spec.names.index(name)] * made.scale[:, None]
        right = np.isclose(got, hour + 100.0 * (day - back))
        # only a wall time that the change skipped may come from another hour; where leads reach
        # into the next local day, its yesterday is not known yet and the lag is a day older
        skipped = ~right & (day == (days - 20_000)[:, None])
        assert skipped.sum() <= 3_600 // step_s


def test_the_latest_known_day_stands_in_where_the_gate_closes_early() -> None:
    spec, history = exact("Europe/Berlin")
    spec = replace(spec, first_lead=14, n_leads=24)
    issue_s = WallClock("Europe/Berlin").midnight(np.array([20_094 + 40])) + 10 * 3_600
    made = features(spec, history.window(spec, issue_s))
    age = made.X[0, :, spec.names.index("age_days")]
    # of tomorrow's hours those before ten were measured this morning
    assert age[:10].round(3).tolist() == [1.0] * 10
    assert age[10:].round(3).tolist() == [2.0] * 14


def test_a_series_without_a_past_is_measured_by_its_typical_size() -> None:
    spec = replace(spec_of(), known=())
    none = Vintages(*(np.empty(0, dtype=t) for t in (np.int64, np.int64, np.float64)))
    window = History(none, {}, typical=40.0).window(spec, np.array([START]))
    assert level(spec, window).tolist() == [40.0]
    made = features(spec, window)
    assert np.isnan(made.X[..., spec.names.index("recent_1")]).all()
    assert np.isfinite(made.X[..., spec.names.index("hour")]).all()


def test_what_is_known_for_all_time_is_seen_ahead_and_a_measurement_is_not() -> None:
    spec = replace(spec_of(), known=(Known("tariff"), Known("wind")))
    step = START // 3_600 + np.arange(DAYS * 24)
    values = np.arange(len(step), dtype=np.float64)
    y = Vintages(step, (step + 1) * 3_600, values)
    tariff = Vintages(step, np.full(len(step), ALWAYS), values)
    issue_s = np.array([START + 40 * 86_400])
    made = features(spec, History(y, {"tariff": tariff, "wind": y}).window(spec, issue_s))
    ahead = made.X[0, :, spec.names.index("tariff")]
    assert ahead.tolist() == (40 * 24 + np.arange(24.0)).tolist()
    assert np.isnan(made.X[0, :, spec.names.index("wind")]).all()


def test_a_spec_comes_back_from_its_json() -> None:
    spec = spec_of()
    assert AsOfSpec.from_json(spec.to_json()) == spec
    assert len(set(spec.names)) == len(spec.names)
