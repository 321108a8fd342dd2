"""Contracts from ODCS v3.1 YAML: parsed strictly, checked for contradictions, made values.

What ODCS has no word for stands in customProperties: of a column `roles`, `presence`
(required, optional), `unit`, `lostWithout`; of a table `minRows`, `maxQuarantineShare`, `closed`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from open_data_contract_standard.model import (
    DataQuality,
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
)
from pydantic import ValidationError

from lepton.contracts.model import Column, ColumnType, Contract, Rule, Severity
from lepton.contracts.sound import contradictions
from lepton.errors import ConfigError, nearest
from lepton.strict_yaml import load_yaml

SUFFIX = ".odcs.yaml"
_COLUMN_KEYS = ("roles", "presence", "unit", "lostWithout", "maxNullShare")
_TABLE_KEYS = ("minRows", "maxQuarantineShare", "closed")
_OPTIONS = ("minimum", "exclusiveMinimum", "maximum", "pattern")


def load_contracts(folder: Path) -> dict[str, Contract]:
    """Table -> contract for every `<table>.odcs.yaml` in `folder`, sorted by table.

    Raises ConfigError LK120 (no such file, not ODCS, unknown keys), LK121 (contradictions).
    """
    paths = sorted(folder.glob(f"*{SUFFIX}"))
    if not paths:
        raise ConfigError(
            "LK120", where=str(folder), found=f"no *{SUFFIX} in it", remedy="name another folder"
        )
    return {path.name.removesuffix(SUFFIX): load_contract(path) for path in paths}


def load_contract(path: Path) -> Contract:
    """The contract in the file at `path`; raises ConfigError as `load_contracts`."""
    content = load_yaml(path)
    document = _parse(content, path)
    table = path.name.removesuffix(SUFFIX)
    schema = (document.schema_ or [SchemaObject()])[0]
    faults = [*_unknown(content, document), *_misplaced(document, schema, table)]
    _refuse("LK120", path, faults, "mend these keys")
    contract = _contract(document, schema, _fingerprint(content), path)
    _refuse("LK121", path, list(contradictions(contract)), "make the contract agree with itself")
    return contract


def _parse(content: Any, path: Path) -> OpenDataContractStandard:
    try:
        return OpenDataContractStandard.model_validate(content)
    except ValidationError as error:
        faults = [f"'{'.'.join(map(str, at['loc']))}': {at['msg']}" for at in error.errors()]
        _refuse("LK120", path, faults, "write it as ODCS v3.1")
        raise


def _fingerprint(content: Any) -> str:
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _refuse(code: str, path: Path, faults: list[str], remedy: str) -> None:
    if faults:
        raise ConfigError(
            code, where=str(path), found=f"{len(faults)} fault(s)", remedy=remedy, details=faults
        )


def _unknown(content: Any, document: OpenDataContractStandard) -> list[str]:
    """Keys that ODCS does not have: the library ignores them below the top."""
    read = document.model_dump(by_alias=True, exclude_unset=True)
    known = {*SchemaProperty.model_fields, *SchemaObject.model_fields, *DataQuality.model_fields}
    return [f"'{path}' is unknown{nearest(key, known)}" for path, key in _lost(content, read, "")]


def _lost(given: Any, read: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(given, dict) and isinstance(read, dict):
        for key, value in given.items():
            if key not in read:
                yield f"{path}{key}", key
            else:
                yield from _lost(value, read[key], f"{path}{key}.")
    elif isinstance(given, list) and isinstance(read, list):
        for place, (one, other) in enumerate(zip(given, read, strict=True)):
            yield from _lost(one, other, f"{path}{place}.")


def _misplaced(document: OpenDataContractStandard, schema: SchemaObject, table: str) -> list[str]:
    """What is ODCS but not what is read here."""
    faults = []
    if not str(document.apiVersion).startswith("v3."):
        faults.append(f"'apiVersion' is {document.apiVersion}, v3.1.0 is read")
    if len(document.schema_ or ()) != 1 or schema.name != table:
        faults.append(f"'schema' must hold the one table '{table}', as the file is named")
    faults += _unknown_properties(schema, _TABLE_KEYS, "")
    for column in schema.properties or ():
        faults += _unknown_properties(column, _COLUMN_KEYS, f"{column.name}.")
        faults += [
            f"'{column.name}.logicalTypeOptions.{key}' is not read{nearest(key, _OPTIONS)}"
            for key in column.logicalTypeOptions or {}
            if key not in _OPTIONS
        ]
        if column.logicalType not in list(ColumnType):
            faults.append(f"'{column.name}.logicalType' must be one of {', '.join(ColumnType)}")
    return faults


def _unknown_properties(
    holder: SchemaObject | SchemaProperty, known: tuple[str, ...], where: str
) -> list[str]:
    return [
        f"customProperty '{where}{key}' is unknown{nearest(key, known)}"
        for key in _properties(holder)
        if key not in known
    ]


def _properties(holder: SchemaObject | SchemaProperty) -> dict[str, Any]:
    return {str(one.property): one.value for one in holder.customProperties or ()}


def _contract(
    document: OpenDataContractStandard, schema: SchemaObject, fingerprint: str, path: Path
) -> Contract:
    own = _properties(schema)
    try:
        return Contract(
            solution=document.domain or path.parent.name,
            table=str(schema.name),
            version=document.version or "",
            columns=tuple(_column(column) for column in schema.properties or ()),
            rules=tuple(_rule(rule) for rule in schema.quality or ()),
            min_rows=int(own.get("minRows", 1)),
            max_quarantine_share=float(own.get("maxQuarantineShare", 0.05)),
            closed=_truth(own.get("closed", "false")),
            fingerprint=fingerprint,
        )
    except (ValueError, TypeError) as error:
        _refuse("LK120", path, [str(error)], "give it the type that is read")
        raise


def _column(column: SchemaProperty) -> Column:
    own, options = _properties(column), column.logicalTypeOptions or {}
    presence = own.get("presence", "optional")
    if presence not in ("required", "optional"):
        raise ValueError(f"'{column.name}.presence' must be required or optional, not {presence}")
    exclusive = options.get("exclusiveMinimum")
    return Column(
        name=str(column.name),
        type=ColumnType(str(column.logicalType)),
        present=presence == "required",
        nullable=not column.required,
        unique=bool(column.unique or column.primaryKey),
        roles=tuple(own.get("roles", ())),
        unit=own.get("unit"),
        description=column.description or "",
        lost_without=own.get("lostWithout", ""),
        allowed=tuple(str(one.value) for one in column.enum or ()),
        minimum=_number(options.get("minimum", exclusive)),
        maximum=_number(options.get("maximum")),
        exclusive_minimum=exclusive is not None,
        pattern=options.get("pattern"),
        max_null_share=float(own.get("maxNullShare", 1.0)),
    )


def _rule(quality: DataQuality) -> Rule:
    """A rule from `type: custom`, engine greatExpectations or lepton (see `suite`)."""
    content: Mapping[str, Any] = (
        quality.implementation if isinstance(quality.implementation, dict) else {}
    )
    if quality.type != "custom" or "type" not in content or not quality.name:
        raise ValueError(
            f"quality '{quality.name}' must be custom, with implementation: {{type, kwargs}}"
        )
    kwargs = dict(content.get("kwargs") or {})
    return Rule(
        name=quality.name,
        expectation=content["type"],
        arguments=kwargs,
        severity=Severity(quality.severity or "table"),
        about=quality.description or "",
        mostly=float(kwargs.pop("mostly", 1.0)),
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _truth(value: Any) -> bool:
    if not re.fullmatch("true|false", str(value)):
        raise ValueError(f"'closed' must be true or false, not {value}")
    return str(value) == "true"
