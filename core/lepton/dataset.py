"""Rows that are ready to learn from, and their parts in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd

from lepton import roles
from lepton.errors import SearchError

T = TypeVar("T")


@dataclass(frozen=True)
class SwitchedOff:
    """A feature that the data cannot feed, the columns it misses, and what that costs."""

    feature: str
    missing: tuple[str, ...]
    cost: str


@dataclass(frozen=True)
class TabularDataset:
    """Featurized rows of one task in canonical order (event time, then key).

    rows: one row an event: every role column of the contract that the data have, and the
    feature columns; numeric features are float64 with NaN for missing, categorical ones
    are str with None for missing. roles: role name -> column (the primary one).
    """

    rows: pd.DataFrame
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    roles: Mapping[str, str]
    switched_off: tuple[SwitchedOff, ...] = ()
    spec: tuple[Mapping[str, Any], ...] = ()
    """The feature spec that made the features, as `FeatureSpec.to_json` writes it."""
    task: str = ""
    """Name of the task that they are for; empty for the one that the settings ask for."""
    why: str = ""
    """Why it is not that one."""

    def __len__(self) -> int:
        return len(self.rows)

    def role(self, name: str) -> pd.Series:
        """The column that has the role `name`; KeyError where none has it."""
        return self.rows[self.roles[name]]

    def has(self, name: str) -> bool:
        """Whether some column has the role `name`."""
        return name in self.roles

    @property
    def y(self) -> np.ndarray:
        """Target as float64, NaN where it is not known yet."""
        return self.role(roles.TARGET).to_numpy(dtype=np.float64, na_value=np.nan)

    @property
    def kinds(self) -> np.ndarray | None:
        """Code of the finer kind of each row's target, in the order of their names, -1 for none;
        None where no column has the role."""
        if not self.has(roles.AUXILIARY):
            return None
        kinds = self.role(roles.AUXILIARY)
        names = sorted(kinds.dropna().astype(str).unique())
        codes = {name: code for code, name in enumerate(names)}
        return np.array([codes.get(str(kind), -1) for kind in kinds], dtype=np.int64)

    @property
    def X(self) -> np.ndarray:  # noqa: N802 - the field's name for the matrix
        """Numeric features, float64, shape (rows, len(numeric)), C order."""
        return np.ascontiguousarray(self.rows[list(self.numeric)].to_numpy(dtype=np.float64))

    @property
    def C(self) -> np.ndarray:  # noqa: N802
        """Categorical features, object array of str, "" for missing, (rows, len(categorical))."""
        return self.rows[list(self.categorical)].astype(object).fillna("").to_numpy(dtype=object)

    def joined(self, other: TabularDataset) -> TabularDataset:
        """The rows of both, this one's first; both must have the same columns."""
        return replace(self, rows=pd.concat([self.rows, other.rows], ignore_index=True))

    def only(self, patterns: Sequence[str]) -> TabularDataset:
        """The rows with those features that fit one of `patterns`; with all where none does."""

        def fits(name: str) -> bool:
            return any(fnmatchcase(name, pattern) for pattern in patterns)

        numeric, categorical = (tuple(filter(fits, n)) for n in (self.numeric, self.categorical))
        if not numeric + categorical:
            return self
        return replace(self, numeric=numeric, categorical=categorical)

    def take(self, index: np.ndarray) -> TabularDataset:
        """The rows at `index` (positions, or a boolean mask), in their order."""
        return replace(
            self, rows=self.rows.iloc[np.flatnonzero(index) if index.dtype == bool else index]
        )


@dataclass
class Sealed(Generic[T]):
    """A value that may be opened once: the holdout, which only `evaluate` reads."""

    _value: T
    opened_by: str | None = field(default=None)

    def open(self, reader: str) -> T:
        """The value, for `reader`; raises LK401 where someone has opened it before."""
        if self.opened_by is not None:
            raise SearchError(
                "LK401",
                where="holdout",
                found=f"{reader} asks for it, but {self.opened_by} has opened it already",
                remedy="evaluate once and pass the Evaluation on",
            )
        self.opened_by = reader
        return self._value


@dataclass(frozen=True, eq=False)
class TimeFold:
    """One fold of a comparison, taken from the rows of `whole` when it is asked for.

    known: mask of the rows that may be learnt from; judged: mask of the others. Cut along time,
    these are one window of the selection part, and those whose label was known, by at least the
    label delay, before it; cut by group, they are other groups.
    """

    whole: TabularDataset
    known: np.ndarray
    judged: np.ndarray

    @cached_property
    def train(self) -> TabularDataset:
        """What was known when `valid` began."""
        return self.whole.take(self.known)

    @cached_property
    def valid(self) -> TabularDataset:
        """The window's rows."""
        return self.whole.take(self.judged)


@dataclass(frozen=True)
class Parts:
    """A dataset cut along time: what learns, what chooses, what judges.

    train: label known before the selection part begins; selection: label known before the
    holdout begins; both in event order, a gap of at least the label delay between them.
    cuts: name -> instant (UTC) of each boundary, none where groups were dealt out; dropped:
    reason -> rows left out.
    """

    train: TabularDataset
    selection: TabularDataset
    holdout: Sealed[TabularDataset]
    cuts: Mapping[str, pd.Timestamp]
    dropped: Mapping[str, int]
    counts: Mapping[str, tuple[int, int]]
    """part -> (rows, positives); known without opening the holdout."""
    between: TabularDataset | None = None
    """Rows too late for train but known before the holdout begins: a refit learns from them."""
    recent: TabularDataset | None = None
    """Rows before the holdout whose label is not known by then: they are new to every model, and
    nobody reads their target."""
    folds: tuple[TimeFold, ...] = ()
    """The selection part cut into windows, oldest first, each with what was known before it."""
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Part -> its groups, where the split is by group."""
    forgotten_before: pd.Timestamp | None = None
    """Where training looks back only so far: the first instant it sees before the holdout."""

    def before_holdout(self) -> TabularDataset:
        """All rows that a model may learn from once the holdout has begun, in time order, each
        under the index that it has in its part."""
        known = [part for part in (self.train, self.selection, self.between) if part is not None]
        event_at = self.train.roles[roles.EVENT_AT]
        rows = pd.concat([part.rows for part in known])
        rows = rows.sort_values(event_at, kind="stable")
        if self.forgotten_before is not None:
            rows = rows[rows[event_at] >= self.forgotten_before]
        return replace(self.train, rows=rows)
