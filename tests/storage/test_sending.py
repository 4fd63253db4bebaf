"""The outbox: claimed, sent, refused, given up; each note once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from auzap.model.errors import LeaseLost
from auzap.model.keys import new_id
from auzap.storage.store import NewReply, Person, Recorded, Store, StoredReply
from tests.support.stores import CUSTOMER, TENANT, Database, arrival, decision

TOMORROW = datetime.now(UTC) + timedelta(days=1)


async def handled(
    store: Store, *texts: str | NewReply, person: Person | None = CUSTOMER
) -> tuple[Recorded, list[StoredReply]]:
    (turn,) = await store.record([arrival(person=person)])
    return turn, await store.persist(decision(turn, *texts))


def state(database: Database, reply: StoredReply) -> Any:
    return database.one("SELECT state FROM auzap_outbox WHERE id = ?", reply.id)["state"]


def status(database: Database, reply: StoredReply) -> Any:
    return database.one("SELECT status FROM messages WHERE id = ?", reply.id)["status"]


def inbox(database: Database) -> tuple[Any, Any]:
    row = database.one("SELECT state, reason FROM auzap_inbox")
    return row["state"], row["reason"]


async def test_a_claim_moves_to_sending_and_may_be_repeated(store: Store, database: Database) -> None:
    turn, (reply,) = await handled(store, "Olá")
    assert await store.claim(reply.id, token=1, began_at=turn.began_at) == "claimed"
    assert state(database, reply) == "sending"
    assert await store.claim(reply.id, token=2, began_at=turn.began_at) == "claimed"
    with pytest.raises(LeaseLost):
        await store.claim(reply.id, token=1, began_at=turn.began_at)


async def test_what_was_sent_is_settled_and_the_turn_done_with_its_last_reply(store: Store, database: Database) -> None:
    turn, (one, two) = await handled(store, "um", "dois")
    await store.claim(one.id, token=1, began_at=turn.began_at)
    await store.note_sent(one.id, token=1, provider_id="P1")
    assert (state(database, one), inbox(database)) == ("sent", ("handled", None))
    await store.note_sent(one.id, token=1, provider_id="P1")
    assert await store.claim(one.id, token=1, began_at=turn.began_at) == "settled"
    await store.claim(two.id, token=1, began_at=turn.began_at)
    await store.note_sent(two.id, token=1, provider_id=None)
    assert inbox(database) == ("done", None)
    rows = database.rows("SELECT status, whatsapp_message_id FROM messages WHERE direction = 'outbound' ORDER BY id")
    assert rows == [
        {"status": "sent", "whatsapp_message_id": "P1"},
        {"status": "sent", "whatsapp_message_id": None},
    ]


async def test_a_reply_for_later_does_not_hold_the_turn(store: Store, database: Database) -> None:
    _, (now,) = await handled(store, "agora", NewReply("depois", TOMORROW))
    await store.note_sent(now.id, token=1, provider_id="P1")
    assert inbox(database) == ("done", None)


async def test_notes_of_a_worker_that_lost_the_lane_change_nothing(store: Store, database: Database) -> None:
    turn, (reply,) = await handled(store, "Olá")
    await store.claim(reply.id, token=2, began_at=turn.began_at)
    for late in (
        store.note_sent(reply.id, token=1, provider_id="P1"),
        store.note_unsent(reply.id, token=1, reason="timeout", attempt=True),
        store.note_refused(reply.id, token=1, reason="400"),
    ):
        with pytest.raises(LeaseLost):
            await late
    assert state(database, reply) == "sending"


async def test_attempts_are_counted_once_each(store: Store, database: Database) -> None:
    turn, (reply,) = await handled(store, "Olá")
    await store.claim(reply.id, token=1, began_at=turn.began_at)
    assert await store.note_unsent(reply.id, token=1, reason="timeout", attempt=True) == 1
    assert await store.note_unsent(reply.id, token=1, reason="timeout", attempt=True) == 1
    assert state(database, reply) == "pending"
    await store.claim(reply.id, token=1, began_at=turn.began_at)
    assert await store.note_unsent(reply.id, token=1, reason="refused", attempt=False) == 1
    await store.claim(reply.id, token=1, began_at=turn.began_at)
    assert await store.note_unsent(reply.id, token=1, reason="timeout", attempt=True) == 2
    stored = await store.outbound(reply.id)
    assert stored is not None
    assert (stored.attempts, stored.reason) == (2, "timeout")


async def test_a_final_refusal_fails_the_reply_and_ends_the_turn(store: Store, database: Database) -> None:
    turn, (one, two, three) = await handled(store, "um", "dois", "três")
    await store.note_sent(one.id, token=1, provider_id="P1")
    await store.claim(two.id, token=1, began_at=turn.began_at)
    for _ in range(2):
        await store.note_refused(two.id, token=1, reason="not_on_whatsapp")
    assert [state(database, reply) for reply in (one, two, three)] == ["sent", "failed", "cancelled"]
    assert [status(database, reply) for reply in (one, two, three)] == ["sent", "failed", "failed"]
    assert inbox(database) == ("dead", "not_on_whatsapp")
    assert await store.claim(three.id, token=1, began_at=turn.began_at) == "settled"


async def test_a_scheduled_reply_that_is_refused_leaves_its_turn_as_it_was(store: Store, database: Database) -> None:
    _, (now,) = await handled(store, "agora", NewReply("depois", TOMORROW))
    later = database.one("SELECT id FROM auzap_outbox WHERE not_before IS NOT NULL")["id"]
    await store.note_refused(later, token=2, reason="not_on_whatsapp")
    assert (inbox(database), state(database, now)) == (("handled", None), "pending")


async def test_a_takeover_since_the_turn_began_cancels_what_is_unsent(store: Store, database: Database) -> None:
    turn, (one, two) = await handled(store, "um", "dois")
    await store.note_sent(one.id, token=1, provider_id="P1")
    assert await store.take_over(TENANT, CUSTOMER, at=turn.began_at + timedelta(seconds=1))
    assert await store.claim(two.id, token=1, began_at=turn.began_at) == "taken_over"
    assert [state(database, reply) for reply in (one, two)] == ["sent", "cancelled"]
    assert [status(database, reply) for reply in (one, two)] == ["sent", "failed"]
    assert inbox(database) == ("done", "taken_over")
    assert await store.claim(two.id, token=1, began_at=turn.began_at) == "settled"


async def test_a_reply_of_no_turn_is_taken_over_alone(store: Store, database: Database) -> None:
    turn, (reply,) = await handled(store, "Olá")
    with database.connect() as connection:
        connection.execute("UPDATE auzap_outbox SET turn_id = NULL")
    await store.take_over(TENANT, CUSTOMER, at=turn.began_at + timedelta(seconds=1))
    assert await store.claim(reply.id, token=1, began_at=turn.began_at) == "taken_over"
    assert (state(database, reply), inbox(database)) == ("cancelled", ("handled", None))


async def test_a_takeover_before_the_turn_began_cancels_nothing(store: Store) -> None:
    (earlier,) = await store.record([arrival()])
    await store.take_over(TENANT, CUSTOMER, at=earlier.began_at)
    turn, (reply,) = await handled(store, "Olá")
    assert await store.claim(reply.id, token=1, began_at=turn.began_at) == "claimed"


async def test_a_takeover_that_was_heard_of_before_but_stored_after_the_turn_began_cancels(store: Store) -> None:
    turn, (reply,) = await handled(store, "Olá")
    await store.take_over(TENANT, CUSTOMER, at=turn.began_at - timedelta(seconds=5))
    assert await store.claim(reply.id, token=1, began_at=turn.began_at) == "taken_over"


async def test_an_owners_replies_are_never_taken_over(store: Store) -> None:
    turn, (reply,) = await handled(store, "Olá", person=None)
    assert await store.claim(reply.id, token=1, began_at=turn.began_at) == "claimed"


async def test_a_turn_that_is_given_up_is_dead_with_its_reason(store: Store, database: Database) -> None:
    (turn,) = await store.record([arrival()])
    for _ in range(2):
        await store.note_dead(turn.turn_id, token=1, reason="client_ai: boom", attempts=3)
    row = database.one("SELECT state, reason, attempts FROM auzap_inbox")
    assert row == {"state": "dead", "reason": "client_ai: boom", "attempts": 3}


async def test_what_a_dead_turn_wanted_to_say_is_cancelled(store: Store, database: Database) -> None:
    turn, (reply,) = await handled(store, "Olá")
    await store.note_dead(turn.turn_id, token=1, reason="its workers kept dying", attempts=1)
    assert (state(database, reply), status(database, reply)) == ("cancelled", "failed")


async def test_giving_up_needs_the_lease(store: Store, database: Database) -> None:
    envelope = new_id()
    (turn,) = await store.record([arrival("k", envelope_id=envelope)])
    await store.record([arrival("k", envelope_id=envelope, token=2)])
    with pytest.raises(LeaseLost):
        await store.note_dead(turn.turn_id, token=1, reason="boom", attempts=3)
    assert inbox(database) == ("received", None)


async def test_a_reply_that_was_removed_is_settled(store: Store) -> None:
    gone = new_id()
    assert await store.claim(gone, token=1, began_at=TOMORROW) == "settled"
    assert await store.note_unsent(gone, token=1, reason="x", attempt=True) == 0
    await store.note_sent(gone, token=1, provider_id="P1")
    assert await store.outbound(gone) is None


async def test_due_replies_are_told_until_they_are_queued(store: Store) -> None:
    await handled(store, "agora", NewReply("depois", TOMORROW), NewReply("e depois", TOMORROW + timedelta(hours=1)))
    assert await store.due(datetime.now(UTC), limit=10) == []
    later = TOMORROW + timedelta(days=1)
    first, second = await store.due(later, limit=10)
    assert [first] == await store.due(later, limit=1)
    stored = await store.outbound(first.id)
    assert stored is not None
    assert (stored.text, stored.not_before, first.organization_id) == ("depois", TOMORROW, TENANT)
    await store.note_queued([first.id])
    assert await store.due(later, limit=10) == [second]


async def test_a_scheduled_reply_that_was_cancelled_is_not_due(store: Store) -> None:
    turn, _ = await handled(store, "agora", NewReply("depois", TOMORROW))
    await store.note_dead(turn.turn_id, token=1, reason="boom", attempts=1)
    assert await store.due(TOMORROW + timedelta(days=1), limit=10) == []


async def test_a_reply_is_revived_by_the_lanes_holder_alone(store: Store, database: Database) -> None:
    turn, (reply,) = await handled(store, "Olá")
    await store.note_refused(reply.id, token=2, reason="not_on_whatsapp")
    with pytest.raises(LeaseLost):
        await store.revive_reply(reply.id, token=1)
    for _ in range(2):
        await store.revive_reply(reply.id, token=3)
    stored = await store.outbound(reply.id)
    assert stored is not None
    assert (stored.state, stored.attempts, stored.reason) == ("pending", 0, None)
    assert status(database, reply) == "pending"
    assert await store.claim(reply.id, token=3, began_at=turn.began_at) == "claimed"


async def test_a_buried_envelope_of_a_burst_dies_alone(store: Store, database: Database) -> None:
    one, two = new_id(), new_id()
    first, _ = await store.record([arrival("1", envelope_id=one), arrival("2", envelope_id=two)])
    with pytest.raises(LeaseLost):
        await store.note_buried(TENANT, envelope_id=one, dedupe_key="1", token=0, reason="lost")
    for _ in range(2):
        await store.note_buried(TENANT, envelope_id=one, dedupe_key="1", token=2, reason="lost")
    (rest,) = await store.record([arrival("2", envelope_id=two, token=3)])
    assert (rest.state, rest.turn_id) == ("received", rest.id)
    row = database.one("SELECT state, reason FROM auzap_inbox WHERE id = ?", first.id)
    assert row == {"state": "dead", "reason": "lost"}


async def test_a_buried_envelope_of_a_handled_turn_takes_the_turn_with_it(store: Store, database: Database) -> None:
    envelope = new_id()
    (turn,) = await store.record([arrival(envelope_id=envelope, keyless=True)])
    (reply,) = await store.persist(decision(turn, "Olá"))
    await store.note_buried(TENANT, envelope_id=new_id(), dedupe_key=None, token=2, reason="lost")
    assert inbox(database) == ("handled", None)
    await store.note_buried(TENANT, envelope_id=envelope, dedupe_key=None, token=2, reason="lost")
    assert (inbox(database), state(database, reply)) == (("dead", "lost"), "cancelled")
