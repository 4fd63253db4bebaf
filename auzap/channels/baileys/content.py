"""From the content of a message (``message.message``) to what it is and says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from auzap.channels.baileys.readers import Part
from auzap.channels.baileys.table import (
    NO_CONTENT,
    STATUS_WRAPPERS,
    TABLE,
    VIEW_ONCE_WRAPPERS,
    WRAPPERS,
    Choice,
    Rule,
)
from auzap.channels.baileys.values import flag, mapping

__all__ = ["MISSING", "Content", "read"]

#: wrappers around one content, and messages inside one message
_MOST_WRAPPERS = 10
_MOST_INNER = 3
#: JavaScript's; an empty object is a wrapper around nothing
_FALSY: tuple[object, ...] = (None, False, 0, "")


@dataclass(frozen=True, slots=True)
class Content:
    kind: str
    event: str
    text: str | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)
    #: what it quotes and mentions
    context: Mapping[str, Any] = field(default_factory=dict)
    view_once: bool = False


#: there was none at all, not even of an unknown kind
MISSING = Content("empty", "none")


def read(message: object, depth: int = 0) -> Content:
    """Read one content, whatever it is; ``MISSING`` when there is none."""
    if depth > _MOST_INNER:
        return MISSING
    content, wrappers = _unwrap(message)
    name = _type(content)
    if name is None:
        return MISSING
    value = content[name]
    rule = _rule(name, value)
    if rule is None:
        return Content("unsupported", "unsupported")
    if rule.prepare is not None:
        value = rule.prepare(value)
    beside = {**mapping(message), **content} if wrappers else content
    part = Part(value, beside, partial(read, depth=depth + 1))
    text = rule.text(part)
    if text is None and rule.kind == "text":
        return Content("empty", "none")
    piece = mapping(value)
    return Content(
        rule.kind,
        _event(rule, wrappers),
        text,
        {name: reader(part) for name, reader in rule.extras.items()},
        mapping(piece.get("contextInfo")),
        flag(piece.get("viewOnce")) or not VIEW_ONCE_WRAPPERS.isdisjoint(wrappers),
    )


def _unwrap(message: object) -> tuple[Mapping[str, Any], Sequence[str]]:
    content, wrappers = mapping(message), list[str]()
    while len(wrappers) < _MOST_WRAPPERS and not WRAPPERS.isdisjoint(content):
        wrapper = next((name for name in content if name in WRAPPERS and content[name] not in _FALSY), None)
        if wrapper is None:
            break
        wrappers.append(wrapper)
        content = mapping(mapping(content[wrapper]).get("message"))
    return content, wrappers


def _type(content: Mapping[str, Any]) -> str | None:
    """The key that says what it is: the first known one, else the first that is content at all."""
    other = None
    for name, value in content.items():
        if value is None or value == "" or name in NO_CONTENT:
            continue
        if name in TABLE:
            return name
        other = name if other is None else other
    return other


def _rule(name: str, value: object) -> Rule | None:
    """None: not supported, or not in its form."""
    rule = TABLE.get(name)
    if not isinstance(value, str if name == "conversation" else dict):
        return None
    return rule.rule(value) if isinstance(rule, Choice) else rule


def _event(rule: Rule, wrappers: Sequence[str]) -> str:
    if not STATUS_WRAPPERS.isdisjoint(wrappers):
        return "status"  # whatever it is there
    if not wrappers or rule.event != "message":
        return rule.event
    return "edit" if "editedMessage" in wrappers else "message"
