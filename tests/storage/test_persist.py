"""The outcome of a turn: stored whole, once, together with others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from sqlmodel import SQLModel

from auzap.model.errors import LeaseLost
from auzap.model.keys import new_id
from auzap.model.reply import Interaction
from auzap.storage.store import NewReply, Person, Recorded, Store
from auzap.tables import AuroraProactiveMessage
from tests.support.pets import Pet, Visit
from tests.support.stores import TENANT, Database, arrival, decision

T = TypeVar("T")
TOMORROW = datetime.now(UTC) + timedelta(days=1)


async def a_turn(store: Store, **facts: object) -> Recorded:
    (recorded,) = await store.record([arrival(**facts)])  # type: ignore[arg-type]
    return recorded


async def together(database: Database, calls: Sequence[Awaitable[T]]) -> list[T | BaseException]:
    """Have them wait for the same lock, so that all but the first are one group."""
    with database.locked():
        tasks = [asyncio.ensure_future(call) for call in calls]
        await asyncio.sleep(0.05)
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_replies_are_stored_pending_in_order_with_rows_in_messages(store: Store, database: Database) -> None:
    turn = await a_turn(store)
    replies = await store.persist(decision(turn, "um", "dois"))
    assert [(reply.text, reply.state, reply.attempts, reply.turn_id) for reply in replies] == [
        ("um", "pending", 0, turn.turn_id),
        ("dois", "pending", 0, turn.turn_id),
    ]
    rows = database.rows("SELECT * FROM messages WHERE direction = 'outbound' ORDER BY id")
    assert [row["id"] for row in rows] == [reply.id for reply in replies]
    assert [row["content"] for row in rows] == ["um", "dois"]
    assert {(row["status"], row["ai_response"], row["conversation_id"]) for row in rows} == {
        ("pending", 1, turn.conversation_id)
    }
    inbox = database.one("SELECT state, answered_by, attempts FROM auzap_inbox")
    assert inbox == {"state": "handled", "answered_by": "client_ai", "attempts": 1}


async def test_replies_to_an_owner_stand_in_the_outbox_alone(store: Store, database: Database) -> None:
    turn = await a_turn(store, person=None, sender_role="owner")
    await store.persist(decision(turn, "Hoje: 3 mensagens"))
    assert database.count("auzap_outbox") == 1
    assert database.count("messages") == 0


async def test_nothing_to_say_is_done_at_once_for_the_reason(store: Store, database: Database) -> None:
    turn = await a_turn(store)
    assert await store.persist(decision(turn, reason="nobody_answered")) == []
    assert database.one("SELECT state, reason FROM auzap_inbox") == {"state": "done", "reason": "nobody_answered"}


async def test_twice_gives_the_same_replies(store: Store, database: Database) -> None:
    turn = await a_turn(store)
    record = AuroraProactiveMessage(message_type="tip", content="x")
    first = await store.persist(decision(turn, "Olá", records=[record]))
    assert await store.persist(decision(turn, "outra coisa", token=2)) == first
    assert database.count("auzap_outbox") == database.count("aurora_proactive_messages") == 1


async def test_twice_in_one_group_is_stored_once(store: Store, database: Database) -> None:
    turn = await a_turn(store)
    first, second, third = await together(database, [store.persist(decision(turn, "Olá")) for _ in range(3)])
    assert first == second == third
    assert database.count("auzap_outbox") == 1


async def test_the_interaction_has_the_seeds_columns(store: Store, database: Database) -> None:
    turn = await a_turn(store)
    interaction = Interaction(
        prompt="Oi", response="Olá!", intent="general", sentiment="neutral", confidence=0.8, model_used="rules"
    )
    await store.persist(decision(turn, "Olá!", interaction=interaction))
    row = database.one("SELECT * FROM ai_interactions")
    assert (row.pop("id"), row.pop("created_at")) != ("", "")
    assert row == {
        "organization_id": TENANT,
        "conversation_id": turn.conversation_id,
        "message_id": "3EB0C0FFEE",
        "prompt": "Oi",
        "response": "Olá!",
        "intent": "general",
        "sentiment": "neutral",
        "confidence": 0.8,
        "model_used": "rules",
    }


async def test_records_are_inserted_as_their_columns_say(store: Store, database: Database) -> None:
    born = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
    turn = await a_turn(store)
    records = [Visit(pet_id=7), Pet(name="Rex"), Pet(id=7, name="Mia", born_at=born)]
    await store.persist(decision(turn, records=records))
    pets = database.rows("SELECT * FROM test_pets ORDER BY name")
    assert pets == [
        {"organization_id": TENANT, "id": 7, "name": "Mia", "born_at": "2024-05-01 12:00:00.000000"},
        {"organization_id": TENANT, "id": pets[1]["id"], "name": "Rex", "born_at": None},
    ]
    assert database.one("SELECT organization_id, pet_id FROM test_visits") == {"organization_id": TENANT, "pet_id": 7}


class NoTable(SQLModel):
    name: str = ""


@pytest.mark.parametrize(
    ("record", "complaint"),
    [
        (Pet(name="Rex", organization_id="other"), r"Pet belongs to tenant 'other', and this turn to 'abc123'"),
        (NoTable(), "NoTable is no table"),
        (Visit(pet_id=1, pet=Pet(name="Rex")), "Visit.pet: a record carries no other objects"),
        (Pet(name="Rex", born_at=datetime(2024, 5, 1)), "a time without its zone"),  # noqa: DTZ001
    ],
)
async def test_a_wrong_record_is_named_and_nothing_is_stored(
    store: Store, database: Database, record: SQLModel, complaint: str
) -> None:
    turn = await a_turn(store)
    with pytest.raises(ValueError, match=complaint):
        await store.persist(decision(turn, "Olá", records=[Pet(name="Ana"), record]))
    assert database.one("SELECT state FROM auzap_inbox") == {"state": "received"}
    assert database.count("auzap_outbox") == database.count("test_pets") == 0


async def test_a_reply_for_later_holds_nothing_back(store: Store, database: Database) -> None:
    turn = await a_turn(store)
    assert await store.persist(decision(turn, NewReply("Lembrete", TOMORROW))) == []
    assert database.one("SELECT state FROM auzap_inbox") == {"state": "done"}
    row = database.one("SELECT state, not_before, queued_at FROM auzap_outbox")
    assert (row["state"], row["queued_at"]) == ("pending", None)
    assert row["not_before"].startswith(f"{TOMORROW:%Y-%m-%d %H:%M:%S}")


async def test_a_reply_whose_time_has_come_is_for_now(store: Store) -> None:
    turn = await a_turn(store)
    (reply,) = await store.persist(decision(turn, NewReply("Já", datetime.now(UTC) - timedelta(minutes=1))))
    assert reply.not_before is None


async def test_only_replies_for_now_are_given_again(store: Store) -> None:
    turn = await a_turn(store)
    (now,) = await store.persist(decision(turn, NewReply("depois", TOMORROW), "agora"))
    assert [reply.id for reply in await store.persist(decision(turn))] == [now.id]


async def test_a_time_without_its_zone_is_refused(store: Store, database: Database) -> None:
    turn = await a_turn(store)
    naive = datetime(2030, 1, 1)  # noqa: DTZ001
    with pytest.raises(ValueError, match="without its zone"):
        await store.persist(decision(turn, "Olá", NewReply("Lembrete", naive)))
    assert database.count("auzap_outbox") == 0


async def test_a_smaller_token_loses(store: Store, database: Database) -> None:
    envelope = new_id()
    turn = await a_turn(store, envelope_id=envelope, key="k", token=1)
    await a_turn(store, envelope_id=envelope, key="k", token=2)
    with pytest.raises(LeaseLost):
        await store.persist(decision(turn, "Olá", token=1))
    assert database.count("auzap_outbox") == 0


async def test_a_turn_that_was_gathered_anew_or_given_up_takes_no_outcome(store: Store) -> None:
    envelope = new_id()
    _, second = await store.record([arrival("1"), arrival("2", envelope_id=envelope)])
    (alone,) = await store.record([arrival("2", envelope_id=envelope, token=2)])
    assert alone.turn_id != second.turn_id
    await store.note_dead(alone.turn_id, token=2, reason="boom", attempts=3)
    with pytest.raises(LeaseLost):
        await store.persist(decision(alone, "Olá", token=2))


async def test_what_waits_is_written_together(database: Database) -> None:
    commits: list[None] = []
    async with database.open(before_commit=lambda: commits.append(None)) as store:
        turns = [
            await a_turn(store, person=Person(phone=f"55119000000{i}", lid=None, name=None)) for i in range(10, 40)
        ]
        commits.clear()
        stored = await together(database, [store.persist(decision(turn, "Olá")) for turn in turns])
    assert len(stored) == 30
    assert len(commits) <= 2
    assert database.count("auzap_outbox") == 30


async def test_one_bad_turn_in_a_group_fails_alone(store: Store, database: Database) -> None:
    turns = [await a_turn(store) for _ in range(20)]
    names = [f"pet {index}" for index in range(20)]
    names[7] = names[3]  # refused by the table itself, in the middle of the group
    decisions = [decision(turn, "Olá", records=[Pet(name=name)]) for turn, name in zip(turns, names, strict=True)]
    decisions[11] = decision(turns[11], "Olá", token=0)
    decisions[13] = decision(turns[13], "Olá", records=[Pet(name="x", organization_id="other")])
    stored = await together(database, [store.persist(one) for one in decisions])
    failed = {index: type(result).__name__ for index, result in enumerate(stored) if isinstance(result, BaseException)}
    assert failed.pop(7) in ("IntegrityError", "UniqueViolationError")
    assert failed == {11: "LeaseLost", 13: "ValueError"}
    assert database.count("auzap_outbox") == database.count("test_pets") == 17
    assert database.count("auzap_inbox", "state = 'received'") == 3


async def test_a_refused_token_in_a_group_costs_the_others_nothing(database: Database) -> None:
    commits: list[None] = []
    async with database.open(before_commit=lambda: commits.append(None)) as store:
        turns = [await a_turn(store) for _ in range(10)]
        commits.clear()
        calls = [store.persist(decision(turn, "Olá", token=index != 5)) for index, turn in enumerate(turns)]
        stored = await together(database, calls)
    assert [index for index, result in enumerate(stored) if isinstance(result, LeaseLost)] == [5]
    assert len(commits) <= 2
