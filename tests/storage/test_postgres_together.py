"""Several processes and plugins at one server: what waits for whom, and who is told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest
from sqlalchemy import func
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from auzap.model.errors import LeaseLost, StoreUnavailable
from auzap.storage.store import NewReply, Person, Store
from auzap.tables import Contact, Conversation
from tests.support.pets import Pet
from tests.support.postgres import Cluster
from tests.support.postgres import PostgresDatabase as OwnDatabase
from tests.support.stores import CUSTOMER, TENANT, PostgresDatabase, arrival, decision

if TYPE_CHECKING:
    from asyncpg import Connection

LID = "199900000000001@lid"
FORMS = (("5511990000010", None), ("551190000010", LID), ("551190000010", None), (None, LID))
#: whether anybody waits for what this connection holds
_BLOCKS = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
#: whether the connection of this number waits
_WAITS = "SELECT cardinality(pg_blocking_pids($1)) > 0"
#: of a database where two that change the same row at the same time are told so, and its log names the error
_STRICT = {
    "default_transaction_isolation": "repeatable read",
    "log_min_messages": "error",
    "log_error_verbosity": "verbose",
}


@pytest.fixture
async def shop(on_postgres: PostgresDatabase) -> AsyncIterator[Store]:
    async with on_postgres.open() as store:
        yield store


@pytest.fixture
def own(postgres: Cluster, tmp_path: Path) -> Iterator[OwnDatabase]:
    """With settings and statistics of its own."""
    with postgres.database(tmp_path) as made:
        yield made


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


async def test_a_deadlock_of_the_writers_is_not_shown(own: OwnDatabase) -> None:
    """Who gives up a turn changes its row, then its replies, then their messages. Somebody else goes the other way."""
    async with own.open(busy=30.0) as store, _somebody(own) as other, _somebody(own) as gate:
        (turn,) = await store.record([arrival()])
        (reply,) = await store.persist(decision(turn, "Olá"))
        await other.execute("BEGIN; UPDATE messages SET content = 'Oi!' WHERE direction = 'outbound'")
        await gate.execute("BEGIN; SELECT FROM auzap_outbox FOR UPDATE")
        dying = asyncio.create_task(store.note_dead(turn.turn_id, token=1, reason="raised", attempts=3))
        await _until(gate, _BLOCKS)
        asking = asyncio.create_task(other.execute("UPDATE auzap_inbox SET content = 'Oi!'"))
        await _until(gate, _WAITS, other.get_server_pid())
        await gate.execute("ROLLBACK")  # now the writer comes to the message, and the circle is closed
        await asking
        await other.execute("COMMIT")
        await dying
    assert await _deadlocks(own) == 1
    assert own.one("SELECT state, reason, attempts, content FROM auzap_inbox") == {
        "state": "dead",
        "reason": "raised",
        "attempts": 3,
        "content": "Oi!",
    }
    assert own.one("SELECT state, reason FROM auzap_outbox") == {"state": "cancelled", "reason": "raised"}
    told = own.one("SELECT status, content FROM messages WHERE id = $1", reply.id)
    assert told == {"status": "failed", "content": "Oi!"}


@pytest.mark.parametrize("held", ["contacts", "auzap_inbox"])
async def test_a_deadlock_of_a_plugins_is_a_database_that_is_away_for_a_moment(own: OwnDatabase, held: str) -> None:
    """Nothing of it stands, and it may be done again: in the plugin's own statement, and in the store's at the end."""
    async with own.open(busy=30.0) as store, _somebody(own) as other, _somebody(own) as gate:
        (turn,) = await store.record([arrival()])

        async def decide(meanwhile: Callable[[], Awaitable[object]]) -> None:
            async with store.transaction(TENANT, turn_id=turn.turn_id, token=1) as session:
                (await session.exec(select(Conversation))).one().ai_enabled = False
                await session.flush()
                await meanwhile()
                (await session.exec(select(Contact))).one().name = "Ana"
                await session.flush()

        async def ask() -> None:
            asking.append(asyncio.create_task(other.execute("UPDATE conversations SET instance_id = 'other'")))
            await _until(gate, _WAITS, other.get_server_pid())

        asking: list[asyncio.Task[object]] = []
        decided = "SELECT ai_enabled, name FROM conversations v JOIN contacts c ON c.id = v.contact_id"
        await other.execute(f"BEGIN; SELECT FROM {held} FOR UPDATE")
        with pytest.raises(StoreUnavailable, match="deadlock detected"):
            await decide(ask)
        await asyncio.gather(*asking)
        await other.execute("COMMIT")
        assert own.one(decided) == {"ai_enabled": True, "name": "Bia"}
        await decide(anyio.lowlevel.checkpoint)
        assert own.one(decided) == {"ai_enabled": False, "name": "Ana"}
    assert await _deadlocks(own) == 1
    assert own.count("conversations", "instance_id = 'other'") == 1


async def test_what_somebody_changed_first_is_not_shown_where_transactions_see_what_was(own: OwnDatabase) -> None:
    """A server may be set up so. Its log is what tells that it refused a change."""
    for name, value in _STRICT.items():
        own.rows(f"ALTER DATABASE {own.name} SET {name} = '{value}'")
    log = own.cluster.folder.parent / "log"
    size = log.stat().st_size
    async with own.open(busy=30.0) as store, _somebody(own) as other:
        (turn,) = await store.record([arrival()])
        await store.persist(decision(turn, "Olá"))
        await other.execute("BEGIN; UPDATE auzap_outbox SET attempts = 7")
        dying = asyncio.create_task(store.note_dead(turn.turn_id, token=1, reason="raised", attempts=3))
        await _until(other, _BLOCKS)
        await other.execute("COMMIT")
        await dying
    assert re.findall(r"ERROR: +(\w+):", log.read_bytes()[size:].decode()) == ["40001"]
    assert own.one("SELECT state, attempts FROM auzap_inbox") == {"state": "dead", "attempts": 3}
    assert own.one("SELECT state, attempts FROM auzap_outbox") == {"state": "cancelled", "attempts": 7}


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


@asynccontextmanager
async def _somebody(own: OwnDatabase) -> AsyncIterator[Connection[Any]]:
    """Who never gives way: in a deadlock, the others do."""
    import asyncpg

    connection = await asyncpg.connect(own.url, timeout=10)
    try:
        await connection.execute("SET deadlock_timeout = '60s'")
        yield connection
    finally:
        connection.terminate()


async def _until(connection: Connection[Any], condition: str, *arguments: object) -> None:
    with anyio.fail_after(10):
        while not await connection.fetchval(condition, *arguments):  # noqa: ASYNC110
            await anyio.sleep(0.01)


async def _deadlocks(own: OwnDatabase) -> int:
    """Those that there have been: whoever had one tells it when he leaves, a little later than we hear of it."""
    found = 0
    with anyio.move_on_after(10):
        while not found:
            await anyio.sleep(0.02)
            found = own.one("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")["deadlocks"]
    return found
