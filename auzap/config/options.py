"""Options whose model only a channel or a plugin knows: kept with their places until it is asked."""

from __future__ import annotations

import hashlib
import json
from typing import Any, TypeVar

from pydantic import BaseModel

from auzap.config.explain import check
from auzap.config.nodes import Mistake, Node, config_error, find, plain
from auzap.model.errors import ConfigError

__all__ = ["RawOptions"]

M = TypeVar("M", bound=BaseModel)

#: made once: ``json.dumps`` with arguments makes one each time
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class RawOptions:
    """A mapping of the file. Two are equal when they say the same, wherever they stand."""

    __slots__ = ("_node",)

    def __init__(self, node: Node) -> None:
        self._node = node

    @property
    def node(self) -> Node:
        """With its places; secrets included."""
        return self._node

    @property
    def values(self) -> dict[str, Any]:
        """Secrets included: not to be shown."""
        values: dict[str, Any] = plain(self._node)
        return values

    @property
    def file(self) -> str:
        """Where it stands, as messages name it."""
        return self._node.file

    def mapping(self, *path: str) -> dict[str, Any]:
        """What stands behind ``path``, empty where there is no mapping. Secrets included: not to be shown."""
        node, rest = find(self._node, path)
        return {key: plain(child) for key, child in node.entries.items()} if not rest else {}

    def keys_of(self, key: str) -> tuple[str, ...]:
        """Those of the mapping behind ``key``; none where there is none."""
        inner = self._node.entries.get(key)
        return tuple(inner.entries) if inner is not None else ()

    def digest(self) -> str:
        """Of what it says and in which order, wherever it stands: twelve hexadecimal digits."""
        text = _encode(self.values)
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()

    def validate(self, model: type[M]) -> M:
        """:raises ConfigError: a line for each mistake."""
        mistakes: list[Mistake] = []
        made = check(model, self._node, mistakes)
        if made is None:
            raise config_error(mistakes)
        return made

    def mistake(self, text: str, *path: str | int) -> ConfigError:
        """An error that says where ``path`` stands, or where this mapping does.

        :param text: what is wrong and what would be right.
        """
        node, rest = find(self._node, path)
        return config_error([Mistake(node.mark, (*node.path, *rest), text)])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RawOptions) and self.values == other.values

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Where it stands, not what it says: that may be secret."""
        return f"RawOptions({str(self._node.mark)!r})"
