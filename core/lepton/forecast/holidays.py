"""Public holidays of any country as local dates, computed and never read from data."""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np

from lepton.errors import DataError, MachineError, nearest

_EPOCH: Final = date(1970, 1, 1).toordinal()


def holidays_of(country: str, subdiv: str | None, years: range) -> tuple[int, ...]:
    """Holidays of a country (ISO 3166-1, two letters) and a part of it, as days since 1970,
    ascending, by the `holidays` package. Raises as `named_holidays`."""
    return tuple(sorted(named_holidays(country, subdiv, years)))


def named_holidays(country: str, subdiv: str | None, years: range) -> dict[int, str]:
    """Day since 1970 -> the holiday's name, in the language that the country is told in.

    Raises DataError LK266 for a country or part that it does not know, MachineError LK942 where the
    package is missing.
    """
    try:
        import holidays
    except ImportError as error:
        raise MachineError(
            "LK942",
            where="holidays",
            found="the package that computes public holidays is not installed",
            remedy="pip install holidays",
        ) from error
    known = holidays.list_supported_countries()
    if country not in known:
        raise DataError(
            "LK266",
            where="series.country",
            found=f"no holidays are known for '{country}'{nearest(country, known)}",
            remedy="use the two letters of ISO 3166-1, or leave the country empty",
        )
    if subdiv is not None and subdiv not in known[country]:
        raise DataError(
            "LK266",
            where="series.subdiv",
            found=f"'{subdiv}' is no part of {country}{nearest(subdiv, known[country])}",
            remedy=f"known are: {', '.join(known[country]) or 'none'}",
        )
    days = holidays.country_holidays(country, subdiv=subdiv, years=years)
    return {day.toordinal() - _EPOCH: name for day, name in sorted(days.items())}


def years_around(steps: np.ndarray, step_s: int, ahead: int = 10) -> range:
    """Years from the first to the last of these intervals, one more before and `ahead` after."""
    if not len(steps):
        return range(0)
    first, last = (
        np.datetime64(int(step) * step_s, "s").astype("datetime64[Y]").astype(int) + 1970
        for step in (steps.min(), steps.max())
    )
    return range(int(first) - 1, int(last) + ahead + 1)


__all__ = ["holidays_of", "named_holidays", "years_around"]
