"""An envelope that was given up unread: its row says so, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from auzap.model.errors import LeaseLost
from auzap.storage.store import Inbound, Store
from tests.support.stores import TENANT, Database, arrival, decision


async def bury(store: Store, one: Inbound, *, token: int = 2) -> None:
    await store.note_buried(
        TENANT, envelope_id=one.envelope_id, dedupe_key=one.dedupe_key, token=token, reason="ten workers died"
    )


def states(database: Database) -> list[tuple[Any, Any]]:
    rows = database.rows("SELECT state, reason FROM auzap_inbox ORDER BY id")
    return [(row["state"], row["reason"]) for row in rows]


@pytest.mark.parametrize("keyless", [False, True])
async def test_a_message_dies_and_the_others_of_its_turn_go_on(store: Store, database: Database, keyless: bool) -> None:
    one, two = arrival(keyless=keyless), arrival(keyless=keyless)
    first, second = await store.record([one, two])
    assert first.turn_id == second.turn_id
    await bury(store, one)
    assert states(database) == [("dead", "ten workers died"), ("received", None)]
    (again,) = await store.record([two])
    assert (again.state, again.turn_id) == ("received", again.id)


async def test_it_can_be_brought_back(store: Store, database: Database) -> None:
    one = arrival(envelope_id="E1", key="K1")
    await store.record([one])
    await bury(store, one)
    (dead,) = await store.record([arrival(envelope_id="E1", key="K1", token=3)])
    assert dead.state == "dead"
    (back,) = await store.record([arrival(envelope_id="E1", key="K1", token=4, revived=1)])
    assert back.state == "received"


async def test_a_turn_that_was_handled_dies_whole(store: Store, database: Database) -> None:
    one, two = arrival(), arrival()
    turn, _ = await store.record([one, two])
    sent, _ = await store.persist(decision(turn, "um", "dois"))
    await store.note_sent(sent.id, token=1, provider_id="P1")
    await bury(store, one)
    assert states(database) == [("dead", "ten workers died")] * 2
    assert [row["state"] for row in database.rows("SELECT state FROM auzap_outbox ORDER BY ordinal")] == [
        "sent",
        "cancelled",
    ]
    rows = database.rows("SELECT status FROM messages WHERE direction = 'outbound' ORDER BY id")
    assert [row["status"] for row in rows] == ["sent", "failed"]


async def test_what_is_finished_or_another_envelopes_stays(store: Store, database: Database) -> None:
    skipped = arrival(reason="group")
    other = arrival(key="K1", envelope_id="E1")
    await store.record([skipped])
    await store.record([other])
    await bury(store, skipped)
    await bury(store, arrival(key="K1", envelope_id="E2"))
    await bury(store, arrival())
    assert states(database) == [("done", "group"), ("received", None)]


async def test_not_by_a_worker_that_lost_the_lane(store: Store, database: Database) -> None:
    one = arrival(token=5)
    await store.record([one])
    with pytest.raises(LeaseLost):
        await bury(store, one, token=4)
    (turn,) = await store.record([one])
    await store.persist(decision(turn, "um", token=5))
    with pytest.raises(LeaseLost):
        await bury(store, one, token=4)
    assert states(database) == [("handled", None)]
