"""Families of models that rank items by name, and which of them a budget has room for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from lepton.errors import ConfigError, nearest
from lepton.recommend.families.attributes import Attributes
from lepton.recommend.families.base import Family
from lepton.recommend.families.blend import Blend
from lepton.recommend.families.ease import Ease
from lepton.recommend.families.ease_own import EaseOwn
from lepton.recommend.families.ials import Ials
from lepton.recommend.families.item_knn import ItemKnn
from lepton.recommend.families.item_sequence import ItemSequence
from lepton.recommend.families.lambdarank import Lambdarank
from lepton.recommend.families.own_history import OwnHistory
from lepton.recommend.families.popularity import Popularity
from lepton.recommend.families.topfreq import TopFreq

FLOOR: Final = ("popularity", "own_history", "topfreq")
"""Simple rules that everything is compared with: never left out."""
QUICK: Final = ("item_knn", "item_sequence", "ease", "ease_own")
STANDARD: Final = (*QUICK, "ials", "attributes", "lambdarank")
FULL: Final = (*STANDARD, "blend", "sasrec")
"""What a budget has room for: quick (5 CPU minutes), standard (30) or full."""


def _sasrec() -> Family:
    from lepton.recommend.families.sasrec import SasRec

    return SasRec()


FAMILIES: Final[Mapping[str, Callable[[], Family]]] = {
    "popularity": Popularity,
    "own_history": lambda: OwnHistory(180.0, 28.0, 0.3),
    "topfreq": TopFreq,
    "item_knn": ItemKnn,
    "item_sequence": ItemSequence,
    "ease": lambda: Ease(100.0, 60.0, 60.0),
    "ease_own": EaseOwn,
    "ials": lambda: Ials(64, 0.003, 0.3, 90.0),
    "attributes": Attributes,
    "lambdarank": Lambdarank,
    "blend": Blend,
    "sasrec": _sasrec,
}


def family(name: str) -> Family:
    """The family called `name`; ConfigError LK119 where there is none."""
    if name not in FAMILIES:
        raise ConfigError(
            "LK119",
            where="families",
            found=f"no family '{name}' recommends{nearest(name, FAMILIES)}",
            remedy=f"known are: {', '.join(FAMILIES)}",
        )
    return FAMILIES[name]()


__all__ = ["FAMILIES", "FLOOR", "FULL", "QUICK", "STANDARD", "family"]
