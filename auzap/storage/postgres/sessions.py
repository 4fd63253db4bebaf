"""Sessions for plugins on a Postgres database, on connections of their own: the store's writing waits for none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar
from weakref import WeakValueDictionary

from sqlalchemy import ExceptionContext, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlmodel.ext.asyncio.session import AsyncSession

from auzap.storage.dial import dial
from auzap.storage.postgres.dialect import DIALECT, LenientDialect
from auzap.storage.postgres.errors import told
from auzap.storage.postgres.leaving import Leaving
from auzap.storage.postgres.link import Base, Link, core_arguments, named
from auzap.storage.postgres.tx import ServerTx, lock_key
from auzap.storage.records import insert_rows
from auzap.storage.sessions import BaseSessions
from auzap.storage.steps.tx import Tx

__all__ = ["Sessions"]

T = TypeVar("T")

#: connections kept, and as many more as are opened at need
_READERS: Final = (4, 8)
_WRITERS: Final = (2, 6)
#: for the transaction alone, and waiting for the tenant's turn last
_BEGIN: Final = """
    SELECT set_config('lock_timeout', $1, true), set_config('idle_in_transaction_session_timeout', '15s', true),
        set_config('timezone', 'UTC', true), pg_advisory_xact_lock($2)"""


class Sessions(BaseSessions):
    """A tenant's transactions are one at a time, whatever process they are in: what one of them decides, the next sees.

    :param busy: seconds to wait for what others have locked.
    """

    def __init__(self, base: Base, *, busy: float, before_commit: Callable[[], None]) -> None:
        self._base = base
        self._wait = f"{busy * 1000:.0f}ms"
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._looking = Link(base, wait=busy)
        self._leaving = Leaving()
        reading = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        super().__init__(
            _engine(base, self._leaving, _READERS, reading),
            _engine(base, self._leaving, _WRITERS, {"isolation_level": "READ COMMITTED"}),
            before_commit=before_commit,
        )

    def _turn(self, organization_id: str) -> asyncio.Lock:
        return self._turns.setdefault(organization_id, asyncio.Lock())

    async def _begin(self, session: AsyncSession, organization_id: str) -> None:
        key = lock_key("plugins", organization_id)
        await session.run_sync(lambda sync: Session.connection(sync).exec_driver_sql(_BEGIN, (self._wait, key)))

    async def run(self, session: AsyncSession, work: Callable[[Tx], T]) -> T:
        """Run statements of the store in a session's transaction."""
        texts = self._base.texts or await self._looking.texts()

        def run(sync: Session) -> T:
            core = Session.connection(sync)
            driver: Any = core.connection.driver_connection
            tx = ServerTx(driver, texts, self._base.clock, insert=lambda rows: insert_rows(core, rows))
            result = work(tx)
            tx.flush()
            return result

        try:
            return await session.run_sync(run)
        except Exception as error:
            known = told(error, self._base.server.place)
            if known is error:
                raise
            raise known from error

    async def close(self) -> None:
        await super().close()
        await self._leaving.wait()
        await self._looking.close()


def _engine(base: Base, leaving: Leaving, size: tuple[int, int], execution_options: dict[str, Any]) -> AsyncEngine:
    server = base.server
    settings: dict[str, Any] = (
        {} if server.pooled else {"server_settings": named(server, {"timezone": "UTC"}, role="auzap plugins")}
    )

    async def connect() -> Any:
        return await leaving.dial(lambda: dial(server, **settings))

    engine = create_async_engine(
        f"{DIALECT}://",
        async_creator=connect,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=size[0],
        max_overflow=size[1],
        hide_parameters=True,
        execution_options=execution_options,
        connect_args=core_arguments(pooled=server.pooled),
    )

    dialect = engine.sync_engine.dialect
    assert isinstance(dialect, LenientDialect)  # noqa: S101 - what DIALECT names
    dialect.leaving = leaving
    dialect.tell = partial(told, place=server.place)

    def tell(context: ExceptionContext) -> BaseException | None:
        known = told(context.original_exception, server.place)
        return known if known is not context.original_exception else None

    def look(adapted: Any, *_: object) -> None:
        if adapted.driver_connection.is_closed():
            raise DisconnectionError  # the pool makes another one

    event.listen(engine.sync_engine, "handle_error", tell)
    event.listen(engine.sync_engine, "checkout", look)
    return engine
