"""What plugins remember of chats: stored with the outcome, or not at all."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from auzap.model.errors import LeaseLost
from auzap.model.turn import Chat
from auzap.storage.store import Recorded, StateChange, Store
from tests.support.pets import Pet
from tests.support.stores import TENANT, Database, PostgresDatabase, arrival, decision

CHAT = Chat("main", "5511900000010@s.whatsapp.net")


def change(name: str, value: Any, *, plugin: str = "client_ai", expires_at: datetime | None = None) -> StateChange:
    return StateChange(plugin=plugin, name=name, value=json.dumps(value), expires_at=expires_at)


async def a_turn(store: Store) -> Recorded:
    (recorded,) = await store.record([arrival()])
    return recorded


async def remember(store: Store, *changes: StateChange) -> None:
    await store.persist(decision(await a_turn(store), "Olá", state=changes))


async def test_what_was_set_is_there_in_the_next_turn(store: Store) -> None:
    await remember(store, change("step", {"n": 1, "who": "Zoé\0"}), change("other", None))
    assert await store.state_of(TENANT, CHAT, "client_ai") == {"step": {"n": 1, "who": "Zoé\0"}, "other": None}
    await remember(store, change("step", 2), StateChange(plugin="client_ai", name="other", value=None))
    assert await store.state_of(TENANT, CHAT, "client_ai") == {"step": 2}


async def test_each_tenant_instance_chat_and_plugin_has_its_own(store: Store) -> None:
    await remember(store, change("step", 1))
    for organization_id, chat, plugin in (
        ("other", CHAT, "client_ai"),
        (TENANT, Chat("second", CHAT.chat_id), "client_ai"),
        (TENANT, Chat("main", "5511900000011@s.whatsapp.net"), "client_ai"),
        (TENANT, CHAT, "aurora"),
    ):
        assert await store.state_of(organization_id, chat, plugin) == {}


async def test_what_has_expired_is_not_there_and_is_removed(store: Store, database: Database) -> None:
    now = datetime.now(UTC)
    await remember(
        store,
        change("gone", 1, expires_at=now - timedelta(seconds=1)),
        change("soon", 2, expires_at=now + timedelta(hours=1)),
        change("stays", 3),
    )
    assert await store.state_of(TENANT, CHAT, "client_ai") == {"soon": 2, "stays": 3}
    assert await store.state_of(TENANT, CHAT, "client_ai", at=now + timedelta(hours=2)) == {"stays": 3}
    old = now - timedelta(days=1)
    assert await store.remove_old(inbox=old, outbox=old, limit=10) == 1
    assert [row["name"] for row in database.rows("SELECT name FROM auzap_state ORDER BY name")] == ["soon", "stays"]


async def test_a_turn_that_is_not_stored_leaves_no_state(store: Store, database: Database) -> None:
    turn = await a_turn(store)
    alien = Pet(name="Rex", organization_id="other")
    with pytest.raises(ValueError, match="belongs to tenant 'other'"):
        await store.persist(decision(turn, "Olá", records=[alien], state=[change("step", 1)]))
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - that it has no zone is the point
    with pytest.raises(ValueError, match="without its zone"):
        await store.persist(decision(turn, "Olá", state=[change("step", 1, expires_at=naive)]))
    await store.record([arrival("k", token=5)])
    with pytest.raises(LeaseLost):
        await store.persist(decision(turn, "Olá", token=0, state=[change("step", 1)]))
    assert database.count("auzap_state") == database.count("auzap_outbox") == 0


async def test_a_turn_that_was_stored_already_changes_nothing(store: Store) -> None:
    turn = await a_turn(store)
    await store.persist(decision(turn, "Olá", state=[change("step", 1)]))
    await store.persist(decision(turn, "Olá", state=[change("step", 2)]))
    assert await store.state_of(TENANT, CHAT, "client_ai") == {"step": 1}


async def test_turns_with_and_without_state_are_stored_together(store: Store, database: Database) -> None:
    turns = [await a_turn(store) for _ in range(6)]
    with database.locked():
        told = [
            asyncio.ensure_future(
                store.persist(decision(turn, "Olá", state=[change(f"n{place}", place)] if place % 2 else []))
            )
            for place, turn in enumerate(turns)
        ]
        await asyncio.sleep(0.05)
    assert [len(replies) for replies in await asyncio.gather(*told)] == [1] * 6
    assert await store.state_of(TENANT, CHAT, "client_ai") == {"n1": 1, "n3": 3, "n5": 5}


async def test_a_plugin_with_a_transaction_of_its_own_has_its_state_in_it(store: Store) -> None:
    turn = await a_turn(store)
    async with store.transaction(TENANT, turn_id=turn.turn_id, token=1) as session:
        await store.persist_in(session, decision(turn, "Olá", state=[change("step", 1)]))
        assert await store.state_of(TENANT, CHAT, "client_ai") == {}
    assert await store.state_of(TENANT, CHAT, "client_ai") == {"step": 1}


async def test_replies_carry_the_version_of_the_configuration_that_answered(store: Store, database: Database) -> None:
    await store.persist(decision(await a_turn(store), "um", config_version="0123456789ab"))
    await store.persist(decision(await a_turn(store), "dois", config_version="ba9876543210", state=[change("x", 1)]))
    await store.persist(decision(await a_turn(store), "três"))
    told = database.rows("SELECT content, config_version FROM auzap_outbox ORDER BY id")
    assert [(row["content"], row["config_version"]) for row in told] == [
        ("um", "0123456789ab"),
        ("dois", "ba9876543210"),
        ("três", None),
    ]


async def test_a_turn_without_state_is_still_one_statement(on_postgres: PostgresDatabase) -> None:
    commits: list[None] = []
    async with on_postgres.open(before_commit=lambda: commits.append(None)) as store:
        await a_turn(store)
        turn = await a_turn(store)
        commits.clear()
        await store.persist(decision(turn, "um", config_version="0123456789ab"))
        assert len(commits) == 1
