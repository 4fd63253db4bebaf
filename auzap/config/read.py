"""YAML text to nodes.

Only ``true``, ``false``, ``null`` and nothing at all are resolved; every other scalar is its text, and the model makes
a number of it: so ``9:00`` is no 540, ``0111`` no octal and ``no`` no false.

The nodes are composed here from libyaml's events: its own composer takes the last of two equal keys, forgets where
keys stand, and overruns the C stack where lists are nested a hundred thousand deep.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias

import yaml

from auzap.config.nodes import Mark, Mistake, Node, Trail, config_error, packed, shown
from auzap.config.secrets import Secrets
from auzap.model.errors import ConfigError

__all__ = ["LOADER", "Loader", "compose"]

Loader: TypeAlias = "type[yaml.SafeLoader | yaml.CSafeLoader]"
#: libyaml's, several times as fast, where PyYAML was built with it
LOADER: Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_RESOLVED = {"true": True, "false": False, "null": None, "": None}
#: and a byte order mark, which nobody sees, in the middle of a text
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_TAGS = {"str": yaml.ScalarEvent, "seq": yaml.SequenceStartEvent, "map": yaml.MappingStartEvent}
_DEEPEST = 50
#: values that aliases may add to those that are written out
_MOST_ALIASED = 100_000


def compose(text: str, file: str, secrets: Secrets, *, loader: Loader = LOADER) -> tuple[Node | None, list[Mistake]]:
    """The document, None when there is none, and the mistakes that leave the rest readable.

    :raises ConfigError: it is no YAML.
    """
    if bad := _UNPRINTABLE.search(text):
        raise config_error([Mistake(_mark_at(text, bad.start(), file), (), f"not YAML: {bad[0]!a} is no text")])
    composer = _Composer(text, file, secrets, loader)
    return composer.document(), composer.mistakes


class _Composer:
    def __init__(self, text: str, file: str, secrets: Secrets, loader: Loader) -> None:
        self.mistakes: list[Mistake] = []
        self._text = text
        self._file = file
        self._secrets = secrets
        self._events = self._parse(loader)
        self._anchors: dict[str, Node] = {}
        #: each key once, however often it stands there
        self._names: dict[str, str] = {}
        self._aliased = 0

    def document(self) -> Node | None:
        node = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if node is not None:
                    raise self._fatal(event, "a second document begins here; a file holds one")
                node = self._node(next(self._events), None)
        return node

    def _parse(self, loader: Loader) -> Iterator[yaml.Event]:
        try:
            yield from yaml.parse(self._text, Loader=loader)
        except (yaml.YAMLError, ValueError) as error:  # ValueError: \U00110000 in the Python parser
            mistake = self._not_yaml(error)
        else:
            return
        raise config_error([mistake])

    def _not_yaml(self, error: Exception) -> Mistake:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        where = Mark(self._file, mark.line + 1, mark.column + 1) if mark else Mark(self._file, 1, 1)
        problem = getattr(error, "problem", None) or error
        lines = self._text.splitlines()
        line = lines[where.line - 1] if where.line <= len(lines) else ""
        hint = '; inside { } and [ ] a ${…} wants quotes: "${NAME}"' if "${" in line else ""
        return Mistake(where, (), f"not YAML: {shown(str(problem), limit=200)}{hint}")

    # -------------------------------------------------------------- a value of each kind

    def _node(self, event: yaml.Event, trail: Trail, key: int | None = None, depth: int = 1) -> Node:
        if depth > _DEEPEST:
            raise self._fatal(event, f"nested deeper than {_DEEPEST} levels")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, trail, key, depth)
        assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)  # noqa: S101 - no other begins a value
        at = _at(event)
        if event.tag is not None:
            self._check_tag(event, trail)
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, at, trail, key)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = Node(tuple(self._items(trail, depth)), self._file, at, trail, key)
        else:
            node = Node(self._mapping(trail, depth), self._file, at, trail, key)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _scalar(self, event: yaml.ScalarEvent, at: int, trail: Trail, key: int | None) -> Node:
        text = event.value
        if text in _RESOLVED and _is_plain(event):
            return Node(_RESOLVED[text], self._file, at, trail, key)
        if "$" not in text:
            return Node(text, self._file, at, trail, key)
        try:
            expanded = self._secrets.expand(text)
        except ValueError as error:
            node = Node(text, self._file, at, trail, key, told=True)
            self.mistakes.append(Mistake(node.mark, node.path, shown(str(error), limit=200)))
            return node
        return Node(expanded, self._file, at, trail, key, written=text)

    def _items(self, trail: Trail, depth: int) -> Iterator[Node]:
        index = 0
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, (trail, index), None, depth + 1)
            index += 1

    def _mapping(self, trail: Trail, depth: int) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        merged: list[dict[str, Node]] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self._node(event, trail, None, depth + 1)
                self._node(next(self._events), trail, None, depth + 1)
                self._mistake(event, trail, "a key must be text")
                continue
            name = self._names.setdefault(event.value, event.value)
            child = self._node(next(self._events), (trail, name), _at(event), depth + 1)
            if name == "<<" and _is_plain(event):
                merged += self._to_merge(child, event, trail)
            elif name in entries:
                first = entries[name].key
                lines = f"on line {first.line if first else '?'} and on line {self._mark(event).line}"
                self._mistake(event, (trail, name), f"the key stands twice, {lines}; keep one of them")
            else:
                entries[name] = child
        for mapping in merged:
            entries = {**entries, **{name: node for name, node in mapping.items() if name not in entries}}
        return entries

    def _to_merge(self, child: Node, event: yaml.Event, trail: Trail) -> list[dict[str, Node]]:
        sources = child.value if isinstance(child.value, tuple) else [child]
        mappings = [source.value for source in sources if isinstance(source.value, dict)]
        if len(mappings) < len(sources) and not child.told:
            self._mistake(event, trail, "<< takes a mapping, or a list of mappings, such as <<: *name")
        return mappings

    def _alias(self, event: yaml.AliasEvent, trail: Trail, key: int | None, depth: int) -> Node:
        node = self._anchors.get(event.anchor or "")
        if node is None:
            self._mistake(event, trail, f"*{event.anchor}: no &{event.anchor} ends above it")
            return Node(None, self._file, _at(event), trail, key, told=True)
        size, deepest = _measure(node)
        self._aliased += size
        if self._aliased > _MOST_ALIASED:
            raise self._fatal(event, f"the aliases stand for more than {_MOST_ALIASED} values")
        if depth + deepest > _DEEPEST:
            raise self._fatal(event, f"nested deeper than {_DEEPEST} levels")
        return replace(node, key_at=key)

    # -------------------------------------------------------------- mistakes

    def _check_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, trail: Trail) -> None:
        tag = event.tag or "!"
        if tag == "!" or isinstance(event, _TAGS.get(tag.removeprefix("tag:yaml.org,2002:"), ())):
            return
        name = shown(tag.replace("tag:yaml.org,2002:", "!!"))
        self._mistake(event, trail, f"tags are not used here: {name}; write the value alone")

    def _mark(self, event: yaml.Event) -> Mark:
        return Node(None, self._file, _at(event), None).mark

    def _mistake(self, event: yaml.Event, trail: Trail, text: str) -> None:
        node = Node(None, self._file, _at(event), trail)
        self.mistakes.append(Mistake(node.mark, node.path, text))

    def _fatal(self, event: yaml.Event, text: str) -> ConfigError:
        return config_error([*self.mistakes, Mistake(self._mark(event), (), text)])


def _at(event: yaml.Event) -> int:
    mark = event.start_mark
    return packed(mark.line + 1, mark.column + 1) if mark is not None else packed(1, 1)


def _is_plain(event: yaml.ScalarEvent) -> bool:
    """Neither quoted nor tagged."""
    return event.tag is None and event.implicit[0]


def _measure(node: Node) -> tuple[int, int]:
    """How many values it is, and how deep they go."""
    if isinstance(node.value, dict):
        inner = [_measure(child) for child in node.value.values()]
    elif isinstance(node.value, tuple):
        inner = [_measure(child) for child in node.value]
    else:
        return 1, 0
    return 1 + sum(size for size, _ in inner), 1 + max((deep for _, deep in inner), default=0)


def _mark_at(text: str, index: int, file: str) -> Mark:
    before = text[:index]
    return Mark(file, before.count("\n") + 1, index - before.rfind("\n"))
