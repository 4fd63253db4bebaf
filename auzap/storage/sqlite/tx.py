"""A transaction that is under way, as the statements see it: the same on both roads into the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from auzap.setwise import found, statements
from auzap.storage.records import NewRow, insert_rows

__all__ = ["RawTx", "SessionTx", "Tx"]

Params = Sequence[Any]


class Tx(Protocol):
    def execute(self, sql: str, params: Params = ()) -> Sequence[Any]:
        """All rows that it gives."""
        ...

    def executemany(self, sql: str, rows: Sequence[Params]) -> None:
        """:param sql: with ``VALUES (?, …)``, the place that takes a row."""
        ...

    def select(self, sql: str, keys: Sequence[Params]) -> list[list[Any]]:
        """What is found for all keys.

        :param sql: with ``VALUES (?, …)``, the place that takes a key; gives one JSON array of arrays.
        """
        ...

    def insert(self, rows: Sequence[NewRow]) -> None: ...


class RawTx:
    """The writer thread's: straight on the driver; only plugins' records go through SQLAlchemy's types.

    Make it outside a transaction. It begins and ends none.
    """

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw
        # AUTOCOMMIT: SQLAlchemy sends no BEGIN of its own, so its statements join ours. Said to the engine, not to the
        # connection: there it would be undone when the connection is collected, after the file is closed
        engine = create_engine(
            "sqlite://",
            creator=lambda: raw,
            poolclass=StaticPool,
            pool_reset_on_return=None,
            hide_parameters=True,
            isolation_level="AUTOCOMMIT",
        )
        self._core = engine.connect()

    def execute(self, sql: str, params: Params = ()) -> Sequence[Any]:
        return self._raw.execute(sql, params).fetchall()

    def executemany(self, sql: str, rows: Sequence[Params]) -> None:
        for text, params in statements(sql, rows):
            self._raw.execute(text, params)

    def select(self, sql: str, keys: Sequence[Params]) -> list[list[Any]]:
        return found(sql, keys, lambda text, params: self._raw.execute(text, params).fetchone()[0])

    def insert(self, rows: Sequence[NewRow]) -> None:
        if rows:
            insert_rows(self._core, rows)


class SessionTx:
    """A plugin's session's: its statements join what the plugin writes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, params: Params = ()) -> Sequence[Any]:
        result = self._connection.exec_driver_sql(sql, tuple(params))
        return result.fetchall() if result.returns_rows else ()

    def executemany(self, sql: str, rows: Sequence[Params]) -> None:
        for text, params in statements(sql, rows):
            self._connection.exec_driver_sql(text, params)

    def select(self, sql: str, keys: Sequence[Params]) -> list[list[Any]]:
        return found(sql, keys, lambda text, params: self._connection.exec_driver_sql(text, params).scalar_one())

    def insert(self, rows: Sequence[NewRow]) -> None:
        if rows:
            insert_rows(self._connection, rows)
