"""What stands in a YAML file, each value with its place; and mistakes, each with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from auzap.model.errors import ConfigError

__all__ = ["Mark", "Mistake", "Node", "Path", "config_error", "dotted", "find", "harmless", "plain", "shown"]

#: keys and list positions from the file's top
Path: TypeAlias = "tuple[str | int, ...]"

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
    """One value of the file: a text, true, false or null; a list; a mapping."""

    value: bool | str | tuple[Node, ...] | dict[str, Node] | None
    mark: Mark
    path: Path
    #: where its key stands
    key: Mark | None = None
    #: of a text with ``${…}``: how it stands in the file; it may be shown, ``value`` may not
    written: str | None = None
    #: what is wrong with it is told already
    told: bool = False

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


def plain(node: Node) -> Any:
    """The value without its places."""
    return _inner(node, plain) if isinstance(node.value, (dict, tuple)) else node.value


def harmless(node: Node) -> Any:
    """As ``plain``, but texts with ``${…}`` stand as they were written."""
    return _inner(node, harmless) if isinstance(node.value, (dict, tuple)) else node.written or node.value


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


def _inner(node: Node, of: Callable[[Node], Any]) -> Any:
    if isinstance(node.value, dict):
        return {key: of(child) for key, child in node.value.items()}
    return [of(child) for child in node.value] if isinstance(node.value, tuple) else None


def _child(node: Node, part: str | int) -> Node | None:
    if isinstance(node.value, dict):
        return node.value.get(str(part))
    if isinstance(node.value, tuple) and isinstance(part, int) and 0 <= part < len(node.value):
        return node.value[part]
    return None
