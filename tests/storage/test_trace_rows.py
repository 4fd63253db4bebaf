"""Who was asked about a turn, to be found by whatever is known of its messages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from auzap.model.keys import new_id
from auzap.storage.store import Store, Trace, TraceStep
from tests.support.stores import TENANT, Database, arrival

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
STEPS = (
    TraceStep("classify_sender", "vip", 0.25, "passed"),
    TraceStep("handle_message", "vendas", 1830.5, "failed", "raised ValueError (vendas.py:12)"),
)


def trace(turn_id: str, *, message_id: str | None = "3EB0", organization_id: str = TENANT, attempt: int = 1) -> Trace:
    return Trace(
        id=new_id(),
        organization_id=organization_id,
        instance_id="main",
        turn_id=turn_id,
        message_id=message_id,
        attempt=attempt,
        config_version="0123456789ab",
        outcome="failed",
        answered_by=None,
        ms=1832.5,
        steps=STEPS,
        at=NOW + timedelta(seconds=attempt),
    )


async def test_a_trace_comes_back_as_it_was_whatever_it_is_asked_by(store: Store) -> None:
    burst = [arrival(message_id=f"3EB{number}") for number in range(3)]
    recorded = await store.record(burst)
    first, second = (trace(recorded[0].turn_id, message_id="3EB2", attempt=attempt) for attempt in (1, 2))
    await store.add_traces([second, first, trace("another", message_id="3EBX")])
    await store.add_traces([first])
    for what in (recorded[0].turn_id, recorded[1].id, "3EB2"):
        assert await store.traces_of(what, limit=10) == [first, second]
    # of the others in a burst the tenant must be known
    assert await store.traces_of("3EB0", limit=10) == []
    assert await store.traces_of("3EB0", limit=10, organization_id=TENANT) == [first, second]


async def test_the_newest_are_told_and_another_tenants_are_not(store: Store) -> None:
    attempts = [trace("turn", attempt=number) for number in range(1, 6)]
    alien = trace("turn", organization_id="other")
    await store.add_traces([*attempts, alien])
    assert await store.traces_of("turn", limit=2, organization_id=TENANT) == attempts[-2:]
    assert await store.traces_of("3EB0", limit=9, organization_id="other") == [alien]
    assert len(await store.traces_of("turn", limit=9)) == 6
    assert await store.traces_of("nothing", limit=9) == []


async def test_a_trace_without_steps_and_one_of_strange_texts(store: Store) -> None:
    empty = replace(trace("t1", message_id=None), steps=(), answered_by="client_ai")
    odd = replace(
        trace("t2", message_id="\0'\ud800"), steps=(TraceStep("h", "p", 0.0, "failed", "\0\x1f\x1e\ud800 'é\""),)
    )
    await store.add_traces([empty, odd])
    assert await store.traces_of("t1", limit=1) == [empty]
    (told,) = await store.traces_of("\0'\ud800", limit=1)
    assert told.steps[0].error == "\ufffd\x1f\x1e\ufffd 'é\""


async def test_old_traces_go_in_batches_and_only_when_they_are_asked_to(store: Store, database: Database) -> None:
    await store.add_traces([trace(f"t{number}", attempt=number) for number in range(5)])
    cutoff = {"inbox": NOW, "outbox": NOW}
    assert await store.remove_old(**cutoff, limit=10) == 0
    before = NOW + timedelta(seconds=4)
    assert [await store.remove_old(**cutoff, limit=3, traces=before) for _ in range(3)] == [3, 1, 0]
    assert database.one("SELECT turn_id FROM auzap_traces") == {"turn_id": "t4"}


@pytest.mark.parametrize("count", [0, 1, 300])
async def test_many_are_written_at_once(database: Database, count: int) -> None:
    commits: list[None] = []
    async with database.open(before_commit=lambda: commits.append(None)) as store:
        await store.add_traces([trace(f"t{number}") for number in range(count)])
    assert len(commits) == 1
    assert database.count("auzap_traces") == count
