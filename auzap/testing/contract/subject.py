"""The plugin that is looked at, and bots to look at it with."""

from __future__ import annotations

import inspect
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import CodeType
from typing import Any

from auzap.contract.plugin import Plugin
from auzap.model.errors import AuzapError
from auzap.registry import Registry
from auzap.testing.bot import Bot, open_bot
from auzap.testing.people import Person
from auzap.testing.scratch import scratch
from auzap.testing.setup import Setup, Using, name_of

__all__ = ["Subject", "Unfit", "subject_of"]

#: what people say to any bot
_SAID = ("Oi, tudo bem?", "ajuda", "menu", "sim", "não", "1", "Quero marcar um horário amanhã às 10h", "obrigado")
#: texts of the plugin's own code that are tried
_MOST_OWN = 8
_LONGEST_OWN = 40


class Unfit(Exception):
    """Nothing of it can be looked at."""

    def __init__(self, findings: list[str]) -> None:
        super().__init__("\n".join(findings))
        self.findings = findings


@dataclass(frozen=True, eq=False)
class Subject:
    """:param says: what people say to it, the author's words first.
    :param of_author: how many of them are the author's.
    :param files: those that its code stands in.
    """

    plugin: type[Plugin]
    name: str
    options: Mapping[str, Any]
    says: tuple[str, ...]
    of_author: int
    files: frozenset[str]
    #: for databases
    folder: Path

    def saying(self, texts: tuple[str, ...]) -> Subject:
        """The same, with less to say."""
        return replace(self, says=texts)

    def setup(self, *before: type[Plugin], attempts: int = 1, others: Sequence[str] = ()) -> Setup:
        """:param before: plugins that are asked first. A plugin that fails is not left alone here."""
        own = Using(self.plugin, {**self.options, "breaker": None}, self.name)
        worker = {"attempts": attempts, "timeout": "5s"}
        return Setup(plugins=[*before, own], worker=worker, others=others)

    def people(self, bot: Bot) -> list[Person]:
        """Whom it may answer."""
        field = self.plugin.Options.model_fields["roles"]
        roles = self.options.get("roles", field.get_default(call_default_factory=True, validated_data={}))
        everybody = {"client": bot.client, "owner": bot.owner}
        return [person for role, person in everybody.items() if roles is None or role in roles] or [bot.client]

    @asynccontextmanager
    async def bot(self, setup: Setup | None = None) -> AsyncIterator[Bot]:
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        async with open_bot(setup or self.setup(), folder=folder) as bot:
            yield bot

    def counted(self, bot: Bot) -> dict[str, int]:
        """How many rows the tenant has of each table that a plugin may write, by name."""
        tables = [str(table.__tablename__) for table in self.plugin.tables]
        file = bot.folder / "auzap.db"
        with closing(sqlite3.connect(file)) as connection:
            return {name: _count(connection, name, bot.tenant_id) for name in [*tables, "auzap_outbox", "auzap_state"]}


def _count(connection: sqlite3.Connection, table: str, tenant: str) -> int:
    columns = {row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')}
    where = " WHERE organization_id = ?" if "organization_id" in columns else ""
    sql = f'SELECT count(*) FROM "{table}"{where}'  # noqa: S608 - a table's own name
    (number,) = connection.execute(sql, (tenant,) if where else ()).fetchone()
    return int(number)


@contextmanager
def subject_of(plugin: type[Plugin] | str, says: Sequence[str], options: Mapping[str, Any]) -> Iterator[Subject]:
    """:raises Unfit: it is no plugin, or will not load."""
    if isinstance(plugin, str):
        try:
            plugin = Registry().plugin(plugin).cls
        except AuzapError as error:
            raise Unfit([f"registration: {line}" for line in str(error).splitlines()]) from error
    if not (isinstance(plugin, type) and issubclass(plugin, Plugin)):
        raise Unfit([f"registration: {plugin!r} is no subclass of auzap.Plugin"])
    modules = _modules(plugin)
    words = dict.fromkeys([*says, *_SAID, *_own_words(modules)])
    files = frozenset(module.__file__ for module in modules if module.__file__)
    with scratch() as folder:
        yield Subject(plugin, name_of(plugin), options, tuple(words), len(dict.fromkeys(says)), files, folder)


def _modules(plugin: type[Plugin]) -> list[Any]:
    """Those of its package that are loaded."""
    package = plugin.__module__.partition(".")[0]
    if "." not in plugin.__module__ and not hasattr(sys.modules.get(package), "__path__"):
        return [sys.modules[plugin.__module__]] if plugin.__module__ in sys.modules else []
    names = [plugin.__module__, *(name for name in sorted(sys.modules) if name.startswith(f"{package}."))]
    if package in ("auzap", "tests", "examples"):  # not all of somebody else's
        names = [plugin.__module__]
    return [sys.modules[name] for name in dict.fromkeys(names) if name in sys.modules]


def _own_words(modules: Sequence[Any]) -> list[str]:
    """Short texts of its code: what it looks for in messages is among them."""
    found: dict[str, None] = {}
    for module in modules:
        for function in _functions(module):
            found.update(dict.fromkeys(_texts(function)))
    return list(found)[:_MOST_OWN]


def _functions(module: Any) -> Iterator[CodeType]:
    for member in vars(module).values():
        if inspect.isfunction(member) and member.__module__ == module.__name__:
            yield inspect.unwrap(member).__code__
        elif inspect.isclass(member) and member.__module__ == module.__name__:
            for one in vars(member).values():
                if inspect.isfunction(one):
                    yield inspect.unwrap(one).__code__


def _texts(code: CodeType) -> Iterator[str]:
    documentation = code.co_consts[0] if code.co_consts else None
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _texts(constant)
        for text in constant if isinstance(constant, frozenset) else (constant,):
            if isinstance(text, str) and text is not documentation and _may_be_said(text):
                yield text


def _may_be_said(text: str) -> bool:
    return 2 <= len(text) <= _LONGEST_OWN and text.isprintable() and any(letter.isalpha() for letter in text)
