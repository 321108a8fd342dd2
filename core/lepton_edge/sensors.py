"""What a fleet's sensors say about wear, one reading after another: the kernel of batch and stream.

A reading is compared with what a healthy asset shows under the same settings (value | regime).
That residual, in healthy standard deviations, is a channel; so are a few weighted sums of all
residuals: the directions in which assets wear (`drift_1` ...) and the distance from the plane of
healthy residuals (T2 within it, Q off it). Every channel has the same statistics, each of which
needs a fixed number of floats, whatever the past's length:

    m += (x - m) / W,    W = W * 2^(-seconds / half_life) + 1

is the exponentially weighted mean of readings that come at irregular times (West 1979); variance
and regression on time are such means too. A missing value changes nothing but its own age.
Missing is never healthy: a channel that has never been seen is NaN.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Final

import numpy as np

from lepton_edge.errors import BundleError
from lepton_edge.sensor_plan import CLOCKS, ONLY_SENSORS, SCALES, WHAT, SensorPlan

State = dict[str, np.ndarray]
"""channel: (assets, len(_CHANNEL), channels); asset: (assets, len(_ASSET) + settings); float64."""
_OF_SCALE: Final = ("mean", "time", "weight", "variance", "time_variance", "covariance")
_CHANNEL: Final = (
    *(f"{part}_{scale}" for part in _OF_SCALE for scale in SCALES),
    *("outside", "own", "own_count", "good_at"),
)
_ASSET: Final = ("since", "last")
_FIRST, _W, _SECOND = slice(0, 6), slice(6, 9), slice(9, 18)
"""Means of value and time; weights; variance, time's variance and their covariance."""
_OUT, _OWN, _COUNT, _GOOD = 18, 19, 20, 21
HOUR_S: Final = 3600.0
_MAGIC: Final = "lepton-sensors 1"


class SensorBank:
    """The state machine of a plan: any number of assets, each with a state of one size."""

    def __init__(self, plan: SensorPlan) -> None:
        K, R, S = len(plan.kept), len(plan.centroids), len(plan.settings)
        self.plan = plan
        self.names = plan.names
        self._kept = np.array(plan.kept, dtype=np.intp)
        self._setting = np.array([plan.setting_mean, plan.setting_scale]).reshape(2, S)
        self._centroids = np.array(plan.centroids).reshape(R, S)
        self._mean, self._std = (np.array(one).reshape(R, K) for one in (plan.mean, plan.std))
        self._slopes = np.array(plan.slopes).reshape(R, K, S)
        self._sloping = bool(self._slopes.any())
        self._limit = np.array(plan.limit)
        D, P = len(plan.drifts), len(plan.plane)
        self._project = np.array([*plan.drifts, *plan.plane]).reshape(D + P, K)
        self._n_drifts = D
        self._t2_weight = 1.0 / (np.array(plan.plane_variance).reshape(P) * max(P, 1))
        self._n_free = max(K - P, 1)
        self._index = np.array([plan.index_mean, plan.index_std])
        self._halves = np.array(plan.half_lives_s)[:, None]
        self._ticks = np.array(plan.half_lives_s) / plan.tick_s
        self._of_channel = [what for what in plan.what if what not in ONLY_SENSORS]
        self._of_sensor = [what for what in plan.what if what in ONLY_SENSORS]
        self._blank = _blank(len(plan.channels))

    def start(self, n: int) -> State:
        """The state of `n` assets that have not been seen."""
        channel = np.repeat(self._blank[None], n, axis=0)
        return {"channel": channel, "asset": np.full((n, len(_ASSET) + self._n_settings), np.nan)}

    @property
    def _n_settings(self) -> int:
        return len(self.plan.settings)

    def reset(self, state: State, which: np.ndarray, seconds: np.ndarray | None = None) -> None:
        """Assets `which` are new: from `seconds` (len(which),) on, else from their next reading.

        Their last settings go too.
        """
        state["channel"][which] = self._blank
        state["asset"][which] = np.nan
        if seconds is not None:
            state["asset"][which, 0] = seconds

    def step(
        self,
        state: State,
        which: np.ndarray,
        seconds: np.ndarray,
        values: np.ndarray,
        settings: np.ndarray,
    ) -> np.ndarray:
        """Features (len(which), len(names)) of one reading each of the assets `which`.

        which: different positions of assets; seconds (len(which),): event times, one that lies
        before the asset's last counts as that one; values (len(which), sensors) and settings
        (len(which), settings): NaN or infinite where missing, a missing setting is as last seen.
        Of a channel, in healthy standard deviations: residual, or where missing its fast mean;
        fast, medium, slow: means over the three half-lives; fast_medium, medium_slow: their
        differences; own: medium less the mean of the asset's first good readings; spread: the
        deviation over the medium half-life; slope_medium, slope: change a medium, a slow
        half-life; outside: share
        of readings beyond the healthy band, over the slow half-life; missing: 1 or 0;
        unseen_h: hours since the last good value, or since the start. Of the asset: health, the
        root mean square of the medium means of its sensors; n_missing; age_h, hours since its
        start. Raises ValueError where an asset comes twice or has no time.
        """
        if not np.isfinite(seconds).all():
            raise ValueError("a reading has no time")
        if len(which) > 1 and len(np.unique(which)) != len(which):
            raise ValueError("an asset has two readings in one step")
        asset, channel = state["asset"][which], state["channel"][which]
        now, gap = _clock(asset, seconds, settings)
        residual, good = self._residuals(values, asset[:, len(_ASSET) :])
        x, known = self._all_channels(residual, good, channel)
        _update(channel, x, known, gap[:, None, None] / self._halves, now, self.plan)
        state["asset"][which], state["channel"][which] = asset, channel
        return self._features(channel, x, known, now)

    def regimes(self, settings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of settings (n, S): the nearest regime, and the distance over that regime's reach.

        Above 1 a row lies further out than healthy training rows do.
        """
        regime, offset = self._regime(settings)
        distance = np.sqrt((offset**2).sum(axis=1))
        return regime, distance / np.array(self.plan.reach)[regime]

    def _regime(self, settings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n,) nearest centroid and (n, S) standardised offset from it; missing is the mean."""
        standard = (settings - self._setting[0]) / self._setting[1]
        standard = np.where(np.isfinite(standard), standard, 0.0)
        offsets = standard[:, None, :] - self._centroids
        at = np.einsum("nrs,nrs->nr", offsets, offsets).argmin(axis=1)
        return at, offsets[np.arange(len(at)), at]

    def _residuals(self, values: np.ndarray, settings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, K) healthy deviations from what is expected, 0 where missing; (n, K) bool known."""
        expected, std = self._mean, self._std
        if len(self._centroids) > 1 or self._sloping:
            regime, offset = self._regime(settings)
            expected, std = self._mean[regime], self._std[regime]
            if self._sloping:
                expected = expected + (self._slopes[regime] * offset[:, None, :]).sum(axis=2)
        z = (values[:, self._kept] - expected) / std
        good = np.isfinite(z)
        z = np.where(good, z, 0.0)
        return np.minimum(np.maximum(z, -self._limit), self._limit), good

    def _all_channels(
        self, z: np.ndarray, good: np.ndarray, channel: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Residuals and indices (n, channels), and where they are known.

        In an index a missing sensor stands as its fast mean says, which is 0 before its first
        value; it is known where any sensor is.
        """
        n, K = z.shape
        if not K:
            return z, good
        complete = bool(good.all())
        full = z if complete else np.where(good, z, channel[:, 0, :K])
        # not @: a BLAS product of one row need not be that of the row among others
        parts = np.einsum("nk,pk->np", full, self._project)
        inside = parts[:, self._n_drifts :]
        x = np.empty((n, channel.shape[2]))
        x[:, :K] = z
        x[:, K:-2] = parts[:, : self._n_drifts]
        x[:, -2] = np.einsum("np,np,p->n", inside, inside, self._t2_weight)
        rest = np.einsum("nk,nk->n", full, full) - np.einsum("np,np->n", inside, inside)
        x[:, -1] = np.maximum(rest, 0.0) / self._n_free
        # sums of squares have heavy tails: their logs do not
        np.log1p(x[:, -2:], out=x[:, -2:])
        x[:, K:] = (x[:, K:] - self._index[0]) / self._index[1]
        if complete:
            return x, np.ones(x.shape, dtype=bool)
        known = np.repeat(good.any(axis=1, keepdims=True), x.shape[1], axis=1)
        known[:, :K] = good
        return x, known

    def _features(
        self, channel: np.ndarray, x: np.ndarray, known: np.ndarray, now: np.ndarray
    ) -> np.ndarray:
        K, (n, C) = len(self._kept), x.shape
        seen = channel[:, _COUNT] > 0
        found = np.empty((n, len(self._of_channel), C))
        for place, what in enumerate(self._of_channel):
            found[:, place] = _STATISTIC[what](channel, x, known, self._ticks)
        if not seen.all():
            found[np.broadcast_to(~seen[:, None], found.shape)] = np.nan
        missing, health = ~known[:, :K], np.full(n, np.nan)
        n_seen = seen[:, :K].sum(axis=1)
        medium = channel[:, 1, :K]
        power = np.einsum("nk,nk->n", medium, medium)
        np.divide(power, n_seen, out=health, where=n_seen > 0)
        n_missing = missing.sum(axis=1)
        of_asset = (np.sqrt(health), n_missing, now / HOUR_S)
        unseen = {"missing": missing, "unseen_h": (now[:, None] - channel[:, _GOOD, :K]) / HOUR_S}
        of_sensors = [unseen[what] for what in self._of_sensor]
        parts = (
            found.reshape(n, found.shape[1] * C),
            *of_sensors,
            *(one[:, None] for one in of_asset),
        )
        return np.concatenate(parts, axis=1, dtype=np.float64)


def _slope(channel: np.ndarray, scale: int, ticks: np.ndarray) -> np.ndarray:
    """Change over one half-life (n, C) by weighted regression on time, with a ridge.

    Its prior deviation is 1 a half-life, so that few readings, or many at once, have no slope.
    """
    weight, variance, covariance = (channel[:, row + scale] for row in (6, 12, 15))
    half = float(ticks[scale])
    return np.asarray(covariance * half / (variance + half**2 / np.maximum(weight, 1.0)))


_STATISTIC: Final[dict[str, Callable[..., np.ndarray]]] = {
    "residual": lambda c, x, known, _: np.where(known, x, c[:, 0]),
    "fast": lambda c, *_: c[:, 0],
    "medium": lambda c, *_: c[:, 1],
    "slow": lambda c, *_: c[:, 2],
    "fast_medium": lambda c, *_: c[:, 0] - c[:, 1],
    "medium_slow": lambda c, *_: c[:, 1] - c[:, 2],
    "own": lambda c, *_: c[:, 1] - c[:, _OWN],
    "spread": lambda c, *_: np.sqrt(c[:, 10]),
    "slope_medium": lambda c, x, known, ticks: _slope(c, 1, ticks),
    "slope": lambda c, x, known, ticks: _slope(c, 2, ticks),
    "outside": lambda c, *_: c[:, _OUT],
}


def to_bytes(plan: SensorPlan, state: State) -> bytes:
    """The state as an npz, with the plan it belongs to; numbers as they stand in memory."""
    file = io.BytesIO()
    told = np.array([_MAGIC, json.dumps(plan.to_json(), sort_keys=True)])
    np.savez(file, told=told, channel=state["channel"], asset=state["asset"])
    return file.getvalue()


def from_bytes(plan: SensorPlan, raw: bytes) -> State:
    """The state that `to_bytes` wrote; BundleError LK646 where damaged or of another plan."""
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as file:
            told = file["told"].tolist()
            state = {name: file[name] for name in ("channel", "asset")}
        if told != [_MAGIC, json.dumps(plan.to_json(), sort_keys=True)]:
            raise ValueError("it belongs to another plan, or to another version of the runtime")
        wanted = SensorBank(plan).start(len(state["asset"]))
        if any(state[name].shape != wanted[name].shape for name in wanted):
            raise ValueError("its arrays have another shape than the plan's")
    except (EOFError, KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise BundleError(
            "LK646",
            where="state of the sensors",
            found=str(error),
            remedy="restore the file, or remove it and replay each asset's life",
        ) from error
    return state


def _clock(
    asset: np.ndarray, seconds: np.ndarray, settings: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Seconds since the start, and since the last reading (0 at the first); `asset` is updated."""
    fresh = np.isnan(asset[:, 0])
    asset[fresh, 0] = seconds[fresh]
    last = np.where(np.isnan(asset[:, 1]), seconds, asset[:, 1])
    at = np.maximum(seconds, last)
    asset[:, 1] = at
    if settings.shape[1]:
        kept = asset[:, len(_ASSET) :]
        asset[:, len(_ASSET) :] = np.where(np.isfinite(settings), settings, kept)
    return np.maximum(at - asset[:, 0], 0.0), at - last


def _update(
    channel: np.ndarray,
    x: np.ndarray,
    known: np.ndarray,
    halvings: np.ndarray,
    now: np.ndarray,
    plan: SensorPlan,
) -> None:
    """Take `x` (n, C) into the statistics; halvings (n, 3, 1): half-lives since the last reading.

    gain: 1 / weight where known, else 0, so that what is missing moves no mean.
    """
    n, C = x.shape
    weight = channel[:, _W] * np.exp2(-halvings) + known[:, None]
    channel[:, _W] = weight
    gain = (known[:, None] / np.maximum(weight, 1.0))[:, None]
    told = np.empty((n, 2, 1, C))
    told[:, 0, 0], told[:, 1, 0] = x, (now / plan.tick_s)[:, None]
    first = channel[:, _FIRST].reshape(n, 2, len(SCALES), C)
    before = told - first
    first += gain * before
    after = told - first
    moments = np.empty((n, 3, len(SCALES), C))
    np.multiply(before, after, out=moments[:, :2])
    np.multiply(before[:, 1], after[:, 0], out=moments[:, 2])
    second = channel[:, _SECOND].reshape(moments.shape)
    channel[:, _FIRST] = first.reshape(n, 2 * len(SCALES), C)
    second += gain * (moments - second)
    channel[:, _SECOND] = second.reshape(n, 3 * len(SCALES), C)
    channel[:, _OUT] += gain[:, 0, -1] * ((np.abs(x) > plan.band) - channel[:, _OUT])
    count = channel[:, _COUNT]
    young = known & (count < plan.n_own)
    if young.any():
        channel[:, _COUNT] += young
        own = channel[:, _OWN]
        channel[:, _OWN] += young * (x - own) / np.maximum(channel[:, _COUNT], 1.0)
    np.copyto(channel[:, _GOOD], now[:, None], where=known)


def _blank(n_channels: int) -> np.ndarray:
    return np.zeros((len(_CHANNEL), n_channels))


__all__ = ["CLOCKS", "WHAT", "SensorBank", "SensorPlan", "State", "from_bytes", "to_bytes"]
