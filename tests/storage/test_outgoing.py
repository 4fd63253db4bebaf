"""Messages that answer nothing: each once, when it is due, and not more than a tenant may have waiting."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from auzap.model.errors import OutboxFull
from auzap.model.keys import new_id
from auzap.storage.store import Outgoing, Store
from tests.support.stores import CUSTOMER, TENANT, Database, arrival

CHAT = "5511900000010@s.whatsapp.net"


def outgoing(text: str = "Lembrete", **facts: object) -> Outgoing:
    one = Outgoing(id=new_id(), organization_id=TENANT, instance_id="main", chat_id=CHAT, text=text, person=CUSTOMER)
    return replace(one, **facts)  # type: ignore[arg-type]


async def test_it_is_due_when_it_says_and_carries_the_configurations_version(store: Store, database: Database) -> None:
    now = datetime.now(UTC)
    when = now + timedelta(hours=1)
    later = await store.put_outgoing(outgoing(not_before=when, config_version="0123456789ab"))
    at_once = await store.put_outgoing(outgoing(not_before=now - timedelta(days=1)))
    due = [(one.id, one.chat_id) for one in await store.due(datetime.now(UTC) + timedelta(seconds=5), limit=9)]
    assert due == [(at_once.id, CHAT)]
    assert [one.id for one in await store.due(when, limit=9)] == [at_once.id, later.id]
    assert later.not_before == when
    versions = database.rows("SELECT config_version FROM auzap_outbox ORDER BY id")
    assert [row["config_version"] for row in versions] == ["0123456789ab", None]


async def test_it_goes_where_the_person_last_wrote_or_into_the_chat_that_it_names(store: Store) -> None:
    lid = replace(CUSTOMER, lid="1000000001@lid")
    await store.record([replace(arrival(person=lid), chat_id="1000000001@lid")])
    assert (await store.put_outgoing(outgoing())).chat_id == "1000000001@lid"
    assert (await store.put_outgoing(outgoing(to_chat=True))).chat_id == CHAT


async def test_the_same_id_is_one_message(store: Store, database: Database) -> None:
    one = outgoing(most=1)
    first = await store.put_outgoing(one)
    again = await asyncio.gather(*(store.put_outgoing(replace(one, text="outro")) for _ in range(5)))
    assert {(reply.id, reply.text) for reply in again} == {(first.id, "Lembrete")}
    assert database.count("auzap_outbox") == database.count("messages") == 1


async def test_a_tenant_may_have_so_many_waiting_and_no_more(store: Store, database: Database) -> None:
    told = await asyncio.gather(*(store.put_outgoing(outgoing(most=3)) for _ in range(10)), return_exceptions=True)
    full = [one for one in told if isinstance(one, OutboxFull)]
    assert (len(full), database.count("auzap_outbox"), database.count("messages")) == (7, 3, 3)
    assert str(full[0]) == f"tenant {TENANT} has 3 messages waiting to leave"
    # another tenant's, one without a bound, and one more when one has left
    await store.put_outgoing(outgoing(organization_id="other", most=3))
    await store.put_outgoing(outgoing())
    for row in database.rows("SELECT id FROM auzap_outbox WHERE organization_id = 'abc123' ORDER BY id LIMIT 2"):
        await store.note_sent(row["id"], token=1, provider_id=f"P{row['id']}")
    await store.put_outgoing(outgoing(most=3))
    with pytest.raises(OutboxFull):
        await store.put_outgoing(outgoing(most=3))


async def test_a_time_without_a_zone_is_refused_and_nothing_is_stored(store: Store, database: Database) -> None:
    with pytest.raises(ValueError, match="without its zone"):
        await store.put_outgoing(outgoing(not_before=datetime(2026, 1, 1)))  # noqa: DTZ001 - the point
    assert database.count("auzap_outbox") == database.count("contacts") == 0
