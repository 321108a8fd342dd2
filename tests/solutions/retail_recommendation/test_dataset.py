"""The dataset of a shop, with what is told of its items."""

from __future__ import annotations

import numpy as np
import pandas as pd

from solutions.retail_recommendation.dataset import words_of


def test_words_of_items_are_those_that_several_share() -> None:
    items = pd.DataFrame(
        {
            "item_id": ["b", "a", "c"],
            "title": ["RED LANTERN", "RED PARASOL", None],
            "category": ["Home", "Garden", "Garden"],
        }
    )
    found = words_of(["a", "b", "c", "unlisted"], items)
    assert found is not None
    # garden and red, in the order of the alphabet; lantern, parasol and home stand once
    assert found.toarray().tolist() == [[1, 1], [0, 1], [1, 0], [0, 0]]
    assert found.dtype == np.float64


def test_items_of_which_nothing_is_told_have_no_words() -> None:
    assert words_of(["a"], None) is None
    assert words_of(["a"], pd.DataFrame({"item_id": ["a"], "price": [1.0]})) is None
    lonely = pd.DataFrame({"item_id": ["a", "b"], "title": ["RED", "BLUE"]})
    assert words_of(["a", "b"], lonely) is None
