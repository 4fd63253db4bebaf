"""The queue and the database as they lie there; nothing is opened for writing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from auzap.cli.checks.report import Report
from auzap.config import Config
from auzap.contract.queue import Inspectable, Queue
from auzap.model.errors import AuzapError, StoreUnavailable
from auzap.registry import Registry
from auzap.sqlite import read_only, told_as, unwritable
from auzap.storage.migrate import PluginTables
from auzap.tenants.survey import tables_of
from auzap.worker.resources import database_file, database_server, open_queue, schema_behind, schema_revisions

__all__ = ["behind_in_words", "look_at_database", "look_at_queue", "state_in_words"]

_NOT_YET = "is not there yet: it is made when it is first used"


def look_at_queue(config: Config, registry: Registry, report: Report) -> Queue | None:
    """The queue, not opened yet, where it is there and nothing speaks against opening it."""
    try:
        queue = open_queue(config, registry)
    except AuzapError as error:
        report.mistake(error)
        return None
    if not isinstance(queue, Inspectable):
        report.queue = _without_secrets(config.queue)
        return queue
    seen = queue.inspect()
    report.add(seen.mistakes)
    if seen.mistakes:
        return None
    report.queue = seen.place if seen.there else f"{seen.place} {_NOT_YET}"
    return queue if seen.there else None


def look_at_database(config: Config, registry: Registry, report: Report) -> Path | str | None:
    """The file, or the server's name, where it is there and nothing speaks against opening it."""
    before = len(report.mistakes)
    try:
        path = database_file(config)
        if path is None:
            report.database = database_server(config)
            _note_tables_without_migrations(config, registry, report)
            return report.database
        if why := unwritable(path):
            report.mistake(config.raw.mistake(f"{path}: {why}", "database"))
        behind = schema_behind(config, registry)
        state = state_in_words(schema_revisions(config, registry), behind)
        _note_tables_without_migrations(config, registry, report)
        _look_at_plugin_tables(path, config, registry, report)
    except StoreUnavailable as error:
        if len(report.mistakes) == before:  # else it was told why
            report.mistake(error)
        return None
    except AuzapError as error:
        report.mistake(error)
        return None
    report.add(behind_in_words(config, behind))
    if len(report.mistakes) > before:
        return None
    report.database = f"{path}: {state}" if path.exists() else f"{path} {_NOT_YET}"
    return path if path.exists() else None


def behind_in_words(config: Config, behind: Sequence[str]) -> list[str]:
    """Where nobody brings it up to date by itself it is a mistake."""
    if not behind or config.database.migrate == "auto":
        return []
    return [f"the schema is behind ({', '.join(behind)}): run `auzap db upgrade`"]


def state_in_words(revisions: Mapping[str, str], behind: Sequence[str]) -> str:
    at = ", ".join(f"{whose} {revision}" for whose, revision in revisions.items())
    ahead = f"; `auzap run` brings up to date: {', '.join(behind)}" if behind else ""
    return f"schema {at or 'empty'}{ahead}"


def _note_tables_without_migrations(config: Config, registry: Registry, report: Report) -> None:
    for owner in tables_of(config, registry):
        if owner.migrations is None:
            names = ", ".join(str(table.__tablename__) for table in owner.tables)
            report.note(
                f"{owner.distribution} has no migrations: what it changes in its tables later ({names}) gets lost"
            )


def _look_at_plugin_tables(path: Path, config: Config, registry: Registry, report: Report) -> None:
    """Without migrations a table is made once, and stays as it was declared then."""
    for owner in tables_of(config, registry):
        if owner.migrations is not None:
            continue
        for table, missing in _missing_columns(path, owner):
            lost = "it was made by an earlier version, and there are no migrations; add them by hand"
            report.add([f"{path}: the table {table} of {owner.distribution} lacks {', '.join(missing)}: {lost}"])


def _missing_columns(path: Path, owner: PluginTables) -> Iterator[tuple[str, list[str]]]:
    if not path.is_file():
        return
    try:
        with closing(read_only(path)) as connection:
            for table in owner.tables:
                name = str(table.__tablename__)
                there = {row[1] for row in connection.execute(f'PRAGMA table_info("{name}")')}
                declared = [column.name for column in table.__table__.columns]  # type: ignore[attr-defined]
                if there and (missing := [column for column in declared if column not in there]):
                    yield name, missing
    except sqlite3.Error as error:
        raise told_as(StoreUnavailable, error, name=str(path)) from error


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
