"""The runtime's faults as the kit's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lepton.errors import DataError, IntegrityError, LeptonError, MachineError
from lepton_edge.errors import BundleError, EdgeError, RowError


@contextmanager
def edge_faults() -> Iterator[None]:
    """Turn an EdgeError inside into the LeptonError of the same code, words and exit code."""
    try:
        yield
    except EdgeError as error:
        raise _as_lepton(error) from error


def _as_lepton(error: EdgeError) -> LeptonError:
    kind: type[LeptonError] = MachineError
    if isinstance(error, BundleError):
        kind = IntegrityError
    elif isinstance(error, RowError):
        kind = DataError
    return kind(error.code, where=error.where, found=error.found, remedy=error.remedy)


__all__ = ["edge_faults"]
