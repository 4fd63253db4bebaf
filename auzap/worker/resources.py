"""What the configuration names: the queue and the database, opened, looked at, brought up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from auzap.config import Config
from auzap.contract.queue import Queue
from auzap.logs import get_logger
from auzap.model.errors import AuzapError, ConfigError, PluginError
from auzap.registry import Registry
from auzap.storage.dial import require_driver
from auzap.storage.migrate import Findings, examine, pending, revisions, upgrade
from auzap.storage.urls import is_postgres, postgres_server, sqlite_path
from auzap.tenants.survey import tables_of

__all__ = [
    "database_file",
    "database_server",
    "examine_database",
    "look_at_schema",
    "open_queue",
    "prepare_database",
    "schema_behind",
    "schema_revisions",
    "upgrade_schema",
]

log = get_logger("auzap.worker")


def open_queue(config: Config, registry: Registry) -> Queue:
    """The queue that the configuration names, not yet entered.

    :raises ConfigError: no backend has this URL scheme, or the URL is wrong, or it is the database's.
    """
    with _placed(config, "queue", ConfigError, PluginError):
        backend = registry.queue(config.queue.partition("://")[0])
        queue: Queue = backend.from_url(config.queue, config.base)
        if _is_the_databases(config.queue, config):
            raise ConfigError("this is the database's file; give the queue a file of its own")
    return queue


def _is_the_databases(url: str, config: Config) -> bool:
    """Whoever came first would make tables in it, and the other one would not know the file."""
    try:
        files = [sqlite_path(one, config.base).resolve() for one in (url, config.database.url)]
    except (ConfigError, ValueError):
        return False  # one of them is no SQLite file
    return files[0] == files[1]


def database_file(config: Config) -> Path | None:
    """None where the database is a server.

    :raises ConfigError: there is no such database.
    """
    with _placed(config, "database", ConfigError):
        return None if is_postgres(config.database.url) else sqlite_path(config.database.url, config.base)


def database_server(config: Config) -> str:
    """``host:port/database`` of a server; it is not asked.

    :raises ConfigError: its URL cannot be read, or its driver is not installed.
    """
    with _placed(config, "database", ConfigError):
        require_driver()
        return postgres_server(config.database.dsn).place


def examine_database(config: Config, registry: Registry) -> Findings:
    """Why auzap cannot work with the tables that a server has (blocking); changes nothing.

    :raises ConfigError: the server lets nobody in like that.
    """
    with _placed(config, "database", ConfigError):
        tenants = {tenant.id: tuple(tenant.instances) for tenant in config.tenants.values()}
        return examine(config.database.dsn, config.base, tenants, tables_of(config, registry))


def schema_behind(config: Config, registry: Registry) -> list[str]:
    """The distributions whose tables are not as their code wants them (blocking); changes nothing.

    :raises ConfigError: there is no such database, or it is newer than the code.
    """
    with _placed(config, "database", ConfigError):
        return pending(config.database.dsn, config.base, tables_of(config, registry))


def schema_revisions(config: Config, registry: Registry) -> dict[str, str]:
    """Distribution -> the revision that its tables are at (blocking); changes nothing.

    :raises ConfigError: there is no such database.
    """
    with _placed(config, "database", ConfigError):
        return revisions(config.database.dsn, config.base, tables_of(config, registry))


def upgrade_schema(config: Config, registry: Registry) -> list[str]:
    """Bring the tables up to date (blocking).

    :return: the distributions that were behind.
    :raises ConfigError: as ``schema_behind`` does.
    """
    with _placed(config, "database", ConfigError):
        return upgrade(config.database.dsn, config.base, tables_of(config, registry))


def prepare_database(config: Config, registry: Registry) -> None:
    """Bring the schema up to date where the configuration allows it (blocking)."""
    behind = look_at_schema(config, registry)
    for done in upgrade_schema(config, registry) if behind else ():
        log.info("Schema upgraded", distribution=done)


def look_at_schema(config: Config, registry: Registry) -> list[str]:
    """As ``schema_behind``.

    :raises ConfigError: also where it is behind and is not brought up to date by itself.
    """
    behind = schema_behind(config, registry)
    if behind and config.database.migrate == "manual":
        raise ConfigError(f"the schema is behind ({', '.join(behind)}): run `auzap db upgrade` first")
    return behind


@contextmanager
def _placed(config: Config, key: str, *kinds: type[AuzapError]) -> Iterator[None]:
    """Say where in the configuration stands what is wrong."""
    try:
        yield
    except kinds as error:
        raise config.raw.mistake(str(error), key) from error
