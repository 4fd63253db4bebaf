"""Copy the TypeScript worker's tables, exported as CSV, into auzap's SQLite database.

``python scripts/take_over.py FOLDER DATABASE``: FOLDER holds ``contacts.csv``, ``conversations.csv`` … with a line of
headings, DATABASE was made by ``auzap db upgrade``. Ids, duplicates and texts stay as they are; times become UTC and
truth values 0 and 1. A row whose id is there already is left alone, so it may be run again with newer files. A row that
cannot be read ends it with file and line, and nothing is written. Needs nothing but Python.
"""

from __future__ import annotations

import argparse
import csv
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["main", "take_over"]

#: parents first
TABLES = (
    "owner_numbers",
    "contacts",
    "conversations",
    "messages",
    "ai_interactions",
    "aurora_proactive_messages",
)
#: what stands where the old table has nothing and auzap's needs something
_DEFAULTS: Mapping[str, str] = {
    "active": "true",
    "ai_enabled": "true",
    "message_type": "text",
    "role": "owner",
    "status": "active",
}
#: a time that is missing is that of the first of these that is there, else now
_TIMES = ("created_at", "first_message_at", "sent_at", "scheduled_for")
_TRUTH = {"t": 1, "true": 1, "1": 1, "f": 0, "false": 0, "0": 0}

Value = str | int | float | None


class Unreadable(Exception):
    """Something in the files cannot be taken over."""


@dataclass(frozen=True, slots=True)
class Taken:
    table: str
    written: int
    there_already: int
    #: columns of the file that auzap's table does not have
    left_out: tuple[str, ...]

    def __str__(self) -> str:
        told = f"{self.table}: {self.written} written, {self.there_already} there already"
        return f"{told}; columns left out: {', '.join(self.left_out)}" if self.left_out else told


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    #: as declared: VARCHAR, BOOLEAN, DATETIME, FLOAT
    type: str
    needed: bool


def take_over(folder: Path, database: Path) -> list[Taken]:
    """All files, or nothing.

    :raises Unreadable: a file, with its line; or the database has not been made yet.
    """
    files = {table: file for table in TABLES if (file := folder / f"{table}.csv").is_file()}
    if not files:
        raise Unreadable(f"{folder}: there is none of {', '.join(f'{table}.csv' for table in TABLES)}")
    if not database.is_file():
        raise Unreadable(f"{database}: there is no such file; run `auzap db upgrade` first")
    with closing(sqlite3.connect(database, timeout=30, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        taken = [_take(connection, table, file) for table, file in files.items()]
        connection.execute("COMMIT")
    return taken


def _take(connection: sqlite3.Connection, table: str, file: Path) -> Taken:
    columns = [
        Column(name, kind, bool(needed))
        for _, name, kind, needed, _, _ in connection.execute(f"PRAGMA table_info({table})")
    ]
    if not columns:
        raise Unreadable(f"the database has no table {table}; run `auzap db upgrade` first")
    names = ", ".join(column.name for column in columns)
    places = ", ".join("?" * len(columns))
    # the names are the database's own
    insert = f"INSERT INTO {table} ({names}) VALUES ({places}) ON CONFLICT (id) DO NOTHING"  # noqa: S608
    before = connection.total_changes
    rows = 0
    for rows, row in enumerate(_rows(file, columns), 1):  # noqa: B007 - the last number is how many there were
        connection.execute(insert, row)
    written = connection.total_changes - before
    known = {column.name for column in columns}
    return Taken(table, written, rows - written, tuple(name for name in _headings(file) if name not in known))


def _headings(file: Path) -> Sequence[str]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return next(csv.reader(lines), [])


def _rows(file: Path, columns: Sequence[Column]) -> Iterator[tuple[Value, ...]]:
    missing = {"id", "organization_id"} - set(_headings(file))
    if missing:
        raise Unreadable(f"{file}: there is no column {', '.join(sorted(missing))}")
    now = datetime.now(UTC).isoformat()
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        for row in reader:
            given = {name: text for name, text in row.items() if name and text}
            try:
                yield tuple(_value(column, given, now) for column in columns)
            except ValueError as error:
                raise Unreadable(f"{file}:{reader.line_num}: {error}") from error


def _value(column: Column, given: Mapping[str, str], now: str) -> Value:
    text = given.get(column.name)
    if text is None and column.needed:
        text = _default(column, given, now)
    if text is None:
        return None
    if column.type == "DATETIME":
        return _time(column.name, text)
    if column.type == "BOOLEAN":
        return _truth(column.name, text)
    return float(text) if column.type == "FLOAT" else text


def _default(column: Column, given: Mapping[str, str], now: str) -> str:
    if column.type == "DATETIME":
        return next((given[name] for name in _TIMES if name in given), now)
    if column.name not in _DEFAULTS:
        raise ValueError(f"{column.name} is empty")
    return _DEFAULTS[column.name]


def _time(name: str, text: str) -> str:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name} is no time: {text!r}") from None
    time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    return time.replace(tzinfo=None).isoformat(" ", "microseconds")


def _truth(name: str, text: str) -> int:
    try:
        return _TRUTH[text.lower()]
    except KeyError:
        raise ValueError(f"{name} is neither true nor false: {text!r}") from None


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="take_over", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the CSV files are")
    parser.add_argument("database", type=Path, help="auzap's SQLite database")
    given = parser.parse_args(arguments)
    try:
        taken = take_over(given.folder, given.database)
    except Unreadable as error:
        sys.stderr.write(f"take_over: {error}\n")
        return 1
    sys.stdout.write("".join(f"{one}\n" for one in taken))
    return 0


if __name__ == "__main__":
    sys.exit(main())
