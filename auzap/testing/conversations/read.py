"""From a file to conversations.

.. code-block:: yaml

    plugins: {horario: {aberto: das 9h às 18h}}
    tenant: {name: Pet Shop Centro, timezone: America/Sao_Paulo}
    now: 2026-05-04 10:00
    conversa:
      - cliente: Oi, vocês abrem hoje?
      - bot: Abrimos das 9h às 18h!
      - espera: 2h
      - nada:

A file that is a list is the steps alone; ``conversas`` maps names to lists of steps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from auzap.config.explain import unknown_key
from auzap.config.nodes import Mark, Mistake, Node, config_error
from auzap.config.read import compose
from auzap.config.secrets import Secrets
from auzap.config.sources import read_text
from auzap.model.durations import parse_duration
from auzap.model.phones import phone_key, typed_digits
from auzap.testing.people import KINDS

__all__ = ["SUFFIXES", "Conversation", "Expect", "Header", "Say", "Step", "Wait", "find_files", "read"]

SUFFIXES = (".conversa.yaml", ".conversation.yaml")

Who = Literal["client", "owner"]
How = Literal["exact", "contains", "regex", "nothing"]

_CLIENT = ("cliente", "client")
_OWNER = ("dono", "dona", "owner")
_BOT = ("bot",)
_CONTAINS = ("contém", "contains")
_REGEX = ("regex",)
_NOTHING = ("nada", "silêncio", "silence")
_WAIT = ("espera", "wait")
_PHONE = ("telefone", "phone")
_KIND = ("tipo", "kind")
_TO = ("para", "to")
_ONE = ("conversa", "conversation")
_SEVERAL = ("conversas", "conversations")
_STEPS = (*_CLIENT, *_OWNER, *_BOT, *_CONTAINS, *_REGEX, *_NOTHING, *_WAIT)
_HEADER = ("plugin", "options", "plugins", "tenant", "owners", "owner", "phone", "telefone", "now", "agora")


@dataclass(frozen=True, slots=True)
class Say:
    """Somebody writes.

    :param texts: they arrive together.
    :param phone: digits; None: the one of the header.
    :param kind: what is sent instead of a text, which is then its caption.
    """

    mark: Mark
    who: Who
    texts: tuple[str, ...]
    phone: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Expect:
    """What the bot answers next.

    :param words: the text; all that are contained; the pattern; nothing.
    :param to: whom; None: whoever wrote last.
    """

    mark: Mark
    how: How
    words: tuple[str, ...] = ()
    to: Who | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Time passes; seconds."""

    mark: Mark
    seconds: float


Step = Say | Expect | Wait


@dataclass(frozen=True, slots=True)
class Header:
    """What the bot is made of. What is None is as the configuration says, or as usual.

    :param tenant: what stands in a tenant of a configuration, its plugins included.
    :param phone: the customer's, digits.
    """

    tenant: Node
    phone: str | None = None
    now: datetime | None = None

    @property
    def names_plugins(self) -> bool:
        return "plugins" in self.tenant.entries


@dataclass(frozen=True, slots=True)
class Conversation:
    """:param name: of one among several of a file; else the file's."""

    file: Path
    name: str
    mark: Mark
    header: Header
    steps: tuple[Step, ...] = field(default=())


def find_files(paths: Iterable[Path]) -> list[Path]:
    """Files as they are given, and those with conversations in folders, by name."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            every = (file for suffix in SUFFIXES for file in path.rglob(f"*{suffix}"))
            found += sorted(file for file in every if not _hidden(file.relative_to(path)))
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def read(path: Path) -> list[Conversation]:
    """:raises ConfigError: a line for each mistake: file, line, column, what is wrong and what would be right."""
    reader = _Reader(path)
    conversations = reader.conversations()
    if reader.mistakes:
        raise config_error(reader.mistakes)
    return conversations


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") or part in ("node_modules", "build") for part in path.parts)


class _Reader:
    def __init__(self, path: Path) -> None:
        self.mistakes: list[Mistake] = []
        self._path = path

    def conversations(self) -> list[Conversation]:
        top, mistakes = compose(read_text(self._path), str(self._path), Secrets({}, self._path.absolute().parent))
        self.mistakes += mistakes
        if top is None or top.value is None:
            raise config_error([Mistake(Mark(str(self._path), 1, 1), (), "the file is empty: write conversa: […]")])
        if isinstance(top.value, tuple):
            return [Conversation(self._path, self._name, top.mark, self._header(_empty(top)), self._steps(top))]
        if not isinstance(top.value, dict):
            raise config_error([Mistake(top.mark, (), "should be a list of steps, or a header with conversa: […]")])
        self._check_keys(top, (*_HEADER, *_ONE, *_SEVERAL))
        header = self._header(top)
        return [
            Conversation(self._path, name, steps.key or steps.mark, header, self._steps(steps))
            for name, steps in self._named(top)
        ]

    @property
    def _name(self) -> str:
        return self._path.name.partition(".")[0]

    def _named(self, top: Node) -> Iterator[tuple[str, Node]]:
        one, several = _pick(top, _ONE), _pick(top, _SEVERAL)
        if one is None and several is None:
            self._mistake(top, "has no conversation: write conversa: with a list of steps behind it")
        if one is not None:
            yield self._name, one
        if several is not None:
            if isinstance(several.value, dict):
                yield from several.value.items()
            else:
                self._mistake(several, "should map names to lists of steps, such as {saudação: [{cliente: oi}]}")

    # ------------------------------------------------------------------ the header

    def _header(self, top: Node) -> Header:
        tenant = dict(self._mapping(_pick(top, ("tenant",))))
        plugins = _pick(top, ("plugins",))
        plugin, options = _pick(top, ("plugin",)), _pick(top, ("options",))
        if plugin is not None and isinstance(plugin.value, str):
            tenant["plugins"] = replace(plugin, value={plugin.value: options or _empty(plugin)})
        elif plugins is not None:
            tenant["plugins"] = plugins
        owners = _pick(top, ("owners", "owner"))
        if owners is not None:
            tenant["owners"] = owners if isinstance(owners.value, tuple) else _listed(owners)
        return Header(replace(top, value=tenant), self._phone(top), self._now(top))

    def _mapping(self, node: Node | None) -> Mapping[str, Node]:
        if node is None or isinstance(node.value, dict):
            return node.entries if node is not None else {}
        self._mistake(node, "should be a mapping, such as {name: Pet Shop Centro}")
        return {}

    def _now(self, top: Node) -> datetime | None:
        node = _pick(top, ("now", "agora"))
        if node is None:
            return None
        try:
            return datetime.fromisoformat(str(node.value))
        except ValueError:
            self._mistake(node, "should be a time, such as 2026-05-04 10:00")
            return None

    def _phone(self, node: Node) -> str | None:
        phone = _pick(node, _PHONE)
        if phone is None:
            return None
        digits = typed_digits(str(phone.value))
        if phone_key(digits) is None:
            self._mistake(phone, "should be a phone number, such as +55 11 90000-0010")
        return digits

    # ------------------------------------------------------------------ steps

    def _steps(self, node: Node) -> tuple[Step, ...]:
        if not isinstance(node.value, tuple) or not node.value:
            self._mistake(node, "should be a list of steps, such as [{cliente: oi}, {bot: Olá!}]")
            return ()
        steps = [step for one in node.value if (step := self._step(one)) is not None]
        if steps and not isinstance(steps[0], Say | Wait):
            self.mistakes.append(Mistake(steps[0].mark, (), "nobody has said anything yet: begin with cliente: …"))
        return tuple(steps)

    def _step(self, node: Node) -> Step | None:
        words = [key for key in node.entries if key in _STEPS]
        if len(words) != 1:
            self._mistake(node, "should be one step, such as {cliente: oi}, {bot: Olá!}, {nada: } or {espera: 2h}")
            if len(words) == 0:
                self._check_keys(node, (*_STEPS, *_PHONE, *_KIND, *_TO))
            return None
        (word,) = words
        value, mark = node.entries[word], node.entries[word].key or node.mark
        if word in _CLIENT or word in _OWNER:
            self._check_keys(node, (word, *_PHONE, *_KIND))
            who: Who = "client" if word in _CLIENT else "owner"
            return Say(mark, who, self._texts(value), self._phone(node), self._kind(node))
        if word in _WAIT:
            self._check_keys(node, (word,))
            return self._wait(value, mark)
        self._check_keys(node, (word, *_TO))
        return self._expect(word, value, mark, self._to(node))

    def _expect(self, word: str, value: Node, mark: Mark, to: Who | None) -> Expect | None:
        if word in _NOTHING:
            if value.value is not None:
                self._mistake(value, f"{word} says nothing: leave it empty")
            return Expect(mark, "nothing", (), to)
        if word in _BOT and isinstance(value.value, dict):
            inner = [key for key in value.value if key in (*_CONTAINS, *_REGEX)]
            if len(inner) != 1 or len(value.value) != 1:
                self._mistake(value, "should be the text, or one of {contém: …} and {regex: …}")
                return None
            word, value = inner[0], value.value[inner[0]]
        words = self._texts(value)
        if word in _REGEX:
            for pattern in words:
                self._check_pattern(value, pattern)
            return Expect(mark, "regex", words, to)
        return Expect(mark, "contains" if word in _CONTAINS else "exact", words, to)

    def _check_pattern(self, node: Node, pattern: str) -> None:
        try:
            re.compile(pattern)
        except re.error as error:
            self._mistake(node, f"is no regular expression: {error}")

    def _wait(self, value: Node, mark: Mark) -> Wait | None:
        try:
            return Wait(mark, parse_duration(value.value))
        except ValueError as error:
            self._mistake(value, str(error))
            return None

    def _to(self, node: Node) -> Who | None:
        to = _pick(node, _TO)
        if to is None:
            return None
        if to.value in _CLIENT:
            return "client"
        if to.value not in _OWNER:
            self._mistake(to, f"should be one of {', '.join((*_CLIENT, *_OWNER))}")
        return "owner"

    def _kind(self, node: Node) -> str | None:
        kind = _pick(node, _KIND)
        if kind is None:
            return None
        if kind.value not in KINDS:
            self._mistake(kind, f"should be one of {', '.join(KINDS)}")
            return None
        return str(kind.value)

    def _texts(self, node: Node) -> tuple[str, ...]:
        """One, or several in a list; the line end of a block does not count."""
        if isinstance(node.value, tuple):
            return tuple(text for one in node.value for text in self._texts(one))
        if node.value is None:
            return ("",)
        if isinstance(node.value, str):
            return (node.value.rstrip("\n"),)
        self._mistake(node, 'should be text; in quotes, if it is the word true or false, or has a ": " in it')
        return ()

    def _check_keys(self, node: Node, known: Iterable[str]) -> None:
        known = list(known)
        self.mistakes += [unknown_key(node, key, known) for key in node.entries if key not in known]

    def _mistake(self, node: Node, text: str) -> None:
        if not node.told:
            self.mistakes.append(Mistake(node.mark, node.path, text))


def _pick(node: Node, names: Iterable[str]) -> Node | None:
    return next((node.entries[name] for name in names if name in node.entries), None)


def _empty(node: Node) -> Node:
    return replace(node, value={})


def _listed(node: Node) -> Node:
    return replace(node, value=(node,))
