"""METR-LA, PEMS-BAY and PEMS03 to 08 by the protocol of DCRNN, for users who have the files.

Twelve steps in, twelve out; the first 70 % are learnt from, the next 10 % chosen by, the last 20 %
judged (Li et al. 2018). A value of 0 is missing: it is neither seen nor judged. Published on
METR-LA, mean absolute error at 15, 30 and 60 minutes: DCRNN 2.67 / 3.08 / 3.56, STAEformer
2.65 / 2.97 / 3.34.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from lepton.automl.budget import Budget
from lepton.benching import cpu_s, versions
from lepton.errors import DataError
from lepton.forecast.families import forecaster
from lepton.forecast.near_lessons import Span, asked_of
from lepton.forecast.near_search import search_near
from lepton.forecast.search import ForecastSearch
from lepton.solution import BenchRequest
from solutions.traffic_forecasting.wide import STEPS, Network, network_of

SHARES: Final = (0.7, 0.8)
ASKED: Final = {"3": 2, "6": 5, "12": 11}
"""Steps ahead -> place among the leads."""
FAMILIES: Final = ("near_trees", "near_net")
ZONE: Final = "America/Los_Angeles"
FIRST: Final = "2012-03-01"
"""Where a file has no instants."""
DAY_S: Final = 86_400
KEYS: Final = ("df", "speed")
"""Names of the table in HDF5 files."""


def metr_la(request: BenchRequest) -> Mapping[str, Any]:
    """The protocol's JSON for the file `request.data`: .h5, .csv or .npz.

    Options: `zone` and `first`: the clock, and the local instant of the first row where the file
    tells none; `step_min`: minutes of an interval, likewise; `channel`: of .npz files.
    """
    used = cpu_s()
    options = request.settings(zone=ZONE, first=FIRST, step_min="5", channel="0")
    table = read_wide(Path(request.data), options)
    data = network_of(
        table.to_numpy(dtype=np.float64),
        tuple(map(str, table.columns)),
        table.index[0],
        round((table.index[1] - table.index[0]).total_seconds()),
        options["zone"],
        SHARES,
    )
    families = tuple(name for name in FAMILIES if forecaster(name).available())
    asked = ForecastSearch(families, Budget(work_units=20), request.seed, {})
    request.progress.stage("search")
    board = search_near(data.prepared, asked, request.progress)
    request.progress.stage("test part")
    errors = {name: _Errors() for name in ("champion", "persistence", "habit")}
    for span in _days(data):
        assert board.champion.habits is not None
        test = asked_of(data.panel, data.spec, board.champion.habits, span, most=None)
        errors["champion"].add(test.y, board.champion.blend(test)[..., 4])
        errors["persistence"].add(test.y, test.column("recent"))
        errors["habit"].add(test.y, test.column("habit"))
    return {
        "protocol": "metr_la",
        "metrics": errors["champion"].metrics(),
        "intervals": {},
        "ladder": {name: one.metrics() for name, one in errors.items()},
        "folds": [{"train_steps": data.train, "test_steps": data.n_steps - data.train}],
        "detectors": len(data.panel.ids),
        "peers": {},
        "cpu_s": round(cpu_s() - used, 1),
        "versions": versions(),
    }


@dataclass(eq=False)
class _Errors:
    """Sums of errors by lead, over what is known and not 0."""

    count: np.ndarray = field(default_factory=lambda: np.zeros(STEPS))
    absolute: np.ndarray = field(default_factory=lambda: np.zeros(STEPS))
    squared: np.ndarray = field(default_factory=lambda: np.zeros(STEPS))
    relative: np.ndarray = field(default_factory=lambda: np.zeros(STEPS))

    def add(self, y: np.ndarray, point: np.ndarray) -> None:
        """Count forecasts (n, leads) of truths (n, leads)."""
        known = np.isfinite(y)
        error = np.where(known, np.abs(y - point), 0.0)
        self.count += known.sum(axis=0)
        self.absolute += error.sum(axis=0)
        self.squared += (error**2).sum(axis=0)
        self.relative += (error / np.where(known, y, 1.0)).sum(axis=0)

    def metrics(self) -> dict[str, float]:
        """MAE, RMSE and MAPE (per cent) at steps 3, 6, 12, and the means over all twelve."""
        n = np.maximum(self.count, 1)
        each = {
            "mae": self.absolute / n,
            "rmse": np.sqrt(self.squared / n),
            "mape": 100 * self.relative / n,
        }
        found: dict[str, float] = {}
        for name, values in each.items():
            found |= {f"{name}_{step}": float(values[at]) for step, at in ASKED.items()}
            found[f"{name}_avg"] = float(values.mean())
        return found


def read_wide(path: Path, options: Mapping[str, str]) -> pd.DataFrame:
    """The file's values: index the instants, UTC and evenly spaced; a column a detector.

    Raises DataError LK237 for what cannot be read as such a table.
    """
    reader = {".h5": _hdf, ".hdf5": _hdf, ".csv": _csv, ".npz": _npz}.get(path.suffix.lower())
    if reader is None:
        raise _refused(path, f"'{path.suffix}' is no known ending", "give a .h5, .csv or .npz file")
    table = reader(path, options)
    if len(table) < 10 * STEPS:
        raise _refused(path, f"{len(table)} rows", "give at least ten times an input's length")
    if not isinstance(table.index, pd.DatetimeIndex):
        step = pd.Timedelta(minutes=float(options["step_min"]))
        table.index = pd.date_range(options["first"], periods=len(table), freq=step)
    if table.index.tz is None:
        # these files show the wall clock, and leave the hour out that a change of clocks skips
        table.index = _on_grid(table.index, options["zone"])
    return _regular(path, table)


def _on_grid(index: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex:
    """Instants of rows that count on evenly from the first one's wall time."""
    first = index[0].tz_localize(zone).tz_convert("UTC")
    return pd.DatetimeIndex(first + (index - index[0]))


def _regular(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """The rows on their grid, what is left out as missing."""
    step = pd.Series(table.index).diff().dropna().mode().iloc[0]
    if step <= pd.Timedelta(0) or DAY_S % step.total_seconds():
        raise _refused(path, f"rows {step} apart", "sort the rows by time, at a regular step")
    return table.asfreq(step)


def _hdf(path: Path, options: Mapping[str, str]) -> pd.DataFrame:
    if find_spec("tables") is None:
        raise _refused(
            path,
            "HDF5 needs PyTables, which is not installed",
            "pip install 'lepton-kit[hdf]', or save it as .csv, instants in the first column",
        )
    with pd.HDFStore(str(path), mode="r") as store:
        keys = [key.lstrip("/") for key in store]
        named = [key for key in KEYS if key in keys] or keys[:1]
        if not named:
            raise _refused(path, "no table in it", "give the file as it was published")
        found = store.get(named[0])
    return pd.DataFrame(found)


def _csv(path: Path, options: Mapping[str, str]) -> pd.DataFrame:
    """A table whose first column are instants, or with detectors alone."""
    table = pd.read_csv(path)
    if pd.api.types.is_numeric_dtype(table.iloc[:, 0]):
        return table
    at = pd.to_datetime(table.iloc[:, 0], errors="coerce")
    if at.isna().any():
        raise _refused(path, "a first column of no instants", "write them as ISO 8601")
    return table.iloc[:, 1:].set_index(pd.DatetimeIndex(at))


def _npz(path: Path, options: Mapping[str, str]) -> pd.DataFrame:
    """`data` (steps, detectors, channels) as the PEMS files have it."""
    with np.load(path, allow_pickle=False) as file:
        if "data" not in file.files:
            raise _refused(path, f"arrays {file.files}", "give a file with the array `data`")
        data = file["data"]
    channel = int(options["channel"])
    if data.ndim == 3 and channel < data.shape[2]:
        data = data[:, :, channel]
    if data.ndim != 2:
        raise _refused(path, f"`data` of shape {data.shape}", "choose a channel that is there")
    return pd.DataFrame(data, columns=[str(at) for at in range(data.shape[1])])


def _days(data: Network) -> Iterator[Span]:
    """The test part day by day, so that memory stays bounded."""
    test = data.test()
    for first_s in range(test.first_s, test.last_s, DAY_S):
        yield Span(first_s, min(first_s + DAY_S, test.last_s))


def _refused(path: Path, found: str, remedy: str) -> DataError:
    return DataError("LK237", where=str(path), found=found, remedy=remedy)


__all__ = ["metr_la", "read_wide"]
