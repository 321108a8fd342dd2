"""The names of roles, in one place: what a column means, whatever a customer calls it.

A contract gives each of its columns at most a few of these; splits, leakage checks,
features and request validation ask for the role, never for the column's name.
"""

from __future__ import annotations

from typing import Final

KEY: Final = "key"
"""Names one row for ever: unique, never null."""
ENTITY: Final = "entity"
"""Who or what acts; repeats over rows. A table may have several; the first is the primary one."""
GROUP: Final = "group"
"""Whose rows belong together: no group is in two parts of a split by group."""
EVENT_AT: Final = "event_at"
"""When it happened."""
INGESTED_AT: Final = "ingested_at"
"""When it became visible to us."""
LABEL_AT: Final = "label_at"
"""When the target became known."""
TARGET: Final = "target"
"""What is predicted."""
AUXILIARY: Final = "auxiliary_target"
"""A finer kind of the target, known with it; a network may learn it beside the target."""
VALUE: Final = "value"
"""What one row is worth, in money."""
NEVER_A_FEATURE: Final = "never_a_feature"
"""Known only after the event, or protected."""

SCORE: Final = "score"
"""Prediction: calibrated probability in 0..1."""
DECISION: Final = "decision"
"""Prediction: 1 where the score reaches the threshold."""

ROLES: Final = frozenset(
    {KEY, ENTITY, GROUP, EVENT_AT, INGESTED_AT, LABEL_AT, TARGET, AUXILIARY, VALUE, NEVER_A_FEATURE}
)
