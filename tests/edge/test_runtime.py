"""The device refuses what it cannot score, and names row and field."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lepton.dataset import TabularDataset
from lepton.export.bundle import Bundle
from lepton_edge.errors import RowError
from lepton_edge.runtime import Runtime


def test_scores_equal_the_model_whatever_the_batch(
    bundle: Bundle, model: Any, rows: TabularDataset
) -> None:
    runtime = Runtime(bundle.path)
    whole = runtime.score(rows.X, rows.C)
    np.testing.assert_allclose(whole.score, model.score(rows), rtol=0, atol=1e-12)
    alone = [runtime.score(rows.X[i : i + 1], rows.C[i : i + 1]).score[0] for i in range(20)]
    np.testing.assert_allclose(alone, whole.score[:20], rtol=0, atol=1e-12)
    assert whole.decision.dtype == np.int64
    assert len(runtime.score(rows.X[:0], rows.C[:0]).score) == 0


def test_infinite_number_is_refused_by_row_and_field(bundle: Bundle, rows: TabularDataset) -> None:
    X = rows.X.copy()
    X[7, 1] = -np.inf
    with pytest.raises(RowError, match=r"LK282 row 7, field 'epoch_s': -inf \(1 infinite"):
        Runtime(bundle.path).score(X, rows.C)


@pytest.mark.parametrize("text", [None, 3, "\ud800", "a\0b"])
def test_what_is_no_text_is_refused_by_row_and_field(
    bundle: Bundle, rows: TabularDataset, text: object
) -> None:
    C = rows.C.copy()
    C[3, 1] = text
    with pytest.raises(RowError, match=r"LK283 row 3, field 'os'.*is not text"):
        Runtime(bundle.path).score(rows.X, C)


def test_wrong_width_length_and_type_are_refused(bundle: Bundle, rows: TabularDataset) -> None:
    runtime = Runtime(bundle.path)
    with pytest.raises(RowError, match=r"LK281 numeric: shape \(600, 3\), where \(rows, 4\)"):
        runtime.score(rows.X[:, :3], rows.C)
    with pytest.raises(RowError, match=r"LK281 categorical: shape \(600, 0\)"):
        runtime.score(rows.X)
    with pytest.raises(RowError, match="600 numeric and 5 categorical rows"):
        runtime.score(rows.X, rows.C[:5])
    with pytest.raises(RowError, match="values of type object"):
        runtime.score(rows.X.astype(object), rows.C)
