"""Secrets have no place in settings: what looks like one is refused, and never repeated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from lepton.errors import ConfigError

_KEY: Final = re.compile(
    r"(?:^|[_.-])(?:password|passwd|passphrase|pwd|secret|token|credentials?"
    r"|(?:api|access|private|account)[_-]?key)(?:$|[_.-])",
    re.IGNORECASE,
)
_VALUES: Final[Mapping[str, re.Pattern[str]]] = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    "a password inside an address": re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@", re.I),
    "a signed or keyed address": re.compile(
        r"[?&;](?:sig|signature|token|password|pwd|secret|(?:access|account|api)[_-]?key)=", re.I
    ),
    "an access key of a cloud": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a token of a code host": re.compile(r"\b(?:gh[opsur]_|github_pat_|glpat-)[A-Za-z0-9_-]{20,}"),
    "a token of a service": re.compile(r"\b(?:xox[abprs]-|sk-|sk_live_)[A-Za-z0-9-]{16,}"),
    "a signed token": re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+"),
}


def refuse_secrets(content: Any, *, where: str, keys: bool = True) -> None:
    """Raise ConfigError LK115 where a key or value of settings looks like a secret.

    keys: whether names of keys count; they do not where they may name a customer's columns. The
    message says where it stands and what it looks like, never what it is.
    """
    faults = [f"'{path}' looks like {what}" for path, what in _suspects(content, "", keys)]
    if faults:
        raise ConfigError(
            "LK115",
            where=where,
            found=f"{len(faults)} secret(s)",
            remedy="remove them here and change them where they are valid: the kit reads files and "
            "needs no secret; whoever delivers the file keeps the access",
            details=faults,
        )


def _suspects(content: Any, path: str, keys: bool) -> Iterator[tuple[str, str]]:
    if isinstance(content, Mapping):
        for name, value in content.items():
            if keys and _KEY.search(str(name)):
                yield f"{path}{name}", "the name of a secret"
            yield from _suspects(value, f"{path}{name}.", keys)
    elif isinstance(content, list):
        for number, value in enumerate(content):
            yield from _suspects(value, f"{path}{number}.", keys)
    elif isinstance(content, str):
        for what, pattern in _VALUES.items():
            if pattern.search(content):
                yield path.rstrip("."), what
                return


__all__ = ["refuse_secrets"]
