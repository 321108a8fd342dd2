"""A small shop whose answers are known: customers who re-order, and items that go together."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lepton.recommend.interactions import InteractionDataset

DAY = 86_400
START = pd.Timestamp("2024-01-01", tz="UTC")


def rows(told: list[tuple[str, str, float, str]]) -> pd.DataFrame:
    """(customer, item, day, order) as a frame."""
    customer, item, day, order = zip(*told, strict=True)
    return pd.DataFrame(
        {
            "customer_id": pd.Series(customer, dtype="str"),
            "item_id": pd.Series(item, dtype="str"),
            "event_at": START + pd.to_timedelta(np.array(day), unit="D"),
            "order_id": pd.Series(order, dtype="str"),
            "quantity": 1.0,
            "price": 2.0,
        }
    )


def dataset(told: list[tuple[str, str, float, str]], until: float) -> InteractionDataset:
    """The same as a dataset that is known before day `until`."""
    return InteractionDataset.of(rows(told), int((START + pd.Timedelta(days=until)).timestamp()))


def shop(n_customers: int = 120, n_items: int = 40, days: int = 280, seed: int = 0) -> pd.DataFrame:
    """Each customer likes items of one of four groups and comes back about every two weeks; half of
    a basket is what they had before."""
    rng = np.random.default_rng(seed)
    told = []
    for customer in range(n_customers):
        liked = np.flatnonzero(np.arange(n_items) % 4 == customer % 4)
        had: list[int] = []
        day = float(rng.uniform(0, 20))
        while day < days:
            fresh = rng.choice(liked, size=2, replace=False).tolist()
            again = rng.choice(had, size=min(2, len(had)), replace=False).tolist() if had else []
            basket = sorted({*fresh, *again})
            told += [
                (f"c{customer:03d}", f"i{one:02d}", day, f"o{customer}-{day:.3f}") for one in basket
            ]
            had = sorted({*had, *basket})[:6]
            day += float(rng.gamma(4.0, 3.5))
    return rows(told).sample(frac=1.0, random_state=seed, ignore_index=True)


def shop_dataset(seed: int = 0) -> InteractionDataset:
    """The shop as a dataset."""
    return InteractionDataset.of(shop(seed=seed))
