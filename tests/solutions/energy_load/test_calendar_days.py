"""Holidays as days of the local clock."""

from __future__ import annotations

import pandas as pd
import pytest

from lepton.errors import DataError
from solutions.energy_load.calendar_days import holiday_mask, holidays_of


def test_holidays_of_any_country_are_days_by_the_local_clock() -> None:
    days = holidays_of("AU", "VIC", [2024])
    cup = pd.Timestamp("2024-11-05")
    assert cup in set(days["day"])
    assert cup not in set(holidays_of("AU", None, [2024])["day"])
    at = pd.date_range("2024-11-04T12:00Z", "2024-11-05T14:00Z", freq="h")
    mask = holiday_mask(at, "Australia/Melbourne", days)
    assert mask.index[mask].min() == pd.Timestamp("2024-11-04T13:00Z")
    assert int(mask.sum()) == 24
    with pytest.raises(DataError, match=r"LK260 .*no holidays are known of 'GERMANY'"):
        holidays_of("GERMANY", None, [2024])
