"""Real databases for tests, and what turns are made of."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sqlmodel import SQLModel

from auzap.model.keys import new_id
from auzap.model.reply import Interaction
from auzap.storage import open_store
from auzap.storage.migrate import PluginTables, upgrade
from auzap.storage.store import Decision, Inbound, NewReply, Person, Recorded, StateChange, Store
from auzap.storage.urls import is_postgres, postgres_server
from tests.support.pets import Breed, Pet, Tag, Tagged, Visit

if TYPE_CHECKING:
    from asyncpg import Connection

__all__ = [
    "CUSTOMER",
    "DATABASES",
    "TENANT",
    "Database",
    "PostgresDatabase",
    "SqliteDatabase",
    "arrival",
    "database_at",
    "decision",
    "fresh_file",
]

T = TypeVar("T")

DATABASES = ("sqlite", "postgres")
TENANT = "abc123"
CUSTOMER = Person(phone="5511900000010", lid=None, name="Bia")
_numbers = itertools.count(1)


class Peer(Protocol):
    """Somebody else, at the same database."""

    def execute(self, sql: str, params: Sequence[Any] = (), /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Database(ABC):
    """One database of a test's own, with auzap's tables."""

    url: str
    folder: Path

    @property
    def kind(self) -> str:
        """One of ``DATABASES``."""
        return "postgres" if is_postgres(self.url) else "sqlite"

    def open(self, *, before_commit: Callable[[], None] = lambda: None, busy: float = 5.0) -> Store:
        return open_store(self.url, self.folder, before_commit=before_commit, busy=busy)

    @property
    @abstractmethod
    def place(self) -> str:
        """As errors name it."""

    @abstractmethod
    def connect(self) -> AbstractContextManager[Peer]:
        """Somebody else, at the same database."""

    @abstractmethod
    def locked(self) -> AbstractContextManager[None]:
        """Somebody else writes meanwhile, and nobody can."""

    @abstractmethod
    def rows(self, sql: str, *params: Any) -> list[dict[str, Any]]:
        """Times as text: ``2026-11-22 15:40:07.123456``."""

    def one(self, sql: str, *params: Any) -> dict[str, Any]:
        (row,) = self.rows(sql, *params)
        return row

    def count(self, table: str, where: str = "true") -> int:
        return int(self.one(f"SELECT count(*) AS n FROM {table} WHERE {where}")["n"])


# ---------------------------------------------------------------------- SQLite


@dataclass(frozen=True, slots=True)
class SqliteDatabase(Database):
    @property
    def place(self) -> str:
        return "auzap.db"

    @property
    def file(self) -> Path:
        return self.folder / self.url.removeprefix("sqlite:///")

    def connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.file, isolation_level=None, timeout=5)
        connection.row_factory = sqlite3.Row
        return connection

    @contextmanager
    def locked(self) -> Iterator[None]:
        with closing(self.connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")

    def rows(self, sql: str, *params: Any) -> list[dict[str, Any]]:
        with closing(self.connect()) as connection:
            return [dict(row) for row in connection.execute(sql, params)]


def fresh_file(folder: Path, templates: Path) -> SqliteDatabase:
    """:param templates: where the first one of a run is kept; the others are copies of it."""
    template = templates / "template.db"
    if not template.exists():
        upgrade(
            "sqlite:///template.db", templates, [PluginTables("auzap-pets", None, (Breed, Pet, Tag, Tagged, Visit))]
        )
        with closing(sqlite3.connect(template)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(template, folder / "auzap.db")
    return SqliteDatabase("sqlite:///auzap.db", folder)


# ---------------------------------------------------------------------- Postgres


class _Beside:
    """A thread with an event loop of its own, and a connection to each database: tests ask it and wait."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="beside", daemon=True).start()
        self._connections: dict[str, Connection[Any]] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def connection(self, url: str) -> Connection[Any]:
        known = self._connections.get(url)
        if known is None or known.is_closed():
            known = self._connections[url] = self.dial(url)
        return known

    def dial(self, url: str) -> Connection[Any]:
        import asyncpg

        connection: Connection[Any] = self.run(asyncpg.connect(postgres_server(url).dsn, timeout=10))
        return connection

    def end(self, connection: Connection[Any]) -> None:
        async def close() -> None:
            with suppress(Exception):
                await connection.close(timeout=5)

        self.run(close())


@cache
def _beside() -> _Beside:
    return _Beside()


@dataclass(frozen=True, slots=True)
class _ServerPeer:
    url: str

    def execute(self, sql: str, params: Sequence[Any] = (), /) -> list[dict[str, Any]]:
        found = _beside().run(_beside().connection(self.url).fetch(_filled_in(sql, params)))
        return [{name: _as_text(value) for name, value in row.items()} for row in found]


@dataclass(frozen=True, slots=True)
class PostgresDatabase(Database):
    @property
    def place(self) -> str:
        return postgres_server(self.url).place

    @contextmanager
    def connect(self) -> Iterator[Peer]:
        yield _ServerPeer(self.url)

    @contextmanager
    def locked(self) -> Iterator[None]:
        beside = _beside()
        connection = beside.dial(self.url)
        try:
            beside.run(connection.execute("BEGIN; LOCK TABLE auzap_inbox, auzap_outbox IN ACCESS EXCLUSIVE MODE"))
            yield
        finally:
            beside.end(connection)

    def rows(self, sql: str, *params: Any) -> list[dict[str, Any]]:
        return _ServerPeer(self.url).execute(sql, params)

    def fetch(self, sql: str, *params: Any) -> list[dict[str, Any]]:
        """:param sql: with ``$1`` for its parameters."""
        return [dict(row) for row in _beside().run(_beside().connection(self.url).fetch(sql, *params))]

    def plan(self, *statements: str) -> list[str]:
        """What the last of these statements, an EXPLAIN, says."""
        beside = _beside()
        connection = beside.connection(self.url)
        *first, last = statements
        try:
            beside.run(connection.execute("; ".join(["BEGIN", *first])))
            return [str(row[0]) for row in beside.run(connection.fetch(last))]
        finally:
            beside.run(connection.execute("ROLLBACK; DEALLOCATE one"))

    def empty(self) -> None:
        """As new: whoever is still connected is thrown out first."""
        self.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'auzap%'"
        )
        _beside().run(_beside().connection(self.url).execute(_EMPTY))


#: what refers to others first; numbers that are counted up begin beyond those that tests choose
_EMPTY = (
    "; ".join(f"DELETE FROM {table.name}" for table in reversed(SQLModel.metadata.sorted_tables))
    + "; SELECT setval('test_pets_id_seq', 1000), setval('test_tags_id_seq', 1000)"
)


def _filled_in(sql: str, params: Sequence[Any]) -> str:
    """With its parameters as literals, which the server takes as what the columns are."""
    head, *rest = sql.split("?")
    return head + "".join(f"{_literal(value)}{part}" for value, part in zip(params, rest, strict=True))


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def _as_text(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value


# ---------------------------------------------------------------------- either


def database_at(url: str, folder: Path) -> Database:
    """One that is there, for another process."""
    return PostgresDatabase(url, folder) if is_postgres(url) else SqliteDatabase(url, folder)


def arrival(
    key: str | None = None,
    *,
    organization_id: str = TENANT,
    envelope_id: str | None = None,
    revived: int = 0,
    token: int = 1,
    content: str | None = "Oi",
    person: Person | None = CUSTOMER,
    reason: str | None = None,
    sender_role: str | None = "client",
    instance_id: str = "main",
    message_id: str | None = None,
    keyless: bool = False,
) -> Inbound:
    """A message of a customer's; of another envelope and key each time, unless told."""
    number = next(_numbers)
    return Inbound(
        organization_id=organization_id,
        instance_id=instance_id,
        envelope_id=envelope_id or new_id(),
        dedupe_key=None if keyless else key or f"key-{number}",
        revived=revived,
        token=token,
        chat_id="5511900000010@s.whatsapp.net",
        message_id=message_id or f"3EB0{number:08X}",
        message_type="text",
        content=content,
        sender_role=sender_role,
        sender_phone=person.phone or person.lid if person is not None else "5511900000001",
        person=person,
        reason=reason,
        accepted_at=datetime.now(UTC),
    )


def decision(
    recorded: Recorded,
    *texts: str | NewReply,
    organization_id: str = TENANT,
    token: int = 1,
    records: Sequence[SQLModel] = (),
    interaction: Interaction | None = None,
    reason: str | None = None,
    attempts: int = 1,
    config_version: str | None = None,
    state: Sequence[StateChange] = (),
) -> Decision:
    """An outcome of the turn that this message belongs to."""
    return Decision(
        organization_id=organization_id,
        instance_id="main",
        turn_id=recorded.turn_id,
        token=token,
        chat_id="5511900000010@s.whatsapp.net",
        conversation_id=recorded.conversation_id,
        message_id="3EB0C0FFEE",
        replies=tuple(NewReply(text, None) if isinstance(text, str) else text for text in texts),
        records=tuple(records),
        interaction=interaction,
        reason=reason,
        answered_by="client_ai",
        attempts=attempts,
        config_version=config_version,
        state=tuple(state),
    )
