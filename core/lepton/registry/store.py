"""Numbered versions of bundles and the pointers candidate, current, previous.

    <root>/lock                     who writes
    <root>/pointers.json            candidate, current, previous: replaced together
    <root>/versions/00001/bundle/   a whole bundle, never changed
    <root>/versions/00001/version.json

A version appears complete or not at all; what is deployed changes only with pointers.json.
Order is by number: clocks are not asked.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lepton.errors import IntegrityError
from lepton.registry.lock import hold
from lepton.registry.machine import clear_faults, preflight, size_of
from lepton.registry.pointers import Pointers, read_pointers, write_pointers
from lepton.registry.sealed import read_sealed, write_sealed
from lepton_edge import atomic
from lepton_edge.bundle import open_bundle
from lepton_edge.errors import BundleError

FORMAT = 1
_NUMBERED = re.compile(r"\d{5,9}\Z", re.ASCII)


@dataclass(frozen=True)
class Version:
    """A published bundle: its number, the bundle's folder, and what was said of it."""

    number: int
    path: Path
    facts: Mapping[str, Any]


def verify_bundle(path: Path) -> None:
    """Raise IntegrityError LK601 to LK608 where the bundle at `path` is not whole."""
    try:
        open_bundle(path)
    except BundleError as error:
        raise IntegrityError(
            error.code, where=error.where, found=error.found, remedy=error.remedy
        ) from error


@dataclass(frozen=True)
class Registry:
    """The registry in the folder `root`; nothing is written before something is published.

    A bundle is verified whole before it is published, promoted or handed out.
    run: the name under which the lock is held, for at most `wait_s` seconds waited for.
    """

    root: Path
    run: str = "lepton"
    wait_s: float = 10.0

    def publish(self, bundle: Path, facts: Mapping[str, Any]) -> Version:
        """Copy the verified `bundle` in under the next number and point `candidate` at it.

        Raises IntegrityError LK601 to LK608 for a bundle that is not whole, MachineError
        LK902 to LK905 from disk and lock; then nothing that is deployed has changed.
        """
        verify_bundle(bundle)
        needs = size_of(bundle)
        self.preflight(needs)
        with hold(self._lock, self.run, wait_s=self.wait_s), clear_faults(self.root, needs):
            self._sweep()
            pointers = self.pointers()
            number = max(self.versions(), default=0) + 1
            self._store(number, bundle, facts)
            write_pointers(self._pointers, replace(pointers, candidate=number))
        return self.verify(number)

    def promote(self, number: int | None = None) -> Version:
        """Deploy version `number` (the candidate where None); what was current is `previous`.

        Raises IntegrityError LK635 where there is no candidate, and what `verify` raises.
        """
        with self._writing():
            pointers = self._readable_pointers(number)
            chosen = pointers.candidate if number is None else number
            if chosen is None:
                raise self._nothing("LK635", "no candidate to promote")
            version = self.verify(chosen)
            if chosen != pointers.current:
                changed = replace(pointers, current=chosen, previous=pointers.current)
                write_pointers(self._pointers, changed)
        return version

    def rollback(self) -> Version:
        """Deploy the previous version again; there is no previous one afterwards.

        Raises IntegrityError LK636 where there is none, and what `verify` raises.
        """
        with self._writing():
            pointers = self.pointers()
            if pointers.previous is None:
                raise self._nothing("LK636", "no previous version to roll back to")
            version = self.verify(pointers.previous)
            changed = replace(pointers, current=version.number, previous=None)
            write_pointers(self._pointers, changed)
        return version

    def current(self) -> Version | None:
        """The deployed version, whole and verified; None before the first promotion.

        Raises what `verify` raises: another version is never taken in its place.
        """
        number = self.pointers().current
        return None if number is None else self.verify(number)

    def pointers(self) -> Pointers:
        """Numbers of candidate, current and previous, as they are written."""
        return read_pointers(self._pointers)

    def versions(self) -> tuple[int, ...]:
        """Numbers of all versions, ascending; not verified."""
        folder = self.root / "versions"
        if not folder.is_dir():
            return ()
        return tuple(sorted(int(p.name) for p in folder.iterdir() if _NUMBERED.match(p.name)))

    def verify(self, number: int) -> Version:
        """Version `number` with every hash checked.

        Raises IntegrityError LK633 where it is missing, LK634 where another bundle stands in
        its place, LK638, LK637 where its folder is damaged, LK601 to LK608 its bundle.
        """
        folder = self._folder(number)
        if folder.is_symlink() or not (folder / "bundle").is_dir():
            raise IntegrityError(
                "LK633",
                where=str(self.root),
                found=f"version {number} is missing; there are {_listed(self.versions())}",
                remedy=f"`{self._promote} --version N` with one of these, or restore the folder",
            )
        _refuse_specials(folder)
        content = read_sealed(folder / "version.json", FORMAT)
        self._check_manifest(folder, content)
        verify_bundle(folder / "bundle")
        return Version(number, folder / "bundle", content["facts"])

    def preflight(self, needs_bytes: int = 0) -> None:
        """Raise MachineError LK902 to LK904 where `needs_bytes` cannot be published here."""
        preflight(self.root, needs_bytes)

    def sweep(self) -> tuple[str, ...]:
        """Remove what killed writers left; returns the names. Waits for the lock."""
        if not self.root.is_dir():
            return ()
        with self._writing():
            return self._sweep()

    @property
    def _lock(self) -> Path:
        return self.root / "lock"

    @property
    def _pointers(self) -> Path:
        return self.root / "pointers.json"

    @property
    def _promote(self) -> str:
        """The command, for remedies: a registry's folder bears the name of its solution."""
        return f"lepton promote {self.root.name}"

    def _folder(self, number: int) -> Path:
        return self.root / "versions" / f"{number:05d}"

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with hold(self._lock, self.run, wait_s=self.wait_s), clear_faults(self.root):
            yield

    def _sweep(self) -> tuple[str, ...]:
        swept = atomic.sweep(self.root, locked=True)
        return swept + atomic.sweep(self.root / "versions", locked=True)

    def _store(self, number: int, bundle: Path, facts: Mapping[str, Any]) -> None:
        _refuse_specials(bundle)
        with atomic.atomic_directory(self._folder(number)) as temp:
            _copy_tree(bundle, temp / "bundle")
            verify_bundle(temp / "bundle")
            content = {"number": number, "facts": dict(facts), "manifest_sha256": _pin(temp)}
            write_sealed(temp / "version.json", FORMAT, content)

    def _check_manifest(self, folder: Path, content: Mapping[str, Any]) -> None:
        manifest = folder / "bundle" / "manifest.json"
        known = (content.get("number"), content.get("manifest_sha256"))
        if manifest.exists() and known != (int(folder.name), _pin(folder)):
            raise IntegrityError(
                "LK634",
                where=str(manifest),
                found="not the manifest that was published under this number",
                remedy=f"`{self._promote} --version N` with a whole version, or restore this one",
            )

    def _readable_pointers(self, wanted: int | None) -> Pointers:
        """The pointers; none where they are damaged and a number is asked for by name."""
        try:
            return self.pointers()
        except IntegrityError as error:
            if wanted is None or error.code != "LK638":
                raise
            return Pointers()

    def _nothing(self, code: str, found: str) -> IntegrityError:
        return IntegrityError(
            code,
            where=str(self.root),
            found=f"{found}; there are {_listed(self.versions())}",
            remedy=f"`lepton run` publishes one; `{self._promote} --version N` deploys one",
        )


def _pin(folder: Path) -> str:
    return hashlib.sha256((folder / "bundle" / "manifest.json").read_bytes()).hexdigest()


def _copy_tree(source: Path, target: Path) -> None:
    """Plain content, not metadata: a published file has the store's owner and rights."""
    target.mkdir()
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_dir():
            place.mkdir()
        else:
            shutil.copyfile(path, place, follow_symlinks=False)


def _refuse_specials(folder: Path) -> None:
    """Raise IntegrityError LK637 where anything but plain files and folders is inside."""
    odd = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if not (stat.S_ISREG(path.lstat().st_mode) or stat.S_ISDIR(path.lstat().st_mode))
    )
    if odd:
        raise IntegrityError(
            "LK637",
            where=str(folder),
            found=f"{len(odd)} link(s), pipe(s) or device(s): {', '.join(odd[:3])}",
            remedy="a bundle holds plain files only; make it again",
        )


def _listed(numbers: tuple[int, ...]) -> str:
    return f"versions {', '.join(map(str, numbers))}" if numbers else "no versions yet"


__all__ = ["Pointers", "Registry", "Version"]
