"""The inbox: every message once, whatever was seen of it before."""

from __future__ import annotations

import pytest

from auzap.model.errors import LeaseLost
from auzap.model.keys import new_id
from auzap.storage.store import Recorded, Store
from tests.support.stores import Database, arrival, decision


async def record_one(store: Store, key: str | None = None, **facts: object) -> Recorded:
    (recorded,) = await store.record([arrival(key, **facts)])  # type: ignore[arg-type]
    return recorded


async def handled(store: Store, key: str, envelope_id: str, *texts: str) -> Recorded:
    recorded = await record_one(store, key, envelope_id=envelope_id)
    await store.persist(decision(recorded, *texts))
    return recorded


async def test_a_new_message_is_received_with_contact_conversation_and_a_row_in_messages(
    store: Store, database: Database
) -> None:
    recorded = await record_one(store, content="Quero banho e tosa", message_id="3EB0AA")
    assert (recorded.state, recorded.duplicate, recorded.reason) == ("received", False, None)
    assert recorded.turn_id == recorded.id
    assert recorded.ai_enabled
    assert not recorded.taken_over
    assert recorded.replies == ()
    contact = database.one("SELECT * FROM contacts")
    assert (contact["id"], contact["phone"], contact["name"], contact["status"]) == (
        recorded.contact_id,
        "5511900000010",
        "Bia",
        "active",
    )
    conversation = database.one("SELECT * FROM conversations")
    assert (conversation["id"], conversation["contact_id"]) == (recorded.conversation_id, recorded.contact_id)
    assert (conversation["status"], conversation["ai_enabled"], conversation["instance_id"]) == ("active", 1, "main")
    assert conversation["first_message_at"] == conversation["last_message_at"]
    message = database.one("SELECT * FROM messages")
    assert message["id"] == recorded.id
    assert (message["direction"], message["status"], message["processed_by_ai"]) == ("inbound", "delivered", 0)
    assert (message["content"], message["message_type"]) == ("Quero banho e tosa", "text")
    assert (message["whatsapp_message_id"], message["sender_phone"]) == ("3EB0AA", "5511900000010")
    assert database.one("SELECT content FROM auzap_inbox") == {"content": None}


async def test_an_owners_message_stands_in_the_inbox_alone(store: Store, database: Database) -> None:
    recorded = await record_one(store, content="resumo", person=None, sender_role="owner")
    assert (recorded.contact_id, recorded.conversation_id) == (None, None)
    row = database.one("SELECT * FROM auzap_inbox")
    assert (row["content"], row["sender_role"], row["state"]) == ("resumo", "owner", "received")
    assert database.count("contacts") == database.count("messages") == 0


async def test_a_skipped_message_is_done_with_its_reason(store: Store, database: Database) -> None:
    recorded = await record_one(store, content="foto", person=None, reason="group")
    assert (recorded.state, recorded.reason, recorded.duplicate) == ("done", "group", False)
    row = database.one("SELECT * FROM auzap_inbox")
    assert (row["state"], row["reason"], row["content"]) == ("done", "group", "foto")


async def test_the_same_envelope_resumes_what_its_row_says(store: Store, database: Database) -> None:
    envelope = new_id()
    first = await record_one(store, "k", envelope_id=envelope, token=1)
    again = await record_one(store, "k", envelope_id=envelope, token=2)
    assert (again.id, again.state, again.began_at) == (first.id, "received", first.began_at)
    assert database.count("messages") == 1
    (reply,) = await store.persist(decision(again, "Olá", token=2))
    resumed = await record_one(store, "k", envelope_id=envelope, token=3)
    assert (resumed.state, resumed.duplicate, resumed.replies) == ("handled", False, (reply,))
    assert resumed.began_at == first.began_at
    await store.claim(reply.id, token=3, began_at=first.began_at)
    await store.note_sent(reply.id, token=3, provider_id="P1")
    finished = await record_one(store, "k", envelope_id=envelope, token=4)
    assert (finished.state, finished.duplicate, finished.replies) == ("done", False, ())


@pytest.mark.parametrize("state", ["handled", "done", "dead"])
async def test_to_another_envelope_a_finished_message_is_a_duplicate(
    store: Store, database: Database, state: str
) -> None:
    first = await handled(store, "k", new_id(), "Olá")
    with database.connect() as connection:
        connection.execute("UPDATE auzap_inbox SET state = ?", (state,))
    before = database.rows("SELECT * FROM auzap_inbox")
    other = await record_one(store, "k")
    assert (other.id, other.duplicate, other.state, other.replies) == (first.id, True, state, ())
    assert database.rows("SELECT * FROM auzap_inbox") == before


async def test_another_envelope_takes_over_what_is_only_received(store: Store, database: Database) -> None:
    first = await record_one(store, "k", token=1)
    other = new_id()
    taken = await record_one(store, "k", envelope_id=other, token=2)
    assert (taken.id, taken.state, taken.duplicate) == (first.id, "received", False)
    row = database.one("SELECT envelope_id, lease_token FROM auzap_inbox")
    assert row == {"envelope_id": other, "lease_token": 2}
    assert database.count("messages") == 1


async def test_the_same_key_of_another_tenant_is_another_message(store: Store, database: Database) -> None:
    await record_one(store, "k")
    other = await record_one(store, "k", organization_id="other")
    assert not other.duplicate
    assert database.count("auzap_inbox") == database.count("contacts") == 2


async def test_without_a_key_nothing_is_a_duplicate_but_the_envelope_itself_resumes(
    store: Store, database: Database
) -> None:
    envelope = new_id()
    first = await record_one(store, keyless=True, envelope_id=envelope)
    other = await record_one(store, keyless=True)
    again = await record_one(store, keyless=True, envelope_id=envelope, token=2)
    assert first.id == again.id != other.id
    assert database.count("auzap_inbox") == 2


async def test_a_smaller_token_loses_and_changes_nothing(store: Store, database: Database) -> None:
    envelope = new_id()
    await record_one(store, "k", envelope_id=envelope, token=5)
    before = database.rows("SELECT * FROM auzap_inbox")
    with pytest.raises(LeaseLost):
        await store.record([arrival("new", token=4), arrival("k", envelope_id=envelope, token=4)])
    assert database.rows("SELECT * FROM auzap_inbox") == before
    assert database.count("messages") == 1


async def test_a_burst_is_one_turn_named_after_its_first_received_message(store: Store, database: Database) -> None:
    skipped, first, second = await store.record(
        [arrival(person=None, reason="reaction"), arrival(content="Oi"), arrival(content="tudo bem?")]
    )
    assert skipped.turn_id == skipped.id
    assert first.turn_id == second.turn_id == first.id
    assert first.began_at == second.began_at
    assert first.conversation_id == second.conversation_id
    await store.persist(decision(first, "Olá!"))
    states = database.rows("SELECT state FROM auzap_inbox ORDER BY id")
    assert [row["state"] for row in states] == ["done", "handled", "handled"]


async def test_a_burst_that_grows_between_attempts_keeps_its_name(store: Store) -> None:
    one, two, three = (new_id() for _ in range(3))
    first, _ = await store.record([arrival("1", envelope_id=one), arrival("2", envelope_id=two)])
    again = await store.record(
        [arrival(str(i), envelope_id=id_, token=2) for i, id_ in enumerate((one, two, three), start=1)]
    )
    assert {row.turn_id for row in again} == {first.id}
    assert {row.began_at for row in again} == {first.began_at}


async def test_a_message_that_left_its_burst_stands_for_itself(store: Store, database: Database) -> None:
    one, two = new_id(), new_id()
    await store.record([arrival("1", envelope_id=one), arrival("2", envelope_id=two)])
    alone = await record_one(store, "1", envelope_id=one, token=2)
    await store.persist(decision(alone, "Olá", token=2))
    other = await record_one(store, "2", envelope_id=two, token=2)
    assert (other.state, other.turn_id) == ("received", other.id)
    assert database.count("auzap_outbox") == 1


async def test_the_rest_of_a_handled_burst_knows_when_it_began(store: Store) -> None:
    envelope = new_id()
    first, _ = await store.record([arrival(), arrival("2", envelope_id=envelope)])
    (reply,) = await store.persist(decision(first, "Olá"))
    rest = await record_one(store, "2", envelope_id=envelope, token=2)
    assert (rest.state, rest.turn_id, rest.began_at, rest.replies) == ("handled", first.id, first.began_at, (reply,))


async def test_one_message_twice_in_one_call_is_one_row(store: Store, database: Database) -> None:
    first, second = await store.record([arrival("k"), arrival("k")])
    assert (first.id, first.duplicate, second.duplicate) == (second.id, False, True)
    assert database.count("messages") == 1


async def test_the_latest_look_at_a_message_counts(store: Store, database: Database) -> None:
    envelope = new_id()
    await record_one(store, "k", envelope_id=envelope)
    as_owner = await record_one(store, "k", envelope_id=envelope, token=2, person=None, sender_role="owner")
    assert (as_owner.contact_id, as_owner.conversation_id) == (None, None)
    assert database.one("SELECT sender_role, content FROM auzap_inbox") == {"sender_role": "owner", "content": "Oi"}
    assert database.count("messages") == 0
    skipped = await record_one(store, "k", envelope_id=envelope, token=3, person=None, reason="not_in_pilot")
    assert (skipped.state, skipped.reason) == ("done", "not_in_pilot")


async def test_a_dead_message_stays_dead_until_it_is_revived(store: Store) -> None:
    envelope = new_id()
    first = await record_one(store, "k", envelope_id=envelope)
    await store.note_dead(first.turn_id, token=1, reason="boom", attempts=3)
    dead = await record_one(store, "k", envelope_id=envelope, token=2)
    assert (dead.state, dead.reason) == ("dead", "boom")
    revived = await record_one(store, "k", envelope_id=envelope, token=3, revived=1)
    assert (revived.state, revived.reason, revived.id) == ("received", None, first.id)


async def test_a_dead_message_that_was_handled_is_sent_again_with_the_same_keys(
    store: Store, database: Database
) -> None:
    envelope = new_id()
    first = await record_one(store, "k", envelope_id=envelope)
    one, two = await store.persist(decision(first, "um", "dois"))
    await store.claim(one.id, token=1, began_at=first.began_at)
    await store.note_unsent(one.id, token=1, reason="timeout", attempt=True)
    await store.note_refused(one.id, token=1, reason="not_on_whatsapp")
    revived = await record_one(store, "k", envelope_id=envelope, token=2, revived=1)
    assert revived.state == "handled"
    assert [(reply.id, reply.state, reply.attempts, reply.reason) for reply in revived.replies] == [
        (one.id, "pending", 0, None),
        (two.id, "pending", 0, None),
    ]
    statuses = database.rows("SELECT status FROM messages WHERE direction = 'outbound'")
    assert [row["status"] for row in statuses] == ["pending", "pending"]
    # a crash after the revival is no second revival
    await store.note_refused(one.id, token=2, reason="not_on_whatsapp")
    again = await record_one(store, "k", envelope_id=envelope, token=3, revived=1)
    assert again.state == "dead"


async def test_what_was_sent_before_death_is_not_sent_again(store: Store) -> None:
    envelope = new_id()
    first = await record_one(store, "k", envelope_id=envelope)
    one, two = await store.persist(decision(first, "um", "dois"))
    await store.note_sent(one.id, token=1, provider_id="P1")
    await store.note_refused(two.id, token=1, reason="400")
    revived = await record_one(store, "k", envelope_id=envelope, token=2, revived=1)
    assert [reply.state for reply in revived.replies] == ["sent", "pending"]


async def test_a_revived_message_of_a_dead_burst_leaves_the_rest_dead(store: Store) -> None:
    one, two = new_id(), new_id()
    first, _ = await store.record([arrival("1", envelope_id=one), arrival("2", envelope_id=two)])
    await store.note_dead(first.turn_id, token=1, reason="boom", attempts=3)
    revived = await record_one(store, "1", envelope_id=one, token=2, revived=1)
    await store.persist(decision(revived, "Olá", token=2))
    rest = await record_one(store, "2", envelope_id=two, token=3, revived=1)
    assert (rest.state, rest.turn_id) == ("received", rest.id)


async def test_a_newer_lease_of_a_handled_turn_takes_its_replies(store: Store) -> None:
    envelope = new_id()
    first = await handled(store, "k", envelope, "Olá")
    resumed = await record_one(store, "k", envelope_id=envelope, token=2)
    with pytest.raises(LeaseLost):
        await store.claim(resumed.replies[0].id, token=1, began_at=first.began_at)


async def test_texts_that_no_database_takes_are_mended(store: Store, database: Database) -> None:
    await record_one(store, content="a\0b \ud800 \ud83d\ude00", message_id="\udfff")
    row = database.one("SELECT content, whatsapp_message_id FROM messages")
    assert row == {"content": "a\ufffdb \ufffd \U0001f600", "whatsapp_message_id": "\ufffd"}


async def test_nothing_to_record_is_nothing(store: Store) -> None:
    assert await store.record([]) == []
