"""New databases, quickly: one with the same tables is made once in a process, and copied."""

from __future__ import annotations

from functools import lru_cache

from auzap.config import Config
from auzap.registry import Registry
from auzap.storage.migrate import PluginTables, upgrade
from auzap.storage.urls import sqlite_path
from auzap.tenants.survey import tables_of
from auzap.testing.scratch import scratch

__all__ = ["make_database"]

#: as many sets of tables are kept, each some hundred kilobytes
_KEPT = 16


def make_database(config: Config, registry: Registry) -> None:
    """A database with all tables (blocking); one that is there stays as it is.

    :raises AuzapError: a plugin's tables or migrations are wrong.
    """
    file = sqlite_path(config.database.dsn, config.base)
    if not file.exists():
        plugins = sorted(tables_of(config, registry), key=lambda one: one.distribution)
        file.write_bytes(_content(tuple(plugins)))


@lru_cache(_KEPT)
def _content(plugins: tuple[PluginTables, ...]) -> bytes:
    """The file."""
    with scratch() as folder:
        file = folder / "auzap.db"
        upgrade(f"sqlite:///{file}", folder, plugins)
        return file.read_bytes()
