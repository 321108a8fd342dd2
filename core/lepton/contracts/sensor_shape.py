"""What sensors look like over time: stuck, spiking, silent, thin or drifting in their rate.

Each kind of rule looks at the wide table of readings: `column` names the asset, `at` the instant,
and every number of the customer's own (`x_...`) is a sensor. As in `shape`, a rule says nothing
where there are too few rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.contracts.shape import Odd, Shape

_FEW_ROWS: Final = 500
_FEW_IN_A_WEEK: Final = 5
_EXAMPLES: Final = 3
_MONTH_S: Final = 30.44 * 86_400
# 1.4826 scales the MAD to a normal sigma (Rousseeuw & Croux 1993)
_MAD_TO_SIGMA: Final = 1.4826


def sensors_of(rows: pd.DataFrame) -> list[str]:
    """The sensors' columns: numbers beyond the contract."""
    return [
        name
        for name in map(str, rows.columns)
        if name.startswith("x_") and pd.api.types.is_float_dtype(rows[name].dtype)
    ]


def stuck(rows: pd.DataFrame, given: Mapping[str, Any]) -> Odd | None:
    """Runs of one value longer than `min_run` readings and `times` the sensor's usual run."""
    ordered = _ordered(rows, given)
    found: list[tuple[int, str, str]] = []
    for name in sensors_of(rows):
        known = ordered[ordered[name].notna()]
        if len(known) >= _FEW_ROWS:
            length, first = _runs(known[name].to_numpy(), known["asset"].to_numpy())
            limit = max(given["min_run"], given["times"] * float(np.median(length)))
            for run in np.flatnonzero(length > limit).tolist():
                begin = known.iloc[first[run]]
                found.append((int(length[run]), name, f"{begin['asset']} {begin['at']:%Y-%m-%d}"))
    if not found:
        return None
    found.sort(key=lambda one: (-one[0], one[1:]))
    shown = tuple(f"{name} of {where}: {n} readings" for n, name, where in found[:_EXAMPLES])
    return Odd(f"stuck {len(found):,} time(s)", _only(name for _, name, _ in found), shown)


def spikes(rows: pd.DataFrame, given: Mapping[str, Any]) -> Odd | None:
    """Sensors with over `max_share` of values beyond `max_z` robust deviations of their median."""
    shares = {}
    for name in sensors_of(rows):
        values = rows[name].dropna().to_numpy()
        if len(values) >= _FEW_ROWS:
            away = np.abs(values - np.median(values))
            spread = _MAD_TO_SIGMA * float(np.median(away))
            shares[name] = float((away > given["max_z"] * spread).mean()) if spread > 0 else 0.0
    odd = {name: share for name, share in shares.items() if share > given["max_share"]}
    about = f"spikes over {given['max_z']:g} deviations, {given['max_share']:.2%} are usual"
    return _told(about, {name: f"{share:.2%} of values" for name, share in _worst(odd)})


def gaps(rows: pd.DataFrame, given: Mapping[str, Any]) -> Odd | None:
    """Sensors silent for over `max_gap_s` more often than `max_a_month` in an asset's month."""
    ordered = _ordered(rows, given)
    rates = {}
    for name in sensors_of(rows):
        known = ordered[ordered[name].notna()]
        if len(known) >= _FEW_ROWS:
            silent = _since_last(known)
            months = float(silent.sum()) / _MONTH_S
            rates[name] = int((silent > given["max_gap_s"]).sum()) / max(months, 1.0)
    odd = {name: rate for name, rate in rates.items() if rate > given["max_a_month"]}
    about = (
        f"silent for over {given['max_gap_s'] / 3_600:g} h, "
        f"{given['max_a_month']:g} times an asset's month are usual"
    )
    return _told(about, {name: f"{rate:.2f} times" for name, rate in _worst(odd)})


def completeness(rows: pd.DataFrame, given: Mapping[str, Any]) -> Odd | None:
    """Sensors that in over `max_share` of spans of `per_s` lack values: below `least` of expected.

    Expected is what the asset's median time between readings gives; spans without any reading are
    gaps, an asset's first and last span are begun or ended and left out.
    """
    ordered = _ordered(rows, given)
    names = sensors_of(rows)
    if len(ordered) < _FEW_ROWS or not names:
        return None
    ordered["span"] = ordered["at"].astype("int64") // round(given["per_s"] * _a_second(ordered))
    usual = _since_last(ordered).groupby(ordered["asset"]).median()
    counts = ordered.groupby(["asset", "span"])[names].count()
    asset = counts.index.get_level_values("asset").to_numpy()
    inner = np.append(asset[1:] == asset[:-1], False) & np.append(False, asset[1:] == asset[:-1])
    expected = np.maximum(given["per_s"] / usual.reindex(asset).to_numpy(), 1.0)
    poor = (counts.to_numpy() < given["least"] * expected[:, None])[inner]
    if not len(poor):
        return None
    shares = dict(zip(names, poor.mean(axis=0).tolist(), strict=True))
    odd = {name: share for name, share in shares.items() if share > given["max_share"]}
    about = (
        f"less than {given['least']:.0%} of the expected values in over {given['max_share']:.0%}"
    )
    told = {name: f"in {share:.1%}" for name, share in _worst(odd)}
    return _told(f"{about} of spans of {given['per_s'] / 3_600:g} h", told)


def rate_drift(rows: pd.DataFrame, given: Mapping[str, Any]) -> Odd | None:
    """Weeks in which an asset's median time between readings is off its usual by `max_drift`."""
    ordered = _ordered(rows, given)
    if len(ordered) < _FEW_ROWS:
        return None
    passed = _since_last(ordered)
    usual = passed.groupby(ordered["asset"]).transform("median")
    week = ordered["at"].dt.floor("7D")
    weekly = (passed / usual).groupby([ordered["asset"], week]).agg(["median", "count"])
    off = (weekly["median"] - 1.0).abs().where(weekly["count"] >= _FEW_IN_A_WEEK)
    odd = off[off > given["max_drift"]].sort_values(ascending=False, kind="stable")
    if odd.empty:
        return None
    shown = tuple(
        f"{asset} {at:%Y-%m-%d}: {share:.0%}" for (asset, at), share in odd.head(_EXAMPLES).items()
    )
    about = f"in {len(odd)} of {int(off.notna().sum())} weeks of an asset readings come at a rate "
    return Odd(f"{about}off its usual by over {given['max_drift']:.0%}", given["at"], shown)


def _ordered(rows: pd.DataFrame, given: Mapping[str, Any]) -> pd.DataFrame:
    """Sensors by asset and instant, these called `asset` and `at`; rows without either left out."""
    named = {given["column"]: "asset", given["at"]: "at"}
    found = rows[[*named, *sensors_of(rows)]].rename(columns=named).dropna(subset=["asset", "at"])
    return found.sort_values(["asset", "at"], kind="stable").reset_index(drop=True)


def _runs(values: np.ndarray, asset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Length and first position of each run of equal values of one asset."""
    begins = np.append(True, (values[1:] != values[:-1]) | (asset[1:] != asset[:-1]))
    first = np.flatnonzero(begins)
    return np.diff(np.append(first, len(values))), first


def _since_last(ordered: pd.DataFrame) -> pd.Series:
    """Seconds since the asset's reading before; NaN at its first."""
    passed: pd.Series = ordered.groupby("asset", sort=False)["at"].diff().dt.total_seconds()
    return passed


def _a_second(ordered: pd.DataFrame) -> int:
    """Ticks of the column `at` in one second."""
    unit = str(ordered["at"].dt.unit)
    return {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]


def _worst(odd: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(odd.items(), key=lambda one: (-one[1], one[0]))


def _told(about: str, found: Mapping[str, str]) -> Odd | None:
    if not found:
        return None
    shown = tuple(f"{name}: {what}" for name, what in found.items())[:_EXAMPLES]
    return Odd(f"{len(found)} sensor(s): {about}", _only(found), shown)


def _only(names: Any) -> str | None:
    """The one sensor that all are of, if it is one."""
    kinds = set(names)
    return kinds.pop() if len(kinds) == 1 else None


SENSOR_SHAPES: Final[Mapping[str, Shape]] = {
    "stuck": Shape(("column", "at", "min_run", "times"), stuck),
    "spikes": Shape(("max_z", "max_share"), spikes),
    "gaps": Shape(("column", "at", "max_gap_s", "max_a_month"), gaps),
    "completeness": Shape(("column", "at", "per_s", "least", "max_share"), completeness),
    "rate_drift": Shape(("column", "at", "max_drift"), rate_drift),
}
"""Kinds of rule on sensors, by the name that a contract gives them."""

__all__ = [
    "SENSOR_SHAPES",
    "completeness",
    "gaps",
    "rate_drift",
    "sensors_of",
    "spikes",
    "stuck",
]
