"""A plugin's transaction that is cancelled anywhere: the next one has the file at once."""

from __future__ import annotations

import random
import time

import anyio
import pytest
from sqlalchemy import func
from sqlmodel import select

from auzap.model.keys import new_id
from auzap.storage.store import Recorded, Store
from tests.support.pets import Pet
from tests.support.stores import TENANT, Database, arrival

#: of a store's opening, when connections are made in the middle of it; a server's take longer to make
_STORES = {"sqlite": 12, "postgres": 4}
_CANCELLED = 12


async def book(store: Store, turn: Recorded) -> int:
    async with store.transaction(TENANT, turn_id=turn.turn_id, token=1) as session:
        for number in range(4):
            session.add(Pet(organization_id=TENANT, name=f"{new_id()} {number}"))
            await session.flush()
            await session.exec(select(func.count()).select_from(Pet))
    return number


@pytest.mark.parametrize("seed", range(3))
async def test_cancelled_at_any_moment_it_keeps_nobody_from_writing(database: Database, seed: int) -> None:
    rnd = random.Random(seed)
    done = 0
    for _ in range(_STORES[database.kind]):
        async with database.open(busy=20) as store:
            for _ in range(_CANCELLED):
                (turn,) = await store.record([arrival()])
                with anyio.move_on_after(rnd.uniform(0, rnd.choice((0.004, 0.02)))):
                    await book(store, turn)
                    done += 1
                if rnd.random() < 0.3:
                    time.sleep(rnd.uniform(0, 0.01))  # noqa: ASYNC251 - a process that stands still: what comes then comes at once
            with anyio.fail_after(15):
                await book(store, turn)
                await store.record([arrival()])
                done += 1
    assert database.count("test_pets") == 4 * done
