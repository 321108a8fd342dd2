"""The values between stages on disk: parquet and JSON, nothing that can run code.

`kind` names a value's type, `save` writes it into an empty folder, `load` reads it back equal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lepton.contracts.model import CastFault, Mapped, Severity, Validated, Violation
from lepton.dataset import SwitchedOff, TabularDataset
from lepton.errors import IntegrityError
from lepton.frames import read_parquet, write_parquet
from lepton.stages import Published

Source = Mapping[str, Mapped]


@dataclass(frozen=True)
class _Kind:
    name: str
    fits: Callable[[Any], bool]
    save: Callable[[Any, Path], None]
    load: Callable[[Path], Any]


def kind(value: object) -> str:
    """Name of the kind of value that `load` asks for; TypeError where it is no stage's value."""
    return _kind_of(value).name


def save(value: object, folder: Path) -> None:
    """Write `value` into `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    _kind_of(value).save(value, folder)


def load(name: str, folder: Path) -> Any:
    """The value of kind `name` in `folder`; raises IntegrityError LK621 on another kind."""
    for one in _kinds():
        if one.name == name:
            return one.load(folder)
    raise IntegrityError(
        "LK621",
        where=str(folder),
        found=f"a value of unknown kind {name[:40]!r}",
        remedy="materialize it again with this version of the kit",
    )


def _kind_of(value: object) -> _Kind:
    for one in _kinds():
        if one.fits(value):
            return one
    raise TypeError(f"{type(value).__name__} is no stage's value")


def _kinds() -> tuple[_Kind, ...]:
    from lepton.automl.leaderboard import Leaderboard
    from lepton.compress.forecasts import ForecastFront
    from lepton.compress.front import Front
    from lepton.evaluation.results import Evaluation
    from lepton.export.bundle import Bundle
    from lepton.forecast.board import ForecastBoard
    from lepton.forecast.prepared import Prepared
    from lepton.recommend.board import RecommendBoard
    from lepton.recommend.front import EdgeFront
    from lepton.recommend.prepared import Prepared as Recommended

    def own(name: str, model: Any) -> _Kind:
        return _Kind(name, _is(model), lambda value, folder: value.save(folder), model.load)

    return (
        _Kind("source", _is_source, _save_source, _load_source),
        _Kind("validated", _is(Validated), _save_validated, _load_validated),
        _Kind("dataset", _is(TabularDataset), _save_dataset, _load_dataset),
        own("leaderboard", Leaderboard),
        own("front", Front),
        own("evaluation", Evaluation),
        own("prepared", Prepared),
        own("forecast_board", ForecastBoard),
        own("forecast_front", ForecastFront),
        own("interactions", Recommended),
        own("recommend_board", RecommendBoard),
        own("edge_front", EdgeFront),
        _Kind("bundle", _is(Bundle), _save_bundle, lambda folder: Bundle.open(_load_path(folder))),
        _Kind("path", _is(Path), _save_path, _load_path),
        _Kind("published", _is(Published), _save_published, _load_published),
    )


def _is(model: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, model)


def _is_source(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(one, Mapped) for one in value.values())


def _save_source(value: Source, folder: Path) -> None:
    facts = {}
    for table, mapped in value.items():
        write_parquet(mapped.frame, folder / f"{table}.parquet")
        facts[table] = {
            "faults": [
                {**asdict(replace(fault, rows=np.empty(0))), "rows": fault.rows.tolist()}
                for fault in mapped.faults
            ],
            "violations": [asdict(violation) for violation in mapped.violations],
            "unused": mapped.unused,
            "notes": mapped.notes,
        }
    _write(folder, facts)


def _load_source(folder: Path) -> Source:
    return {
        table: Mapped(
            read_parquet(folder / f"{table}.parquet"),
            tuple(_fault(fault) for fault in facts["faults"]),
            tuple(_violation(violation) for violation in facts["violations"]),
            tuple(facts["unused"]),
            tuple(facts["notes"]),
        )
        for table, facts in _read(folder).items()
    }


def _fault(facts: dict[str, Any]) -> CastFault:
    rows = np.asarray(facts["rows"], dtype=np.int64)
    return CastFault(**{**facts, "rows": rows, "values": tuple(facts["values"])})


def _violation(facts: dict[str, Any]) -> Violation:
    return Violation(
        **{
            **facts,
            "severity": Severity(facts["severity"]),
            "examples": tuple(facts["examples"]),
        }
    )


def _save_validated(value: Validated, folder: Path) -> None:
    _save_frames(value.tables, folder / "tables")
    _save_frames(value.quarantine, folder / "quarantine")
    facts = {
        "tables": list(value.tables),
        "quarantine": list(value.quarantine),
        "violations": [asdict(violation) for violation in value.violations],
        "notes": value.notes,
    }
    _write(folder, facts)


def _load_validated(folder: Path) -> Validated:
    facts = _read(folder)
    return Validated(
        _load_frames(facts["tables"], folder / "tables"),
        tuple(_violation(violation) for violation in facts["violations"]),
        _load_frames(facts["quarantine"], folder / "quarantine"),
        tuple(facts["notes"]),
    )


def _save_frames(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    for table, frame in tables.items():
        write_parquet(frame, folder / f"{table}.parquet")


def _load_frames(tables: list[str], folder: Path) -> dict[str, pd.DataFrame]:
    return {table: read_parquet(folder / f"{table}.parquet") for table in tables}


def _save_dataset(value: TabularDataset, folder: Path) -> None:
    write_parquet(value.rows, folder / "rows.parquet")
    facts = {
        "numeric": value.numeric,
        "categorical": value.categorical,
        "roles": dict(value.roles),
        "switched_off": [asdict(off) for off in value.switched_off],
        "spec": value.spec,
        "task": value.task,
        "why": value.why,
    }
    _write(folder, facts)


def _load_dataset(folder: Path) -> TabularDataset:
    facts = _read(folder)
    return TabularDataset(
        read_parquet(folder / "rows.parquet"),
        tuple(facts["numeric"]),
        tuple(facts["categorical"]),
        facts["roles"],
        tuple(
            SwitchedOff(off["feature"], tuple(off["missing"]), off["cost"])
            for off in facts["switched_off"]
        ),
        tuple(facts["spec"]),
        facts["task"],
        facts["why"],
    )


def _save_bundle(value: Any, folder: Path) -> None:
    _save_path(value.path, folder)


def _save_path(value: Path, folder: Path) -> None:
    _write(folder, {"path": str(value)})


def _load_path(folder: Path) -> Path:
    return Path(_read(folder)["path"])


def _save_published(value: Published, folder: Path) -> None:
    _write(folder, asdict(value))


def _load_published(folder: Path) -> Published:
    facts = _read(folder)
    return Published(facts["version"], facts["promoted"], tuple(facts["refused"]))


def _write(folder: Path, facts: object) -> None:
    text = json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "facts.json").write_text(text + "\n", encoding="utf-8")


def _read(folder: Path) -> Any:
    return json.loads((folder / "facts.json").read_text(encoding="utf-8"))
