"""Preprocessing steps as plain data, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lepton.graph.nodes import (
    Impute,
    Lookup,
    NumericStep,
    OneHot,
    Preprocess,
    SignedLog,
    SmoothClip,
    Standardize,
)


def steps_to_json(preprocess: Preprocess) -> dict[str, Any]:
    """The steps as JSON values; floats keep every bit."""
    return {
        "n_numeric": preprocess.n_numeric,
        "numeric": [_numeric_to_json(step) for step in preprocess.numeric],
        "n_categorical": preprocess.n_categorical,
        "categorical": _categorical_to_json(preprocess.categorical),
        "missing": list(preprocess.missing),
    }


def steps_from_json(content: Mapping[str, Any]) -> Preprocess:
    """The steps that `steps_to_json` wrote; KeyError or ValueError on anything else."""
    return Preprocess(
        int(content["n_numeric"]),
        tuple(_numeric_from_json(step) for step in content["numeric"]),
        int(content["n_categorical"]),
        _categorical_from_json(content["categorical"]),
        tuple(int(column) for column in content["missing"]),
    )


def _numeric_to_json(step: NumericStep) -> dict[str, Any]:
    match step:
        case Impute():
            return {"kind": "impute", "fill": step.fill.tolist()}
        case SignedLog():
            return {"kind": "signed_log", "mask": step.mask.tolist()}
        case Standardize():
            return {
                "kind": "standardize",
                "mean": step.mean.tolist(),
                "scale": step.scale.tolist(),
                "limit": step.limit,
            }
        case SmoothClip():
            return {"kind": "smooth_clip", "limit": step.limit}


def _numeric_from_json(content: Mapping[str, Any]) -> NumericStep:
    match content["kind"]:
        case "impute":
            return Impute(np.asarray(content["fill"], dtype=np.float64))
        case "signed_log":
            return SignedLog(np.asarray(content["mask"], dtype=bool))
        case "standardize":
            mean, scale = (np.asarray(content[key], np.float64) for key in ("mean", "scale"))
            return Standardize(mean, scale, float(content["limit"]))
        case "smooth_clip":
            return SmoothClip(float(content["limit"]))
        case kind:
            raise ValueError(f"unknown step {kind!r}")


def _categorical_to_json(step: OneHot | Lookup | None) -> dict[str, Any] | None:
    match step:
        case None:
            return None
        case OneHot():
            return {"kind": "one_hot", "levels": step.levels}
        case Lookup():
            return {
                "kind": "lookup",
                "tables": [dict(table) for table in step.tables],
                "defaults": step.defaults,
            }


def _categorical_from_json(content: Mapping[str, Any] | None) -> OneHot | Lookup | None:
    if content is None:
        return None
    match content["kind"]:
        case "one_hot":
            return OneHot(tuple(tuple(levels) for levels in content["levels"]))
        case "lookup":
            return Lookup(tuple(content["tables"]), tuple(content["defaults"]))
        case kind:
            raise ValueError(f"unknown step {kind!r}")


__all__ = ["steps_from_json", "steps_to_json"]
