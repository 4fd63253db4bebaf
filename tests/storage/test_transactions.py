"""A turn's own transactions: ``once``, and the outcome together with what a plugin writes."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import anyio
import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from auzap.model.errors import LeaseLost
from auzap.model.keys import new_id
from auzap.storage.store import Recorded, Store
from tests.support.pets import Pet
from tests.support.stores import TENANT, Database, SqliteDatabase, arrival, decision


@pytest.fixture
async def turn(store: Store) -> Recorded:
    (recorded,) = await store.record([arrival()])
    return recorded


async def once(store: Store, turn: Recorded, fn: Any, *, name: str = "book", token: int = 1) -> Any:
    return await store.once(TENANT, turn_id=turn.turn_id, token=token, name=name, fn=fn)


async def test_the_outcome_and_the_plugins_rows_are_stored_together(
    store: Store, database: Database, turn: Recorded
) -> None:
    async with store.transaction(TENANT, turn_id=turn.turn_id, token=1) as session:
        session.add(Pet(name="Rex"))
        (reply,) = await store.persist_in(session, decision(turn, "Olá", records=[Pet(name="Mia")]))
        assert database.count("auzap_outbox") == 0
    assert reply.text == "Olá"
    assert database.count("auzap_outbox") == 1
    assert [row["name"] for row in database.rows("SELECT name FROM test_pets ORDER BY name")] == ["Mia", "Rex"]
    assert await store.persist(decision(turn, "Olá")) == [reply]


async def test_a_body_that_raises_rolls_everything_back(store: Store, database: Database, turn: Recorded) -> None:
    async def fail() -> None:
        async with store.transaction(TENANT, turn_id=turn.turn_id, token=1) as session:
            session.add(Pet(name="Rex"))
            await store.persist_in(session, decision(turn, "Olá"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert database.count("auzap_outbox") == database.count("test_pets") == 0
    assert len(await store.persist(decision(turn, "Olá"))) == 1


async def test_a_refused_outcome_rolls_the_plugins_rows_back(store: Store, database: Database, turn: Recorded) -> None:
    async def fail() -> None:
        async with store.transaction(TENANT, turn_id=turn.turn_id, token=1) as session:
            session.add(Pet(name="Rex"))
            await store.persist_in(session, decision(turn, records=[Pet(name="Mia", organization_id="other")]))

    with pytest.raises(ValueError, match="belongs to tenant 'other'"):
        await fail()
    assert database.count("test_pets") == 0


async def test_a_cancelled_transaction_is_rolled_back_and_the_store_goes_on(
    store: Store, database: Database, turn: Recorded
) -> None:
    with anyio.move_on_after(0.1) as scope:
        async with store.transaction(TENANT, turn_id=turn.turn_id, token=1) as session:
            session.add(Pet(name="Rex"))
            await session.flush()
            await anyio.sleep(60)
    assert scope.cancelled_caught
    assert database.count("test_pets") == 0
    with anyio.fail_after(5):
        assert len(await store.persist(decision(turn, "Olá"))) == 1


async def test_a_task_that_is_cancelled_while_it_waits_gives_its_place_up(store: Store, turn: Recorded) -> None:
    async def wait() -> None:
        async with store.transaction(TENANT, turn_id=turn.turn_id, token=1):
            await anyio.sleep(60)

    first, second = asyncio.ensure_future(wait()), asyncio.ensure_future(wait())
    await asyncio.sleep(0.1)
    second.cancel()
    first.cancel()
    with anyio.fail_after(5):
        await asyncio.wait([first, second])
        assert len(await store.persist(decision(turn, "Olá"))) == 1


async def test_the_writer_thread_waits_its_turn_and_not_for_a_lock(on_sqlite: SqliteDatabase) -> None:
    async with on_sqlite.open(busy=0.05) as store:
        (turn,) = await store.record([arrival()])
        async with store.transaction(TENANT, turn_id=turn.turn_id, token=1) as session:
            written = asyncio.ensure_future(store.record([arrival()]))
            session.add(Pet(name="Rex"))
            await session.flush()
            await asyncio.sleep(0.3)
            assert not written.done()
        assert (await written)[0].state == "received"


async def test_a_transaction_needs_the_lease(store: Store, database: Database, turn: Recorded) -> None:
    async def never(_: AsyncSession) -> None:
        raise AssertionError

    with pytest.raises(LeaseLost):
        async with store.transaction(TENANT, turn_id=turn.turn_id, token=0):
            raise AssertionError
    with pytest.raises(LeaseLost):
        await once(store, turn, never, token=0)
    with pytest.raises(LeaseLost):
        await store.once(TENANT, turn_id=new_id(), token=1, name="book", fn=never)


async def test_a_transaction_inside_another_is_told_instead_of_waiting_for_itself(store: Store, turn: Recorded) -> None:
    async def nested(_: AsyncSession) -> Any:
        return await once(store, turn, nested)

    with pytest.raises(RuntimeError, match="a transaction inside a transaction"):
        await once(store, turn, nested)


# ------------------------------------------------------------------ once


async def test_a_decision_is_taken_once(store: Store, database: Database, turn: Recorded) -> None:
    calls: list[str] = []

    async def book(session: AsyncSession) -> dict[str, Any]:
        calls.append("book")
        session.add(Pet(name=f"slot {len(calls)}"))
        return {"slot": "9h", "free": (1, 2)}

    first = await once(store, turn, book)
    assert first == {"slot": "9h", "free": [1, 2]}
    assert await once(store, turn, book, token=2) == first
    assert calls == ["book"]
    assert database.count("test_pets") == 1
    await once(store, turn, book, name="another")
    assert len(calls) == 2


async def test_nothing_is_a_decision_too(store: Store, turn: Recorded) -> None:
    calls: list[None] = []

    async def shrug(_: AsyncSession) -> None:
        calls.append(None)

    assert await once(store, turn, shrug) is None
    assert await once(store, turn, shrug) is None
    assert len(calls) == 1


@pytest.mark.parametrize("result", [object(), {1, 2}, math.nan, Pet(name="Rex")])
async def test_what_is_no_json_is_refused_and_nothing_stored(
    store: Store, database: Database, turn: Recorded, result: object
) -> None:
    async def book(session: AsyncSession) -> object:
        session.add(Pet(name="Rex"))
        await session.flush()
        return result

    with pytest.raises(TypeError, match=r"turn\.once\('book'\)"):
        await once(store, turn, book)
    assert database.count("test_pets") == database.count("auzap_once") == 0


async def test_a_decision_that_raises_is_taken_again(store: Store, database: Database, turn: Recorded) -> None:
    async def fail(session: AsyncSession) -> None:
        session.add(Pet(name="Rex"))
        await session.flush()
        raise ZeroDivisionError

    async def book(session: AsyncSession) -> str:
        session.add(Pet(name="Rex"))
        return "9h"

    with pytest.raises(ZeroDivisionError):
        await once(store, turn, fail)
    assert await once(store, turn, book) == "9h"
    assert database.count("test_pets") == 1


async def test_two_decisions_at_the_same_time_see_one_another(store: Store, database: Database) -> None:
    async def book(session: AsyncSession) -> bool:
        """Take the one free slot, if it is free."""
        taken = (await session.exec(select(Pet).where(Pet.name == "slot"))).first()
        await anyio.sleep(0.02)
        if taken is None:
            session.add(Pet(name="slot"))
        return taken is None

    turns = [(await store.record([arrival()]))[0] for _ in range(5)]
    booked = await asyncio.gather(*(once(store, turn, book) for turn in turns))
    assert sorted(booked) == [False, False, False, False, True]


async def test_what_a_decision_read_stays_as_it_was(store: Store, database: Database) -> None:
    async with store.tenant(TENANT).read() as session:
        assert (await session.exec(select(Pet))).all() == []
        with database.connect() as other:
            other.execute("INSERT INTO test_pets (organization_id, name) VALUES (?, 'Rex')", (TENANT,))
        assert (await session.exec(select(Pet))).all() == []
    async with store.tenant(TENANT).read() as session:
        assert len((await session.exec(select(Pet))).all()) == 1
