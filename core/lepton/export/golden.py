"""Golden rows: inputs that travel with a bundle, and the trained model's own answers."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from lepton.dataset import TabularDataset
from lepton.export.cases import Exportable, cases

N_REAL: Final = 200
N_CASE: Final = 25
TOLERANCE: Final = 1e-6
_TIE: Final = TOLERANCE
"""A row this near to the threshold says nothing of a device: what it may differ by decides."""


def golden_rows(model: Exportable, sample: TabularDataset) -> dict[str, Any]:
    """Real rows spread over the sample's time, and some of every difficult kind, as plain data.

    numeric: null where missing; score and decision: by the family's own library.
    """
    rng = np.random.default_rng(0)
    kinds = cases(model.graph(), sample, rng)
    picked = {
        name: _spread(rows, N_REAL if name == "real" else N_CASE) for name, rows in kinds.items()
    }
    score = np.concatenate([model.score(rows) for rows in picked.values()])
    clear = np.abs(score - model.threshold) > _TIE
    numeric = np.vstack([rows.X for rows in picked.values()])[clear]
    texts = np.vstack([rows.C for rows in picked.values()])[clear]
    names = np.repeat(list(picked), [len(rows) for rows in picked.values()])[clear]
    return {
        "tolerance": TOLERANCE,
        "case": names.tolist(),
        "numeric": [[None if np.isnan(v) else float(v) for v in row] for row in numeric],
        "categorical": texts.tolist(),
        "score": score[clear].tolist(),
        "decision": (score[clear] >= model.threshold).astype(int).tolist(),
    }


def _spread(rows: TabularDataset, most: int) -> TabularDataset:
    n = min(most, len(rows))
    return rows.take(np.linspace(0, len(rows) - 1, n).astype(np.int64))


__all__ = ["N_CASE", "N_REAL", "TOLERANCE", "golden_rows"]
