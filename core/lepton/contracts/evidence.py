"""What a column's values say about what it could be: a share and the reason, or that it cannot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lepton import roles
from lepton.contracts.cards import card_numbers
from lepton.contracts.cast import TimeFormat, as_text, to_instant, to_number
from lepton.contracts.codes import LISTS
from lepton.contracts.model import Column, ColumnType
from lepton.contracts.vocabulary import words

NEARLY = 0.98
_MOST = 0.9
_DAYS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d")
_CLOCKS = ("", " %H:%M:%S", " %H:%M", " %H:%M:%S.%f", " %I:%M:%S %p", " %I:%M %p")
_FORMATS = (*(day + clock for day in _DAYS for clock in _CLOCKS), "%Y%m%d%H%M%S")
_PER_SECOND = (("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9))


@dataclass(frozen=True)
class Evidence:
    """How well values suit a canonical column, 0..1, and what was seen in them."""

    weight: float
    about: str


def evidence(values: pd.Series, column: Column) -> Evidence | None:
    """What `values` say about being `column`; None where they cannot be it at all."""
    present = values.loc[as_text(values).notna()]
    if not len(present):
        return None
    if column.type is ColumnType.TIMESTAMP:
        return _instants(present)
    if column.allowed == ("0", "1"):
        return _outcome(present)
    if column.type in (ColumnType.NUMBER, ColumnType.INTEGER):
        return _numbers(present, column)
    if roles.KEY in column.roles:
        return _key(present)
    if column.pattern is not None:
        return _pattern(present, column)
    if column.allowed:
        return _allowed(present, column)
    if roles.ENTITY in column.roles:
        return _tokens(present)
    return Evidence(0.1, "numbers") if _has_decimals(present) else Evidence(0.5, "any text")


def _has_decimals(values: pd.Series) -> bool:
    """Whether these are measured numbers, which name nothing."""
    if not pd.api.types.is_numeric_dtype(values):
        values = pd.to_numeric(values, errors="coerce")
    return bool(values.notna().all() and (values % 1 != 0).mean() > 0.1)


def _instants(values: pd.Series) -> Evidence | None:
    if is_time(values):
        days = " (days without a time of day)" if is_days_only(values) else ""
        return Evidence(0.7 if days else 1.0, f"times{days}")
    if formats := time_formats(values):
        days = (
            " (days without a time of day)"
            if "%H" not in formats[0] and "%I" not in formats[0]
            else ""
        )
        return Evidence(0.7 if days else 0.95, f"times as {' or '.join(formats)}{days}")
    if "at" in words(str(values.name)) and is_number(values):
        unit = epoch_unit(to_number(values, ".").values.dropna())
        return Evidence(0.9, f"{unit} since 1970") if unit else Evidence(0.5, "numbers since when?")
    return None


def _outcome(values: pd.Series) -> Evidence | None:
    codes = two_codes(values)
    if len(codes) != 2:
        return None
    rarer = float((as_text(values) == codes[1]).mean())
    about = f"two codes, {codes[1]} in {rarer:.2%}"
    return Evidence(1.0 if rarer < 0.2 else 0.6, about)


def _numbers(values: pd.Series, column: Column) -> Evidence | None:
    if not is_number(values):
        return None
    numbers = to_number(values, ".").values.dropna().to_numpy()
    inside = _inside(numbers, column)
    about = f"numbers from {numbers.min():g} to {numbers.max():g}"
    if roles.VALUE in column.roles and _counts(numbers):
        return Evidence(0.3, f"{about}, each once: a count?")
    return Evidence(inside, about if inside > NEARLY else f"{about}, {inside:.0%} within bounds")


def _inside(numbers: np.ndarray, column: Column) -> float:
    low = -np.inf if column.minimum is None else column.minimum
    high = np.inf if column.maximum is None else column.maximum
    above = numbers > low if column.exclusive_minimum else numbers >= low
    return float((above & (numbers <= high)).mean())


def _counts(numbers: np.ndarray) -> bool:
    """Whether these number the rows, one after another."""
    return bool(len(numbers) > 20 and np.all(np.diff(numbers) == 1) and numbers[0] in (0, 1))


def _key(values: pd.Series) -> Evidence | None:
    # a few rows sent twice do not make another column of it
    share = values.nunique() / len(values)
    return Evidence(share, f"{share:.1%} distinct") if share > NEARLY else None


def _pattern(values: pd.Series, column: Column) -> Evidence | None:
    text = as_text(values)
    share = float(text.str.contains(str(column.pattern), regex=True).mean())
    known = LISTS.get(column.unit or "")
    if share <= _MOST:
        return None
    if known is None:
        return Evidence(share, f"{share:.0%} match {column.pattern}")
    listed = float(text.isin(known).mean())
    return Evidence(listed, f"{listed:.0%} are codes of {column.unit}")


def _allowed(values: pd.Series, column: Column) -> Evidence:
    known = {code.casefold() for code in column.allowed}
    share = float(as_text(values).str.casefold().isin(known).mean())
    return Evidence(0.4 + 0.6 * share, f"{share:.0%} are among {', '.join(column.allowed)}")


def _tokens(values: pd.Series) -> Evidence:
    distinct = values.nunique()
    about = f"{distinct:,} distinct in {len(values):,}"
    if distinct == 1:
        return Evidence(0.2, f"{about}: always the same")
    return (
        Evidence(0.4, f"{about}: never repeats")
        if distinct == len(values)
        else Evidence(1.0, about)
    )


def holds_cards(values: pd.Series) -> bool:
    """Whether most of the values are payment card numbers."""
    sample = as_text(values).dropna().head(1_000)
    return bool(len(sample) and card_numbers(sample.astype("str").to_frame()).mean() > 0.5)


def two_codes(values: pd.Series) -> list[str]:
    """The two values that nearly all cells have, the frequent one first; none where others do."""
    counts = as_text(values).dropna().value_counts()
    if len(counts) < 2 or counts.iloc[:2].sum() < NEARLY * counts.sum():
        return []
    return [str(code) for code in counts.index[:2]]


def time_formats(values: pd.Series) -> list[str]:
    """The formats, other than ISO 8601, in which nearly all of these texts can be read."""
    if not isinstance(values.dtype, pd.StringDtype):
        return []
    sample = values.head(10_000)
    return [
        form
        for form in _FORMATS
        if to_instant(sample, TimeFormat(form, "UTC")).values.notna().mean() > _MOST
    ]


def is_time(values: pd.Series) -> bool:
    """Whether these are instants, naive or not."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return True
    if not isinstance(values.dtype, pd.StringDtype):
        return False
    return bool(to_instant(values, TimeFormat(zone="UTC")).values.notna().mean() > _MOST)


def is_days_only(values: pd.Series) -> bool:
    """Whether these instants are all midnights: days without a time of day."""
    read = to_instant(values, TimeFormat(zone="UTC")).values.dropna()
    return bool(len(read) > 1 and (read == read.dt.floor("D")).all())


def is_naive(values: pd.Series) -> bool:
    """Whether these instants have no zone."""
    cast = to_instant(values, TimeFormat())
    return cast.refusal is not None and cast.refusal[0] == "LK213"


def is_number(values: pd.Series) -> bool:
    """Whether nearly all values are numbers, and no times."""
    if pd.api.types.is_bool_dtype(values.dtype) or is_time(values):
        return False
    return bool(to_number(values, ".").values.notna().mean() > _MOST)


def has_foreign_marks(values: pd.Series) -> bool:
    """Whether nearly all texts are numbers once a comma is read as the decimal mark."""
    text = as_text(values).dropna().head(10_000)
    commas = text.str.fullmatch(r"[+-]?(?:\d{1,3}(?:[. ']\d{3})+|\d+),\d+").fillna(False)
    read = to_number(text, ",", ".").values.notna()
    return bool(len(text) and commas.mean() > 0.5 and read.mean() > _MOST)


def is_thousandths(values: pd.Series) -> bool:
    """Whether every number is written with one mark and three digits behind it: 1.234, or 1234?"""
    text = as_text(values).dropna().head(10_000)
    return bool(len(text) and text.str.fullmatch(r"[+-]?[1-9]\d{0,2}[.,]\d{3}").all())


def are_whole(values: pd.Series) -> bool:
    """Whether every number is whole."""
    numbers = to_number(values, ".").values.dropna().to_numpy()
    return bool(len(numbers) and np.all(numbers == np.floor(numbers)))


def epoch_unit(numbers: pd.Series) -> str | None:
    """The unit in which these numbers, counted from 1970, lie between 1990 and 2100."""
    middle = float(numbers.median()) if len(numbers) else 0.0
    return next((unit for unit, per in _PER_SECOND if 6.3e8 < middle / per < 4.1e9), None)


def auc(values: np.ndarray, target: np.ndarray) -> float:
    """Area under the ROC curve of one column alone (rank statistic, ties halved), 0.5..1."""
    known = np.isfinite(values) & np.isfinite(target)
    ranks = pd.Series(values[known]).rank().to_numpy()
    positive = target[known] == 1
    n_one, n_zero = int(positive.sum()), int((~positive).sum())
    if not n_one or not n_zero:
        return 0.5
    area = (ranks[positive].sum() - n_one * (n_one + 1) / 2) / (n_one * n_zero)
    return float(max(area, 1 - area))
