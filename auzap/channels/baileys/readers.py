"""The words that the content table is written in: each makes a reader, which takes a piece of content apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from auzap.channels.baileys import values

__all__ = [
    "Part",
    "Reader",
    "always",
    "beside",
    "decimal",
    "first",
    "flag",
    "identifier",
    "inner_kind",
    "inner_text",
    "integer",
    "itself",
    "nothing",
    "rows",
    "speech",
    "text",
    "texts",
]


class Inner(Protocol):
    """What stands in a message inside a message."""

    @property
    def kind(self) -> str: ...

    @property
    def text(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of content.

    :param value: the piece itself: an object, or the string of ``conversation``.
    :param beside: the whole content that it came in.
    :param read: reads content that stands inside the piece (an edit holds a message).
    """

    value: Any
    beside: Mapping[str, Any]
    read: Callable[[object], Inner]


Reader = Callable[[Part], Any]


def nothing(part: Part) -> None:
    return None


def itself(part: Part) -> str | None:
    return values.text(part.value)


def always(value: object) -> Reader:
    return lambda part: value


def text(*paths: str) -> Reader:
    """The first of them that is not blank."""

    def read(part: Part) -> str | None:
        for path in paths:
            found = values.text(values.dig(part.value, path))
            if found is not None:
                return found
        return None

    return read


def first(*readers: Reader) -> Reader:
    """What the first reader that finds something finds."""
    return lambda part: next((found for reader in readers if (found := reader(part)) is not None), None)


def integer(path: str) -> Reader:
    return lambda part: values.integer(values.dig(part.value, path))


def decimal(path: str) -> Reader:
    return lambda part: values.decimal(values.dig(part.value, path))


def flag(path: str) -> Reader:
    return lambda part: values.flag(values.dig(part.value, path))


def identifier(path: str) -> Reader:
    return lambda part: values.identifier(values.dig(part.value, path))


def beside(name: str) -> Reader:
    """A text that stands beside the piece (Evolution puts ``mediaUrl`` there)."""
    return lambda part: values.text(part.beside.get(name))


def inner_text(path: str) -> Reader:
    """The text of a message inside the piece."""
    return lambda part: part.read(values.dig(part.value, path)).text


def inner_kind(path: str) -> Reader:
    return lambda part: part.read(values.dig(part.value, path)).kind


def speech(part: Part) -> str | None:
    """What Evolution heard in a voice message."""
    heard = values.text(part.beside.get("speechToText"))
    return values.text(heard.removeprefix("[audio] ")) if heard is not None else None


def texts(path: str, name: str) -> Reader:
    """One text of each object in a list, those without it left out."""
    return lambda part: [found for row in _list(part, path) if (found := values.text(values.dig(row, name)))]


def rows(path: str | None, names: Mapping[str, str]) -> Reader:
    """Some texts of each object in a list, or of the piece itself."""

    def read(part: Part) -> list[dict[str, str | None]]:
        found = [part.value] if path is None else _list(part, path)
        objects = [row for row in found if isinstance(row, dict)]
        return [{name: values.text(row.get(field)) for name, field in names.items()} for row in objects]

    return read


def _list(part: Part, path: str) -> list[Any]:
    found = values.dig(part.value, path)
    return found if isinstance(found, list) else []
