"""The store's own few queries: they wait for no writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from auzap.model.errors import StoreUnavailable
from auzap.sqlite import connect, told_as
from auzap.storage.sqlite.tx import SQL
from auzap.storage.steps.tx import Statement

__all__ = ["Reader"]


class Reader:
    """One reading connection, used by one thread at a time."""

    def __init__(self, path: Path, *, busy: float) -> None:
        self._path = path
        self._busy = busy
        self._turnstile = anyio.CapacityLimiter(1)
        self._connection: sqlite3.Connection | None = None

    async def rows(self, statement: Statement, params: Sequence[Any]) -> list[Any]:
        """:raises StoreUnavailable: the file is away."""
        return await anyio.to_thread.run_sync(self._rows, SQL[statement], params, limiter=self._turnstile)

    async def close(self) -> None:
        await anyio.to_thread.run_sync(self._close, limiter=self._turnstile)

    def _rows(self, sql: str, params: Sequence[Any]) -> list[Any]:
        try:
            if self._connection is None:
                self._connection = self._open()
            return self._connection.execute(sql, params).fetchall()
        except sqlite3.Error as error:
            raise told_as(StoreUnavailable, error, name=str(self._path)) from error

    def _open(self) -> sqlite3.Connection:
        connection = connect(self._path, busy=self._busy)
        connection.execute("PRAGMA query_only=ON")
        return connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
