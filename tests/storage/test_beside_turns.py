"""Receipts, takeovers, owners, retention: what happens to rows beside turns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from auzap.model.keys import new_id
from auzap.storage.store import NewReply, Person, Recorded, Store
from tests.support.stores import CUSTOMER, TENANT, Database, arrival, decision

OWNER = "5511900000001"


async def sent(store: Store, provider_id: str, *, person: Person | None = CUSTOMER) -> Recorded:
    (turn,) = await store.record([arrival(person=person)])
    (reply,) = await store.persist(decision(turn, "Olá"))
    await store.claim(reply.id, token=1, began_at=turn.began_at)
    await store.note_sent(reply.id, token=1, provider_id=provider_id)
    return turn


def status(database: Database) -> Any:
    return database.one("SELECT status FROM messages WHERE direction = 'outbound'")["status"]


@pytest.mark.parametrize(
    ("receipts", "stands"),
    [
        (["delivered", "read"], "read"),
        (["read", "delivered"], "read"),
        (["failed"], "failed"),
        (["delivered", "failed"], "delivered"),
        (["failed", "delivered"], "delivered"),
        (["played"], "sent"),
    ],
)
async def test_receipts_only_raise_the_status(
    store: Store, database: Database, receipts: list[str], stands: str
) -> None:
    await sent(store, "P1")
    for receipt in receipts:
        assert await store.note_receipt(TENANT, "P1", receipt)
    assert status(database) == stands


async def test_a_late_note_does_not_lower_the_status(store: Store, database: Database) -> None:
    await sent(store, "P1")
    await store.note_receipt(TENANT, "P1", "read")
    reply_id = database.one("SELECT id FROM auzap_outbox")["id"]
    await store.note_sent(reply_id, token=1, provider_id="P1")
    assert status(database) == "read"


async def test_receipts_of_others_are_not_ours(store: Store) -> None:
    await sent(store, "P1")
    assert not await store.note_receipt(TENANT, "P2", "read")
    assert not await store.note_receipt("other", "P1", "read")
    assert await store.is_ours(TENANT, "P1")
    assert not await store.is_ours(TENANT, "P2")
    assert not await store.is_ours("other", "P1")


async def test_a_reply_to_an_owner_is_ours_too(store: Store) -> None:
    await sent(store, "P1", person=None)
    assert await store.is_ours(TENANT, "P1")
    assert await store.note_receipt(TENANT, "P1", "read")


async def test_a_reply_stays_ours_when_its_row_in_the_outbox_is_gone(store: Store, database: Database) -> None:
    await sent(store, "P1")
    with database.connect() as connection:
        connection.execute("DELETE FROM auzap_outbox")
    assert await store.is_ours(TENANT, "P1")


async def test_a_takeover_stops_the_bot_until_it_is_handed_back(store: Store, database: Database) -> None:
    at = datetime.now(UTC)
    assert not await store.take_over(TENANT, CUSTOMER, at=at)
    assert not await store.hand_back(TENANT, CUSTOMER)
    assert database.count("contacts") == 0
    await store.record([arrival()])
    assert await store.take_over(TENANT, CUSTOMER, at=at)
    assert await store.take_over(TENANT, CUSTOMER, at=at - timedelta(hours=1))
    row = database.one("SELECT ai_enabled, taken_over_at FROM conversations")
    assert row["ai_enabled"] == 0
    assert f"{at:%Y-%m-%d %H:%M:%S}" <= row["taken_over_at"] < f"{at + timedelta(minutes=1):%Y-%m-%d %H:%M:%S}"
    assert not await store.take_over("other", CUSTOMER, at=at)
    assert await store.hand_back(TENANT, CUSTOMER)
    assert database.one("SELECT ai_enabled FROM conversations") == {"ai_enabled": 1}


async def test_an_owner_gets_one_row_whatever_form_the_number_has(store: Store, database: Database) -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO owner_numbers (organization_id, id, phone, name, role, active, created_at)"
            " VALUES (?, 'seed', '551190000010', 'Ana', 'owner', false, '2025-01-01')",
            (TENANT,),
        )
    for _ in range(2):
        await store.ensure_owners(TENANT, ["5511990000010", OWNER, "+55 (11) 90000-0001", "5511900000002"])
    phones = [row["phone"] for row in database.rows("SELECT phone FROM owner_numbers ORDER BY phone")]
    assert phones == [OWNER, "5511900000002", "551190000010"]
    owners = await store.owners(TENANT)
    assert [(owner.phone, owner.role, owner.lids) for owner in owners] == [
        (OWNER, "owner", ()),
        ("5511900000002", "owner", ()),
    ]
    assert await store.owners("other") == []


async def test_a_number_in_the_table_may_be_written_as_people_write_it(store: Store, database: Database) -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO owner_numbers (organization_id, id, phone, role, active, created_at)"
            " VALUES (?, 'typed', '(11) 90000-0001', 'owner', true, '2025-01-01')",
            (TENANT,),
        )
    await store.ensure_owners(TENANT, [OWNER])
    (owner,) = await store.owners(TENANT)
    assert (owner.id, owner.phone) == ("typed", OWNER)


async def test_an_owners_lid_is_remembered(store: Store) -> None:
    await store.ensure_owners(TENANT, [OWNER])
    (owner,) = await store.owners(TENANT)
    for lid in ("1000000001@lid", "1000000002@lid", "1000000001@lid"):
        await store.remember_owner_lid(TENANT, owner.id, lid)
    (owner,) = await store.owners(TENANT)
    assert owner.lids == ("1000000001@lid", "1000000002@lid")


async def _decide(_: AsyncSession) -> str:
    return "9h"


def _age(database: Database, where: str = "true") -> None:
    with database.connect() as connection:
        for table in ("auzap_inbox", "auzap_outbox"):
            connection.execute(f"UPDATE {table} SET updated_at = '2025-01-01 00:00:00.000000' WHERE {where}")


async def test_finished_rows_go_when_they_are_old(store: Store, database: Database) -> None:
    (turn,) = await store.record([arrival()])
    await store.once(TENANT, turn_id=turn.turn_id, token=1, name="book", fn=_decide)
    (reply,) = await store.persist(decision(turn, "Olá", NewReply("depois", datetime.now(UTC) + timedelta(days=90))))
    await store.note_sent(reply.id, token=1, provider_id="P1")
    await store.record([arrival()])
    _age(database)
    soon = datetime.now(UTC) + timedelta(hours=1)
    assert await store.remove_old(inbox=soon, outbox=soon, limit=10) == 2
    assert database.count("auzap_inbox", "state = 'received'") == database.count("auzap_inbox") == 1
    assert database.count("auzap_outbox", "state = 'pending'") == database.count("auzap_outbox") == 1
    assert database.count("auzap_once") == 0
    assert database.count("messages") == 4


async def test_young_rows_stay_and_old_ones_go_in_batches(store: Store, database: Database) -> None:
    old = await store.record([arrival(person=None, reason="group") for _ in range(5)])
    _age(database)
    await store.record([arrival(person=None, reason="group")])
    before = datetime.now(UTC) - timedelta(days=30)
    assert len(old) == 5
    removed = [await store.remove_old(inbox=before, outbox=before, limit=2) for _ in range(4)]
    assert removed == [2, 2, 1, 0]
    assert database.count("auzap_inbox") == 1


async def test_a_scheduled_reply_that_failed_is_there_as_long_as_it_may_be_revived(
    store: Store, database: Database
) -> None:
    (turn,) = await store.record([arrival()])
    await store.persist(decision(turn, NewReply("depois", datetime.now(UTC) + timedelta(days=1))))
    reply_id = database.one("SELECT id FROM auzap_outbox")["id"]
    await store.note_refused(reply_id, token=2, reason="400")
    _age(database)
    before, dead = datetime.now(UTC) - timedelta(days=30), datetime(2024, 1, 1, tzinfo=UTC)
    assert await store.remove_old(inbox=before, outbox=before, dead=dead, limit=10) == 1, "the turn's row alone"
    await store.revive_reply(reply_id, token=3)
    reply = await store.outbound(reply_id)
    assert reply is not None
    assert (reply.state, reply.text) == ("pending", "depois")
    await store.note_refused(reply_id, token=4, reason="400")
    _age(database)
    assert await store.remove_old(inbox=before, outbox=before, dead=before, limit=10) == 1


async def test_a_dead_turn_keeps_its_rows_as_long_as_it_may_be_revived(store: Store, database: Database) -> None:
    envelope = new_id()
    (turn,) = await store.record([arrival("k", envelope_id=envelope)])
    one, two = await store.persist(decision(turn, "um", "dois"))
    await store.note_sent(one.id, token=1, provider_id="P1")
    await store.note_refused(two.id, token=1, reason="400")
    _age(database)
    before, dead = datetime.now(UTC) - timedelta(days=30), datetime(2024, 1, 1, tzinfo=UTC)
    assert await store.remove_old(inbox=before, outbox=before, dead=dead, limit=10) == 0
    (revived,) = await store.record([arrival("k", envelope_id=envelope, token=2, revived=1)])
    assert [reply.state for reply in revived.replies] == ["sent", "pending"]
    await store.note_refused(two.id, token=2, reason="400")
    _age(database)
    assert await store.remove_old(inbox=before, outbox=before, dead=before, limit=10) == 3
