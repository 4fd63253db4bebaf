"""The schema of a Postgres database.

asyncpg is the only driver, so each call runs an event loop in a thread of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from auzap.model.errors import AuzapError, ConfigError
from auzap.storage.dial import dial, require_driver, told_as
from auzap.storage.fitness import secure, unfit
from auzap.storage.schema import OWN, Look, Schema, migration_failed
from auzap.storage.urls import Server

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

__all__ = ["PostgresPlace"]

T = TypeVar("T")

#: "auzap" in hexadecimal: whoever holds it upgrades
_KEY = 0x61757A6170
#: seconds for the answer to a look
_ANSWERS = 30.0
#: how long to wait for somebody else who upgrades
_PATIENCE = "60s"
#: how long a table may keep us waiting, unless the URL says so (``?lock_timeout=``): whoever comes after us waits too
_LOCKED = "5s"
_TABLES = """
    SELECT relname::text FROM pg_catalog.pg_class
    WHERE relkind IN ('r', 'p', 'v', 'f') AND pg_catalog.pg_table_is_visible(oid)"""


@dataclass(frozen=True, slots=True)
class _Look:
    rows: Callable[[str], Sequence[Any]]

    def tables(self) -> set[str]:
        return {row[0] for row in self.rows(_TABLES)}


@dataclass(frozen=True, slots=True)
class PostgresPlace:
    server: Server

    def look(self, read: Callable[[Look], T], *, nothing: T) -> T:
        """``nothing`` is never answered: whoever has a server has a database."""
        return _in_a_thread(lambda: self._look(read))

    def _look(self, read: Callable[[Look], T]) -> T:
        with asyncio.Runner() as runner:
            connection = runner.run(dial(self.server, command_timeout=_ANSWERS))
            try:
                return read(_Look(lambda sql: runner.run(connection.fetch(sql))))
            except Exception as error:
                told = _told(error, self.server.place)
                if told is None:
                    raise
                raise told from error
            finally:
                runner.run(connection.close())

    def upgrade(self, wanted: Sequence[Schema]) -> list[str]:
        require_driver()
        return _in_a_thread(lambda: asyncio.run(self._upgrade(wanted)))

    async def _upgrade(self, wanted: Sequence[Schema]) -> list[str]:
        engine = self._engine()
        done = []
        for schema in wanted:
            try:
                async with engine.connect() as connection, connection.begin():
                    await _alone(connection)
                    if await connection.run_sync(_apply, schema):
                        done.append(schema.distribution)
            except AuzapError:
                raise
            except Exception as error:
                told = _told(error, self.server.place)
                if told is None and schema.distribution == OWN:
                    raise
                raise told or migration_failed(schema, error) from error
        return done

    def _engine(self) -> AsyncEngine:
        from sqlalchemy.ext.asyncio import create_async_engine
        from sqlalchemy.pool import NullPool

        def connect() -> Any:
            dialect: Any = engine.sync_engine.dialect
            # names of its own: behind a pooler the connection may know somebody else's
            return dialect.dbapi.connect(
                async_creator_fn=lambda: dial(self.server),
                prepared_statement_cache_size=0,
                prepared_statement_name_func=lambda: f"auzap_{uuid4().hex}",
            )

        engine = create_async_engine("postgresql+asyncpg://", creator=connect, poolclass=NullPool, hide_parameters=True)
        return engine


async def _alone(connection: AsyncConnection) -> None:
    """Until the transaction ends nobody else upgrades; a busy table does not hold us, and those behind us, for ever."""
    of_the_url = (await connection.exec_driver_sql("SHOW lock_timeout")).scalar_one()
    for statement in (
        f"SET LOCAL lock_timeout = '{_PATIENCE}'",
        "SET LOCAL statement_timeout = 0",
        f"SELECT pg_advisory_xact_lock({_KEY})",
        f"SET LOCAL lock_timeout = '{_LOCKED if of_the_url == '0' else of_the_url}'",
    ):
        await connection.exec_driver_sql(statement)


def _apply(connection: Connection, schema: Schema) -> bool:
    """Whether there was something to do, once nobody else could do it."""
    look = _Look(lambda sql: connection.exec_driver_sql(sql).fetchall())
    if not schema.behind(look):
        return False
    if schema.distribution == OWN and (why := unfit(look)):
        raise ConfigError("\n".join(why))
    before = look.tables()
    schema.apply(connection)
    for statement in secure(look, look.tables() - before):
        connection.exec_driver_sql(statement)
    return True


def _in_a_thread(work: Callable[[], T]) -> T:
    """Also where an event loop runs already."""
    with ThreadPoolExecutor(1, thread_name_prefix="schema") as threads:
        return threads.submit(work).result()


def _told(error: Exception, place: str) -> AuzapError | None:
    """What the driver met, behind SQLAlchemy's wrapping of it; None: a mistake in a statement, or in the code."""
    behind: BaseException | None = error
    while behind is not None:
        told = told_as(behind, place)
        if isinstance(told, AuzapError):
            return told
        behind = behind.__cause__ or behind.__context__
    return None
