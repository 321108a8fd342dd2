"""Finding payment card numbers in text: they must never enter the project (PCI DSS 3.4)."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

# 13 to 19 digits, alone or in groups; ISO/IEC 7812 gives payment cards the first digits 2 to 6
_RUN = re.compile(r"(?<!\d)[2-6](?:[ -]?\d){12,18}(?![ -]?\d)")
_COARSE = r"[2-6](?:[ -]?[0-9]){12}"
# a digest of a token in hexadecimal, perhaps behind a prefix, or a UUID: digits by chance
_UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_DIGEST = rf"^(?:[A-Za-z]+[_:-])?(?:[0-9a-f]{{13,}}|[0-9A-F]{{13,}}|{_UUID})$"
_DIGESTS_AT_LEAST = 0.9
_DIGITS = re.compile(r"\d(?:[ -]?\d){12,18}")


def card_numbers(frame: pd.DataFrame) -> np.ndarray:
    """Mask of the rows with a Luhn-valid card number in some text column, digests left out."""
    found = np.zeros(len(frame), dtype=bool)
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.StringDtype):
            found |= _in_column(frame[name])
    return found


def masked(text: str) -> str:
    """The text with every run of 13 to 19 digits cut to its last four."""
    return _DIGITS.sub(lambda run: f"****{run.group()[-4:]}", text)


def _in_column(column: pd.Series) -> np.ndarray:
    text = pa.array(column, type=pa.large_string(), from_pandas=True)
    found = _has(text, _COARSE)
    if found.any():
        found &= ~_digests(text)
    for row in np.flatnonzero(found):
        found[row] = _has_card(str(column.iloc[row]))
    return found


def _digests(text: pa.Array) -> np.ndarray:
    """Mask of hexadecimal digests, in a column that holds little else; else none.

    Runs of 13 digits are not rare in them (one 16-digit digest in 2,000 has no letter), and one
    in ten passes Luhn. A column of card numbers has no letters at all.
    """
    found = _has(text, _DIGEST)
    present = len(text) - text.null_count
    lettered = _has(text, r"[a-fA-F][0-9]|[0-9][a-fA-F]") & found
    return found if lettered.sum() >= _DIGESTS_AT_LEAST * present else np.zeros_like(found)


def _has(text: pa.Array, pattern: str) -> np.ndarray:
    """Whether each value has the pattern in it; False where missing."""
    found = pc.match_substring_regex(text, pattern).fill_null(False)
    return np.asarray(found.to_numpy(zero_copy_only=False)).copy()


def _has_card(text: str) -> bool:
    return any(_luhn(re.sub("[ -]", "", run)) for run in _RUN.findall(text))


def _luhn(digits: str) -> bool:
    """Luhn's check: every second digit from the right doubled, the sum a multiple of ten."""
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    total = sum(int(digit) for digit in digits[::-2]) + sum(
        value // 10 + value % 10 for value in doubled
    )
    return total % 10 == 0
