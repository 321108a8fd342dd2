"""What can go wrong on a device, told as what, where and what to do."""

from __future__ import annotations

from typing import ClassVar


class EdgeError(Exception):
    """One fault: a stable code, where it is, what was found there, and the remedy."""

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, *, where: str, found: str, remedy: str) -> None:
        self.code, self.where, self.found, self.remedy = code, where, found, remedy
        super().__init__(f"{code} {where}: {found}\n  remedy: {remedy}")


class BundleError(EdgeError):
    """LK60x: the bundle is damaged, incomplete, not understood or does not repeat itself."""

    exit_code = 6


class RowError(EdgeError):
    """LK28x: the rows cannot be scored; nothing was."""

    exit_code = 4


class ProviderError(EdgeError):
    """LK99x: this machine lacks what was asked for."""

    exit_code = 7


__all__ = ["BundleError", "EdgeError", "ProviderError", "RowError"]
