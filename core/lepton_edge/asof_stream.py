"""The same window as batch cuts from a history, kept up to date one arriving value after another.

A ring for each series holds the latest value of each interval of the past and of each known column
around now. What arrives later for the same interval replaces it. The state is plain numbers of one
size, whatever the past's length, and comes back bit by bit.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Final

import numpy as np

from lepton_edge.asof import Window
from lepton_edge.asof_spec import AsOfSpec
from lepton_edge.errors import BundleError

_MAGIC: Final = "lepton-asof 1"
_NEVER: Final = np.int64(-1)


class Ring:
    """The latest `width` intervals of some series: a value, and the interval it belongs to."""

    def __init__(self, n_series: int, width: int) -> None:
        self.step = np.full((n_series, width), _NEVER, dtype=np.int64)
        self.value = np.full((n_series, width), np.nan)

    def put(self, series: np.ndarray, step: np.ndarray, value: np.ndarray) -> None:
        """Keep each value, later ones of the same interval winning; what is older than the place
        it would take is passed over."""
        at = step % self.step.shape[1]
        where = series * self.step.shape[1] + at
        if len(np.unique(where)) == len(where):
            newer = step >= self.step[series, at]
            self.step[series[newer], at[newer]] = step[newer]
            self.value[series[newer], at[newer]] = value[newer]
            return
        for one, place, when, number in zip(series, at, step, value, strict=True):
            if when >= self.step[one, place]:
                self.step[one, place], self.value[one, place] = when, number

    def get(self, series: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Values of intervals (n, w) of series (n,); NaN where none was kept."""
        at = step % self.step.shape[1]
        rows = series[:, None]
        return np.where(self.step[rows, at] == step, self.value[rows, at], np.nan)

    def newest(self, series: int, before: int) -> tuple[int, float] | None:
        """The last interval before `before` that has a value, and that; None where none has."""
        step, value = self.step[series], self.value[series]
        at = np.flatnonzero(np.isfinite(value) & (step < before) & (step != _NEVER))
        if not len(at):
            return None
        last = at[step[at].argmax()]
        return int(step[last]), float(value[last])


class AsOfStream:
    """Rings of any number of series that are forecast by one spec.

    typical: (n_series,) size of each where its past does not tell, NaN for none.
    """

    def __init__(self, spec: AsOfSpec, typical: np.ndarray) -> None:
        self.spec = spec
        self.typical = np.asarray(typical, dtype=np.float64)
        n = len(self.typical)
        self.past = Ring(n, spec.n_past)
        self.known = {c.name: Ring(n, spec.n_kept) for c in spec.known}

    def tell(self, series: np.ndarray, step: np.ndarray, value: np.ndarray) -> None:
        """Take in what has been measured: row by row a series, an interval and its value."""
        self.past.put(series, step, value)

    def tell_known(
        self, name: str, series: np.ndarray, step: np.ndarray, value: np.ndarray
    ) -> None:
        """Take in a known column's values, such as the newest forecast of the weather."""
        self.known[name].put(series, step, value)

    def window(self, series: np.ndarray, issue_s: int) -> Window:
        """What forecasts of these series issued at this instant (UTC seconds) see."""
        spec, now = self.spec, issue_s // self.spec.step_s
        step = np.full(len(series), now, dtype=np.int64)
        past = step[:, None] + np.arange(-spec.n_past, 0)
        around = step[:, None] + np.arange(-spec.n_back, spec.n_ahead)
        known = {name: ring.get(series, around) for name, ring in self.known.items()}
        return Window(step, self.past.get(series, past), known, self.typical[series])

    def to_bytes(self) -> bytes:
        """The state as an npz, with the spec it belongs to."""
        file = io.BytesIO()
        told = np.array([_MAGIC, json.dumps(self.spec.to_json(), sort_keys=True)])
        arrays = {f"{part}:{name}": ring.__dict__[part] for name, ring, part in self._parts()}
        np.savez(file, told=told, typical=self.typical, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, spec: AsOfSpec, raw: bytes) -> AsOfStream:
        """What `to_bytes` wrote; BundleError LK647 where damaged or of another spec."""
        try:
            with np.load(io.BytesIO(raw), allow_pickle=False) as file:
                if file["told"].tolist() != [_MAGIC, json.dumps(spec.to_json(), sort_keys=True)]:
                    raise ValueError("it belongs to another spec, or to another runtime")
                made = cls(spec, file["typical"])
                made._fill({name: file[name] for name in file.files})
        except (EOFError, KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
            raise BundleError(
                "LK647",
                where="state of the forecasts",
                found=str(error),
                remedy="restore the file, or remove it and replay the last weeks",
            ) from error
        return made

    def _fill(self, arrays: Mapping[str, np.ndarray]) -> None:
        for name, ring, part in self._parts():
            told, own = arrays[f"{part}:{name}"], ring.__dict__[part]
            if told.shape != own.shape or told.dtype != own.dtype:
                raise ValueError(f"{part} of {name or 'the past'} has another shape")
            own[:] = told

    def _parts(self) -> list[tuple[str, Ring, str]]:
        rings = {"": self.past, **self.known}
        return [(name, ring, part) for name, ring in rings.items() for part in ("step", "value")]


__all__ = ["AsOfStream", "Ring"]
