"""One writer thread: what it waits for before it says that something is written."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from auzap.model.errors import StoreUnavailable
from auzap.sqlite import Writer, connect

NORMAL, FULL = 1, 2


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[Writer[sqlite3.Connection]]:
    def opened() -> tuple[sqlite3.Connection, sqlite3.Connection]:
        connection = connect(tmp_path / "file.db", busy=1)
        return connection, connection

    writer = Writer(opened, name="file.db", away=StoreUnavailable)
    writer.start()
    yield writer
    await writer.close()


def how_it_commits(tx: sqlite3.Connection, asked: Sequence[None]) -> list[int]:
    (level,) = tx.execute("PRAGMA synchronous").fetchone()
    return [level for _ in asked]


async def test_only_what_may_be_undone_by_a_power_cut_does_not_wait_for_the_disk(
    writer: Writer[sqlite3.Connection],
) -> None:
    levels = [await writer.write(how_it_commits, None, durable=durable) for durable in (True, False, False, True)]

    assert levels == [FULL, NORMAL, NORMAL, FULL]


async def test_what_is_written_together_waits_for_the_disk_if_one_of_it_does(
    writer: Writer[sqlite3.Connection],
) -> None:
    together = [writer.submit(how_it_commits, None, durable=durable) for durable in (False, True, False)]

    assert set(await asyncio.gather(*together)) == {FULL}
