"""A block of samples as a sensor swings, reduced to a few numbers: the kernel of batch and device.

With x the samples less their mean and m_k the mean of x^k:

    rms = sqrt(m_2),  kurtosis = m_4 / m_2^2,  crest = max |x| / rms

and the energy of a band as the rms of what swings within it, so that the squares of bands that
cover everything add up to rms^2 (Parseval). Kurtosis is 3 for noise and grows with the blows of a
damaged bearing (Dyer & Stewart 1978).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isfinite, nan
from typing import Any, Final

import numpy as np

from lepton_edge.stream_event import number_of, unread

OCTAVES: Final = (0.0, 0.125, 0.25, 0.5, 1.0)
"""Edges of bands as shares of half the sampling rate, where none are given in Hz."""
FEWEST: Final = 16
"""Samples with which a block says something."""
MOST: Final = 1 << 20
STATISTICS: Final = ("rms", "kurtosis", "crest")


@dataclass(frozen=True)
class WavePlan:
    """How blocks of one column are reduced.

    column: name of the block in an event; rate: samples a second, the column that tells them, or
    None where nobody says; bands_hz: rising edges of bands, for which the rate must be known; none
    for octaves of half the rate.
    """

    column: str
    rate: float | str | None = None
    bands_hz: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        edges = self.bands_hz
        if edges and (len(edges) < 2 or edges[0] < 0 or any(a >= b for a, b in pairwise(edges))):
            raise ValueError(f"bands_hz needs two rising edges or more, from 0 on, not {edges}")
        if not all(map(isfinite, edges)):
            raise ValueError("bands_hz needs finite edges")
        if edges and self.rate is None:
            raise ValueError("bands_hz needs the rate: a number of Hz, or the column that tells it")
        if isinstance(self.rate, float | int) and not 0 < self.rate < inf:
            raise ValueError(f"a rate is above 0 Hz, not {self.rate}")

    @property
    def names(self) -> tuple[str, ...]:
        """The numbers that a block becomes, in order."""
        n = len(self.bands_hz or OCTAVES) - 1
        what = (*STATISTICS, *(f"band_{number}" for number in range(1, n + 1)))
        return tuple(f"{self.column}_{one}" for one in what)

    def reduced(self, samples: np.ndarray | None, rate_hz: float | None) -> np.ndarray:
        """One number for each of `names`; all NaN where the block is missing, too short or has a
        gap, those that its rate does not reach NaN.

        rate_hz: of this block, for a plan whose rate a column tells.
        """
        found = np.full(len(self.names), nan)
        if samples is None or len(samples) < FEWEST:
            return found
        x = np.asarray(samples, dtype=np.float64)
        if not np.isfinite(x).all():
            return found
        x = x - x.mean()
        square = x * x
        power = float(square.mean())
        found[0] = np.sqrt(power)
        # a block of one value says nothing of the shape of its swing
        if power > 0.0:
            found[1] = float((square * square).mean()) / (power * power)
            found[2] = float(np.abs(x).max()) / found[0]
        found[len(STATISTICS) :] = self._bands(x, rate_hz)
        return found

    def of_event(self, event: Mapping[str, Any]) -> dict[str, float | None]:
        """Name -> number, None where missing, for the block that an event carries; RowError LK288
        where it cannot be read. Empty where it carries none: it may bring the numbers itself."""
        if self.column not in event:
            return {}
        rate = event.get(self.rate) if isinstance(self.rate, str) else None
        rate_hz = None if rate is None else number_of(str(self.rate), rate)
        samples = _samples(self.column, event[self.column])
        numbers = self.reduced(samples, rate_hz).tolist()
        return {
            name: value if value == value else None
            for name, value in zip(self.names, numbers, strict=True)
        }

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data."""
        return {"column": self.column, "rate": self.rate, "bands_hz": list(self.bands_hz)}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> WavePlan:
        """The plan that `to_json` wrote; KeyError, TypeError or ValueError on other data."""
        rate = told["rate"]
        if not (rate is None or isinstance(rate, (int, float, str))) or isinstance(rate, bool):
            raise TypeError(f"a rate is a number or a column, not {rate!r}")
        return cls(str(told["column"]), rate, tuple(map(float, told["bands_hz"])))

    def _bands(self, x: np.ndarray, rate_hz: float | None) -> np.ndarray:
        """Root mean square of what swings in each band, NaN where the rate does not reach it."""
        n = len(x)
        power = np.abs(np.fft.rfft(x)) ** 2 / n**2
        # all but the mean and, of an even number, the highest stand for two frequencies
        power[1 : (n + 1) // 2] *= 2.0
        rate = rate_hz if isinstance(self.rate, str) else self.rate
        if not self.bands_hz:
            edges = np.array(OCTAVES) * (n / 2)
        elif rate is None or not 0 < rate < inf:
            return np.full(len(self.bands_hz) - 1, nan)
        else:
            edges = np.array(self.bands_hz) * (n / float(rate))
        total = np.concatenate(([0.0], np.cumsum(power)))
        # a frequency on an edge belongs to the band above, the highest of all to the last
        at = np.minimum(np.ceil(edges).astype(np.int64), len(power))
        at[edges >= n / 2] = len(power)
        inside = np.sqrt(np.maximum(total[at[1:]] - total[at[:-1]], 0.0))
        return np.where(edges[:-1] < n / 2, inside, nan)


def with_waves(plans: Iterable[WavePlan], event: Mapping[str, Any]) -> Mapping[str, Any]:
    """`event` with its blocks reduced to numbers; RowError LK288 where one cannot be read."""
    found = {name: value for plan in plans for name, value in plan.of_event(event).items()}
    return {**event, **found} if found else event


def _samples(name: str, value: object) -> np.ndarray | None:
    """The numbers of a block, None where it is missing; null within it is a gap."""
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > MOST:
        raise unread(name, f"{value!r:.40} is no list of at most {MOST:,} numbers")
    numbers = [nan if one is None else number_of(name, one) for one in value]
    return np.array(numbers, dtype=np.float64)


__all__ = ["FEWEST", "OCTAVES", "STATISTICS", "WavePlan", "with_waves"]
