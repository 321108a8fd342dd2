"""One process at a time in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lepton_edge.errors import BundleError


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold `folder` (made where it is not there) until this is left, or the process ends.

    Raises BundleError LK618 where another process holds it. Where the system has no flock
    (Windows), nobody is kept out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:
        yield
        return
    with (folder / "stream.lock").open("ab") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BundleError(
                "LK618",
                where=str(folder),
                found="another process streams with this state",
                remedy="stop it, or give each stream a folder of its own: --state FOLDER",
            ) from error
        yield


__all__ = ["held"]
