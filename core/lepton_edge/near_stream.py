"""The last intervals of a whole network, kept up to date one arriving value after another.

One ring a series. The state is plain numbers of one size and comes back bit by bit.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Final

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

    def tell(self, series: np.ndarray, step: np.ndarray, value: np.ndarray) -> None:
        """Take in what has been measured: row by row a series, an interval and its value."""
        self.past.put(series, step, value)

    def tell_known(
        self, name: str, series: np.ndarray, step: np.ndarray, value: np.ndarray
    ) -> None:
        """Nothing: no column beside the series is read."""

    def window(self, series: np.ndarray, issue_s: int) -> NearWindow:
        """What forecasts issued at this instant (UTC seconds) see, whichever series are asked."""
        step = np.array([issue_s // self.spec.step_s], dtype=np.int64)
        n = len(self.spec.neighbours)
        wanted = np.broadcast_to(step + np.arange(-self.spec.n_past, 0), (n, self.spec.n_past))
        return NearWindow(step, self.past.get(np.arange(n), wanted)[None])

    def to_bytes(self) -> bytes:
        """The state as an npz, with the spec it belongs to."""
        file = io.BytesIO()
        told = np.array([_MAGIC, json.dumps(self.spec.to_json(), sort_keys=True)])
        np.savez(file, told=told, step=self.past.step, value=self.past.value)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, spec: NearSpec, raw: bytes) -> NearStream:
        """What `to_bytes` wrote; BundleError LK648 where damaged or of another spec."""
        made = cls(spec)
        try:
            with np.load(io.BytesIO(raw), allow_pickle=False) as file:
                if file["told"].tolist() != [_MAGIC, json.dumps(spec.to_json(), sort_keys=True)]:
                    raise ValueError("it belongs to another spec, or to another runtime")
                for name, own in (("step", made.past.step), ("value", made.past.value)):
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


def rings_of(spec: Look, typical: np.ndarray) -> AsOfStream | NearStream:
    """Empty rings for what forecasts by this spec look back on."""
    return NearStream(spec) if isinstance(spec, NearSpec) else AsOfStream(spec, typical)


def rings_from(spec: Look, raw: bytes) -> AsOfStream | NearStream:
    """Rings as they were written; BundleError LK648 where damaged or of another spec."""
    if isinstance(spec, NearSpec):
        return NearStream.from_bytes(spec, raw)
    return AsOfStream.from_bytes(spec, raw)


__all__ = ["NearStream", "rings_from", "rings_of"]
