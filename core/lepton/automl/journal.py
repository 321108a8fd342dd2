"""Fits on disk, one line each, so that a search which was killed goes on where it was.

A folder a fingerprint of what was searched holds `fits.jsonl` (append-only, each line on disk
before its fit counts) and, for each whole fit, its model and its log-odds on the fold's valid
rows. A line whose model is missing or damaged is no fit.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lepton.automl.entrant import margin_bytes, read_margin, sha256
from lepton.automl.fits import Fit
from lepton.automl.model import Model
from lepton.dataset import TabularDataset, TimeFold
from lepton.errors import IntegrityError
from lepton_edge import atomic

KEPT = 6
"""Searches whose fits are kept, the newest; older ones would only fill the disk."""
_LINES = "fits.jsonl"


class Journal:
    """The fits of one search, in `root/<fingerprint>`."""

    def __init__(self, root: Path, fingerprint: str) -> None:
        self.folder = root / fingerprint[:32]
        _prune(root, self.folder)
        self._known = {(line["trial_id"], line["fold"]): line for line in self._read()}

    def __len__(self) -> int:
        """Number of whole fits that the journal tells of."""
        return len(self._known)

    def find(self, trial_id: str, place: int) -> Fit | None:
        """The whole fit of that configuration on the fold at `place`; None where it is not
        there whole."""
        line = self._known.get((trial_id, place))
        if line is None:
            return None
        folder = self._files(trial_id, place)
        try:
            margin = read_margin((folder / "margin.npy").read_bytes(), line["margin_sha256"])
            return Fit(float(line["seconds"]), "", Model.load(folder), margin)
        except (OSError, ValueError, IntegrityError):
            return None

    def add(self, trial_id: str, place: int, fit: Fit) -> None:
        """Keep a fit: its files first, then its line. One caller at a time."""
        sha = self.keep_files(trial_id, place, fit)
        self.append(trial_id, place, fit, sha)

    def keep_files(self, trial_id: str, place: int, fit: Fit) -> str:
        """Write model and log-odds of a fit; sha256 of the log-odds, empty where there are none."""
        if fit.model is None or fit.margin is None:
            return ""
        folder, content = self._files(trial_id, place), margin_bytes(fit.margin)
        atomic.write_bytes(folder / "margin.npy", content)
        fit.model.save(folder)
        return sha256(content)

    def append(self, trial_id: str, place: int, fit: Fit, margin_sha256: str) -> None:
        """Write the line of a fit whose files are there, and wait until it is on disk."""
        line = {
            "trial_id": trial_id,
            "fold": place,
            "seconds": fit.seconds,
            "reason": fit.reason,
            "margin_sha256": margin_sha256,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(line, sort_keys=True) + "\n"
        with (self.folder / _LINES).open("ab+") as file:
            if _ends_torn(file):
                text = "\n" + text
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())

    def _files(self, trial_id: str, place: int) -> Path:
        return self.folder / f"{trial_id}-{place}"

    def _read(self) -> list[dict[str, Any]]:
        try:
            lines = (self.folder / _LINES).read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        parsed = (_parse(line) for line in lines if line)
        return [found for found in parsed if found is not None]


def fingerprint(folds: Sequence[TimeFold], asked: Mapping[str, Any]) -> str:
    """sha256 of the rows that learn and choose, and of `asked`: all else that decides a fit."""
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode("utf-8"))
    for fold in folds:
        for part in (fold.train, fold.valid):
            _add(digest, part)
    return digest.hexdigest()


def _add(digest: Any, part: TabularDataset) -> None:
    digest.update(json.dumps([part.numeric, part.categorical, len(part)]).encode("utf-8"))
    digest.update(part.X.tobytes())
    digest.update(part.y.astype(np.float64).tobytes())
    for column in part.C.T:
        digest.update("\x1f".join(column).encode("utf-8"))


def _prune(root: Path, own: Path) -> None:
    """Remove all but the newest searches; what another process holds or removes stays so."""
    others = [path for path in root.glob("*") if path.is_dir() and path != own]
    by_age = sorted(others, key=_written_at, reverse=True)
    for path in by_age[KEPT - 1 :]:
        shutil.rmtree(path, ignore_errors=True)


def _written_at(folder: Path) -> float:
    try:
        return (folder / _LINES).stat().st_mtime
    except OSError:
        return 0.0


def _ends_torn(file: Any) -> bool:
    """Whether the last line was cut off by a kill."""
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return bool(file.read(1) != b"\n")


def _parse(line: bytes) -> dict[str, Any] | None:
    """The line of a whole fit; None for a torn one and for a fit without a whole model."""
    try:
        facts = json.loads(line)
        kept = {
            "trial_id": str(facts["trial_id"]),
            "fold": int(facts["fold"]),
            "seconds": float(facts["seconds"]),
            "margin_sha256": str(facts["margin_sha256"]),
        }
        return kept if kept["margin_sha256"] and not facts["reason"] else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


__all__ = ["KEPT", "Journal", "fingerprint"]
