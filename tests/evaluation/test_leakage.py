from __future__ import annotations

import numpy as np
import pandas as pd

from lepton import roles
from lepton.dataset import TabularDataset
from lepton.evaluation.leakage import feature_aucs, suspects


def dataset(n: int = 2000) -> TabularDataset:
    rng = np.random.default_rng(0)
    y = (rng.random(n) < 0.1).astype(float)
    rows = pd.DataFrame(
        {
            "is_fraud": y,
            "honest": rng.normal(y, 1.0),
            "copy": y + rng.normal(0, 0.01, n),
            "reversed": -y,
            "known_only_after": np.where(y == 1, 1.0, np.nan),
            "constant": 1.0,
            "desk": np.where(y == 1, "disputes", rng.choice(["a", "b"], n)),
            "country": rng.choice(["DE", "FR"], n),
            "one_each": [f"t{i}" for i in range(n)],
        }
    )
    numeric = ("honest", "copy", "reversed", "known_only_after", "constant")
    return TabularDataset(
        rows, numeric, ("desk", "country", "one_each"), {roles.TARGET: "is_fraud"}
    )


def test_l01_copies_of_the_target_are_suspect_whatever_their_form() -> None:
    assert set(suspects(dataset())) == {"copy", "reversed", "known_only_after", "desk"}


def test_honest_features_constants_and_ids_are_not_suspect() -> None:
    found = feature_aucs(dataset())
    assert 0.7 < found["honest"] < 0.8
    assert found["constant"] == 0.5
    assert found["one_each"] == 0.5
    assert found["country"] < 0.6


def test_thinning_many_rows_finds_the_same_suspects() -> None:
    assert set(suspects(dataset(), max_rows=300)) == set(suspects(dataset()))


def test_rows_without_a_known_target_are_left_out() -> None:
    part = dataset()
    part.rows.loc[:100, "is_fraud"] = np.nan
    assert "copy" in suspects(part)


def test_one_class_alone_has_no_suspects() -> None:
    part = dataset()
    part.rows["is_fraud"] = 0.0
    assert suspects(part) == ()
