"""Behind a pooler that gives every transaction another connection."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from auzap.storage.store import Person
from auzap.storage.urls import postgres_server
from auzap.tables import Contact
from tests.support.pets import Pet
from tests.support.pooler import pgbouncer
from tests.support.stores import TENANT, PostgresDatabase, arrival, decision


@pytest.fixture
def pooled(on_postgres: PostgresDatabase) -> Iterator[PostgresDatabase]:
    with pgbouncer(on_postgres.url) as url:
        yield PostgresDatabase(url, on_postgres.folder)


async def test_nothing_is_left_behind_on_a_connection_that_somebody_else_has_now(pooled: PostgresDatabase) -> None:
    """Another client takes the connection that was used last, so that the next transaction has another one."""
    import asyncpg

    async with pooled.open() as store:
        (turn,) = await store.record([arrival()])

        async def everything() -> None:
            async with store.tenant(TENANT).read() as session:
                assert (await session.exec(select(Contact))).one()
            async with store.transaction(TENANT, turn_id=turn.turn_id, token=1) as session:
                assert (await session.exec(select(Contact))).one()
            assert await store.owners(TENANT) == []
            (recorded,) = await store.record([arrival()])
            await store.persist(decision(recorded, "Olá", records=[Pet(name=recorded.id)]))

        others = [await asyncpg.connect(postgres_server(pooled.url).dsn, statement_cache_size=0) for _ in range(2)]
        await everything()
        for other in others:
            await other.execute("BEGIN; SELECT 1")
            await everything()
        for other in others:
            await other.execute("ROLLBACK")
            await everything()
            await other.close()


async def test_turns_and_plugins_go_on_while_connections_change_hands(
    on_postgres: PostgresDatabase, pooled: PostgresDatabase
) -> None:
    async def book(session: AsyncSession) -> int:
        session.add(Pet(name=f"slot {len((await session.exec(select(Pet))).all())}"))
        return 9

    async with pooled.open() as one, pooled.open() as two:

        async def turn(number: int) -> None:
            store = (one, two)[number % 2]
            person = Person(phone=f"5511900000{number % 7:03d}", lid=None, name="Bia")
            for _ in range(3):
                (recorded,) = await store.record([arrival(person=person)])
                assert await store.once(TENANT, turn_id=recorded.turn_id, token=1, name="book", fn=book) == 9
                records = [Pet(name=f"record {recorded.id}")]
                (reply,) = await store.persist(decision(recorded, "Olá", records=records))
                assert await store.claim(reply.id, token=1, began_at=recorded.began_at) == "claimed"
                await store.note_sent(reply.id, token=1, provider_id=reply.id)
                assert await store.is_ours(TENANT, reply.id)
                async with store.tenant(TENANT).read() as session:
                    assert (await session.exec(select(Pet).where(Pet.name == records[0].name))).one()

        await asyncio.gather(*(turn(number) for number in range(10)))
    assert on_postgres.count("auzap_inbox", "state = 'done'") == on_postgres.count("auzap_inbox") == 30
    assert on_postgres.count("contacts") == 7
    assert on_postgres.count("test_pets") == 60
