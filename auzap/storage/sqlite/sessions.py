"""Sessions for plugins on a SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
from sqlalchemy import Connection, ExceptionContext, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlmodel.ext.asyncio.session import AsyncSession

from auzap.model.errors import StoreUnavailable
from auzap.sqlite import told_as
from auzap.storage.sessions import BaseSessions
from auzap.storage.sqlite.times import right_now
from auzap.storage.sqlite.tx import SessionTx
from auzap.storage.steps.tx import Tx

__all__ = ["Sessions"]

T = TypeVar("T")

#: reading sessions at a time; more of them wait
_READERS = 16
#: of SQLite's virtual machine, between two looks at whether anybody still waits for the statement
_STEPS = 10_000


class Sessions(BaseSessions):
    """:param hold: keeps this process's writer thread still, so that a session's transaction has its turn."""

    def __init__(
        self,
        path: Path,
        *,
        busy: float,
        hold: Callable[[], AbstractAsyncContextManager[None]],
        before_commit: Callable[[], None],
        tell: Callable[[], str] = right_now,
    ) -> None:
        self._hold = hold
        self._tell = tell
        super().__init__(
            _engine(path, busy, begin="BEGIN", query_only=True, pool_size=_READERS),
            _engine(path, busy, begin="BEGIN IMMEDIATE", query_only=False, pool_size=1),
            before_commit=before_commit,
        )

    def _turn(self, _: str) -> AbstractAsyncContextManager[None]:
        return self._hold()

    async def _begin(self, session: AsyncSession, _: str) -> None:
        await session.run_sync(Session.connection)

    async def run(self, session: AsyncSession, work: Callable[[Tx], T]) -> T:
        """Run statements of the store in a session's transaction."""
        return await session.run_sync(lambda sync: work(SessionTx(Session.connection(sync), self._tell)))


def _engine(path: Path, busy: float, *, begin: str, query_only: bool, pool_size: int) -> AsyncEngine:
    async def connect() -> aiosqlite.Connection:
        return await _Connection(path, busy)

    engine = create_async_engine(
        "sqlite+aiosqlite://",
        async_creator=connect,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=pool_size,
        max_overflow=0,
        hide_parameters=True,
    )

    def prepare(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA query_only={int(query_only)}")
        cursor.close()

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    def told(context: ExceptionContext) -> BaseException | None:
        error = context.original_exception
        if not isinstance(error, Exception):
            _abandon(context.connection)
            return None
        away = told_as(StoreUnavailable, error, name=str(path))
        return away if away is not error else None

    event.listen(engine.sync_engine, "connect", prepare)
    event.listen(engine.sync_engine, "begin", begun)
    event.listen(engine.sync_engine, "handle_error", told)
    return engine


def _abandon(connection: Connection | None) -> None:
    """End the statement that nobody waits for any more: its thread goes on with it otherwise."""
    if connection is not None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, _Connection)  # noqa: S101 - connect() made it
        driver.abandon()


class _File(sqlite3.Connection):
    """Its statement can be abandoned, and its transaction ends when it is closed.

    SQLite itself keeps a closed file open, with its transaction and the lock, for as long as anybody holds a cursor
    of it, as the traceback of a cancelled statement does; and what ``interrupt`` has hit cannot be rolled back then.
    """

    abandoned = False

    def close(self) -> None:
        self.abandoned = False
        with suppress(sqlite3.ProgrammingError):  # closed already
            self.rollback()
        super().close()


def _open(path: Path, busy: float) -> _File:
    file = sqlite3.connect(path, timeout=busy, isolation_level=None, check_same_thread=False, factory=_File)
    file.set_progress_handler(lambda: file.abandoned, _STEPS)
    return file


class _Connection(aiosqlite.Connection):
    """One that may be stopped twice, and closes its file whichever comes first.

    SQLAlchemy does both when a statement is cancelled: it closes the connection, which stops the thread, and stops it
    at once as well. aiosqlite then waits for the second stop for ever, or forgets the file without closing it.
    """

    def __init__(self, path: Path, busy: float) -> None:
        super().__init__(partial(_open, path, busy), iter_chunk_size=64)
        self._thread.daemon = True
        self._stopped = False

    def abandon(self) -> None:
        if isinstance(self._connection, _File):
            self._connection.abandoned = True

    def stop(self) -> asyncio.Future[Any] | None:
        if self._stopped:
            return None
        self._stopped = True
        if self._connection is not None:
            self._tx.put_nowait((None, self._connection.close))
        return super().stop()
