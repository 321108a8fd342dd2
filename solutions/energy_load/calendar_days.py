"""Days that differ from others: public holidays of any country, as a table a device can carry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import holidays
import pandas as pd

from lepton.errors import DataError, nearest

CODE: Final = "LK260"


def holidays_of(country: str, subdiv: str | None, years: Iterable[int]) -> pd.DataFrame:
    """Columns day (a local date at midnight, naive) and name, in order of days.

    country: ISO 3166-1 alpha-2; subdiv: ISO 3166-2 without the country (`VIC`, `BY`), None for the
    holidays that the whole country has. Raises DataError LK260 for one that is not known.
    """
    known = holidays.list_supported_countries()
    if country not in known:
        raise DataError(
            CODE,
            where="energy_load/meters.country",
            found=f"no holidays are known of '{country}'{nearest(country, known)}",
            remedy="write the ISO 3166-1 code of two letters, or leave the country out",
        )
    if subdiv is not None and subdiv not in known[country]:
        raise DataError(
            CODE,
            where="energy_load/meters.subdiv",
            found=f"{country} has no part '{subdiv}'{nearest(subdiv, known[country])}",
            remedy=f"known are: {', '.join(known[country]) or 'none: leave it out'}",
        )
    found = holidays.country_holidays(country, subdiv=subdiv, years=list(years), language="en_US")
    days = sorted(found.items())
    return pd.DataFrame(
        {
            "day": pd.DatetimeIndex([day for day, _ in days]).as_unit("us"),
            "name": pd.Series([name for _, name in days], dtype="str"),
        }
    )


def holiday_mask(at: pd.DatetimeIndex, zone: str, days: pd.DataFrame) -> pd.Series:
    """Whether each instant lies on one of the `days` of `holidays_of`, by the zone's clock."""
    local = at.tz_convert(zone).tz_localize(None).normalize()
    return pd.Series(local.isin(days["day"]), index=at)


__all__ = ["holiday_mask", "holidays_of"]
