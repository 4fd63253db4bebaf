"""A connection of the store's own: made when it is needed, and anew when it was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from auzap.storage.dial import dial
from auzap.storage.postgres.clock import Clock
from auzap.storage.postgres.dialect import DIALECT
from auzap.storage.postgres.leaving import let_go
from auzap.storage.postgres.statements import COLUMNS, TIME
from auzap.storage.postgres.texts import TABLES, Texts
from auzap.storage.postgres.tx import ServerTx
from auzap.storage.records import NewRow, insert_rows
from auzap.storage.urls import Server

if TYPE_CHECKING:
    from asyncpg import Connection

__all__ = ["Base", "Link", "core_arguments", "named"]

#: every statement of ours goes by an index, row by row, however small the tables were when its plan was made; nobody
#: holds a transaction open for long without saying anything, not even a process that stands still
_SETTINGS: Final[Mapping[str, str]] = {
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    "idle_in_transaction_session_timeout": "15s",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    "timezone": "UTC",
}
#: prepared statements kept: all of ours, and those that are several in one
_STATEMENTS: Final = 512
#: seconds for a server to roll back
_GOODBYE: Final = 2.0


@dataclass(slots=True)
class Base:
    """What all connections of a store know of its database."""

    server: Server
    clock: Clock = field(default_factory=Clock)
    texts: Texts | None = None


class Link:
    """
    :param wait: seconds to wait for what others have locked.
    """

    def __init__(self, base: Base, *, wait: float) -> None:
        self._base = base
        self._connection: Connection[Any] | None = None
        self._texts: Texts | None = None
        self._engine: AsyncEngine | None = None
        self._settings = {**_SETTINGS, "lock_timeout": f"{wait * 1000:.0f}ms"}

    async def open(self) -> Connection[Any]:
        """:raises StoreUnavailable: the server is away."""
        if self._connection is None or self._connection.is_closed():
            self._connection = self._texts = self._engine = None
            self._connection = await self._dial()
        return self._connection

    async def begin(self, *, patience: float | None = None) -> ServerTx:
        """Begin a transaction.

        :param patience: seconds to wait for what others have locked, if not as long as usual.
        """
        connection = await self.open()
        settings = dict(self._settings) if self._base.server.pooled else {}
        if patience is not None:
            settings["lock_timeout"] = f"{patience * 1000:.0f}ms"
        await connection.execute("; ".join(["BEGIN", *(f"SET LOCAL {n} = '{v}'" for n, v in settings.items())]))
        return ServerTx(connection, await self.texts(), self._base.clock, insert=self._insert)

    async def texts(self) -> Texts:
        """:raises ConfigError: the tables are not up to date."""
        if self._texts is None:
            if self._base.texts is None:
                self._base.texts = await self._read_texts(await self.open())
            self._texts = self._base.texts
        if self._base.clock.is_old:
            self._base.clock.hear(await (await self.open()).fetchval(TIME))
        return self._texts

    async def undo(self) -> None:
        """End a transaction that failed: roll it back, or leave the connection to the server."""
        connection = self._connection
        if connection is None or connection.is_closed():
            return
        try:
            async with asyncio.timeout(_GOODBYE):
                await connection.execute("ROLLBACK")
        except Exception:  # noqa: BLE001 - what failed before is what is told
            connection.terminate()

    def forget(self) -> None:
        """The tables were changed while we looked."""
        self._texts = self._base.texts = None

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None or connection.is_closed():
            return
        await let_go(connection)

    async def _dial(self) -> Connection[Any]:
        if self._base.server.pooled:  # what is set on a pooler's connection would be somebody else's too
            return await dial(self._base.server)
        return await dial(
            self._base.server,
            server_settings=named(self._base.server, self._settings),
            statement_cache_size=_STATEMENTS,
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=0,
        )

    async def _read_texts(self, connection: Connection[Any]) -> Texts:
        rows = await connection.fetch(COLUMNS, list(TABLES))
        return Texts(dict(rows), place=self._base.server.place)

    def _insert(self, rows: Sequence[NewRow]) -> None:
        """Through SQLAlchemy's types."""
        if self._engine is None:
            self._engine = self._engine_on(self._connection)
        with self._engine.sync_engine.connect() as core:
            insert_rows(core, rows)

    def _engine_on(self, connection: Connection[Any] | None) -> AsyncEngine:
        """AUTOCOMMIT: SQLAlchemy sends no BEGIN of its own, so its statements join ours."""

        async def ours() -> Any:
            return connection

        return create_async_engine(
            f"{DIALECT}://",
            async_creator=ours,
            poolclass=StaticPool,
            pool_reset_on_return=None,
            hide_parameters=True,
            isolation_level="AUTOCOMMIT",
            connect_args=core_arguments(pooled=self._base.server.pooled),
        )


def named(server: Server, settings: Mapping[str, str], *, role: str = "auzap") -> dict[str, str]:
    """Settings of a connection, with the name by which the server lists it, if its URL gives none."""
    return dict(settings) if "application_name=" in server.dsn else {"application_name": role, **settings}


def core_arguments(*, pooled: bool) -> dict[str, Any]:
    """For SQLAlchemy: where a pooler stands between, no prepared statement lasts, and none has a name."""
    return {"prepared_statement_cache_size": 0, "prepared_statement_name_func": str} if pooled else {}
