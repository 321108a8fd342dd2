"""What the rows looked like when the model was made, so that drift can be told later."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any, Final

import numpy as np

from lepton import roles
from lepton.dataset import TabularDataset
from lepton.export.cases import Exportable

QUANTILES: Final = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
TOP: Final = 20


def reference_statistics(model: Exportable, sample: TabularDataset) -> dict[str, Any]:
    """Distribution of every input and of the score over `sample`, as plain data."""
    own = replace(sample, numeric=model.numeric, categorical=model.categorical)
    score = model.score(own)
    return {
        "rows": len(own),
        "positives": _positives(own),
        "quantiles": list(QUANTILES),
        "numeric": dict(zip(own.numeric, map(distribution, own.X.T), strict=True)),
        "categorical": dict(zip(own.categorical, map(_category, own.C.T), strict=True)),
        "score": distribution(score),
        "decision_share": float((score >= model.threshold).mean()),
    }


def _positives(sample: TabularDataset) -> int | None:
    return int(np.nansum(sample.y)) if sample.has(roles.TARGET) else None


def distribution(values: np.ndarray) -> dict[str, Any]:
    """Share of NaN, and the values at `QUANTILES`, null where nothing is known."""
    known = values[~np.isnan(values)]
    at = np.quantile(known, QUANTILES).tolist() if len(known) else [None] * len(QUANTILES)
    return {"null_share": 1.0 - len(known) / len(values), "at": at}


def _category(values: np.ndarray) -> dict[str, Any]:
    counts = Counter(values)
    missing = counts.pop("", 0)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:TOP]
    return {
        "null_share": missing / len(values),
        "levels": len(counts),
        "top": {level: count / len(values) for level, count in ranked},
    }


__all__ = ["QUANTILES", "TOP", "distribution", "reference_statistics"]
