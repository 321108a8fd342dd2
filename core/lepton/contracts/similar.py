"""How alike a customer's column and a canonical one are: by name, then by values."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from lepton import roles
from lepton.contracts.cast import TimeFormat, as_text, to_instant, to_number
from lepton.contracts.model import Column, ColumnType

_SAME: Mapping[str, str] = {
    **dict.fromkeys(("tx", "trx", "txn", "trans", "transactions", "payment"), "transaction"),
    **dict.fromkeys(("datetime", "timestamp", "date", "time", "ts", "when", "at"), "at"),
    **dict.fromkeys(("label", "class", "target", "fraudulent", "isfraud"), "fraud"),
    **dict.fromkeys(("client", "cust", "user", "payer", "account", "holder"), "customer"),
    **dict.fromkeys(("shop", "store", "vendor", "payee", "seller"), "merchant"),
    **dict.fromkeys(("cc",), "card"),
    **dict.fromkeys(("pos", "till"), "terminal"),
    **dict.fromkeys(("amt", "sum", "price"), "amount"),
    **dict.fromkeys(("latitude",), "lat"),
    **dict.fromkeys(("longitude", "long", "lng"), "lon"),
    **dict.fromkeys(("ccy",), "currency"),
    **dict.fromkeys(
        ("identifier", "key", "no", "nr", "num", "number", "ref", "uuid", "token"), "id"
    ),
    **dict.fromkeys(("email", "mail"), "email"),
    **dict.fromkeys(("scenario", "fraudtype"), "typology"),
    **dict.fromkeys(("ctry",), "country"),
}
# words that say nothing about which column is meant
_NOISE = {"is", "the", "of", "value", "flag"}
_ROLE_WORDS = {
    roles.EVENT_AT: {"transaction", "event", "at"},
    roles.TARGET: {"fraud", "transaction"},
    roles.VALUE: {"amount", "transaction"},
}


def words(name: str) -> frozenset[str]:
    """The name's words in one spelling: `TX_DATETIME` and `transactionDate` are the same."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).casefold()
    found = (_SAME.get(word, word) for word in re.findall(r"[a-z]+|\d+", apart))
    return frozenset(word for word in found if word not in _NOISE)


def likeness(source: str, column: Column) -> float:
    """0..1: how much the names share; all words of the canonical one that matter, no others."""
    given, wanted = words(source), words(column.name)
    known = wanted.union(*(_ROLE_WORDS.get(role, set()) for role in column.roles))
    if not given or not given & wanted:
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
        return is_time(present) or _is_number(present)
    if column.allowed == ("0", "1"):
        return present.nunique() == 2
    if column.type in (ColumnType.NUMBER, ColumnType.INTEGER):
        return _is_number(present)
    if roles.KEY in column.roles:
        return bool(present.is_unique)
    if column.pattern is not None:
        return bool(as_text(present).str.contains(column.pattern, regex=True).mean() > 0.9)
    return True


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
