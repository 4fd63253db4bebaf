"""What plugins send beside their answers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest

from auzap.contract.services import Outbox
from auzap.model.errors import OutboxFull
from auzap.model.message import MAX_TEXT
from auzap.model.turn import Chat
from auzap.services import Kit
from auzap.storage.store import Outgoing, Store
from tests.support.services import services_of
from tests.support.stores import CUSTOMER, SqliteDatabase, arrival

TENANT = "abc123"
CHAT = Chat("main", "5511900000010@s.whatsapp.net")
OWNER = "5511900000001"


@pytest.fixture
def outbox(store: Store) -> Outbox:
    return services_of(Kit(store), TENANT).outbox


async def test_a_message_to_a_chat_is_due_at_once_and_belongs_to_the_conversation(
    outbox: Outbox, store: Store, database: SqliteDatabase
) -> None:
    (heard,) = await store.record([arrival()])
    id_ = await outbox.send("Seu pedido saiu!", chat=CHAT)
    row = database.one("SELECT * FROM auzap_outbox")
    assert (row["id"], row["chat_id"], row["instance_id"], row["content"]) == (
        id_,
        CHAT.chat_id,
        "main",
        "Seu pedido saiu!",
    )
    assert (row["conversation_id"], row["turn_id"], row["config_version"]) == (
        heard.conversation_id,
        None,
        "0123456789ab",
    )
    assert [due.id for due in await store.due(datetime.now(UTC) + timedelta(seconds=5), limit=9)] == [id_]
    assert database.one("SELECT content, ai_response FROM messages WHERE direction = 'outbound'") == {
        "content": "Seu pedido saiu!",
        "ai_response": 0,
    }


async def test_a_message_to_a_phone_goes_where_that_person_last_wrote(
    outbox: Outbox, store: Store, database: SqliteDatabase
) -> None:
    lid = replace(CUSTOMER, lid="1000000001@lid")
    await store.record([replace(arrival(person=lid), chat_id="1000000001@lid")])
    await outbox.send("Oi", phone="(11) 90000-0010")
    await outbox.send("Oi", phone="+55 31 90000-0011")
    told = [row["chat_id"] for row in database.rows("SELECT chat_id FROM auzap_outbox ORDER BY id")]
    assert told == ["1000000001@lid", "5531900000011@s.whatsapp.net"]
    # but a chat that is named is the one
    await outbox.send("Oi", chat=CHAT)
    assert database.one("SELECT chat_id FROM auzap_outbox ORDER BY id DESC LIMIT 1") == {"chat_id": CHAT.chat_id}
    assert database.count("contacts") == 2


@pytest.mark.parametrize(
    "whereto",
    [
        {"phone": "+55 11 90000-0001"},
        {"phone": "5511900000001"},
        {"chat": Chat("main", f"{OWNER}@s.whatsapp.net")},
        {"chat": Chat("main", "1000000009@lid")},
        {"chat": Chat("main", "120363000000000001@g.us")},
        {"chat": Chat("main", "telegram:12345")},
    ],
)
async def test_owners_groups_and_what_is_no_person_become_no_contacts(
    outbox: Outbox, store: Store, database: SqliteDatabase, whereto: dict[str, Any]
) -> None:
    await store.ensure_owners(TENANT, [OWNER])
    (owner,) = await store.owners(TENANT)
    await store.remember_owner_lid(TENANT, owner.id, "1000000009@lid")
    await outbox.send("Resumo do dia", **whereto)
    assert (database.count("auzap_outbox"), database.count("contacts"), database.count("messages")) == (1, 0, 0)


async def test_the_same_key_is_one_message(outbox: Outbox, database: SqliteDatabase) -> None:
    ids = await asyncio.gather(*(outbox.send(f"Oi {n}", phone="11 90000-0010", key="aniversário") for n in range(5)))
    assert len(set(ids)) == database.count("auzap_outbox") == 1
    other = await outbox.send("Oi", phone="11 90000-0010", key="outra")
    none = await outbox.send("Oi", phone="11 90000-0010")
    assert len({*ids, other, none}) == 3


async def test_the_same_key_of_another_plugin_or_tenant_is_another_message(
    outbox: Outbox, store: Store, database: SqliteDatabase
) -> None:
    kit = Kit(store)
    others = [services_of(kit, TENANT, plugin="agenda").outbox, services_of(kit, "other").outbox]
    ids = {await one.send("Oi", phone="11 90000-0010", key="k") for one in (outbox, *others)}
    assert len(ids) == database.count("auzap_outbox") == 3


async def test_it_leaves_later_when_it_says_so(outbox: Outbox, store: Store) -> None:
    when = datetime.now(UTC) + timedelta(days=2)
    id_ = await outbox.send("Lembrete", chat=CHAT, not_before=when)
    assert await store.due(when - timedelta(seconds=1), limit=9) == []
    assert [due.id for due in await store.due(when, limit=9)] == [id_]


@pytest.mark.parametrize(
    ("text", "given", "told"),
    [
        ("", {"chat": CHAT}, "there is no text"),
        (" \n", {"chat": CHAT}, "there is no text"),
        ("a" * (MAX_TEXT + 1), {"chat": CHAT}, "65,537 characters; 65,536 are the most"),
        ("Oi", {}, "give chat or phone"),
        ("Oi", {"chat": CHAT, "phone": "11 90000-0010"}, "not both"),
        ("Oi", {"chat": CHAT, "instance_id": "second"}, "the chat is at instance main, not at second"),
        ("Oi", {"chat": Chat("main", " ")}, "the chat has no id"),
        ("Oi", {"chat": Chat("elsewhere", CHAT.chat_id)}, "no instance elsewhere; tenant abc123 has main"),
        ("Oi", {"phone": "11 90000-0010", "instance_id": "elsewhere"}, "no instance elsewhere"),
        ("Oi", {"phone": "ninguém"}, "'ninguém' is no phone number; write it like"),
        ("Oi", {"phone": "123"}, "is no phone number"),
        ("Oi", {"chat": CHAT, "not_before": datetime(2026, 1, 1)}, "not_before has no time zone"),  # noqa: DTZ001
    ],
)
async def test_what_cannot_be_sent_is_refused_and_nothing_is_stored(
    outbox: Outbox, database: SqliteDatabase, text: str, given: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        await outbox.send(text, **given)
    assert database.count("auzap_outbox") == 0


async def test_where_there_are_several_instances_one_is_to_be_named(store: Store, database: SqliteDatabase) -> None:
    outbox = services_of(Kit(store), TENANT, instances=("main", "second")).outbox
    with pytest.raises(ValueError, match="which instance\\?; tenant abc123 has main, second"):
        await outbox.send("Oi", phone="11 90000-0010")
    await outbox.send("Oi", phone="11 90000-0010", instance_id="second")
    assert database.one("SELECT instance_id FROM auzap_outbox") == {"instance_id": "second"}


async def test_a_flood_is_stopped_and_costs_no_other_tenant_anything(
    outbox: Outbox, store: Store, database: SqliteDatabase
) -> None:
    waiting = Outgoing(
        id="", organization_id=TENANT, instance_id=CHAT.instance_id, chat_id=CHAT.chat_id, text="Oi", person=None
    )
    await asyncio.gather(*(store.put_outgoing(replace(waiting, id=f"{n}")) for n in range(990)))
    told = await asyncio.gather(*(outbox.send(f"{n}", chat=CHAT) for n in range(20)), return_exceptions=True)
    assert sum(isinstance(one, OutboxFull) for one in told) == 10
    assert database.count("auzap_outbox") == 1_000
    await services_of(Kit(store), "other").outbox.send("Oi", chat=CHAT)


async def test_what_is_sent_in_masses_comes_at_a_steady_rate(outbox: Outbox) -> None:
    sent = [asyncio.ensure_future(outbox.send(f"{n}", chat=CHAT)) for n in range(200)]
    await asyncio.gather(*sent[:20])
    assert not sent[-1].done()
    for one in sent:
        one.cancel()
    await asyncio.wait(sent)


async def test_who_gave_up_keeps_nobody_waiting(outbox: Outbox) -> None:
    with anyio.move_on_after(3):
        await asyncio.gather(*(outbox.send(f"{n}", chat=CHAT) for n in range(2000)))
    with anyio.fail_after(10):  # two thousand take forty seconds
        await outbox.send("Oi", chat=CHAT)


async def test_where_plugins_are_only_looked_at_there_is_nothing_to_send_with() -> None:
    with pytest.raises(RuntimeError, match="there is no database while plugins are looked at"):
        await services_of(Kit(None)).outbox.send("Oi", chat=CHAT)
