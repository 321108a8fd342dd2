"""YAML read strictly: what a person wrote, never what YAML guesses.

Every scalar stays text (`NO` is a country, `12:30` a time of day) and gets its type from the
schema that reads it; only an unquoted empty, `~` or `null` is None. Refused: duplicate keys,
aliases, tags, depth over 20, size over 256 kB. The file is walked event by event, so a
refusal comes before anything has been built.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import yaml

from lepton.errors import ConfigError

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
_NULL = {"", "~", "null"}
_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def load_yaml(path: Path) -> Any:
    """Content of the YAML file at `path`: dicts, lists, str and None.

    Raises ConfigError LK101 where the file cannot be read, LK102 to LK107 where it breaks a rule.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            "LK101",
            where=str(path),
            found=f"cannot be read: {error.strerror}",
            remedy="name an existing file",
        ) from error
    return parse_yaml(raw, where=str(path))


def parse_yaml(raw: bytes, *, where: str) -> Any:
    """Content of YAML text, as `load_yaml`; `where` names it in errors."""
    if len(raw) > MAX_BYTES:
        raise ConfigError(
            "LK102",
            where=where,
            found=f"larger than {MAX_BYTES:,} bytes",
            remedy="a configuration is small; data belongs in its own file",
        )
    try:
        text = raw.decode("utf-8")
        return _Builder(text, where).build()
    except UnicodeDecodeError as error:
        raise ConfigError(
            "LK103",
            where=where,
            found=f"not UTF-8 at byte {error.start}",
            remedy="save it as UTF-8",
        ) from error
    except yaml.YAMLError as error:
        raise _not_yaml(error, where) from error


def _not_yaml(error: yaml.YAMLError, where: str) -> ConfigError:
    mark, problem = getattr(error, "problem_mark", None), str(getattr(error, "problem", error))
    place = where + (f" line {mark.line + 1}" if mark else "")
    if "nesting depth" in problem:  # PyYAML from 6.0.4 on looks ahead, and refuses before we do
        return _too_deep(place)
    return ConfigError(
        "LK103",
        where=place,
        found=f"not YAML: {problem}",
        remedy="mend the indentation or quoting of this line",
    )


def _too_deep(place: str) -> ConfigError:
    return ConfigError(
        "LK106", where=place, found=f"nested deeper than {MAX_DEPTH}", remedy="flatten it"
    )


class _Builder:
    """Builds the value of one document from YAML's events."""

    def __init__(self, text: str, where: str) -> None:
        self.events = yaml.parse(text, Loader=_Loader)
        self.where = where

    def build(self) -> Any:
        value = None
        for event in self.events:
            if isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent, yaml.AliasEvent)):
                value = self._value(event, 1)
        return value

    def _value(self, event: yaml.Event, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            self._refuse("LK104", event, f"alias *{event.anchor}", "write the value out")
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            self._refuse("LK105", event, f"tag {tag}", "remove it: types come from the schema")
        if isinstance(event, yaml.ScalarEvent):
            plain_null = event.style is None and event.value in _NULL
            return None if plain_null else event.value
        if depth > MAX_DEPTH:
            raise _too_deep(self._place(event))
        if isinstance(event, yaml.SequenceStartEvent):
            return [self._value(item, depth + 1) for item in iter(self._next, None)]
        return self._mapping(depth)

    def _next(self) -> yaml.Event | None:
        event = next(self.events)
        return None if isinstance(event, yaml.CollectionEndEvent) else event

    def _mapping(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event in iter(self._next, None):
            if not isinstance(event, yaml.ScalarEvent):
                self._refuse("LK103", event, "a key that is not a word", "use plain keys")
            if event.value in found:
                self._refuse("LK107", event, f"key '{event.value}' twice", "keep one of them")
            found[event.value] = self._value(next(self.events), depth + 1)
        return found

    def _refuse(self, code: str, event: yaml.Event, found: str, remedy: str) -> NoReturn:
        raise ConfigError(code, where=self._place(event), found=found, remedy=remedy)

    def _place(self, event: yaml.Event) -> str:
        line = f" line {event.start_mark.line + 1}" if event.start_mark else ""
        return self.where + line
