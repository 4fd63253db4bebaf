"""Rows of a SQLite file into the same tables of Postgres."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["copy_rows"]

#: those that hold others' ids come after them
_TABLES = (
    *("contacts", "contact_identities", "conversations", "auzap_active"),
    *("auzap_inbox", "auzap_outbox", "messages", "ai_interactions"),
)
_READ: Mapping[str, Callable[[Any], Any]] = {
    "timestamp with time zone": lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC),
    "boolean": bool,
}
_BATCH = 10_000


def copy_rows(file: Path, url: str) -> None:
    """:param url: of a database with the tables, and nothing in them."""
    asyncio.run(_copy(file, url))


async def _copy(file: Path, url: str) -> None:
    import asyncpg

    server = await asyncpg.connect(url)
    try:
        with closing(sqlite3.connect(file)) as source:
            for table in _TABLES:
                await _copy_table(source, server, table)
        await server.execute("VACUUM ANALYZE")
    finally:
        await server.close()


async def _copy_table(source: sqlite3.Connection, server: Any, table: str) -> None:
    told = await server.fetch(
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_name = $1 AND table_schema = 'public'",
        table,
    )
    types = {one["column_name"]: one["data_type"] for one in told}
    rows = source.execute(f"SELECT {', '.join(types)} FROM {table}")
    while some := rows.fetchmany(_BATCH):
        await server.copy_records_to_table(table, records=_converted(some, list(types.values())), columns=list(types))


def _converted(rows: list[tuple[Any, ...]], types: list[str]) -> Iterator[tuple[Any, ...]]:
    readers = [_READ.get(one) for one in types]
    for row in rows:
        yield tuple(
            value if value is None or read is None else read(value) for value, read in zip(row, readers, strict=True)
        )
