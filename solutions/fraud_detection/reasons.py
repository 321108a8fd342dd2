"""What a reason is called: features grouped into phrases that an analyst reads.

Patterns are of names of features; the first phrase with one that fits takes the feature. A feature
that none fits, such as a customer's own column, is named itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

REASONS: Final[Mapping[str, tuple[str, ...]]] = {
    "customer was defrauded lately": (
        "customer_fraud_rate_*",
        "customer_frauds_*",
        "card_fraud_rate_*",
        "card_frauds_*",
    ),
    "known frauds at this terminal": (
        "terminal_fraud*",
        "terminal_last_*",
        "terminal_since_fraud",
    ),
    "known frauds at this merchant": ("merchant_fraud*", "merchant_last_*", "merchant_since_fraud"),
    "known frauds in this line of business": ("mcc_fraud*",),
    "known frauds in this country": ("country_fraud*",),
    "known frauds with this device": ("device_fraud*", "ip_fraud*", "email_fraud*"),
    "device, address or e-mail shared by several customers": ("*_customers_*",),
    "device new to the customer": ("customer_device_*", "customer_devices_*"),
    "merchant new to the customer": ("customer_merchant_*",),
    "kind of merchant new to the customer": ("customer_mcc_*",),
    "country new to the customer": ("customer_country_*",),
    "many payments from this device in a short time": ("device_count_*", "device_recency"),
    "unusual pace of the customer's payments": (
        "customer_count_*",
        "customer_recency",
        "customer_amount_sum_*",
    ),
    "unusual pace of the card's payments": (
        "card_count_*",
        "card_recency",
        "card_gap_*",
        "card_burstiness",
        "card_amount_sum_*",
    ),
    "customer spends more lately than before": (
        "customer_amount_mean_*_to_*",
        "customer_amount_max_*_to_*",
        "customer_large_*",
    ),
    "amount above the customer's habit": (
        "customer_amount_z_*",
        "customer_amount_to_*",
        "card_amount_z_*",
        "card_amount_to_*",
    ),
    "customer's usual amounts": ("customer_amount_*", "card_amount_*"),
    "unusual amounts at this terminal": ("terminal_mean_z", "terminal_amount_*"),
    "unusual traffic at this terminal": ("terminal_count_*",),
    "unusual amounts at this merchant": ("merchant_amount_*",),
    "unusual traffic at this merchant": ("merchant_count_*",),
    "declined attempts before": ("*decline*", "auth_result"),
    "impossible journey since the last payment": ("*speed*", "*distance*", "card_last_l*"),
    "large share of the balance": ("amount_to_balance",),
    "amount of the payment": ("amount", "amount_*", "is_large"),
    "unusual hour or day": ("hour", "weekday", "is_weekend", "is_night", "*hour*"),
    "kind of payment": ("channel", "currency"),
    "line of business": ("mcc",),
    "country of merchant or card": ("merchant_country", "card_country", "*country*"),
}
"""Phrase -> patterns of the features that it stands for."""

__all__ = ["REASONS"]
