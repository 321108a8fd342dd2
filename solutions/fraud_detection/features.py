"""The features of card fraud, as data: what a row's past says about it.

Three layers: how this customer and this card usually behave, what happens at this terminal and
merchant, and how often frauds were *known by now* to have happened there. Nodes whose columns a
customer lacks are switched off by the engine, and the report says what that costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from lepton.features.spec import (
    Alignment,
    Calendar,
    Category,
    Contrast,
    DelayedRate,
    Difference,
    FeatureSpec,
    Flag,
    KnownRun,
    Last,
    LastKnown,
    LastLabels,
    Node,
    Ratio,
    Raw,
    Recency,
    Speed,
    Window,
)

HOUR: Final = 3_600.0
DAY: Final = 24 * HOUR
SPANS: Final[Mapping[str, float | None]] = {
    "1h": HOUR,
    "1d": DAY,
    "3d": 3 * DAY,
    "7d": 7 * DAY,
    "14d": 14 * DAY,
    "21d": 21 * DAY,
    "30d": 30 * DAY,
    "ever": None,
}
"""Windows by the suffix of a feature's name; `ever` is the whole past."""

Op = Literal["mean", "sum", "max", "std"]


def counts(entity: str, *spans: str) -> tuple[Node, ...]:
    """Number of past rows of the same `entity` over each of `spans`."""
    return tuple(
        Window(f"{entity}_count_{span}", (f"{entity}_id",), "count", SPANS[span]) for span in spans
    )


def amounts(entity: str, op: Op, *spans: str) -> tuple[Node, ...]:
    """The past amounts of the same `entity`, aggregated by `op` over each of `spans`."""
    return tuple(
        Window(f"{entity}_amount_{op}_{span}", (f"{entity}_id",), op, SPANS[span], "amount")
        for span in spans
    )


def known_frauds(entity: str, column: str, *spans: str, strength: float) -> tuple[Node, ...]:
    """Shrunk share of frauds at the same `column`, among labels that became known in each span."""
    return tuple(
        DelayedRate(f"{entity}_fraud_rate_{span}", (column,), SPANS[span], strength)
        for span in spans
    )


def newest_labels(entity: str, column: str, *lasts: int) -> tuple[Node, ...]:
    """Share of frauds among the newest labels known at the same `column`, by how many."""
    return tuple(LastLabels(f"{entity}_last_{last}", (column,), last) for last in lasts)


def known_counts(entity: str, column: str, *spans: str) -> tuple[Node, ...]:
    """Number of frauds at the same `column` that became known in each span."""
    return tuple(
        DelayedRate(f"{entity}_frauds_{span}", (column,), SPANS[span], what="positives")
        for span in spans
    )


def habits(entity: str, span: str) -> tuple[Node, ...]:
    """The row's amount against the mean and spread of the same `entity` over `span`."""
    mean, std = f"{entity}_amount_mean_{span}", f"{entity}_amount_std_{span}"
    return (
        Difference(f"{entity}_amount_z_{span}", "amount", mean, std),
        Ratio(f"{entity}_amount_to_mean_{span}", "amount", mean),
    )


def shifts(entity: str, op: Op, of: str, *spans: str) -> tuple[Node, ...]:
    """What the same `entity` spent lately, by `op` over each of `spans`, against its mean `of`."""
    return tuple(
        Ratio(
            f"{entity}_amount_{op}_{span}_to_{of}",
            f"{entity}_amount_{op}_{span}",
            f"{entity}_amount_mean_{of}",
        )
        for span in spans
    )


ROW: Final[tuple[Node, ...]] = (
    Raw("amount", "amount"),
    Ratio("amount_to_balance", "amount", "balance_before"),
    Calendar("hour", "hour"),
    Calendar("weekday", "weekday"),
    Calendar("is_weekend", "is_weekend"),
    Calendar("is_night", "is_night"),
    Category("channel", "channel"),
    Category("mcc", "mcc"),
    Category("merchant_country", "merchant_country"),
    Category("card_country", "card_country"),
    Category("currency", "currency"),
    Category("auth_result", "auth_result"),
)
"""What the row says by itself."""

LARGE: Final = 3.0
"""Times a customer's mean above which an amount is large: few rows of honest spending are."""
BEFORE: Final = "before_14d"
"""The past without the last two weeks: what a burst of frauds has not yet made look usual."""

CUSTOMER: Final[tuple[Node, ...]] = (
    *counts("customer", "1h", "1d", "30d"),
    *amounts("customer", "mean", "7d", "30d", "ever"),
    *amounts("customer", "max", "7d", "30d"),
    *amounts("customer", "std", "30d", "ever"),
    *habits("customer", "30d"),
    *habits("customer", "ever"),
    Ratio("customer_amount_to_max_30d", "amount", "customer_amount_max_30d"),
    *shifts("customer", "max", "ever", "7d"),
    Window(
        f"customer_amount_mean_{BEFORE}", ("customer_id",), "mean", None, "amount", gap_s=14 * DAY
    ),
    Ratio(f"customer_amount_to_mean_{BEFORE}", "amount", f"customer_amount_mean_{BEFORE}"),
    *shifts("customer", "mean", BEFORE, "7d"),
    *shifts("customer", "max", BEFORE, "7d"),
    Flag("is_large", "customer_amount_to_mean_ever", above=LARGE),
    *(
        Window(f"customer_large_{span}", ("customer_id",), "sum", SPANS[span], "is_large")
        for span in ("7d", "14d")
    ),
    Recency("customer_recency", ("customer_id",)),
    *known_frauds("customer", "customer_id", "30d", strength=5.0),
    *known_counts("customer", "customer_id", "30d"),
)
"""How the customer usually behaves, and what of late is not like it."""

CARD: Final[tuple[Node, ...]] = (
    *counts("card", "1h", "1d", "7d"),
    *amounts("card", "mean", "30d"),
    *amounts("card", "std", "30d"),
    *habits("card", "30d"),
    Recency("card_recency", ("card_id",)),
    Flag("is_declined", "auth_result", equals="declined"),
    *(
        Window(f"card_declined_{span}", ("card_id",), "sum", SPANS[span], "is_declined")
        for span in ("1h", "1d")
    ),
)
"""The same for one card of a customer who may hold several; attempts that were declined just
before say that somebody is trying."""

RHYTHM: Final[tuple[Node, ...]] = (
    Calendar("hour_sin", "hour_sin"),
    Calendar("hour_cos", "hour_cos"),
    Window("card_hour_sin", ("card_id",), "mean", None, "hour_sin"),
    Window("card_hour_cos", ("card_id",), "mean", None, "hour_cos"),
    Alignment("card_usual_hour", "hour_sin", "hour_cos", "card_hour_sin", "card_hour_cos"),
    Window("card_gap_mean_30d", ("card_id",), "mean", 30 * DAY, "card_recency"),
    Window("card_gap_std_30d", ("card_id",), "std", 30 * DAY, "card_recency"),
    Contrast("card_burstiness", "card_gap_std_30d", "card_gap_mean_30d"),
)
"""At what hours and in what rhythm the card is used."""

TRAVEL: Final[tuple[Node, ...]] = (
    Last("card_last_lat", ("card_id",), "lat"),
    Last("card_last_lon", ("card_id",), "lon"),
    Speed("card_speed", "lat", "lon", "card_last_lat", "card_last_lon", "card_recency"),
)
"""How fast the card must have travelled since its last payment."""

TERMINAL: Final[tuple[Node, ...]] = (
    *counts("terminal", "7d", "30d"),
    *amounts("terminal", "mean", "1d", "30d"),
    *amounts("terminal", "std", "30d"),
    Difference(
        "terminal_mean_z",
        "terminal_amount_mean_1d",
        "terminal_amount_mean_30d",
        "terminal_amount_std_30d",
    ),
    *known_frauds("terminal", "terminal_id", "1d", "3d", "7d", strength=1.0),
    *known_frauds("terminal", "terminal_id", "14d", "21d", "30d", strength=5.0),
    *newest_labels("terminal", "terminal_id", 1, 5),
    *known_counts("terminal", "terminal_id", "7d", "30d"),
    KnownRun("terminal_fraud_run", ("terminal_id",), 50, "length", "is_large"),
    KnownRun("terminal_fraud_run_s", ("terminal_id",), 50, "seconds", "is_large"),
    LastKnown("terminal_since_fraud", ("terminal_id",), "positive"),
)
"""What happens at the terminal; `terminal_mean_z` needs no label. A terminal sees about one
transaction a day, so short windows are shrunk little: there the newest label counts. A run of
frauds of usual amounts says that the terminal, not its customers, has been compromised, and
since when."""

MERCHANT: Final[tuple[Node, ...]] = (
    *counts("merchant", "1h", "1d", "7d"),
    *amounts("merchant", "mean", "1d", "30d"),
    *known_frauds("merchant", "merchant_id", "7d", "30d", strength=20.0),
    LastKnown("merchant_since_fraud", ("merchant_id",), "positive"),
    *known_frauds("mcc", "mcc", "30d", strength=100.0),
    *known_frauds("country", "merchant_country", "30d", strength=100.0),
)
"""What happens at the merchant, in its line of business and in its country."""

FAMILIARITY: Final[tuple[Node, ...]] = (
    *counts("device", "1h", "1d"),
    *known_frauds("device", "device_id", "30d", strength=5.0),
    *(
        Window(f"customer_{name}_count", ("customer_id", column), "count", None)
        for name, column in (
            ("device", "device_id"),
            ("merchant", "merchant_id"),
            ("country", "merchant_country"),
            ("mcc", "mcc"),
        )
    ),
    *(
        Window(f"{entity}_customers_7d", (column,), "distinct", 7 * DAY, "customer_id")
        for entity, column in (("device", "device_id"), ("ip", "ip_hash"), ("email", "email_hash"))
    ),
    Window("customer_devices_30d", ("customer_id",), "distinct", 30 * DAY, "device_id"),
)
"""How new the device, the merchant, its country and its line of business are to the customer (0:
never seen before), and who shares a device."""

FEATURES: Final = FeatureSpec(
    (*ROW, *CUSTOMER, *CARD, *RHYTHM, *TRAVEL, *TERMINAL, *MERCHANT, *FAMILIARITY)
)

__all__ = ["FEATURES"]
