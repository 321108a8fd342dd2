"""How alike a customer's column and a canonical one are: by name, then by values."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from lepton import roles
from lepton.contracts.cards import card_numbers
from lepton.contracts.cast import TimeFormat, as_text, to_instant, to_number
from lepton.contracts.model import Column, ColumnType

_SAME: Mapping[str, str] = {
    **dict.fromkeys(("tx", "trx", "txn", "trans", "transactions", "payment"), "transaction"),
    **dict.fromkeys(("transaktion", "transaktions", "buchung", "buchungs"), "transaction"),
    **dict.fromkeys(("datetime", "timestamp", "date", "time", "ts", "when", "at"), "at"),
    **dict.fromkeys(("dt", "step", "epoch", "unix", "datum", "zeit", "zeitpunkt"), "at"),
    **dict.fromkeys(("label", "class", "target", "fraudulent", "betrug"), "fraud"),
    **dict.fromkeys(("client", "cust", "user", "payer", "account", "holder"), "customer"),
    **dict.fromkeys(("acct", "orig", "org", "kunde", "kunden", "konto"), "customer"),
    **dict.fromkeys(("shop", "store", "vendor", "payee", "seller", "dest"), "merchant"),
    **dict.fromkeys(("händler", "haendler"), "merchant"),
    **dict.fromkeys(("cc", "karte", "karten"), "card"),
    **dict.fromkeys(("pos", "till"), "terminal"),
    **dict.fromkeys(("amt", "sum", "price", "value", "betrag", "umsatz"), "amount"),
    **dict.fromkeys(("gerät", "geraet"), "device"),
    **dict.fromkeys(("kanal",), "channel"),
    **dict.fromkeys(("währung", "waehrung"), "currency"),
    **dict.fromkeys(("land",), "country"),
    **dict.fromkeys(("old",), "before"),
    **dict.fromkeys(("latitude",), "lat"),
    **dict.fromkeys(("longitude", "long", "lng"), "lon"),
    **dict.fromkeys(("ccy",), "currency"),
    **dict.fromkeys(
        ("identifier", "key", "no", "nr", "num", "number", "nummer", "ref", "uuid", "token"), "id"
    ),
    **dict.fromkeys(("email", "mail"), "email"),
    **dict.fromkeys(("scenario", "fraudtype"), "typology"),
    **dict.fromkeys(("ctry",), "country"),
}
# words that say nothing about which column is meant
_NOISE = {"is", "the", "of", "flag", "name", "utc", "second", "seconds"}
_MONEY = {"cent", "cents", "minor", "eur", "usd", "gbp", "chf", "inr", "euro", "euros", "dollars"}
_CANONICAL = {
    *("transaction", "at", "fraud", "customer", "merchant", "card", "terminal", "amount", "device"),
    *("channel", "currency", "country", "before", "balance", "id", "lat", "lon", "is", "label"),
}
_VOCABULARY = {*_SAME, *_CANONICAL, *_NOISE, *_MONEY}
# words that do not tell one instant, or one id, from another
_GENERIC = {"at", "id"}
_GENERIC_WILL_DO = {roles.EVENT_AT, roles.KEY}
_NEARLY = 0.98
_DAYS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d")
_CLOCKS = ("", " %H:%M:%S", " %H:%M", " %H:%M:%S.%f", " %I:%M:%S %p", " %I:%M %p")
_FORMATS = (*(day + clock for day in _DAYS for clock in _CLOCKS), "%Y%m%d%H%M%S")
_ROLE_WORDS = {
    roles.EVENT_AT: {"transaction", "event", "at"},
    roles.TARGET: {"fraud", "transaction"},
    roles.VALUE: {"amount", "transaction"},
}


def words(name: str) -> frozenset[str]:
    """The name's words in one spelling: `TX_DATETIME` and `transactionDate` are the same."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).casefold()
    parts = (part for word in re.findall(r"[^\W\d_]+|\d+", apart) for part in _parts(word))
    found = (_SAME.get(part, part) for part in parts)
    return frozenset(word for word in found if word not in _NOISE)


def _parts(word: str) -> tuple[str, ...]:
    """Two known words that were written as one, such as `custid`; else the word itself."""
    if word in _VOCABULARY:
        return (word,)
    cuts = ((word[:place], word[place:]) for place in range(2, len(word) - 1))
    return next((cut for cut in cuts if _VOCABULARY.issuperset(cut)), (word,))


def is_minor_unit(name: str) -> bool:
    """Whether the name says that its numbers are hundredths of the currency."""
    return bool(words(name) & {"cent", "cents", "minor"})


def likeness(source: str, column: Column) -> float:
    """0..1: how much the names share; all words of the canonical one that matter, no others."""
    given, wanted = words(source), words(column.name)
    known = wanted.union(*(_ROLE_WORDS.get(role, set()) for role in column.roles))
    # what the contract says about a number may stand in its name, such as whose balance it is
    known |= words(column.description) if column.type is ColumnType.NUMBER else frozenset()
    if roles.VALUE in column.roles:
        known |= _MONEY
    shared_at_least = wanted if _GENERIC_WILL_DO.intersection(column.roles) else wanted - _GENERIC
    if not given & shared_at_least:
        return 0.0
    shared, strange = given & wanted, given - known
    share = len(shared) / len(wanted)
    return share * len(given & known) / len(given) - 0.15 * len(strange)


def fits(values: pd.Series, column: Column) -> bool:
    """Whether the values could be this column's at all."""
    present = values.loc[as_text(values).notna()]
    if not len(present):
        return False
    if column.type is ColumnType.TIMESTAMP:
        counts = "at" in words(str(values.name)) and _is_number(present)
        return is_time(present) or counts or bool(time_formats(present))
    if column.allowed == ("0", "1"):
        return len(two_codes(present)) == 2
    if column.type in (ColumnType.NUMBER, ColumnType.INTEGER):
        return _is_number(present)
    if roles.KEY in column.roles:
        # a few rows sent twice do not make another column of it
        return bool(present.nunique() > _NEARLY * len(present))
    if column.pattern is not None:
        return bool(as_text(present).str.contains(column.pattern, regex=True).mean() > 0.9)
    return True


def holds_cards(values: pd.Series) -> bool:
    """Whether most of the values are payment card numbers."""
    sample = as_text(values).dropna().head(1_000)
    return bool(len(sample) and card_numbers(sample.astype("str").to_frame()).mean() > 0.5)


def two_codes(values: pd.Series) -> list[str]:
    """The two values that nearly all cells have, the frequent one first; none where others do."""
    counts = as_text(values).dropna().value_counts()
    if len(counts) < 2 or counts.iloc[:2].sum() < _NEARLY * counts.sum():
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
        if to_instant(sample, TimeFormat(form, "UTC")).values.notna().mean() > 0.9
    ]


def is_time(values: pd.Series) -> bool:
    """Whether these are instants, naive or not."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return True
    if not isinstance(values.dtype, pd.StringDtype):
        return False
    return bool(to_instant(values, TimeFormat(zone="UTC")).values.notna().mean() > 0.9)


def is_naive(values: pd.Series) -> bool:
    """Whether these instants have no zone."""
    cast = to_instant(values, TimeFormat())
    return cast.refusal is not None and cast.refusal[0] == "LK213"


def _is_number(values: pd.Series) -> bool:
    if pd.api.types.is_bool_dtype(values.dtype) or is_time(values):
        return False
    return bool(to_number(values, ".").values.notna().mean() > 0.9)


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
