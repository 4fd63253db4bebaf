"""Bring a database's schema up to date: auzap's tables, then each plugin distribution's.

Each distribution has a version table of its own, so that an uninstalled plugin stands in nobody's way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from auzap.storage.fitness import Findings, found_out
from auzap.storage.schema import Look, Place, PluginTables, schemas
from auzap.storage.schema_postgres import PostgresPlace
from auzap.storage.schema_sqlite import SqlitePlace
from auzap.storage.urls import is_postgres, postgres_server, sqlite_path

__all__ = ["Findings", "PluginTables", "examine", "pending", "place_of", "revisions", "upgrade"]


def place_of(url: str, base: Path) -> Place:
    """:raises ConfigError: there is no such database."""
    if is_postgres(url):
        return PostgresPlace(postgres_server(url))
    return SqlitePlace(sqlite_path(url, base))


def pending(url: str, base: Path, plugins: Sequence[PluginTables] = ()) -> list[str]:
    """The distributions whose schema is behind. Does not import Alembic, changes nothing.

    :raises ConfigError: the database is newer than the code, or something else, or lets nobody in like that.
    :raises StoreUnavailable: the database cannot be read.
    """
    place, wanted = place_of(url, base), schemas(plugins)

    def read(look: Look) -> list[str]:
        return [one.distribution for one in wanted if one.behind(look)]

    return place.look(read, nothing=[one.distribution for one in wanted if one.empty_is_behind])


def revisions(url: str, base: Path, plugins: Sequence[PluginTables] = ()) -> dict[str, str]:
    """Distribution -> the revision that its part of the database is at; those that have none are left out.

    :raises ConfigError: the database lets nobody in like that.
    :raises StoreUnavailable: the database cannot be read.
    """
    wanted = schemas(plugins)

    def read(look: Look) -> dict[str, str]:
        found = {one.distribution: one.stamps(look) for one in wanted}
        return {whose: ", ".join(sorted(stamps)) for whose, stamps in found.items() if stamps}

    return place_of(url, base).look(read, nothing={})


def upgrade(url: str, base: Path, plugins: Sequence[PluginTables] = ()) -> list[str]:
    """Upgrade what is behind, each distribution in a transaction of its own; several processes may do so at once.

    :return: the distributions that were behind.
    :raises ConfigError: the database is newer than the code, or its tables are none that auzap can work with.
    :raises PluginError: a plugin's migration failed; it changed nothing.
    :raises StoreUnavailable: the database cannot be written now.
    """
    if not pending(url, base, plugins):
        return []
    return place_of(url, base).upgrade(schemas(plugins))


def examine(
    url: str, base: Path, tenants: Mapping[str, Sequence[str]], plugins: Sequence[PluginTables] = ()
) -> Findings:
    """Why auzap cannot work with the tables that a server has; nothing speaks against a SQLite file.

    :param tenants: their ids -> their instances.
    :raises ConfigError: the database lets nobody in like that.
    :raises StoreUnavailable: the database cannot be read.
    """
    if not is_postgres(url):
        return Findings()
    return place_of(url, base).look(lambda look: found_out(look, tenants, plugins), nothing=Findings())
