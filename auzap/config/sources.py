"""The files that a configuration is made of, and the tenants in them."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from pathlib import Path

from auzap.config.memory import Memory
from auzap.config.models import TenantConfig
from auzap.config.nodes import Mark, Mistake, Node, config_error, shown
from auzap.config.read import compose
from auzap.config.secrets import Secrets
from auzap.config.seen import Seen
from auzap.config.tenants import inherit, make_tenant
from auzap.model.errors import ConfigError

__all__ = ["Found", "Sources", "read_mapping", "read_text"]

_TENANTS = "should map ids to tenants, such as {abc123: {name: Pet Shop Centro}}"


@dataclass(frozen=True, slots=True)
class Found:
    """A tenant of some file, with what it inherits, and what is wrong with it."""

    id: str
    node: Node
    defaults: Node | None
    mistakes: list[Mistake]

    def make(self, memory: Memory) -> TenantConfig | None:
        known = memory.tenant(self.id, self.node, self.defaults)
        if known is not None and not self.mistakes:
            return known
        node = self.node if self.defaults is None else inherit(self.node, self.defaults)
        made = make_tenant(self.id, node, self.mistakes)
        if made is None or self.mistakes:
            return None
        memory.keep(self.id, self.node, self.defaults, made)
        return made


class Sources:
    """Collects the tenants.

    :param top: the main file's mapping.
    :param path: the main file.
    :param seen: notes what is read.
    :param memory: of what was read before.
    """

    def __init__(self, top: dict[str, Node], path: Path, secrets: Secrets, seen: Seen, memory: Memory) -> None:
        self.found: dict[str, Found] = {}
        #: files that cannot be used at all -> why
        self.broken: dict[str, ConfigError] = {}
        self._top = top
        self._path = path
        self._secrets = secrets
        self._seen = seen
        self._memory = memory

    def collect(self, mistakes: list[Mistake]) -> list[Mistake]:
        """Find the tenants.

        :param mistakes: of the main file's reading.
        :return: those of them that concern no single tenant, and new ones of that sort.
        """
        rest = self._add(self._top.get("tenants"), mistakes, above=("tenants",))
        rest += self._add_files()
        if not self.found and not self.broken and not any(mistake.path[:1] == ("tenants",) for mistake in rest):
            rest.append(self._nobody())
        return rest

    def of_defaults(self) -> list[Mistake]:
        """Mistakes that a tenant inherited: they are the main file's own."""
        every = (mistake for found in self.found.values() for mistake in found.mistakes)
        return [mistake for mistake in every if mistake.path[:1] == ("defaults",) and self._is_main(mistake.where)]

    def _add(self, tenants: Node | None, mistakes: list[Mistake], above: tuple[str, ...]) -> list[Mistake]:
        """The tenants of one mapping; those of ``mistakes`` that are no tenant's come back."""
        if tenants is None or tenants.value is None or tenants.told:
            return mistakes
        if not isinstance(tenants.value, dict):
            return [*mistakes, Mistake(tenants.mark, tenants.path, _TENANTS)]
        for tenant_id, node in tenants.value.items():
            self._add_one(tenant_id, node)
        rest: list[Mistake] = []
        for mistake in mistakes:
            inside = mistake.path[len(above) :] if mistake.path[: len(above)] == above else ()
            found = self.found.get(str(inside[0])) if inside else None
            (found.mistakes if found is not None else rest).append(mistake)
        return rest

    def _add_one(self, tenant_id: str, node: Node) -> None:
        first = self.found.get(tenant_id)
        if first is None:
            self.found[tenant_id] = Found(tenant_id, node, self._top.get("defaults"), [])
            return
        here, there = node.key or node.mark, first.node.key or first.node.mark
        text = f"the tenant stands twice, in {there} and in {here}; keep one of them"
        first.mistakes.append(Mistake(here, node.path, text))

    def _add_files(self) -> list[Mistake]:
        node = self._top.get("tenants_from")
        if node is None or node.value is None or node.told:
            return []
        mistakes: list[Mistake] = []
        names: list[str] = []
        for pattern in node.value if isinstance(node.value, tuple) else [node]:
            try:
                names += self._matching(pattern)
            except ValueError as error:
                mistakes.append(Mistake(pattern.mark, pattern.path, str(error)))
        for name in dict.fromkeys(names):
            self._add_file(name)
        return mistakes

    def _matching(self, pattern: Node) -> list[str]:
        """:raises ValueError: it is no pattern, or names one file, which is not there."""
        if not isinstance(pattern.value, str) or not pattern.value or "\0" in pattern.value:
            raise ValueError("should be a file pattern, such as tenants/*.yaml, or a list of them")
        folder = self._path.absolute().parent
        names = self._seen.find(pattern.value, folder)
        if not names and not glob.has_magic(pattern.value):
            raise ValueError(f"no such file: {shown(pattern.written or pattern.value)}")
        return [name for name in names if not self._is_this(folder / name)]

    def _add_file(self, name: str) -> None:
        path = self._path.parent / name
        try:
            text = read_text(path, self._seen)
            node, mistakes = read_mapping(text, path, self._secrets, self._seen, self._memory, _TENANTS)
        except ConfigError as error:
            self.broken[str(path)] = error
            return
        rest = self._add(node, mistakes, above=())
        if rest:
            self.broken[str(path)] = config_error(rest)

    def _nobody(self) -> Mistake:
        node = self._top.get("tenants") or self._top.get("tenants_from")
        where = (node.key if node else None) or Mark(str(self._path), 1, 1)
        return Mistake(where, ("tenants",), f"there is no tenant; it {_TENANTS}")

    def _is_this(self, path: Path) -> bool:
        """Whether it is the main file, under whatever name. (``resolve`` would take longer than reading it.)"""
        try:
            return os.path.samestat(path.stat(), self._path.stat())
        except OSError:
            return False

    def _is_main(self, where: Mark) -> bool:
        return where.file == str(self._path)


def read_text(path: Path, seen: Seen | None = None) -> str:
    """:raises ConfigError: it cannot be read, or is not UTF-8."""
    try:
        content = (seen if seen is not None else Seen()).read(path)
    except OSError as error:
        raise ConfigError(f"{shown(str(path), limit=None)}: cannot be read: {error.strerror}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        where = Mark(str(path), before.count(b"\n") + 1, len(before) - before.rfind(b"\n"))
    raise config_error([Mistake(where, (), "not UTF-8: save the file as UTF-8")])


def read_mapping(
    text: str, path: Path, secrets: Secrets, seen: Seen, memory: Memory, wanted: str
) -> tuple[Node, list[Mistake]]:
    """A file whose top is a mapping.

    :param wanted: what the file should be.
    :raises ConfigError: it is empty, no YAML, or something else.
    """
    return memory.read(path, text, seen, lambda beside: _read(text, str(path), secrets.noting(beside), wanted))


def _read(text: str, name: str, secrets: Secrets, wanted: str) -> tuple[Node, list[Mistake]]:
    node, mistakes = compose(text, name, secrets)
    if node is None or node.value is None or node.value == {}:
        raise config_error([Mistake(Mark(name, 1, 1), (), f"the file is empty: it {wanted}")])
    if not isinstance(node.value, dict):
        raise config_error([Mistake(node.mark, (), f"the file {wanted}")])
    return node, mistakes
