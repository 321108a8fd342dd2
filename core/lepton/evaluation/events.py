"""Alarms judged failure by failure: what was warned of in time, and what was raised for nothing.

A life of an asset ends with a failure, or is cut off by a planned replacement or the end of the
readings. An alarm belongs to the life in which it was raised. One that was raised less than a
horizon before its life was cut off can be called neither right nor false: it is counted as
undecided, and so is the time in which such alarms could be raised. Intervals are by bootstrap over
assets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from lepton.evaluation.intervals import resamples
from lepton.evaluation.results import MetricResult
from lepton.evaluation.shares import wilson
from lepton_edge.alarm import AlarmSpec, replay

MONTH: Final = pd.Timedelta(days=30.4375)
"""A twelfth of 365.25 days."""
NO_TIME: Final = pd.Timedelta(0)
_MICROSECOND: Final = pd.Timedelta(microseconds=1)
_NEVER: Final = np.iinfo(np.int64).min


@dataclass(frozen=True)
class EventRule:
    """When an alarm counts for a failure: raised from `horizon` to `lead_time` before it.

    Raises ValueError where the lead time is negative or not below the horizon.
    """

    horizon: pd.Timedelta
    lead_time: pd.Timedelta = NO_TIME

    def __post_init__(self) -> None:
        if not NO_TIME <= self.lead_time < self.horizon:
            raise ValueError(
                f"a lead time of {self.lead_time} is not from 0 to below the horizon, "
                f"{self.horizon}"
            )


@dataclass(frozen=True, eq=False)
class Lives:
    """The lives of a fleet as its readings show them, by asset and then in order of time.

    assets: names, ascending; code: place of each life's asset among them; started, ended:
    microseconds since 1970; failed: whether the life ended with a failure.
    """

    assets: pd.Index
    code: np.ndarray
    started: np.ndarray
    ended: np.ndarray
    failed: np.ndarray

    def by_asset(self, values: np.ndarray) -> np.ndarray:
        """Sums of the lives' `values`, one an asset."""
        return np.bincount(self.code, values, minlength=len(self.assets))


def observed_lives(
    readings: pd.DataFrame, failures: pd.DataFrame, replacements: pd.DataFrame | None = None
) -> Lives:
    """Lives between the first and the last reading of each asset.

    readings: `asset_id`, `event_at`; failures: `asset_id`, `failed_at`; replacements: `asset_id`,
    `done_at` of planned ones. A failure outside the readings of its asset still ends a life, the
    one of the last readings where it comes after them.
    """
    seen = readings.groupby("asset_id", observed=True)["event_at"].agg(["min", "max"])
    parts = [_ends(failures["asset_id"], failures["failed_at"], failed=True)]
    if replacements is not None:
        parts.append(_ends(replacements["asset_id"], replacements["done_at"], failed=False))
    told = pd.concat(parts, ignore_index=True)
    running = _ends(seen.index, seen["max"], failed=False)
    newest = running["asset_id"].map(told.groupby("asset_id")["at"].max())
    ends = pd.concat([told, running[~(newest >= running["at"])]], ignore_index=True)
    # a failure and the replacement or reading of the same instant are one end, by failure
    ends = ends.sort_values(["asset_id", "at", "failed"], ascending=[True, True, False])
    ends = ends.drop_duplicates(["asset_id", "at"])
    assets = pd.Index(ends["asset_id"].unique(), name="asset_id")
    code = assets.get_indexer(ends["asset_id"])
    ended = ends["at"].to_numpy()
    before = ends.groupby("asset_id")["at"].shift(fill_value=_NEVER).to_numpy()
    first = _micros(seen["min"].set_axis(seen.index.astype(str)).reindex(assets))[code]
    # an asset without readings has lives without length
    started = np.where(first == _NEVER, ended, np.minimum(np.maximum(first, before), ended))
    return Lives(assets, code, started, ended, ends["failed"].to_numpy(dtype=bool))


@dataclass(frozen=True, eq=False)
class RaiseCounts:
    """What became of the raises of each asset; all arrays but the last have one entry an asset.

    failures, caught: failures, and those warned of in time; false: raises that no failure followed
    within the horizon; late: raises less than the lead time before a failure; undecided: raises
    whose life was cut off too early to tell; months: asset-months in which a raise can be told
    right from false; all_months: with the others; lead_h: hours from the first alarm within the
    horizon to each failure (at least the lead time), NaN where it was not warned of in time.
    """

    failures: np.ndarray
    caught: np.ndarray
    false: np.ndarray
    late: np.ndarray
    undecided: np.ndarray
    months: np.ndarray
    all_months: np.ndarray
    lead_h: np.ndarray


def count_raises(lives: Lives, raises: pd.DataFrame, rule: EventRule) -> RaiseCounts:
    """What became of each raise; raises: `asset_id`, `raised_at`, in any order.

    Raises of assets without a life are left out: nothing is known of them.
    """
    horizon, lead_time = (one / _MICROSECOND for one in (rule.horizon, rule.lead_time))
    life, ahead = _life_of(lives, raises)
    follows = lives.failed[life] & (ahead <= horizon)
    in_time = follows & (ahead >= lead_time)
    lead = np.full(len(lives.code), -np.inf)
    np.maximum.at(lead, life[in_time], ahead[in_time])
    caught = np.isfinite(lead)
    undecided = ~lives.failed[life] & (ahead < horizon)
    length = lives.ended - lives.started
    told = np.where(lives.failed, length, np.maximum(length - horizon, 0.0))
    month = MONTH / _MICROSECOND

    def by_asset(mask: np.ndarray) -> np.ndarray:
        return np.bincount(lives.code[life[mask]], minlength=len(lives.assets)).astype(float)

    return RaiseCounts(
        failures=lives.by_asset(lives.failed),
        caught=lives.by_asset(caught),
        false=by_asset(~follows & ~undecided),
        late=by_asset(follows & ~in_time),
        undecided=by_asset(undecided),
        months=lives.by_asset(told) / month,
        all_months=lives.by_asset(length) / month,
        lead_h=np.where(caught, lead, np.nan)[lives.failed] / 3.6e9,
    )


@dataclass(frozen=True)
class EventResult:
    """How alarms did: shares and rates with their 95 % intervals over assets.

    recall: share of failures warned of in time; false_per_month: false raises an asset-month, where
    they can be told; most_false_per_month: with all undecided raises counted as false, over all
    asset-months; lead_h: median hours from the first alarm to the failure, of those caught;
    lead_quantiles_h: at 10, 25, 50, 75 and 90 %.
    """

    recall: MetricResult
    false_per_month: MetricResult
    most_false_per_month: MetricResult
    lead_h: MetricResult
    lead_quantiles_h: tuple[float, ...]
    n_failures: int
    n_caught: int
    n_false: int
    n_late: int
    n_undecided: int
    asset_months: float


def judge_events(
    lives: Lives,
    raises: pd.DataFrame,
    rule: EventRule,
    *,
    rng: np.random.Generator,
    n: int = 200,
) -> EventResult:
    """Recall, false raises and lead times of `raises`, with intervals from `n` resamples."""
    found = count_raises(lives, raises, rule)
    drawn = _drawn(len(lives.assets), rng, n)
    lead, owner = found.lead_h, lives.code[lives.failed]
    is_known = np.isfinite(lead)
    quantiles = np.quantile(lead[is_known], [0.1, 0.25, 0.5, 0.75, 0.9]) if is_known.any() else []
    return EventResult(
        _recall(found, drawn),
        _rate("false_per_month", found.false, found.months, drawn),
        _rate("most_false_per_month", found.false + found.undecided, found.all_months, drawn),
        _median("lead_h", lead[is_known], owner[is_known], drawn),
        tuple(float(one) for one in quantiles),
        n_failures=int(found.failures.sum()),
        n_caught=int(found.caught.sum()),
        n_false=int(found.false.sum()),
        n_late=int(found.late.sum()),
        n_undecided=int(found.undecided.sum()),
        asset_months=float(found.months.sum()),
    )


@dataclass(frozen=True, eq=False)
class EventCurve:
    """Recall against false raises an asset-month over thresholds, ascending.

    recall, false_per_month: one entry a threshold, NaN where there is nothing to divide by; caught,
    false: (thresholds, assets); failures, months: (assets,), as in `RaiseCounts`.
    """

    thresholds: np.ndarray
    recall: np.ndarray
    false_per_month: np.ndarray
    caught: np.ndarray
    false: np.ndarray
    failures: np.ndarray
    months: np.ndarray


def event_curve(
    lives: Lives,
    raises_at: Callable[[float], pd.DataFrame],
    thresholds: Sequence[float] | np.ndarray,
    rule: EventRule,
) -> EventCurve:
    """The curve of what `raises_at` (threshold -> raises) gives at each of the thresholds."""
    tried = np.unique(np.asarray(thresholds, dtype=np.float64))
    counts = [count_raises(lives, raises_at(float(threshold)), rule) for threshold in tried]
    caught = np.array([one.caught for one in counts]).reshape(len(tried), len(lives.assets))
    false = np.array([one.false for one in counts]).reshape(caught.shape)
    none = count_raises(lives, pd.DataFrame({"asset_id": [], "raised_at": []}), rule)
    recall = _divided(caught.sum(axis=1), none.failures.sum())
    rate = _divided(false.sum(axis=1), none.months.sum())
    return EventCurve(tried, recall, rate, caught, false, none.failures, none.months)


@dataclass(frozen=True)
class OperatingPoint:
    """The threshold with fewest false raises among those that reach a recall; None where none does.

    recall: at that threshold; false_per_month: with an interval in which each resample of assets
    chooses its own threshold. Chosen and judged on the same failures it is a description of the
    curve, not a promise: what is promised is judged by `judge_events` on other assets.
    """

    threshold: float | None
    recall: float | None
    false_per_month: MetricResult


def false_at_recall(
    curve: EventCurve, *, rng: np.random.Generator, recall: float = 0.9, n: int = 200
) -> OperatingPoint:
    """The point of `curve` with fewest false raises where recall is at least `recall`.

    Ties go to the higher threshold.
    """
    name, about = "false_per_month_at_recall", f"false raises an asset-month at recall {recall:g}"
    best = _best(curve.recall, curve.false_per_month, recall)
    if best is None:
        highest = np.nanmax(curve.recall) if np.isfinite(curve.recall).any() else np.nan
        reason = f"no threshold reaches it; the highest recall is {highest:.3f}"
        return OperatingPoint(None, None, MetricResult(name, None, about=about, reason=reason))
    draws = []
    for weights in _drawn(len(curve.failures), rng, n):
        recalls = _divided(curve.caught @ weights, curve.failures @ weights)
        rates = _divided(curve.false @ weights, curve.months @ weights)
        at = _best(recalls, rates, recall)
        draws.append(np.nan if at is None else rates[at])
    rate = float(curve.false_per_month[best])
    result = _with_interval(name, rate, np.array(draws), about, _PER_MONTH)
    limits = _poisson(float(curve.false[best].sum()), float(curve.months.sum()))
    return OperatingPoint(
        float(curve.thresholds[best]), float(curve.recall[best]), _widened(result, *limits)
    )


def alarm_raises(
    readings: pd.DataFrame, spec: AlarmSpec, ends: pd.DataFrame | None = None
) -> pd.DataFrame:
    """`asset_id`, `raised_at`, `level`, `is_reopened`: the raises of `spec` on scored readings.

    readings: `asset_id`, `event_at`, `score`; ends: `asset_id`, `ended_at`, where an alarm is reset
    because a failure or a replacement ended the life. An alarm that comes back within its life is a
    raise as well: somebody is called again.
    """
    order = readings.sort_values(["asset_id", "event_at"], kind="stable")
    code, names = pd.factorize(order["asset_id"])
    resets: list[tuple[int, float]] = []
    if ends is not None:
        codes = pd.Index(names).get_indexer(pd.Index(ends["asset_id"]))
        seconds = _micros(ends["ended_at"]) / 1e6
        resets = [(int(c), float(s)) for c, s in zip(codes, seconds, strict=True) if c >= 0]
    score = order["score"].to_numpy(dtype=np.float64, na_value=np.nan)
    events = replay(spec, code, _micros(order["event_at"]) / 1e6, score, resets)
    raised = [(c, event) for c, event in events if event.kind in ("raised", "reopened")]
    at = np.array([round(event.at_s * 1e6) for _, event in raised], dtype="datetime64[us]")
    return pd.DataFrame(
        {
            "asset_id": names.take([c for c, _ in raised]),
            "raised_at": pd.Series(at).dt.tz_localize("UTC"),
            "level": np.array([event.level for _, event in raised], dtype=np.int64),
            "is_reopened": np.array([event.kind == "reopened" for _, event in raised], dtype=bool),
        }
    )


_PER_MONTH: Final = "per asset-month"
_NO_TIME: Final = "no time in which a raise can be told right from false"


def _ends(assets: pd.Index | pd.Series, at: pd.Series, *, failed: bool) -> pd.DataFrame:
    names = pd.Series(assets).astype(str).to_numpy(dtype=object)
    return pd.DataFrame({"asset_id": names, "at": _micros(at), "failed": failed})


def _micros(at: pd.Series) -> np.ndarray:
    """Microseconds since 1970; `_NEVER` where there is no instant."""
    return at.to_numpy(dtype="datetime64[us]").astype(np.int64)


def _life_of(lives: Lives, raises: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """(life, microseconds to its end) of each raise that falls into one."""
    code = lives.assets.get_indexer(pd.Index(raises["asset_id"].astype(str)))
    at = _micros(raises["raised_at"]) if len(raises) else np.empty(0, np.int64)
    code, at = code[code >= 0], at[code >= 0]
    if not len(code):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    # one ascending key of asset and instant: the widths of all assets laid end to end
    origin = min(at.min(), lives.started.min())
    width = max(at.max(), lives.ended.max()) - origin + 1
    ends = lives.code * width + (lives.ended - origin)
    life = np.searchsorted(ends, code * width + (at - origin), side="left")
    has = life < len(ends)
    has[has] = lives.code[life[has]] == code[has]
    return life[has], lives.ended[life[has]] - at[has]


def _drawn(size: int, rng: np.random.Generator, n: int) -> np.ndarray:
    """(n, assets): how often each asset was drawn."""
    return np.array(list(resamples(np.arange(size), rng, n))).reshape(n, size)


def _divided(above: np.ndarray, below: float) -> np.ndarray:
    return np.asarray(above, np.float64) / below if below > 0 else np.full(len(above), np.nan)


def _best(recall: np.ndarray, rate: np.ndarray, wanted: float) -> int | None:
    rates = np.where(recall >= wanted, rate, np.nan)
    if not np.isfinite(rates).any():
        return None
    return len(rates) - 1 - int(np.nanargmin(rates[::-1]))


def _recall(found: RaiseCounts, drawn: np.ndarray) -> MetricResult:
    """Share caught; its interval is never narrower than Wilson's."""
    name, about, n = "event_recall", "share of failures warned of in time", found.failures.sum()
    if not n > 0:
        return MetricResult(name, None, about=about, reason="no failure")
    draws, value = _ratios(found.caught, found.failures, drawn), found.caught.sum() / n
    low, high = wilson(np.array([value]), np.array([n]))
    result = _with_interval(name, float(value), draws, about, "")
    return _widened(result, float(low[0]), float(high[0]))


def _rate(name: str, raised: np.ndarray, months: np.ndarray, drawn: np.ndarray) -> MetricResult:
    """Raises an asset-month; the interval is never narrower than a Poisson count's: assets on which
    nothing was raised would draw the same rate for ever."""
    about, n, whole = "false raises an asset-month", float(raised.sum()), float(months.sum())
    if not whole > 0:
        return MetricResult(name, None, about=about, unit=_PER_MONTH, reason=_NO_TIME)
    result = _with_interval(name, n / whole, _ratios(raised, months, drawn), about, _PER_MONTH)
    return _widened(result, *_poisson(n, whole))


def _poisson(n: float, months: float) -> tuple[float, float]:
    """95 % limits of the rate of which `n` were counted in `months` (Garwood 1936)."""
    from scipy.special import gammaincinv

    low = float(gammaincinv(n, 0.025)) if n > 0 else 0.0
    return low / months, float(gammaincinv(n + 1, 0.975)) / months


def _widened(result: MetricResult, low: float, high: float) -> MetricResult:
    if result.low is None or result.high is None:
        return result
    return replace(result, low=min(result.low, low), high=max(result.high, high))


def _ratios(part: np.ndarray, whole: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((drawn @ part) / (drawn @ whole))


def _median(name: str, lead: np.ndarray, owner: np.ndarray, drawn: np.ndarray) -> MetricResult:
    about = "median time from the first alarm to the failure"
    if not len(lead):
        return MetricResult(name, None, about=about, unit="h", reason="no failure was warned of")
    draws = [np.median(again) for w in drawn if len(again := np.repeat(lead, w[owner].astype(int)))]
    return _with_interval(name, float(np.median(lead)), np.array(draws), about, "h")


def _with_interval(
    name: str, value: float, draws: np.ndarray, about: str, unit: str
) -> MetricResult:
    finite = draws[np.isfinite(draws)]
    if not len(finite) or 2 * len(finite) < len(draws):
        reason = "no interval: too few resamples gave a number"
        return MetricResult(name, value, about=about, unit=unit, reason=reason)
    low, high = np.quantile(finite, [0.025, 0.975])
    return MetricResult(name, value, float(low), float(high), about, unit)


__all__ = [
    "MONTH",
    "EventCurve",
    "EventResult",
    "EventRule",
    "Lives",
    "OperatingPoint",
    "RaiseCounts",
    "alarm_raises",
    "count_raises",
    "event_curve",
    "false_at_recall",
    "judge_events",
    "observed_lives",
]
