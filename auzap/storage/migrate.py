"""Bring a database's schema up to date: auzap's tables, then each plugin distribution's.

Each distribution has a version table of its own, so that an uninstalled plugin stands in nobody's way.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auzap.model.errors import AuzapError, ConfigError, PluginError, StoreUnavailable
from auzap.sqlite import connect, told_as
from auzap.storage.revisions import Revisions, read_revisions
from auzap.storage.urls import sqlite_path

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlmodel import SQLModel

__all__ = ["PluginTables", "pending", "revisions", "upgrade"]

_OWN = "auzap"
_ENVIRONMENT = "auzap.storage.migrations"
#: seconds to wait for another process that upgrades at the same time
_PATIENCE = 60.0

Query = Callable[[str], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class PluginTables:
    """What a plugin's distribution keeps in the database.

    :param migrations: an importable package with Alembic's ``versions/``; None: the tables are made as declared.
    """

    distribution: str
    migrations: str | None
    tables: Sequence[type[SQLModel]]


def pending(url: str, base: Path, plugins: Sequence[PluginTables] = ()) -> list[str]:
    """The distributions whose schema is behind. Does not import Alembic, changes nothing.

    :raises ConfigError: the database is newer than the code, or the file is something else.
    :raises StoreUnavailable: the database cannot be read.
    """
    path = sqlite_path(url, base)
    wanted = _wanted(plugins)
    if not path.exists():
        return [one.distribution for one in wanted if one.behind(_nothing_there)]
    try:
        with closing(sqlite3.connect(path, timeout=_PATIENCE)) as raw:
            return [one.distribution for one in wanted if one.behind(lambda sql: raw.execute(sql).fetchall())]
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
            raise ConfigError(f"{path}: this file is no SQLite database") from error
        raise told_as(StoreUnavailable, error, name=str(path)) from error


def revisions(url: str, base: Path, plugins: Sequence[PluginTables] = ()) -> dict[str, str]:
    """Distribution -> the revision that its part of the database is at; those that have none are left out.

    :raises StoreUnavailable: the database cannot be read.
    """
    path = sqlite_path(url, base)
    if not path.exists():
        return {}
    try:
        with closing(sqlite3.connect(path, timeout=_PATIENCE)) as raw:
            return {
                one.distribution: ", ".join(sorted(stamps))
                for one in _wanted(plugins)
                if (stamps := one.stamps(lambda sql: raw.execute(sql).fetchall()))
            }
    except sqlite3.Error as error:
        raise told_as(StoreUnavailable, error, name=str(path)) from error


def upgrade(url: str, base: Path, plugins: Sequence[PluginTables] = ()) -> list[str]:
    """Upgrade what is behind, each distribution in a transaction of its own; several processes may do so at once.

    :return: the distributions that were behind.
    :raises ConfigError: the database is newer than the code.
    :raises PluginError: a plugin's migration failed; it changed nothing.
    :raises StoreUnavailable: the database cannot be written.
    """
    if not pending(url, base, plugins):
        return []
    path = sqlite_path(url, base)
    return [one.distribution for one in _wanted(plugins) if _upgrade(path, one)]


@dataclass(frozen=True, slots=True)
class _Schema:
    """One distribution's part of the database."""

    distribution: str
    revisions: Revisions | None
    tables: Sequence[type[SQLModel]]

    @property
    def version_table(self) -> str:
        return "alembic_version_" + re.sub(r"[^a-z0-9]+", "_", self.distribution.lower())

    def behind(self, query: Query) -> bool:
        if self.revisions is None:
            present = _tables(query)
            return any(str(table.__tablename__) not in present for table in self.tables)
        stamps = self.stamps(query)
        unknown = stamps - self.revisions.known
        if unknown:
            raise ConfigError(
                f"the database is newer than the code: {self.distribution} does not know its revision "
                f"{', '.join(sorted(unknown))}; install the version that wrote it"
            )
        return self.revisions.head is not None and stamps != {self.revisions.head}

    def stamps(self, query: Query) -> set[str]:
        """The revisions that were applied last."""
        if self.version_table not in _tables(query):
            return set()
        return {row[0] for row in query(f"SELECT version_num FROM {self.version_table}")}  # noqa: S608

    def apply(self, connection: Connection) -> None:
        if self.revisions is None:
            from sqlmodel import SQLModel

            SQLModel.metadata.create_all(connection, tables=[SQLModel.metadata.tables[name] for name in self._names()])
        else:
            self._migrate(connection, self.revisions)

    def _names(self) -> list[str]:
        return [str(table.__tablename__) for table in self.tables]

    def _migrate(self, connection: Connection, revisions: Revisions) -> None:
        from alembic import command
        from alembic.config import Config

        config = Config()
        for option in ("path_separator", "version_path_separator"):
            config.set_main_option(option, "newline")
        environment = read_revisions(_ENVIRONMENT).folder.parent
        config.set_main_option("script_location", str(environment).replace("%", "%%"))
        config.set_main_option("version_locations", str(revisions.folder).replace("%", "%%"))
        config.attributes.update(connection=connection, version_table=self.version_table)
        command.upgrade(config, "head")


def _wanted(plugins: Sequence[PluginTables]) -> list[_Schema]:
    own = _Schema(_OWN, read_revisions(_ENVIRONMENT), ())
    return [
        own,
        *(
            _Schema(
                plugin.distribution,
                read_revisions(plugin.migrations) if plugin.migrations is not None else None,
                plugin.tables,
            )
            for plugin in plugins
        ),
    ]


def _upgrade(path: Path, schema: _Schema) -> bool:
    """Whether there was something to do, once nobody else could do it."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    try:
        raw = connect(path, busy=_PATIENCE)
    except sqlite3.Error as error:
        raise told_as(StoreUnavailable, error, name=str(path)) from error
    engine = create_engine("sqlite://", creator=lambda: raw, poolclass=NullPool, hide_parameters=True)
    try:
        with engine.connect() as connection, connection.begin():
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            if not schema.behind(lambda sql: connection.exec_driver_sql(sql).fetchall()):
                return False
            schema.apply(connection)
            return True
    except AuzapError:
        raise
    except Exception as error:
        told = told_as(StoreUnavailable, getattr(error, "orig", None) or error, name=str(path))
        if isinstance(told, StoreUnavailable):
            raise told from error
        if schema.distribution == _OWN:
            raise
        raise PluginError(f"{schema.distribution}: its migration failed: {type(error).__name__}: {error}") from error
    finally:
        raw.close()


def _tables(query: Query) -> set[str]:
    return {row[0] for row in query("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _nothing_there(_: str) -> Sequence[Any]:
    return ()
