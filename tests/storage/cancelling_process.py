"""A process whose deadlines hit in the middle of statements, reading and writing; then it goes on, and ends.

python -m tests.storage.cancelling_process URL FOLDER
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import anyio
from sqlalchemy import func
from sqlalchemy.orm import aliased
from sqlmodel import select

from auzap.storage import open_store
from auzap.storage.store import Store
from tests.support.pets import Pet
from tests.support.stores import TENANT, Database, arrival, database_at, decision


def slow() -> Any:
    """A query over all pairs of pairs of pets: seconds."""
    one, *others = [aliased(Pet) for _ in range(4)]
    query: Any = select(func.count()).select_from(one)
    for other in others:
        query = query.join(other, other.name != "")
    return query


async def read_slowly(store: Store) -> None:
    async with store.tenant(TENANT).read() as session:
        await session.exec(slow())


async def main(database: Database) -> None:
    with database.connect() as connection:
        for number in range(120):
            connection.execute("INSERT INTO test_pets (organization_id, name) VALUES (?, ?)", (TENANT, f"pet {number}"))
    async with open_store(database.url, database.folder, busy=5) as store:
        (turn,) = await store.record([arrival()])
        for _ in range(3):
            with anyio.move_on_after(0.05) as late:
                await read_slowly(store)
            assert late.cancelled_caught
        task = asyncio.ensure_future(read_slowly(store))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])
        with database.locked():
            with anyio.move_on_after(0.05) as late:
                async with store.transaction(TENANT, turn_id=turn.turn_id, token=1):
                    raise AssertionError
        assert late.cancelled_caught
        async with store.transaction(TENANT, turn_id=turn.turn_id, token=1) as session:
            await store.persist_in(session, decision(turn, "Olá"))
        async with store.tenant(TENANT).read() as session:
            assert len((await session.exec(select(Pet))).all()) == 120
    print("went on")


if __name__ == "__main__":
    asyncio.run(main(database_at(sys.argv[1], Path(sys.argv[2]))))
