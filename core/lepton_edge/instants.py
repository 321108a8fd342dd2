"""Instants as microseconds since 1970, and the parts of a day in a zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
DAY_S: Final = 86_400
FIRST: Final = (datetime(1900, 1, 1, tzinfo=UTC) - EPOCH) // MICROSECOND
LAST: Final = (datetime(9000, 1, 1, tzinfo=UTC) - EPOCH) // MICROSECOND
_MOST_KEPT: Final = 4_096


def microseconds(value: object) -> int:
    """`value` as microseconds since 1970: an aware datetime, ISO 8601 text with its offset, or
    an int that already is one. Raises ValueError, saying why, on everything else.
    """
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} names no time zone; write +00:00 or Z")
        since = value - EPOCH
        value = (since.days * DAY_S + since.seconds) * SECOND_US + since.microseconds
    if isinstance(value, int) and not isinstance(value, bool):
        if FIRST < value < LAST:
            return value
        raise ValueError(f"{value!r:.40} is no instant between the years 1900 and 9000")
    raise ValueError(f"{value!r:.40} is no instant; write ISO 8601 with an offset")


def _parsed(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r:.40} is no instant; write ISO 8601 with an offset") from None


class Clock:
    """Local time of day and weekday in one zone; offsets are asked for once a minute."""

    def __init__(self, zone: str) -> None:
        """Raises ValueError where the zone is not known on this machine."""
        self._zone = None if zone == "UTC" else zone_of(zone)
        self._offsets: dict[int, int] = {}

    def parts(self, at: int) -> tuple[float, int]:
        """Hour 0..24 with fraction, weekday with 0 for Monday, of the instant `at`."""
        second = at // SECOND_US
        if self._zone is not None:
            second += self._offset(at // MINUTE_US)
        day, rest = divmod(second, DAY_S)
        hour, rest = divmod(rest, 3600)
        # 1970-01-01 was a Thursday
        return hour + rest // 60 / 60 + rest % 60 / 3600, (day + 3) % 7

    def _offset(self, minute: int) -> int:
        """Seconds to add to UTC; no zone has changed its offset inside a minute since 1972."""
        found = self._offsets.get(minute)
        if found is None:
            if len(self._offsets) >= _MOST_KEPT:
                self._offsets.clear()
            offset = (EPOCH + timedelta(minutes=minute)).astimezone(self._zone).utcoffset()
            found = self._offsets[minute] = int((offset or timedelta()).total_seconds())
        return found


def zone_of(name: str) -> ZoneInfo:
    """The zone called `name`; raises ValueError where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"the zone {name!r:.40} is not known on this machine") from error


__all__ = ["Clock", "microseconds", "zone_of"]
