"""Whether a stream of a network gives the features of the batch, bit by bit."""

from __future__ import annotations

import numpy as np

from lepton.forecast.near import window_of
from lepton.forecast.panel import PanelDataset
from lepton_edge.asof_history import Vintages
from lepton_edge.habits import Habits
from lepton_edge.near import near_features
from lepton_edge.near_spec import NearSpec
from lepton_edge.near_stream import NearStream


def near_agreement(
    panel: PanelDataset, spec: NearSpec, habits: Habits, issues: np.ndarray
) -> tuple[float, int]:
    """Largest difference of a feature between rings, told reading by reading, and batch, and how
    many were compared; before the last of the issues (UTC seconds) the stream is restarted."""
    stream = NearStream(spec)
    told_s, worst, compared = np.iinfo(np.int64).min, 0.0, 0
    every = np.arange(len(panel.ids))
    for number, issue_s in enumerate(issues.tolist()):
        if number == len(issues) - 1:
            stream = NearStream.from_bytes(spec, stream.to_bytes())
        _tell(stream, panel, spec, told_s, issue_s)
        told_s = issue_s
        own = near_features(spec, stream.window(every, issue_s), habits)
        batch = near_features(spec, window_of(panel, spec, np.array([issue_s])), habits)
        for left, right in ((own.X, batch.X), (own.shape, batch.shape)):
            same = (left == right) | (np.isnan(left) & np.isnan(right))
            if not same.all():
                apart = np.abs(np.nan_to_num(left) - np.nan_to_num(right))[~same].max()
                worst = max(worst, float(apart), float(np.finfo(np.float64).tiny))
            compared += left.size
    return worst, compared


def _tell(
    stream: NearStream, panel: PanelDataset, spec: NearSpec, told_s: int, issue_s: int
) -> None:
    """Everything that became available after `told_s` and up to the issue, in that order."""
    first = issue_s // spec.step_s - spec.n_past
    for code, name in enumerate(panel.ids):
        past = panel.histories[name].y
        fresh = (past.available_s > told_s) & (past.available_s <= issue_s) & (past.step >= first)
        at = np.flatnonzero(fresh)
        at = at[np.argsort(past.available_s[at], kind="stable")]
        stream.tell(np.full(len(at), code), past.step[at], past.value[at])
    for column in spec.known:
        for code, name in enumerate(panel.ids[:1] if column.is_shared else panel.ids):
            told = panel.histories[name].known.get(column.name)
            if told is not None:
                _tell_known(stream, column.name, code, told, issue_s)


def _tell_known(stream: NearStream, name: str, code: int, told: Vintages, issue_s: int) -> None:
    """All editions that were there by then of the intervals that are read, the newest last."""
    spec, now = stream.spec, issue_s // stream.spec.step_s
    near = (told.step >= now - spec.n_back) & (told.step < now + spec.n_ahead)
    at = np.flatnonzero(near & (told.available_s <= issue_s))
    at = at[np.argsort(told.available_s[at], kind="stable")]
    stream.tell_known(name, np.full(len(at), code), told.step[at], told.value[at])


__all__ = ["near_agreement"]
