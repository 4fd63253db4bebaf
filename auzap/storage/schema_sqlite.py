"""The schema of a SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from auzap.model.errors import AuzapError, ConfigError, StoreUnavailable
from auzap.sqlite import connect, told_as
from auzap.storage.schema import OWN, Look, Schema, migration_failed

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["SqlitePlace"]

T = TypeVar("T")

#: seconds to wait for another process that upgrades at the same time
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class _Look:
    rows: Callable[[str], Sequence[Any]]

    def tables(self) -> set[str]:
        return {row[0] for row in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}


@dataclass(frozen=True, slots=True)
class SqlitePlace:
    path: Path

    def look(self, read: Callable[[Look], T], *, nothing: T) -> T:
        if not self.path.exists():
            return nothing
        try:
            with closing(sqlite3.connect(self.path, timeout=_PATIENCE)) as raw:
                return read(_Look(lambda sql: raw.execute(sql).fetchall()))
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
                raise ConfigError(f"{self.path}: this file is no SQLite database") from error
            raise told_as(StoreUnavailable, error, name=str(self.path)) from error

    def upgrade(self, wanted: Sequence[Schema]) -> list[str]:
        return [one.distribution for one in wanted if self._upgrade(one)]

    def _upgrade(self, schema: Schema) -> bool:
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool

        try:
            raw = connect(self.path, busy=_PATIENCE)
        except sqlite3.Error as error:
            raise told_as(StoreUnavailable, error, name=str(self.path)) from error
        engine = create_engine("sqlite://", creator=lambda: raw, poolclass=NullPool, hide_parameters=True)
        try:
            with engine.connect() as connection, connection.begin():
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                return _apply(connection, schema)
        except AuzapError:
            raise
        except Exception as error:
            told = told_as(StoreUnavailable, getattr(error, "orig", None) or error, name=str(self.path))
            if isinstance(told, StoreUnavailable):
                raise told from error
            if schema.distribution == OWN:
                raise
            raise migration_failed(schema, error) from error
        finally:
            raw.close()


def _apply(connection: Connection, schema: Schema) -> bool:
    """Whether there was something to do, once nobody else could do it."""
    if not schema.behind(_Look(lambda sql: connection.exec_driver_sql(sql).fetchall())):
        return False
    schema.apply(connection)
    return True
