"""What each distribution's part of a database should be like, and whether it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from auzap.model.errors import ConfigError, PluginError
from auzap.storage.revisions import Revisions, read_revisions

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlmodel import SQLModel

__all__ = ["OWN", "Look", "Place", "PluginTables", "Schema", "migration_failed", "schemas"]

T = TypeVar("T")

OWN = "auzap"
_ENVIRONMENT = "auzap.storage.migrations"


@dataclass(frozen=True, slots=True)
class PluginTables:
    """What a plugin's distribution keeps in the database.

    :param migrations: an importable package with Alembic's ``versions/``; None: the tables are made as declared.
    """

    distribution: str
    migrations: str | None
    tables: Sequence[type[SQLModel]]


class Look(Protocol):
    """A connection that only reads."""

    def tables(self) -> set[str]: ...

    def rows(self, sql: str) -> Sequence[Any]: ...


class Place(Protocol):
    """A database that is looked at and upgraded. Both calls block."""

    def look(self, read: Callable[[Look], T], *, nothing: T) -> T:
        """:param nothing: what is answered where there is no database yet, and none is made by looking."""
        ...

    def upgrade(self, wanted: Sequence[Schema]) -> list[str]:
        """Each in a transaction of its own, if it still is behind once nobody else can upgrade it.

        :return: the distributions that were.
        """
        ...


@dataclass(frozen=True, slots=True)
class Schema:
    """One distribution's part of the database."""

    distribution: str
    revisions: Revisions | None
    tables: Sequence[type[SQLModel]]

    @property
    def version_table(self) -> str:
        return "alembic_version_" + re.sub(r"[^a-z0-9]+", "_", self.distribution.lower())

    @property
    def empty_is_behind(self) -> bool:
        """Whether there is something to do in a database without tables."""
        return bool(self.tables) if self.revisions is None else self.revisions.head is not None

    def behind(self, look: Look) -> bool:
        """:raises ConfigError: the database is newer than the code."""
        if self.revisions is None:
            present = look.tables()
            return any(name not in present for name in self._names())
        stamps = self.stamps(look)
        unknown = stamps - self.revisions.known
        if unknown:
            raise ConfigError(
                f"the database is newer than the code: {self.distribution} does not know its revision "
                f"{', '.join(sorted(unknown))}; install the version that wrote it"
            )
        return self.revisions.head is not None and stamps != {self.revisions.head}

    def stamps(self, look: Look) -> set[str]:
        """The revisions that were applied last."""
        if self.version_table not in look.tables():
            return set()
        return {row[0] for row in look.rows(f"SELECT version_num FROM {self.version_table}")}  # noqa: S608

    def apply(self, connection: Connection) -> None:
        """In a transaction that the caller has begun."""
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


def schemas(plugins: Sequence[PluginTables]) -> list[Schema]:
    """auzap's own, then the plugins'.

    :raises PluginError: a plugin's migrations cannot be found, or part.
    """
    return [
        Schema(OWN, read_revisions(_ENVIRONMENT), ()),
        *(
            Schema(
                plugin.distribution,
                read_revisions(plugin.migrations) if plugin.migrations is not None else None,
                plugin.tables,
            )
            for plugin in plugins
        ),
    ]


def migration_failed(schema: Schema, error: Exception) -> PluginError:
    return PluginError(f"{schema.distribution}: its migration failed: {type(error).__name__}: {error}")
