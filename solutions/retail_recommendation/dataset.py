"""Cleaned rows of what customers did as the dataset that families learn from, and what is told of
each item in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from scipy import sparse

from lepton.recommend.interactions import InteractionDataset
from solutions.retail_recommendation.cleaning import Cleaned, clean

WEIGHT_PREFIX: Final = "weight_"
TOLD: Final = ("title", "category", "brand")
MOST_WORDS: Final = 1_000


def cleaned(tables: Mapping[str, pd.DataFrame], settings: Mapping[str, float]) -> Cleaned:
    """What customers wanted, from valid tables, with the settings' weights of events."""
    weights = {
        name.removeprefix(WEIGHT_PREFIX): value
        for name, value in settings.items()
        if name.startswith(WEIGHT_PREFIX)
    }
    return clean(tables["interactions"], tables.get("items"), weights)


def interactions(
    tables: Mapping[str, pd.DataFrame], settings: Mapping[str, float]
) -> InteractionDataset:
    """The dataset of what is left after cleaning, with words of items where any are told."""
    found = InteractionDataset.of(cleaned(tables, settings).rows)
    words = words_of(found.items, tables.get("items"))
    return found if words is None else found.with_words(words)


def words_of(
    ids: np.ndarray | Sequence[str], items: pd.DataFrame | None
) -> sparse.csr_matrix | None:
    """(items, words) which words of title, category and brand belong to each; None where nothing is
    told of two items alike."""
    from sklearn.feature_extraction.text import CountVectorizer

    told = [name for name in TOLD if items is not None and name in items]
    if items is None or not told:
        return None
    texts = items.drop_duplicates("item_id").set_index("item_id")[told].astype("object").fillna("")
    joined = texts.agg(" ".join, axis=1).reindex(list(ids)).fillna("")
    counted = CountVectorizer(binary=True, min_df=2, max_features=MOST_WORDS)
    try:
        return sparse.csr_matrix(counted.fit_transform(joined), dtype="float64")
    except ValueError:  # no word is told twice
        return None


__all__ = ["cleaned", "interactions", "words_of"]
