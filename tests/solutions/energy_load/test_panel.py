"""From a customer's tables to series: units, intervals, stations, what is not believed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lepton.errors import DataError
from lepton.forecast.panel import MISSING, OK, SUSPECT, PanelDataset
from lepton.forecast.spec import SETTINGS
from solutions.energy_load.panel import looks, panel

HOURS = 24 * 40


def hours(n: int = HOURS, freq: str = "h") -> pd.Series:
    at = pd.date_range("2025-02-01", periods=n, freq=freq, tz="UTC")
    return pd.Series(at).astype("datetime64[us, UTC]")


def load(name: str | None = "m1", freq: str = "h", n: int = HOURS) -> pd.DataFrame:
    at = hours(n, freq)
    y = 50 + 20 * np.sin(at.dt.hour * np.pi / 12) + np.random.default_rng(0).normal(size=n)
    rows = pd.DataFrame({"event_at": at, "power_kw": y})
    return rows if name is None else rows.assign(meter_id=name)


def made(**tables: pd.DataFrame) -> PanelDataset:
    return panel(tables, SETTINGS)


def test_one_table_of_time_and_power_is_one_series_in_utc() -> None:
    found = made(load=load(None))
    assert (found.ids, found.step_s, found.zones) == (("load",), 3_600, ("UTC",))
    assert found.known is None
    assert next(iter(looks(found, SETTINGS).values())).known == ()


def test_energy_is_divided_by_its_interval() -> None:
    quarter = load(freq="15min", n=4 * HOURS).rename(columns={"power_kw": "energy_kwh"})
    found = made(load=quarter)
    assert found.step_s == 900
    np.testing.assert_allclose(found.rows["y"], 4 * quarter["energy_kwh"])


def test_finer_meters_are_averaged_to_the_longest_interval() -> None:
    fine, coarse = load("fine", "15min", 4 * HOURS), load("coarse")
    found = made(load=pd.concat([fine, coarse], ignore_index=True))
    assert found.step_s == 3_600
    own = found.rows[found.rows["series_id"] == "fine"]["y"].to_numpy()
    np.testing.assert_allclose(own, fine["power_kw"].to_numpy().reshape(-1, 4).mean(axis=1))


def test_what_cannot_be_believed_is_marked_and_what_is_missing_too() -> None:
    rows = load()
    rows.loc[100, "power_kw"] = 5_000.0
    rows.loc[200:207, "power_kw"] = 33.0
    rows = rows.drop(index=range(300, 305))
    found = made(load=rows).rows.set_index("ts")["quality"]
    at = hours()
    assert found[at[100]] == SUSPECT
    assert (found[at[202:205]] == SUSPECT).all()
    assert (found[at[300:305]] == MISSING).all()
    assert (found == OK).mean() > 0.97


def test_each_meter_has_the_weather_of_its_station() -> None:
    weather = pd.concat(
        [
            pd.DataFrame(
                {"valid_at": hours(), "station_id": station, "temp_C": level + np.zeros(HOURS)}
            )
            for station, level in (("cold", -5.0), ("warm", 25.0))
        ]
    )
    meters = pd.DataFrame({"meter_id": ["m1", "m2"], "station_id": ["warm", "cold"]})
    found = made(load=pd.concat([load("m1"), load("m2")]), meters=meters, weather=weather)
    assert found.is_known_perfectly
    known = found.known
    assert known is not None
    assert known.groupby("series_id")["temp_C"].first().to_dict() == {"m1": 25.0, "m2": -5.0}


def test_where_weather_was_foreseen_what_was_seen_is_not_looked_at() -> None:
    seen = pd.DataFrame(
        {"valid_at": hours(), "provider": "obs", "temp_C": 1.0, "issued_at": hours()}
    )
    foreseen = seen.assign(
        provider="dwd", temp_C=2.0, issued_at=seen["valid_at"] - pd.Timedelta(hours=12)
    )
    found = made(load=load(), weather=pd.concat([seen, foreseen]))
    assert not found.is_known_perfectly
    assert found.known is not None
    assert set(found.known["temp_C"]) == {2.0}


def test_weather_as_fine_as_the_load_stays_as_it_is_and_own_columns_are_looked_at() -> None:
    at = pd.date_range(hours()[0], periods=4 * HOURS, freq="15min")
    temp, profile = np.arange(len(at), dtype=float) % 30, np.arange(len(at), dtype=float)
    weather = pd.DataFrame({"valid_at": at, "temp_C": temp, "x_profile": profile})
    found = made(load=load(freq="15min", n=4 * HOURS), weather=weather)
    assert found.known is not None
    assert found.known["temp_C"].tolist() == temp.tolist()
    spec = next(iter(looks(found, SETTINGS).values()))
    assert [one.name for one in spec.known] == ["temp_C", "x_profile"]


def test_hourly_weather_reaches_every_quarter_of_an_hour() -> None:
    weather = pd.DataFrame({"valid_at": hours(), "temp_C": np.arange(HOURS, dtype=float) % 30})
    found = made(load=load(freq="15min", n=4 * HOURS), weather=weather)
    assert found.known is not None
    assert found.known["temp_C"].iloc[:5].tolist() == [0.0, 0.0, 0.0, 0.0, 1.0]


def test_each_meter_has_its_own_clock_and_holidays() -> None:
    meters = pd.DataFrame(
        {
            "meter_id": ["m1", "m2"],
            "tz": ["Europe/Berlin", "America/New_York"],
            "country": ["DE", None],
        }
    )
    found = made(load=pd.concat([load("m1"), load("m2")]), meters=meters)
    made_of = looks(found, SETTINGS)
    assert (made_of["m1"].zone, made_of["m2"].zone) == ("Europe/Berlin", "America/New_York")
    assert made_of["m1"].holidays
    assert made_of["m2"].holidays == ()


def test_settings_say_how_far_ahead_and_from_when() -> None:
    settings = {**SETTINGS, "gate_h": 14.0, "lead_h": 48.0, "latency_h": 30.0}
    found = panel({"load": load()}, settings)
    spec = looks(found, settings)["m1"]
    assert (spec.first_lead, spec.n_leads, spec.past_days) == (14, 48, 33)
    assert found.latency_s == {"y": 108_000}


def test_without_any_value_there_is_nothing_to_forecast() -> None:
    with pytest.raises(DataError, match="LK261"):
        made(load=load().assign(power_kw=np.nan))
