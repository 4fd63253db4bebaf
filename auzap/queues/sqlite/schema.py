"""The tables of a queue file, and how one is opened.

A row in ``lanes`` is a lane that has something in it, one in ``tenants`` a tenant that has a lane ready; both go with
their last envelope. Being leased is written in the lane's row alone: the lease covers the lane's waiting envelopes up
to ``upto``, so that handing out an envelope does not touch its row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from auzap.model.errors import ConfigError, QueueUnavailable
from auzap.sqlite import connect, told_as

__all__ = ["check_version", "open_file", "opened", "telling"]

_VERSION = 1
#: "auzq": tells a queue file from any other
_APPLICATION = 0x61757A71
#: KiB of pages kept in memory; the rest of a long backlog stays on disk
_CACHE = 16 * 1024

_TABLES = (
    # the greatest count given out: positions, places, turns and tokens are all counted by it
    "CREATE TABLE clock (last INTEGER NOT NULL)",
    "INSERT INTO clock VALUES (0)",
    # state: waiting, delayed or dead. The payload comes last: long ones lie on pages of their own
    """
    CREATE TABLE envelopes (
        pos INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL,
        tenant TEXT NOT NULL, instance TEXT NOT NULL, channel TEXT NOT NULL, kind TEXT NOT NULL, lane TEXT NOT NULL,
        dedupe TEXT, version INTEGER NOT NULL, accepted_at REAL NOT NULL, not_before REAL,
        attempts INTEGER NOT NULL, lost_leases INTEGER NOT NULL, revived INTEGER NOT NULL,
        buried_at REAL, burial TEXT, payload TEXT NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX envelopes_dedupe ON envelopes (dedupe) WHERE dedupe IS NOT NULL",
    "CREATE INDEX envelopes_waiting ON envelopes (lane) WHERE state = 'waiting'",
    "CREATE INDEX envelopes_delayed ON envelopes (not_before) WHERE state = 'delayed'",
    "CREATE INDEX envelopes_dead ON envelopes (id) WHERE state = 'dead'",
    "CREATE INDEX envelopes_buried ON envelopes (buried_at) WHERE state = 'dead'",
    # state: ready (has a place), leased, held or deferred (have a due time); side: 1 for a lane of events
    """
    CREATE TABLE lanes (
        lane TEXT PRIMARY KEY, tenant TEXT NOT NULL, instance TEXT NOT NULL, side INTEGER NOT NULL, state TEXT NOT NULL,
        place INTEGER, due REAL, token INTEGER, worker TEXT, upto INTEGER
    ) WITHOUT ROWID
    """,
    "CREATE INDEX lanes_ready ON lanes (tenant, side, place) WHERE state = 'ready'",
    "CREATE INDEX lanes_due ON lanes (due) WHERE due IS NOT NULL",
    "CREATE INDEX lanes_deferred ON lanes (tenant, instance, due) WHERE state = 'deferred'",
    # turn: when a lane of it was last leased, or when it came
    "CREATE TABLE tenants (tenant TEXT, side INTEGER, turn INTEGER NOT NULL, PRIMARY KEY (tenant, side)) WITHOUT ROWID",
    "CREATE INDEX tenants_turn ON tenants (side, turn)",
    # a place under a limit; it counts until then
    """
    CREATE TABLE permits (
        key TEXT NOT NULL, n INTEGER NOT NULL, at REAL NOT NULL, until REAL NOT NULL, PRIMARY KEY (key, n)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX permits_until ON permits (until)",
)


def open_file(path: Path, *, busy: float) -> sqlite3.Connection:
    """Open a queue file for writing; make it, and its folder, if it is not there.

    :raises ConfigError: it is something else, or a newer auzap's.
    :raises QueueUnavailable: it cannot be opened.
    """
    with telling(path):
        connection = connect(path, busy=busy)
        try:
            connection.execute(f"PRAGMA cache_size = -{_CACHE}")
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def opened(path: Path, *, busy: float) -> Iterator[sqlite3.Connection]:
    """A connection of one's own for a moment.

    :raises QueueUnavailable: the file is away.
    """
    with telling(path), closing(open_file(path, busy=busy)) as connection:
        yield connection


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Say in one line what is wrong with the file.

    :raises ConfigError: it is no SQLite database.
    :raises QueueUnavailable: it is away.
    """
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
            raise ConfigError(f"queue {path}: this file is no SQLite database") from error
        told = told_as(QueueUnavailable, error, name=f"queue {path}")
        if told is error:
            raise
        raise told from error


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables in a new file; refuse what is not this version's."""
    connection.execute("BEGIN")  # what is looked at must be of one moment: another process may be making the tables
    version = check_version(connection, path)
    connection.execute("COMMIT")
    if version == _VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    if check_version(connection, path) == 0:
        for statement in _TABLES:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {_VERSION}")
    connection.execute("COMMIT")


def check_version(connection: sqlite3.Connection, path: Path) -> int:
    """The version of the file's tables; 0: it is empty.

    :raises ConfigError: it is something else, or a newer auzap's.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != _APPLICATION:
        if connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            raise ConfigError(f"queue {path}: this file holds something else; give the queue a file of its own")
        return 0
    if version > _VERSION:
        raise ConfigError(
            f"queue {path}: written by a newer auzap (version {version} of the file, this one knows {_VERSION})"
        )
    return int(version)
