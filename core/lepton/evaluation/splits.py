"""Cutting rows along time, with the label delay kept apart from every boundary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from lepton import roles
from lepton.dataset import Parts, Sealed, TabularDataset
from lepton.errors import SearchError
from lepton.evaluation.folds import DAY, Known, cut_folds

NO_TARGET = "target not known"
LATE_FOR_TRAIN = "label not known by the start of the selection part"
LATE_FOR_SELECTION = "label not known by the start of the holdout"


@dataclass(frozen=True)
class SplitSpec:
    """Shares of the time span from the end: holdout, then selection; the rest trains.

    label_delay_days: how long a target stays unknown; None takes it from the data (95th
    percentile of label time - event time). train_days: how far back training looks, None for
    all of the past. A label delay ends the selection part before the holdout begins, so its
    share is larger than what is judged in it. by: "group" deals out whole groups instead, and the
    shares are of their number (see `grouped`).
    """

    label_delay_days: float | None = None
    selection_share: float = 0.35
    holdout_share: float = 0.2
    train_days: float | None = None
    by: Literal["time", "group"] = "time"


@dataclass(frozen=True)
class _Cut:
    """Starts of selection and holdout, and the rows (masks) that this gives each part."""

    selection_at: pd.Timestamp
    holdout_at: pd.Timestamp
    train: np.ndarray
    between: np.ndarray
    selection: np.ndarray
    holdout: np.ndarray


def split_in_time(
    dataset: TabularDataset, spec: SplitSpec, *, min_positives: int, wanted_positives: int = 0
) -> Parts:
    """`dataset` as train, selection and sealed holdout, one after another in time.

    A row trains (selects) only if it happened a label delay before the selection part
    (holdout) begins and its label was known by then. Boundaries follow the shares of the
    time span; where rows or positives are too uneven for that, shares of rows, then of
    positives, then smaller shares. Raises SearchError LK402 without event times, LK403
    without a known label delay, LK404 where the span is shorter than three delays, LK405
    where no boundaries leave each part enough positives: half of `min_positives` to train,
    a tenth of it (at least five) in each of the others. Boundaries that leave the holdout
    `wanted_positives` are preferred to those that do not. The selection part comes as folds too,
    weekly windows with what was known before each.
    """
    labelled, unknown = _labelled(dataset)
    times = _times(labelled, spec)
    _check_span(times)
    needed = _needed(min_positives)
    cuts = [_cut(times, *boundary) for boundary in _boundaries(times, spec)]
    wanted = (*needed[:2], max(needed[2], wanted_positives))
    chosen = _first(cuts, times.positive, wanted) or _first(cuts, times.positive, needed)
    if chosen is None:
        raise _too_few(cuts[0], times, needed)
    return _parts(labelled, chosen, times, unknown, spec)


def window_parts(
    dataset: TabularDataset, *, start: pd.Timestamp, end: pd.Timestamp, selection_share: float
) -> Parts:
    """Train and selection from the rows in [start, end); the holdout is empty.

    For benchmarks whose later rows are scored by themselves: every label inside the window
    counts as known at its end. The selection part is the last `selection_share` of the
    window. Raises SearchError LK402 without event times, LK405 where a part has no positive
    or no negative row.
    """
    labelled, unknown = _labelled(dataset)
    event = labelled.role(roles.EVENT_AT)
    inside = labelled.take(((event >= start) & (event < end)).to_numpy())
    cut_at = end - (end - start) * selection_share
    spec = SplitSpec(label_delay_days=None if _has_label(inside) else 0.0)
    times = _times(inside, spec)
    early = (times.event < cut_at).to_numpy()
    train = times.before(cut_at)
    none = np.zeros(len(inside), dtype=bool)
    cut = _Cut(cut_at, end, train, early & ~train, ~early, none)
    if not _is_enough(cut, times.positive, (1, 1, 0)):
        raise _too_few(cut, times, (1, 1, 0))
    return _parts(inside, cut, times, unknown, spec)


def _labelled(dataset: TabularDataset) -> tuple[TabularDataset, int]:
    """The rows whose target is known, in time order, and how many others there are."""
    missing = [name for name in (roles.EVENT_AT, roles.TARGET) if not dataset.has(name)]
    if missing:
        raise SearchError(
            "LK402",
            where="split",
            found=f"no column has the role {' and '.join(missing)}",
            remedy="give the column its role in the contract; rows are cut along event time only",
        )
    known = np.isfinite(dataset.y)
    order = dataset.role(roles.EVENT_AT).array.argsort(kind="stable")
    return dataset.take(order[known[order]]), int((~known).sum())


def _has_label(dataset: TabularDataset) -> bool:
    return dataset.has(roles.LABEL_AT) and bool(dataset.role(roles.LABEL_AT).notna().any())


def _times(dataset: TabularDataset, spec: SplitSpec) -> Known:
    event = dataset.role(roles.EVENT_AT)
    stated = spec.label_delay_days
    if not _has_label(dataset) and stated is None:
        raise SearchError(
            "LK403",
            where="split",
            found=f"no label time in {len(dataset):,} rows and no label delay in the settings",
            remedy="map a column to the role label_at, or set split.label_delay_days",
        )
    if not _has_label(dataset):
        delay = (stated or 0.0) * DAY
        return Known(event, event + delay, dataset.y > 0, delay, _memory(spec))
    label = dataset.role(roles.LABEL_AT)
    observed = np.quantile((label - event).dropna().dt.total_seconds(), 0.95)
    delay = pd.Timedelta(seconds=observed) if stated is None else stated * DAY
    return Known(event, label.fillna(event + delay), dataset.y > 0, delay, _memory(spec))


def _memory(spec: SplitSpec) -> pd.Timedelta | None:
    return None if spec.train_days is None else spec.train_days * DAY


def _check_span(times: Known) -> None:
    span = times.event.max() - times.event.min() if len(times.event) else pd.Timedelta(0)
    if span < 3 * times.delay or span == pd.Timedelta(0):
        raise SearchError(
            "LK404",
            where="split",
            found=f"{len(times.event):,} labelled rows span {_days(span)} days, "
            f"but the label delay is {_days(times.delay)} days",
            remedy="bring at least three label delays of history, or state a shorter delay "
            "in split.label_delay_days",
        )


def _boundaries(times: Known, spec: SplitSpec) -> Iterator[tuple[pd.Timestamp, pd.Timestamp]]:
    """Starts of selection and holdout to try, the preferred ones first."""
    event, positives = times.event, times.event[times.positive]
    even = _is_even(event, spec)
    yield from [_by_span(times, spec, 1.0)] if even else []
    yield _by_quantile(event, times.delay, spec, 1.0)
    for scale in (1.0, 0.75, 0.5):
        if len(positives):
            yield _by_quantile(positives, times.delay, spec, scale)
        yield _by_span(times, spec, scale)


def _is_even(event: pd.Series, spec: SplitSpec) -> bool:
    """Whether the holdout's share of time holds half to twice that share of the rows."""
    start = event.max() - (event.max() - event.min()) * spec.holdout_share
    share = float((event >= start).mean())
    return 0.5 <= share / spec.holdout_share <= 2.0


def _by_span(times: Known, spec: SplitSpec, scale: float) -> tuple[pd.Timestamp, pd.Timestamp]:
    last = times.event.max()
    span = last - times.event.min()
    holdout_at = last - span * (spec.holdout_share * scale)
    return _selection_at(
        holdout_at - span * (spec.selection_share * scale), holdout_at, times.delay
    ), holdout_at


def _by_quantile(
    event: pd.Series, delay: pd.Timedelta, spec: SplitSpec, scale: float
) -> tuple[pd.Timestamp, pd.Timestamp]:
    late = (spec.holdout_share * scale, (spec.holdout_share + spec.selection_share) * scale)
    holdout_at, wanted = (event.iloc[int(len(event) * (1 - share))] for share in late)
    return _selection_at(wanted, holdout_at, delay), holdout_at


def _selection_at(
    wanted: pd.Timestamp, holdout_at: pd.Timestamp, delay: pd.Timedelta
) -> pd.Timestamp:
    """Start of selection, early enough that half a delay of it is known by the holdout."""
    return min(wanted, holdout_at - 1.5 * delay)


def _cut(times: Known, selection_at: pd.Timestamp, holdout_at: pd.Timestamp) -> _Cut:
    event = times.event
    before = event < holdout_at
    newest = holdout_at - times.delay
    known = (before & (event <= newest) & (times.label <= holdout_at)).to_numpy()
    train = times.before(selection_at)
    selection = known & (event >= selection_at).to_numpy()
    between = known & ~train & ~selection
    return _Cut(selection_at, holdout_at, train, between, selection, (~before).to_numpy())


def _needed(min_positives: int) -> tuple[int, int, int]:
    few = max(5, min_positives // 10)
    return max(few, min_positives // 2), few, few


def _first(cuts: list[_Cut], positive: np.ndarray, needed: tuple[int, int, int]) -> _Cut | None:
    return next((cut for cut in cuts if _is_enough(cut, positive, needed)), None)


def _is_enough(cut: _Cut, positive: np.ndarray, needed: tuple[int, int, int]) -> bool:
    parts = zip((cut.train, cut.selection, cut.holdout), needed, strict=True)
    return all(
        not least or (positive[mask].sum() >= least and (~positive[mask]).any())
        for mask, least in parts
    )


def _too_few(cut: _Cut, times: Known, needed: tuple[int, int, int]) -> SearchError:
    parts = zip(
        ("train", "selection", "holdout"),
        (cut.train, cut.selection, cut.holdout),
        needed,
        strict=True,
    )
    return SearchError(
        "LK405",
        where="split",
        found=f"{int(times.positive.sum()):,} positives among {len(times.event):,} labelled rows "
        f"are too few, or too unevenly spread, for a label delay of {_days(times.delay)} days",
        remedy="bring more history, or state a shorter label delay in split.label_delay_days",
        details=[
            f"{name}: {int(mask.sum()):,} rows, {int(times.positive[mask].sum()):,} positives "
            f"(needs {least} and at least one negative)"
            for name, mask, least in parts
            if least
        ],
    )


def _parts(
    dataset: TabularDataset, cut: _Cut, times: Known, unknown: int, spec: SplitSpec
) -> Parts:
    taken = {"train": cut.train, "selection": cut.selection, "holdout": cut.holdout}
    early = (times.event < cut.selection_at).to_numpy()
    in_selection = ~early & (times.event < cut.holdout_at).to_numpy()
    return Parts(
        train=dataset.take(cut.train),
        selection=dataset.take(cut.selection),
        holdout=Sealed(dataset.take(cut.holdout)),
        cuts={"selection": cut.selection_at, "holdout": cut.holdout_at},
        dropped={
            NO_TARGET: unknown,
            LATE_FOR_TRAIN: int((early & ~cut.train).sum()),
            LATE_FOR_SELECTION: int((in_selection & ~cut.selection).sum()),
        },
        counts={
            name: (int(mask.sum()), int(times.positive[mask].sum())) for name, mask in taken.items()
        },
        between=dataset.take(cut.between),
        recent=dataset.take(in_selection & ~cut.selection),
        folds=cut_folds(dataset, times, cut.selection, start=cut.selection_at),
        forgotten_before=_forgotten_before(cut, times),
    )


def _forgotten_before(cut: _Cut, times: Known) -> pd.Timestamp | None:
    """First instant that training for the holdout looks back to; None where it looks to all."""
    return None if times.memory is None else cut.holdout_at - times.delay - times.memory


def _days(span: pd.Timedelta) -> str:
    return f"{span / DAY:.1f}"


__all__ = ["SplitSpec", "split_in_time", "window_parts"]
