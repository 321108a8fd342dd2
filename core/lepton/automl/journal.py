"""Trials on disk, one line each, so that a search which was killed goes on where it was.

A folder a fingerprint of what was searched holds `trials.jsonl` (append-only, each line on
disk before the next trial begins) and, for each complete trial, its model and its log-odds
on the selection part. A line whose model is missing or damaged is no trial.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from lepton.automl.model import Model
from lepton.automl.trial import Trial
from lepton.dataset import TabularDataset
from lepton.errors import IntegrityError
from lepton_edge import atomic

_LINES = "trials.jsonl"


class Journal:
    """The trials of one search, in `root/<fingerprint>`."""

    def __init__(self, root: Path, fingerprint: str) -> None:
        self.folder = root / fingerprint[:32]
        self._known = {trial.trial_id: (trial, sha) for trial, sha in self._read()}

    def __len__(self) -> int:
        """Number of complete trials that the journal tells of."""
        return len(self._known)

    def find(self, trial_id: str) -> tuple[Trial, Model, np.ndarray] | None:
        """The complete trial of that name with its model and log-odds; None where it is not
        there whole."""
        if trial_id not in self._known:
            return None
        trial, sha = self._known[trial_id]
        try:
            content = (self.folder / f"{trial_id}.npy").read_bytes()
            if hashlib.sha256(content).hexdigest() != sha:
                return None
            margin = np.load(io.BytesIO(content), allow_pickle=False)
            return trial, Model.load(self.folder / trial_id), margin
        except (OSError, ValueError, IntegrityError):
            return None

    def add(self, trial: Trial, model: Model | None, margin: np.ndarray | None) -> None:
        """Keep a trial: its files first, then its line. One caller at a time."""
        sha = ""
        if model is not None and margin is not None:
            buffer = io.BytesIO()
            np.save(buffer, margin, allow_pickle=False)
            sha = hashlib.sha256(buffer.getvalue()).hexdigest()
            atomic.write_bytes(self.folder / f"{trial.trial_id}.npy", buffer.getvalue())
            model.save(self.folder / trial.trial_id)
        self._append({**asdict(trial), "margin_sha256": sha})

    def _append(self, line: Mapping[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / _LINES
        text = json.dumps(line, sort_keys=True) + "\n"
        with path.open("ab+") as file:
            if _ends_torn(file):
                text = "\n" + text
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())

    def _read(self) -> list[tuple[Trial, str]]:
        try:
            lines = (self.folder / _LINES).read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        parsed = (_parse(line) for line in lines if line)
        return [found for found in parsed if found is not None]


def fingerprint(train: TabularDataset, selection: TabularDataset, asked: Mapping[str, Any]) -> str:
    """sha256 of the rows that learn and choose, and of `asked`: all else that decides a trial."""
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode("utf-8"))
    for part in (train, selection):
        digest.update(json.dumps([part.numeric, part.categorical, len(part)]).encode("utf-8"))
        digest.update(part.X.tobytes())
        digest.update(part.y.tobytes())
        for column in part.C.T:
            digest.update("\x1f".join(column).encode("utf-8"))
    return digest.hexdigest()


def _ends_torn(file: Any) -> bool:
    """Whether the last line was cut off by a kill."""
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return bool(file.read(1) != b"\n")


def _parse(line: bytes) -> tuple[Trial, str] | None:
    """The complete trial of a line; None for a torn line and for a trial without a model."""
    try:
        facts = json.loads(line)
        sha = facts.pop("margin_sha256")
        trial = Trial(**facts)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return (trial, sha) if sha and not trial.failed and not trial.reason else None


__all__ = ["Journal", "fingerprint"]
