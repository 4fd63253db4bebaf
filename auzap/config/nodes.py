"""What stands in a YAML file, each value with its place; and mistakes, each with its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from auzap.model.errors import ConfigError

__all__ = [
    "Mark",
    "Mistake",
    "Node",
    "Path",
    "Trail",
    "config_error",
    "dotted",
    "find",
    "harmless",
    "identical",
    "packed",
    "plain",
    "shown",
]

#: keys and list positions from the file's top
Path: TypeAlias = "tuple[str | int, ...]"
#: the same, the last part first: the trail above, and the key or list position
Trail: TypeAlias = "tuple[Trail, str | int] | None"

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file; lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{shown(self.file, limit=None)}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Node:
    """One value of the file: a text, true, false or null; a list; a mapping.

    Ten thousand tenants are a quarter of a million of them: so places are packed, and paths share what is above.
    """

    value: bool | str | tuple[Node, ...] | dict[str, Node] | None
    file: str
    #: as ``packed`` has it
    at: int
    trail: Trail
    #: where its key stands
    key_at: int | None = None
    #: of a text with ``${…}``: how it stands in the file; it may be shown, ``value`` may not
    written: str | None = None
    #: what is wrong with it is told already
    told: bool = False

    @property
    def mark(self) -> Mark:
        return _unpacked(self.file, self.at)

    @property
    def key(self) -> Mark | None:
        """Where its key stands."""
        return _unpacked(self.file, self.key_at) if self.key_at is not None else None

    @property
    def path(self) -> Path:
        parts: list[str | int] = []
        trail = self.trail
        while trail is not None:
            trail, part = trail
            parts.append(part)
        return tuple(reversed(parts))

    @property
    def entries(self) -> dict[str, Node]:
        """A mapping's; anything else has none."""
        return self.value if isinstance(self.value, dict) else {}


@dataclass(frozen=True, slots=True)
class Mistake:
    where: Mark
    path: Path
    text: str

    def __str__(self) -> str:
        key = f"{dotted(self.path)}: " if self.path else ""
        return f"{self.where}: {key}{self.text}"


def config_error(mistakes: Iterable[Mistake]) -> ConfigError:
    """One line a mistake, file by file as they come, from top to bottom, each line once."""
    every = list(mistakes)
    files = {file: number for number, file in enumerate(dict.fromkeys(mistake.where.file for mistake in every))}
    every.sort(key=lambda mistake: (files[mistake.where.file], mistake.where.line, mistake.where.column))
    return ConfigError("\n".join(dict.fromkeys(map(str, every))))


def packed(line: int, column: int) -> int:
    """A place in a file as one number; both count from 1."""
    return line << 32 | column


def _unpacked(file: str, at: int) -> Mark:
    return Mark(file, at >> 32, at & 0xFFFFFFFF)


def plain(node: Node) -> Any:
    """The value without its places."""
    value = node.value
    if isinstance(value, dict):
        return {key: plain(child) for key, child in value.items()}
    return [plain(child) for child in value] if isinstance(value, tuple) else value


def harmless(node: Node) -> Any:
    """As ``plain``, but texts with ``${…}`` stand as they were written."""
    value = node.value
    if isinstance(value, dict):
        return {key: harmless(child) for key, child in value.items()}
    return [harmless(child) for child in value] if isinstance(value, tuple) else node.written or value


def identical(one: Node | None, other: Node | None) -> bool:
    """Whether they say the same in the same places of the same file."""
    if one is other:
        return True
    if one is None or other is None or one.at != other.at or one.key_at != other.key_at or one.file != other.file:
        return False
    mine, theirs = one.value, other.value
    if isinstance(mine, dict):
        return (
            isinstance(theirs, dict)
            and list(mine) == list(theirs)
            and all(map(identical, mine.values(), theirs.values()))
        )
    if isinstance(mine, tuple):
        return isinstance(theirs, tuple) and len(mine) == len(theirs) and all(map(identical, mine, theirs))
    return mine is theirs or (
        type(mine) is type(theirs) and mine == theirs and one.written == other.written and one.told == other.told
    )


def find(node: Node, path: Iterable[str | int]) -> tuple[Node, Path]:
    """The deepest value that is there along ``path``, and what of the path leads beyond it."""
    rest = tuple(path)
    while rest:
        child = _child(node, rest[0])
        if child is None:
            break
        node, rest = child, rest[1:]
    return node, rest


def dotted(path: Path) -> str:
    """``tenants.abc123.owners[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{shown(part)}" if text else shown(part)
    return text


def shown(text: str, *, limit: int | None = _SHOWN) -> str:
    """A text from the file, fit for one line of a terminal."""
    if limit is not None and len(text) > limit:
        text = f"{text[:limit]}…"
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def _child(node: Node, part: str | int) -> Node | None:
    if isinstance(node.value, dict):
        return node.value.get(str(part))
    if isinstance(node.value, tuple) and isinstance(part, int) and 0 <= part < len(node.value):
        return node.value[part]
    return None
