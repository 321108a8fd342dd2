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
from typing import Final

import numpy as np

from lepton_edge.errors import BundleError
from lepton_edge.sensor_plan import CLOCKS, WHAT, SensorPlan

State = dict[str, np.ndarray]
"""channel: (assets, len(_CHANNEL), channels); asset: (assets, len(_ASSET) + settings); float64."""
_CHANNEL: Final = (
    *("mean_fast", "mean_medium", "mean_slow", "weight_fast", "weight_medium", "weight_slow"),
    *("variance", "time", "time_variance", "covariance", "outside"),
    *("own", "own_count", "good_at"),
)
_ASSET: Final = ("since", "last")
_M, _W, _V = slice(0, 3), slice(3, 6), 6
_TIME, _TT, _TX, _OUT, _OWN, _COUNT, _GOOD = 7, 8, 9, 10, 11, 12, 13
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
        self._inverse = 1.0 / np.array(plan.plane_variance).reshape(P)
        self._index = np.array([plan.index_mean, plan.index_std])
        self._halves = np.array(plan.half_lives_s)[:, None]
        # ticks; its square is the ridge of a slope whose prior is 1 a slow half-life
        self._slow = plan.half_lives_s[2] / plan.tick_s
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
        deviation over the medium half-life; slope: change a slow half-life; outside: share
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
        if not self._n_settings:
            return np.zeros(len(settings), dtype=np.intp), np.zeros((len(settings), 0))
        standard = (settings - self._setting[0]) / self._setting[1]
        standard = np.where(np.isfinite(standard), standard, 0.0)
        offsets = standard[:, None, :] - self._centroids
        at = (offsets**2).sum(axis=2).argmin(axis=1)
        return at, offsets[np.arange(len(at)), at]

    def _residuals(self, values: np.ndarray, settings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, K) healthy deviations from what is expected, 0 where missing; (n, K) bool known."""
        regime, offset = self._regime(settings)
        expected = self._mean[regime]
        if self._sloping:
            expected = expected + (self._slopes[regime] * offset[:, None, :]).sum(axis=2)
        z = (values[:, self._kept] - expected) / self._std[regime]
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
        if not len(self._kept):
            return z, good
        full = np.where(good, z, channel[:, 0, : z.shape[1]])
        parts = np.asarray((full[:, None, :] * self._project).sum(axis=2))
        drifts, inside = parts[:, : self._n_drifts], parts[:, self._n_drifts :]
        squares = inside * inside
        n_planes, n_free = squares.shape[1], full.shape[1] - squares.shape[1]
        t2 = (squares * self._inverse).sum(axis=1) / max(n_planes, 1)
        q = np.maximum((full * full).sum(axis=1) - squares.sum(axis=1), 0.0) / max(n_free, 1)
        # sums of squares have heavy tails: their logs do not
        index = np.concatenate((drifts, np.log1p(t2)[:, None], np.log1p(q)[:, None]), axis=1)
        index = (index - self._index[0]) / self._index[1]
        known = np.repeat(good.any(axis=1, keepdims=True), index.shape[1], axis=1)
        return np.concatenate((z, index), axis=1), np.concatenate((good, known), axis=1)

    def _features(
        self, channel: np.ndarray, x: np.ndarray, known: np.ndarray, now: np.ndarray
    ) -> np.ndarray:
        K, means = len(self._kept), channel[:, _M]
        seen = channel[:, _COUNT] > 0
        ridge = self._slow**2 / np.maximum(channel[:, _W.stop - 1], 1.0)
        found = {
            "residual": np.where(known, x, means[:, 0]),
            "fast": means[:, 0],
            "medium": means[:, 1],
            "slow": means[:, 2],
            "fast_medium": means[:, 0] - means[:, 1],
            "medium_slow": means[:, 1] - means[:, 2],
            "own": means[:, 1] - channel[:, _OWN],
            "spread": np.sqrt(channel[:, _V]),
            "slope": channel[:, _TX] / (channel[:, _TT] + ridge) * self._slow,
            "outside": channel[:, _OUT],
        }
        unseen = {
            "missing": ~known[:, :K],
            "unseen_h": (now[:, None] - channel[:, _GOOD, :K]) / 3600.0,
        }
        yielded = [
            np.where(seen, found[what], np.nan) if what in found else unseen[what]
            for what in self.plan.what
        ]
        n_seen = seen[:, :K].sum(axis=1)
        power = (means[:, 1, :K] ** 2).sum(axis=1) / np.maximum(n_seen, 1)
        health = np.where(n_seen > 0, np.sqrt(power), np.nan)
        n_missing = (~known[:, :K]).sum(axis=1)
        of_asset = np.stack((health, n_missing, now / 3600.0), axis=1)
        return np.concatenate((*yielded, of_asset), axis=1, dtype=np.float64)


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
    weight = channel[:, _W] * np.exp2(-halvings) + known[:, None, :]
    gain = known[:, None, :] / np.maximum(weight, 1.0)
    channel[:, _W] = weight
    before = x[:, None, :] - channel[:, _M]
    channel[:, _M] += gain * before
    after = x[:, None, :] - channel[:, _M]
    slow, ticks = gain[:, 2], (now / plan.tick_s)[:, None]
    channel[:, _V] += gain[:, 1] * (before[:, 1] * after[:, 1] - channel[:, _V])
    moved = ticks - channel[:, _TIME]
    channel[:, _TIME] += slow * moved
    channel[:, _TT] += slow * (moved * (ticks - channel[:, _TIME]) - channel[:, _TT])
    channel[:, _TX] += slow * (moved * after[:, 2] - channel[:, _TX])
    channel[:, _OUT] += slow * ((np.abs(x) > plan.band) - channel[:, _OUT])
    young = known & (channel[:, _COUNT] < plan.n_own)
    channel[:, _COUNT] += young
    channel[:, _OWN] += young * (x - channel[:, _OWN]) / np.maximum(channel[:, _COUNT], 1.0)
    channel[:, _GOOD] = np.where(known, now[:, None], channel[:, _GOOD])


def _blank(n_channels: int) -> np.ndarray:
    return np.zeros((len(_CHANNEL), n_channels))


__all__ = ["CLOCKS", "WHAT", "SensorBank", "SensorPlan", "State", "from_bytes", "to_bytes"]
