"""What the bank learns about its transactions: late, not of every fraud, and not only the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from solutions.fraud_detection.events import ECOM, TRANSFER, Events
from solutions.fraud_detection.typologies import NAMES, TYPOLOGIES

DELAY_MEDIAN_DAYS: Final = 5.0
DELAY_P95_DAYS: Final = 12.0
DELAY_SIGMA: Final = float(np.log(DELAY_P95_DAYS / DELAY_MEDIAN_DAYS) / 1.6449)
"""The logarithm's standard deviation that gives these two quantiles. Real card data take longer
(median 12, 95th percentile 45 days); shorter here, so that half a year splits well."""
MATURITY_DAYS: Final = 12.0
MAX_DELAY_DAYS: Final = 40.0
FALSE_CLAIMS: Final = 0.02
"""Claims, as a share of all, of customers who made the payment themselves."""
_CLAIMED_AS: Final = (NAMES.index("lost_stolen"), NAMES.index("cnp_mimicry"))


@dataclass(frozen=True)
class Outcomes:
    """One value a transaction: reported as fraud, as which typology (0: none), known after days."""

    reported: np.ndarray
    typology: np.ndarray
    delay_days: np.ndarray


def outcomes(rng: np.random.Generator, events: Events) -> Outcomes:
    """What becomes known of `events`; what nobody reports counts as honest when it is mature."""
    likely = np.array([0.0, *(typology.reported for typology in TYPOLOGIES)])
    slow = np.array([1.0, *(typology.delay for typology in TYPOLOGIES)])
    reported = rng.random(len(events)) < likely[events.typology]
    typology = np.where(reported, events.typology, 0)
    claims = _false_claims(rng, events, int(reported.sum()))
    remote = np.isin(events.channel[claims], (ECOM, TRANSFER)).astype(np.int64)
    reported[claims] = True
    typology[claims] = np.array(_CLAIMED_AS)[remote]
    days = DELAY_MEDIAN_DAYS * np.exp(rng.normal(0.0, DELAY_SIGMA, len(events)))
    known = np.clip(days * slow[typology], 1 / 24, MAX_DELAY_DAYS)
    return Outcomes(reported, typology, np.where(reported, known, MATURITY_DAYS))


def _false_claims(rng: np.random.Generator, events: Events, n_reported: int) -> np.ndarray:
    """Honest payments that their own customers deny, the dear ones sooner."""
    n = round(n_reported * FALSE_CLAIMS / (1 - FALSE_CLAIMS))
    worth = np.where((events.typology > 0) | events.declined, 0.0, events.amount)
    return rng.choice(len(events), n, replace=False, p=worth / worth.sum())


__all__ = [
    "DELAY_MEDIAN_DAYS",
    "DELAY_P95_DAYS",
    "FALSE_CLAIMS",
    "MATURITY_DAYS",
    "Outcomes",
    "outcomes",
]
