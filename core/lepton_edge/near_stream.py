"""The last intervals of a whole network, kept up to date one arriving value after another.

One ring a series. The state is plain numbers of one size and comes back bit by bit.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from lepton_edge.asof_stream import AsOfStream, Ring
from lepton_edge.errors import BundleError
from lepton_edge.looks import Look
from lepton_edge.near import NearWindow
from lepton_edge.near_spec import NearSpec

_MAGIC: Final = "lepton-near 1"
_AHEAD: Final = 2
"""Places of a ring beyond the past: values of the interval that runs may come before its issue."""


class NearStream:
    """Rings of all series of a network that is forecast by one spec."""

    def __init__(self, spec: NearSpec) -> None:
        self.spec = spec
        self.past = Ring(len(spec.neighbours), spec.n_past + _AHEAD)
        self.known = rings_beside(spec)

    def tell(self, series: np.ndarray, step: np.ndarray, value: np.ndarray) -> None:
        """Take in what has been measured: row by row a series, an interval and its value."""
        self.past.put(series, step, value)

    def tell_known(
        self, name: str, series: np.ndarray, step: np.ndarray, value: np.ndarray
    ) -> None:
        """Take in a known column's values, such as the newest forecast of the weather; of one that
        all series share, the series is 0."""
        self.known[name].put(series, step, value)

    def taken(
        self, name: str, series: np.ndarray, step: np.ndarray, now_s: int | np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Of rows of a known column: places of those that are kept, and the ring's row of each;
        now_s: UTC seconds, of all or of each.

        What lies farther ahead than is kept would push out what is needed sooner; of a column that
        all series share one of them is enough.
        """
        kept = step < now_s // self.spec.step_s + self.spec.n_kept - self.spec.n_back
        if len(self.known[name].step) == len(self.spec.neighbours):
            return np.flatnonzero(kept), series[kept]
        at = np.flatnonzero(kept & (series == series[:1]))
        return at, np.zeros(len(at), dtype=np.int64)

    def window(self, series: np.ndarray, issue_s: int) -> NearWindow:
        """What forecasts issued at this instant (UTC seconds) see, whichever series are asked."""
        step = np.array([issue_s // self.spec.step_s], dtype=np.int64)
        n = len(self.spec.neighbours)
        wanted = np.broadcast_to(step + np.arange(-self.spec.n_past, 0), (n, self.spec.n_past))
        around = step + np.arange(-self.spec.n_back, self.spec.n_ahead)
        known = {
            name: ring.get(np.arange(len(ring.step)), around[None])[None]
            for name, ring in self.known.items()
        }
        return NearWindow(step, self.past.get(np.arange(n), wanted)[None], known)

    def to_bytes(self) -> bytes:
        """The state as an npz, with the spec it belongs to."""
        file = io.BytesIO()
        told = np.array([_MAGIC, json.dumps(self.spec.to_json(), sort_keys=True)])
        arrays: dict[str, Any] = dict(self._arrays())
        np.savez(file, told=told, **arrays)
        return file.getvalue()

    def _arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """Everything that is kept, by name."""
        yield from (("step", self.past.step), ("value", self.past.value))
        for name, ring in self.known.items():
            yield from ((f"step:{name}", ring.step), (f"value:{name}", ring.value))

    @classmethod
    def from_bytes(cls, spec: NearSpec, raw: bytes) -> NearStream:
        """What `to_bytes` wrote; BundleError LK648 where damaged or of another spec."""
        made = cls(spec)
        try:
            with np.load(io.BytesIO(raw), allow_pickle=False) as file:
                if file["told"].tolist() != [_MAGIC, json.dumps(spec.to_json(), sort_keys=True)]:
                    raise ValueError("it belongs to another spec, or to another runtime")
                for name, own in made._arrays():
                    if file[name].shape != own.shape or file[name].dtype != own.dtype:
                        raise ValueError(f"{name} has another shape")
                    own[:] = file[name]
        except (EOFError, KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
            raise BundleError(
                "LK648",
                where="state of the forecasts",
                found=str(error),
                remedy="restore the file, or remove it and replay the last hours",
            ) from error
        return made


def rings_beside(spec: NearSpec) -> dict[str, Ring]:
    """Empty rings of the known columns; of one that all series share, a single row."""
    n = len(spec.neighbours)
    return {one.name: Ring(1 if one.is_shared else n, spec.n_kept) for one in spec.known}


def rings_of(spec: Look, typical: np.ndarray) -> AsOfStream | NearStream:
    """Empty rings for what forecasts by this spec look back on."""
    return NearStream(spec) if isinstance(spec, NearSpec) else AsOfStream(spec, typical)


def editions_of(spec: Look, n_series: int) -> dict[str, Ring]:
    """Empty rings for the instants of which the values of known columns are."""
    if isinstance(spec, NearSpec):
        return rings_beside(spec)
    return {column.name: Ring(n_series, spec.n_kept) for column in spec.known}


def rings_from(spec: Look, raw: bytes) -> AsOfStream | NearStream:
    """Rings as they were written; BundleError LK648 where damaged or of another spec."""
    if isinstance(spec, NearSpec):
        return NearStream.from_bytes(spec, raw)
    return AsOfStream.from_bytes(spec, raw)


__all__ = ["NearStream", "editions_of", "rings_beside", "rings_from", "rings_of"]
