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

from lepton import roles
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
        try:
            return self._fit(line)
        except (OSError, ValueError, IntegrityError):
            return None

    def keep(self, trial_id: str, place: int, fit: Fit) -> bytes:
        """Write the files of a fit; the line that tells of it, for `add`. Any process may."""
        sha = ""
        if fit.model is not None and fit.margin is not None:
            folder, content = self._files(trial_id, place), margin_bytes(fit.margin)
            atomic.write_bytes(folder / "margin.npy", content)
            fit.model.save(folder)
            sha = sha256(content)
        line = {
            "trial_id": trial_id,
            "fold": place,
            "seconds": fit.seconds,
            "reason": fit.reason,
            "margin_sha256": sha,
        }
        return json.dumps(line, sort_keys=True).encode("utf-8")

    def add(self, line: bytes) -> Fit:
        """The fit that `line` tells of, its line on disk. One process at a time."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / _LINES).open("ab+") as file:
            torn = b"\n" if _ends_torn(file) else b""
            file.write(torn + line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return self._fit(json.loads(line))

    def _fit(self, line: Mapping[str, Any]) -> Fit:
        """The fit of a line; OSError, ValueError, IntegrityError where its files are not whole."""
        seconds, reason = float(line["seconds"]), str(line["reason"])
        if not line["margin_sha256"]:
            return Fit(seconds, reason)
        folder = self._files(line["trial_id"], line["fold"])
        margin = read_margin((folder / "margin.npy").read_bytes(), line["margin_sha256"])
        return Fit(seconds, reason, Model.load(folder), margin)

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
    """sha256 of the rows that learn and choose, and of `asked`: all else that decides a fit.

    folds: all of the same rows, which are read once.
    """
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode("utf-8"))
    masks = [mask for fold in folds for mask in (fold.known, fold.judged)]
    used = np.logical_or.reduce(masks)
    for mask in masks:
        digest.update(np.packbits(mask[used]).tobytes())
    _add(digest, folds[0].whole.take(used))
    return digest.hexdigest()


def _add(digest: Any, part: TabularDataset) -> None:
    digest.update(json.dumps([part.numeric, part.categorical, len(part)]).encode("utf-8"))
    digest.update(part.X.tobytes())
    digest.update(part.y.astype(np.float64).tobytes())
    texts = [*part.C.T, *([part.role(roles.AUXILIARY)] if part.has(roles.AUXILIARY) else [])]
    for column in texts:
        digest.update("\x1f".join(map(str, column)).encode("utf-8"))


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
            "reason": "",
            "margin_sha256": str(facts["margin_sha256"]),
        }
        return kept if kept["margin_sha256"] and not facts["reason"] else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


__all__ = ["KEPT", "Journal", "fingerprint"]
