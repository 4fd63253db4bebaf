"""Several processes and plugins at one server: what waits for whom, and who is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from sqlalchemy import func
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from auzap.model.errors import LeaseLost
from auzap.storage.store import NewReply, Person, Store
from auzap.tables import Conversation
from tests.support.pets import Pet
from tests.support.stores import CUSTOMER, TENANT, PostgresDatabase, arrival, decision

LID = "199900000000001@lid"
FORMS = (("5511990000010", None), ("551190000010", LID), ("551190000010", None), (None, LID))


@pytest.fixture
async def shop(on_postgres: PostgresDatabase) -> AsyncIterator[Store]:
    async with on_postgres.open() as store:
        yield store


async def test_first_messages_of_one_person_in_many_stores_make_one_contact(on_postgres: PostgresDatabase) -> None:
    for _ in range(5):
        on_postgres.empty()
        async with on_postgres.open() as one, on_postgres.open() as two, on_postgres.open() as three:
            people = [Person(phone=phone, lid=lid, name=None) for phone, lid in FORMS[:3]]
            calls = [store.record([arrival(person=person)]) for person in people for store in (one, two, three)]
            told = [recorded for (recorded,) in await asyncio.gather(*calls)]
        assert len({(one.contact_id, one.conversation_id) for one in told}) == 1
        assert on_postgres.count("contacts") == on_postgres.count("conversations") == 1
        assert on_postgres.count("auzap_active") == 1


async def test_two_contacts_that_become_one_while_both_write_are_one_afterwards(on_postgres: PostgresDatabase) -> None:
    for _ in range(5):
        on_postgres.empty()
        async with on_postgres.open() as one, on_postgres.open() as two:
            people = [Person(phone=phone, lid=lid, name=None) for phone, lid in FORMS]
            calls = [store.record([arrival(person=person)]) for person in (*people, *people) for store in (one, two)]
            await asyncio.gather(*calls)
            both = await one.record([arrival(person=person) for person in people])
        assert len({(recorded.contact_id, recorded.conversation_id) for recorded in both}) == 1
        assert on_postgres.count("conversations", "status = 'active'") == on_postgres.count("auzap_active") == 1


@pytest.mark.parametrize("keyless", [False, True])
async def test_one_message_in_two_stores_at_once_is_one_row(on_postgres: PostgresDatabase, keyless: bool) -> None:
    async with on_postgres.open() as one, on_postgres.open() as two:
        for number in range(20):
            same: dict[str, Any] = {"key": f"k{number}", "envelope_id": f"E{number}", "keyless": keyless}
            twice = [store.record([arrival(**same)]) for store in (one, two)]
            (first,), (second,) = await asyncio.gather(*twice)
            assert first.id == second.id
    assert on_postgres.count("auzap_inbox") == on_postgres.count("messages") == 20


async def test_a_plugin_that_hangs_in_its_transaction_holds_nobody_up(shop: Store) -> None:
    """Not even whoever has the lane next, or another tenant's plugin."""
    (turn,) = await shop.record([arrival("k", envelope_id="E1")])
    (other,) = await shop.record([arrival(organization_id="other")])
    entered = anyio.Event()

    async def hang() -> None:
        async with shop.transaction(TENANT, turn_id=turn.turn_id, token=1) as session:
            session.add(Pet(name="Rex"))
            await session.flush()
            entered.set()
            await anyio.sleep(0.5)

    hanging = asyncio.ensure_future(hang())
    await entered.wait()
    (again,) = await shop.record([arrival("k", envelope_id="E1", token=2)])
    assert len(await shop.persist(decision(again, "Olá", token=2))) == 1
    async with shop.transaction("other", turn_id=other.turn_id, token=1):
        assert not hanging.done()
    with pytest.raises(LeaseLost):
        await hanging


async def test_a_row_that_a_plugin_has_locked_keeps_only_its_own_conversation_waiting(shop: Store) -> None:
    (turn,) = await shop.record([arrival()])
    async with shop.transaction(TENANT, turn_id=turn.turn_id, token=1) as session:
        conversation = (await session.exec(select(Conversation))).one()
        conversation.ai_enabled = False
        await session.flush()
        waiting = asyncio.ensure_future(shop.record([arrival()]))
        with anyio.fail_after(10):
            for number in range(3):
                person = Person(phone=f"551190000004{number}", lid=None, name=None)
                await shop.record([arrival(organization_id="other", person=person)])
        assert not waiting.done()
    (recorded,) = await waiting
    assert not recorded.ai_enabled


async def test_what_a_session_that_was_cancelled_in_a_statement_has_locked_is_free_at_once(shop: Store) -> None:
    (turn,) = await shop.record([arrival()])
    with anyio.move_on_after(0.3) as late:
        async with shop.transaction(TENANT, turn_id=turn.turn_id, token=1) as session:
            conversation = (await session.exec(select(Conversation))).one()
            conversation.ai_enabled = False
            await session.flush()
            await session.exec(select(func.pg_sleep(60)))
    assert late.cancelled_caught
    with anyio.fail_after(4):
        (recorded,) = await shop.record([arrival()])
    assert recorded.ai_enabled


async def test_decisions_in_two_processes_see_one_another(on_postgres: PostgresDatabase) -> None:
    async def book(session: AsyncSession) -> bool:
        """Take the one free slot, if it is free."""
        taken = (await session.exec(select(Pet).where(Pet.name == "slot"))).first()
        await anyio.sleep(0.02)
        if taken is None:
            session.add(Pet(name="slot"))
        return taken is None

    async with on_postgres.open() as one, on_postgres.open() as two:
        turns = [(await one.record([arrival()]))[0] for _ in range(6)]
        calls = [
            (one, two)[index % 2].once(TENANT, turn_id=turn.turn_id, token=1, name="book", fn=book)
            for index, turn in enumerate(turns)
        ]
        assert sorted(await asyncio.gather(*calls)) == [False] * 5 + [True]


async def test_deadlocks_are_not_shown(on_postgres: PostgresDatabase) -> None:
    """Two stores record the same pairs in opposite orders, each pair a turn's transaction of its own."""
    people = [Person(phone=f"551190000004{number}", lid=None, name=None) for number in range(4)]
    async with on_postgres.open() as one, on_postgres.open() as two:
        for _ in range(10):
            calls = [one.record([arrival(person=person) for person in people])]
            calls.append(two.record([arrival(person=person) for person in reversed(people)]))
            await asyncio.gather(*calls)
    assert on_postgres.count("messages") == 80


async def test_old_rows_are_removed_by_several_at_once_each_once(on_postgres: PostgresDatabase) -> None:
    async with on_postgres.open() as one, on_postgres.open() as two:
        await one.record([arrival(person=None, reason="group") for _ in range(60)])
        soon = datetime.now(UTC) + timedelta(hours=1)
        removing = [store.remove_old(inbox=soon, outbox=soon, limit=5) for _ in range(8) for store in (one, two)]
        assert sum(await asyncio.gather(*removing)) == 60
    assert on_postgres.count("auzap_inbox") == 0


async def test_a_scheduled_reply_that_two_have_queued_is_queued(on_postgres: PostgresDatabase) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    async with on_postgres.open() as one, on_postgres.open() as two:
        (turn,) = await one.record([arrival()])
        await one.persist(decision(turn, *(NewReply(f"{number}", later) for number in range(5))))
        due, too = await asyncio.gather(*(store.due(later, limit=9) for store in (one, two)))
        assert len(due) == len(too) == 5
        await asyncio.gather(one.note_queued([row.id for row in due]), two.note_queued([row.id for row in too][::-1]))
        assert await one.due(later, limit=9) == []


async def test_a_takeover_that_comes_with_a_message_is_seen_by_its_turn_or_stops_its_reply(
    on_postgres: PostgresDatabase,
) -> None:
    async with on_postgres.open() as one, on_postgres.open() as two:
        await one.record([arrival()])
        for _ in range(25):
            await one.hand_back(TENANT, CUSTOMER)
            at = datetime.now(UTC) - timedelta(minutes=1)
            (turn,), known = await asyncio.gather(one.record([arrival()]), two.take_over(TENANT, CUSTOMER, at=at))
            assert known
            if turn.ai_enabled:
                (reply,) = await one.persist(decision(turn, "Olá"))
                assert await one.claim(reply.id, token=1, began_at=turn.began_at) == "taken_over"
