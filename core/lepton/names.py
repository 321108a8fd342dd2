"""The one rule for ids that become part of a path: solutions, customers, runs, versions."""

from __future__ import annotations

import re

from lepton.errors import ConfigError

_ID = re.compile(r"[a-z0-9_]{1,64}\Z", re.ASCII)


def check_id(value: str, what: str) -> str:
    """`value` where it is a plain id; raises ConfigError LK110 where it could leave its folder."""
    if not _ID.match(value):
        raise ConfigError(
            "LK110",
            where=what,
            found=f"{value[:80]!r} is not an id",
            remedy="use 1 to 64 of the characters a-z, 0-9 and _",
        )
    return value
