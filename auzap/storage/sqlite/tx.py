"""A transaction of SQLite's, on both roads into the file. Nobody else writes while it is under way."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from auzap.setwise import found, statements
from auzap.storage.records import NewRow, insert_rows
from auzap.storage.sqlite import statements as _sql
from auzap.storage.sqlite.times import right_now, stamp
from auzap.storage.steps.tx import Params, Statement

__all__ = ["SQL", "RawTx", "SessionTx"]

SQL: Final[Mapping[str, str]] = {name: text for name, text in vars(_sql).items() if name.isupper() and name[0] != "_"}


class _FileTx:
    """What both roads have in common."""

    def __init__(self, tell: Callable[[], str]) -> None:
        self._tell = tell

    def now(self) -> str:
        return self._tell()

    def time(self, moment: datetime) -> str:
        return stamp(moment)

    def array(self, values: Sequence[str]) -> str:
        return json.dumps(values)

    def alone(self, _: Collection[str]) -> bool:
        return False


class RawTx(_FileTx):
    """The writer thread's: straight on the driver; only plugins' records go through SQLAlchemy's types.

    Make it outside a transaction. It begins and ends none.
    """

    def __init__(self, raw: sqlite3.Connection, tell: Callable[[], str] = right_now) -> None:
        super().__init__(tell)
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

    def execute(self, statement: Statement, params: Params = ()) -> Sequence[Any]:
        return self._raw.execute(SQL[statement], params).fetchall()

    def select(self, statement: Statement, keys: Sequence[Params]) -> list[list[Any]]:
        return found(SQL[statement], keys, lambda text, params: self._raw.execute(text, params).fetchone()[0])

    def write(self, statement: Statement, rows: Sequence[Params]) -> None:
        for text, params in statements(SQL[statement], rows):
            self._raw.execute(text, params)

    def returning(self, statement: Statement, rows: Sequence[Params]) -> list[Any]:
        return [found for row in rows for found in self._raw.execute(SQL[statement], row)]

    def confirm(self, statement: Statement, rows: Sequence[Params]) -> Sequence[Any]:
        self.write(statement, rows)
        return ()

    def insert(self, rows: Sequence[NewRow]) -> None:
        if rows:
            insert_rows(self._core, rows)


class SessionTx(_FileTx):
    """A plugin's session's: its statements join what the plugin writes."""

    def __init__(self, connection: Connection, tell: Callable[[], str] = right_now) -> None:
        super().__init__(tell)
        self._connection = connection

    def execute(self, statement: Statement, params: Params = ()) -> Sequence[Any]:
        result = self._connection.exec_driver_sql(SQL[statement], tuple(params))
        return result.fetchall() if result.returns_rows else ()

    def select(self, statement: Statement, keys: Sequence[Params]) -> list[list[Any]]:
        return found(
            SQL[statement], keys, lambda text, params: self._connection.exec_driver_sql(text, params).scalar_one()
        )

    def write(self, statement: Statement, rows: Sequence[Params]) -> None:
        for text, params in statements(SQL[statement], rows):
            self._connection.exec_driver_sql(text, params)

    def returning(self, statement: Statement, rows: Sequence[Params]) -> list[Any]:
        return [found for row in rows for found in self.execute(statement, row)]

    def confirm(self, statement: Statement, rows: Sequence[Params]) -> Sequence[Any]:
        self.write(statement, rows)
        return ()

    def insert(self, rows: Sequence[NewRow]) -> None:
        if rows:
            insert_rows(self._connection, rows)
