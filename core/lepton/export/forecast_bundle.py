"""Writes a bundle that forecasts by itself: graphs, series, clocks, holidays, calibration."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, Final
from zoneinfo import TZPATH

import numpy as np

import lepton
from lepton.export.bundle import Bundle
from lepton.export.edge import edge_faults
from lepton.export.forecast_card import forecast_card
from lepton.export.forecast_golden import golden_windows
from lepton.export.parts import (
    as_json,
    contract_entry,
    file_entries,
    licence,
    read_contract,
    runtime_files,
    write_whole,
)
from lepton.export.reference import QUANTILES, distribution
from lepton.export.static_check import check_static
from lepton.forecast.built import built
from lepton.forecast.champion import Champion
from lepton.forecast.graph import fallback_onnx, to_onnx
from lepton.forecast.matrix import Matrix
from lepton.forecast.panel import PanelDataset
from lepton.graph.emit import OPSETS
from lepton_edge.bundle import FORECAST, FORMAT, GOLDEN, MODEL
from lepton_edge.device import device_name
from lepton_edge.forecast_bench import ForecastCost, measure
from lepton_edge.forecast_plan import CALIBRATION, FALLBACK, HABITS, PLAN, Schedule
from lepton_edge.forecaster import Forecaster
from lepton_edge.readings import Reading
from lepton_edge.wall_clock import changes_of

_AHEAD_S: Final = 11 * 366 * 86_400
"""How far ahead the clocks' rules are written: as far as holidays are, and a year."""
_BEFORE_S: Final = 400 * 86_400
_MOST_SAMPLED: Final = 400
"""Issues from which the reference statistics are taken."""


@dataclass(frozen=True)
class ForecastContext:
    """What a bundle of forecasts says beside its champion.

    contracts: table -> ODCS file; panel, issues (series -> UTC seconds): what golden windows and
    reference statistics are cut from; schedule: when a device issues forecasts by itself; unit: of
    the quantity; notes: what a person has to know, such as perfect weather; timing: what forecasts
    cost, as `with_timing` measures it; beside: file -> content of what batches read beside it;
    reading: which values that are told to a device are measurements.
    """

    solution: str
    customer: str
    run_id: str
    contracts: Mapping[str, Path]
    panel: PanelDataset
    issues: Mapping[str, np.ndarray]
    schedule: Schedule = field(default_factory=Schedule)
    unit: str = ""
    notes: tuple[str, ...] = ()
    timing: ForecastCost | None = None
    beside: Mapping[str, bytes] = field(default_factory=dict)
    reading: Reading = field(default_factory=Reading)
    kit_version: str = field(default=lepton.__version__)


def write_forecast_bundle(out: Path, champion: Champion, context: ForecastContext) -> Bundle:
    """The bundle of `champion` in the new folder `out`: complete, verified, or not there at all.

    Raises ExportError LK501, LK502, LK504 or LK508 where a member has no exact graph, LK506 where
    `out` is taken, IntegrityError where what was written does not read back.
    """
    files = _files(champion, context)
    manifest = _manifest(champion, context, files)
    return Bundle(out, manifest, write_whole(out, manifest, files))


def with_timing(champion: Champion, context: ForecastContext) -> ForecastContext:
    """The context with what forecasts of the champion's bundle cost on this machine."""
    with tempfile.TemporaryDirectory(prefix="lepton-forecast-") as folder:
        bundle = write_forecast_bundle(Path(folder) / "bundle", champion, context)
        with edge_faults():
            return replace(context, timing=measure(Forecaster(bundle.path)))


def _files(champion: Champion, context: ForecastContext) -> dict[str, bytes]:
    described = {
        "lepton.solution": context.solution,
        "lepton.fingerprint": champion.fingerprint,
        "lepton.names": json.dumps(champion.spec.names),
    }
    files = {
        MODEL: to_onnx(champion, described),
        FALLBACK: fallback_onnx(champion, described),
        CALIBRATION: _npz(champion.calibration),
    }
    if champion.habits is not None:
        narrow = {n: v.astype(np.float32) for n, v in champion.habits.to_arrays().items()}
        files[HABITS] = _npz(narrow)
    check_static(files[MODEL])
    check_static(files[FALLBACK])
    golden = golden_windows(champion, context.panel, context.issues, context.reading)
    texts = {
        PLAN: as_json(plan_of(champion, context)),
        GOLDEN: json.dumps(golden, allow_nan=False),
        "reference.json": as_json(_reference(champion, context)),
        "model-card.md": forecast_card(champion, context),
        "LICENSE": licence(),
    }
    files |= {name: text.encode() for name, text in texts.items()}
    for table, path in context.contracts.items():
        files[f"contracts/{table}.odcs.yaml"] = read_contract(path)
    return files | dict(context.beside) | runtime_files()


def plan_of(champion: Champion, context: ForecastContext) -> dict[str, Any]:
    """The bundle's plan as plain data, with the rules of every zone for years ahead."""
    series = champion.series.to_json()
    ends = [int(at) for issue_s in context.issues.values() for at in issue_s]
    first_s, last_s = min(ends, default=0) - _BEFORE_S, max(ends, default=0) + _AHEAD_S
    calendars = [
        {**calendar, "changes": _changes(calendar["zone"], first_s, last_s)}
        for calendar in series["calendars"]
    ]
    schedule = context.schedule
    return {
        **series,
        "calendars": calendars,
        "usual": champion.usual.to_json(),
        "conformal": champion.conformal.to_json(),
        "schedule": {
            "zone": schedule.zone,
            "minutes": list(schedule.minutes),
            "every_s": schedule.every_s,
            "again_s": schedule.again_s,
            "again_n": schedule.again_n,
        },
        "unit": context.unit,
        "correction": champion.correction.to_json(),
        "reading": context.reading.to_json(),
        "unread": _unread(champion, context.panel),
        **({} if champion.onset is None else {"onset": champion.onset.rule.to_json()}),
        **({} if champion.watch is None else {"watch": champion.watch.to_json()}),
    }


def _unread(champion: Champion, panel: PanelDataset) -> list[str]:
    """Columns that were delivered beside the series and that no forecast looks at."""
    read = {column.name for column in champion.spec.known}
    return sorted(set(panel.known_columns) - read)


def zone_rules_version() -> str:
    """The IANA version of this machine's rules of time zones, "unknown" where it is not told."""
    for folder in TZPATH:
        told = Path(folder) / "tzdata.zi"
        if told.is_file():
            return told.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# version ")
    try:
        found = resources.files("tzdata").joinpath("zones").parent  # type: ignore[attr-defined]
        text = (Path(str(found)) / "__init__.py").read_text(encoding="utf-8")
    except (ModuleNotFoundError, OSError):
        return "unknown"
    return text.partition("IANA_VERSION = ")[2].strip().strip('"') or "unknown"


def _manifest(
    champion: Champion, context: ForecastContext, files: Mapping[str, bytes]
) -> dict[str, Any]:
    spec = champion.spec
    return {
        "format": FORMAT,
        "kit_version": context.kit_version,
        "solution": context.solution,
        "run_id": context.run_id,
        "contracts": {table: contract_entry(path) for table, path in context.contracts.items()},
        "inputs": {"numeric": list(spec.names), "categorical": []},
        "key": "series_id",
        "outputs": ["blend", "quantiles"],
        FORECAST: {
            "series": len(champion.series.ids),
            "members": list(champion.members),
            "step_s": spec.step_s,
            "first_lead": spec.first_lead,
            "n_leads": spec.n_leads,
            "zone_rules": zone_rules_version(),
        },
        "opset": {domain or "ai.onnx": version for domain, version in OPSETS.items()},
        "model_fingerprint": champion.fingerprint,
        "family": champion.family,
        "timing": _timing(context.timing),
        "files": file_entries(files),
    }


def _timing(cost: ForecastCost | None) -> dict[str, Any]:
    if cost is None:
        return {}
    many = {"n_series": cost.n_many, "cpu_ms_many": cost.many_ms}
    return {"cpu_ms_one_series": cost.one_ms, **many, "device": device_name()}


def _reference(champion: Champion, context: ForecastContext) -> dict[str, Any]:
    """Distribution of every feature, and of the truth in units of its scale."""
    matrix = _sample(champion, context)
    flat = matrix.X.reshape(-1, len(matrix.names))
    return {
        "issues": len(matrix),
        "quantiles": list(QUANTILES),
        "features": dict(zip(matrix.names, map(distribution, flat.T), strict=True)),
        "target": distribution(matrix.target.ravel()),
        "scale": distribution(matrix.scale),
    }


def _sample(champion: Champion, context: ForecastContext) -> Matrix:
    """The newest issues of all series."""
    each = max(1, _MOST_SAMPLED // len(champion.series.ids))
    none = np.empty(0, dtype=np.int64)
    issues = {n: context.issues.get(n, none)[-each:] for n in context.panel.ids}
    return built(context.panel, champion.series.specs, issues, champion.habits)


def _changes(zone: str, first_s: int, last_s: int) -> list[list[int]]:
    at, offset = changes_of(zone, first_s, last_s)
    return [[int(one), int(other)] for one, other in zip(at, offset, strict=True)]


def _npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    memory = io.BytesIO()
    np.savez_compressed(memory, **arrays)  # type: ignore[arg-type]
    return memory.getvalue()


__all__ = [
    "ForecastContext",
    "plan_of",
    "with_timing",
    "write_forecast_bundle",
    "zone_rules_version",
]
