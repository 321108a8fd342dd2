"""What a bundle is told of decisions: groups of features, typical values, levels."""

from __future__ import annotations

import numpy as np

from lepton import roles
from lepton.dataset import TabularDataset
from lepton.export.decision import groups_of, typical_values
from tests.export.tiny import TinyModel

PHRASES = {"pace": ("card_count_*", "card_recency"), "amount": ("amount", "card_*")}


def test_the_first_phrase_that_fits_takes_a_feature_and_others_name_themselves() -> None:
    found = groups_of(["card_recency", "amount", "x_loyalty", "card_count_1h", "card_z"], PHRASES)
    assert found == [
        {"phrase": "pace", "features": ["card_recency", "card_count_1h"]},
        {"phrase": "amount", "features": ["amount", "card_z"]},
        {"phrase": "unusual x_loyalty", "features": ["x_loyalty"]},
    ]


def test_typical_values_are_those_of_honest_rows(model: TinyModel, rows: TabularDataset) -> None:
    honest = rows.rows[rows.rows["is_fraud"] == 0]
    found = typical_values(model, rows)
    assert found["numeric"]["amount"] == float(honest["amount"].median())
    assert found["numeric"]["count"] == 0.0
    assert found["categorical"]["card"] == honest["card"].value_counts().idxmax()


def test_what_is_missing_in_most_rows_is_typically_missing(
    model: TinyModel, rows: TabularDataset
) -> None:
    frame = rows.rows.copy()
    frame.loc[frame.index[:400], "since_last"] = np.nan
    known = {name: column for name, column in rows.roles.items() if name != roles.TARGET}
    dataset = TabularDataset(frame, rows.numeric, rows.categorical, known)
    assert typical_values(model, dataset)["numeric"]["since_last"] is None
