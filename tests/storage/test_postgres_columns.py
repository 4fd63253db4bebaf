"""Tables that are older than auzap: ids that are ``uuid``, states that are enums, times without a zone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import select

from auzap.model.errors import ConfigError
from auzap.model.keys import new_id
from auzap.model.reply import Interaction
from auzap.storage.store import Outgoing
from auzap.tables import AiInteraction, Contact, Conversation, MessageRow
from tests.support.postgres import TEMPLATE, Cluster
from tests.support.stores import CUSTOMER, PostgresDatabase, arrival, decision

TENANT = str(uuid4())
INSTANCE = str(uuid4())

_UUIDS = {
    "contacts": ("id", "organization_id"),
    "conversations": ("id", "organization_id", "instance_id", "contact_id"),
    "messages": ("id", "organization_id", "conversation_id", "instance_id"),
    "ai_interactions": ("id", "organization_id", "conversation_id"),
    "owner_numbers": ("id", "organization_id"),
}
_OTHERS = """
    CREATE TYPE message_status AS ENUM ('pending', 'sent', 'delivered', 'read', 'failed');
    CREATE TYPE message_direction AS ENUM ('inbound', 'outbound');
    ALTER TABLE messages ALTER status TYPE message_status USING status::message_status,
        ALTER direction TYPE message_direction USING direction::message_direction,
        ALTER created_at TYPE timestamp;
    ALTER TABLE conversations ALTER last_message_at TYPE timestamp, ALTER taken_over_at TYPE timestamp;
    ALTER TABLE contacts ALTER phone TYPE varchar(40), ALTER created_at TYPE timestamp, ALTER created_at DROP NOT NULL;
    ALTER TABLE ai_interactions ALTER confidence TYPE real;
"""


@pytest.fixture(scope="module")
def older_url(postgres: Cluster) -> Iterator[str]:
    name = postgres.create(TEMPLATE)
    keys = "SELECT conrelid::regclass::text AS t, conname AS n FROM pg_constraint WHERE contype = 'f'"
    for key in postgres.run(keys, database=name):
        postgres.run(f"ALTER TABLE {key['t']} DROP CONSTRAINT {key['n']}", database=name)
    for table, columns in _UUIDS.items():
        changes = ", ".join(f"ALTER {column} TYPE uuid USING {column}::uuid" for column in columns)
        postgres.run(f"ALTER TABLE {table} {changes}", database=name)
    postgres.run(_OTHERS, database=name)
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def older(older_url: str, tmp_path: Path) -> PostgresDatabase:
    database = PostgresDatabase(older_url, tmp_path)
    database.empty()
    return database


async def test_a_turn_goes_its_way_as_in_tables_of_our_own(older: PostgresDatabase) -> None:
    interaction = Interaction(prompt="Oi", response="Olá", intent="x", sentiment=None, confidence=0.5, model_used=None)
    facts: dict[str, Any] = {"organization_id": TENANT, "instance_id": INSTANCE}
    async with older.open() as store:
        (turn,) = await store.record([arrival("k", envelope_id="E1", **facts)])
        (again,) = await store.record([arrival("k", envelope_id="E1", token=2, **facts)])
        assert (again.contact_id, again.conversation_id) == (turn.contact_id, turn.conversation_id)
        told = decision(turn, "um", "dois", organization_id=TENANT, token=2, interaction=interaction)
        one, two = await store.persist(_of_instance(told))
        assert await store.claim(one.id, token=2, began_at=turn.began_at) == "claimed"
        await store.note_sent(one.id, token=2, provider_id="P1")
        assert await store.note_receipt(TENANT, "P1", "read")
        assert await store.take_over(TENANT, CUSTOMER, at=turn.began_at)
        assert await store.claim(two.id, token=2, began_at=turn.began_at) == "taken_over"
        assert await store.hand_back(TENANT, CUSTOMER)
        outgoing = Outgoing(
            id=new_id(),
            organization_id=TENANT,
            instance_id=INSTANCE,
            chat_id="5511900000010@s.whatsapp.net",
            text="Aviso",
            person=CUSTOMER,
        )
        assert (await store.put_outgoing(outgoing)).id == (await store.put_outgoing(outgoing)).id == outgoing.id
        await store.ensure_owners(TENANT, ["5511900000001"])
        (owner,) = await store.owners(TENANT)
        assert len(owner.id) == 36
        async with store.tenant(TENANT).read() as session:
            (contact,) = (await session.exec(select(Contact))).all()
            (conversation,) = (
                await session.exec(select(Conversation).where(Conversation.id == turn.conversation_id))
            ).all()
            sent = select(MessageRow).where(MessageRow.status == "read", MessageRow.direction == "outbound")
            (message,) = (await session.exec(sent)).all()
            assert (contact.id, conversation.contact_id, message.id) == (turn.contact_id, contact.id, one.id)
            assert message.created_at.utcoffset() is not None
        async with store.transaction(TENANT, turn_id=turn.turn_id, token=2) as session:
            session.add(AiInteraction(conversation_id=turn.conversation_id, prompt="x"))
            found = await session.get(Conversation, turn.conversation_id)
            assert found is not None
            found.status = "active"
    assert older.count("ai_interactions") == 2
    statuses = [row["status"] for row in older.rows("SELECT status::text FROM messages ORDER BY created_at, id")]
    assert sorted(statuses) == ["delivered", "failed", "pending", "read"]


async def test_an_older_contact_is_found_and_the_oldest_of_two_wins(older: PostgresDatabase) -> None:
    ids = [new_id(), new_id(), new_id()]
    for id_, created in zip(ids, ("2025-03-01", None, "2025-01-01"), strict=True):
        older.rows(
            "INSERT INTO contacts (id, organization_id, phone, name, status, created_at, updated_at)"
            " VALUES (?, ?, '5511900000010', 'Bia', 'active', ?, '2025-01-01')",
            *(id_, TENANT, created),
        )
    async with older.open() as store:
        (turn,) = await store.record([arrival(organization_id=TENANT, instance_id=INSTANCE)])
    assert turn.contact_id == ids[1]


async def test_a_tenant_whose_name_is_no_id_of_this_database_is_told_so_and_no_other(older: PostgresDatabase) -> None:
    async with older.open() as store:
        mine = store.record([arrival(organization_id=TENANT, instance_id=INSTANCE)])
        wrong = store.record([arrival(organization_id="abc123", instance_id=INSTANCE)])
        told, found = await asyncio.gather(wrong, mine, return_exceptions=True)
    assert isinstance(told, ConfigError)
    assert 'uuid: "abc123"' in str(told)
    assert not isinstance(found, BaseException)


def _of_instance(told: Any) -> Any:
    import dataclasses

    return dataclasses.replace(told, instance_id=INSTANCE)
