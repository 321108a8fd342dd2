"""Cleaned rows of what customers did as the dataset that families learn from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd

from lepton.recommend.interactions import InteractionDataset
from solutions.retail_recommendation.cleaning import Cleaned, clean

WEIGHT_PREFIX: Final = "weight_"


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
    """The dataset of what is left after cleaning."""
    return InteractionDataset.of(cleaned(tables, settings).rows)


__all__ = ["cleaned", "interactions"]
