"""What plugins do by the clock: noted once, claimed by one at a time."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from auzap.storage.store import ClaimedRun, ScheduledRun, Store
from tests.support.stores import Database

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def run(
    organization_id: str = "a",
    method: str = "report",
    *,
    plugin: str = "vendas",
    rule: str = "1h",
    due_at: datetime = NOW,
) -> ScheduledRun:
    return ScheduledRun(organization_id, plugin, method, rule, due_at)


async def claim(store: Store, now: datetime = NOW, limit: int = 10) -> list[ClaimedRun]:
    return await store.claim_runs(now, until=now + MINUTE, limit=limit)


async def test_what_is_known_stays_as_it_is_unless_its_rule_is_another(store: Store, database: Database) -> None:
    await store.ensure_runs([run("a"), run("b"), run("b", due_at=NOW + MINUTE)])
    await store.ensure_runs([run("a", due_at=NOW + MINUTE), run("b", rule="2h", due_at=NOW + 3 * MINUTE)])
    rows = database.rows("SELECT organization_id AS o, rule, due_at FROM auzap_schedules ORDER BY 1")
    assert [(row["o"], row["rule"], row["due_at"][11:16]) for row in rows] == [
        ("a", "1h", "12:00"),
        ("b", "2h", "12:03"),
    ]
    await store.ensure_runs([])


async def test_only_what_is_due_is_claimed_and_only_once(store: Store) -> None:
    await store.ensure_runs([run("a"), run("b", due_at=NOW + timedelta(microseconds=1))])
    (claimed,) = await claim(store)
    assert (claimed.run, claimed.lost) == (run("a"), 0)
    assert await claim(store) == []
    (later,) = await claim(store, NOW + MINUTE / 2)
    assert later.run.organization_id == "b"


async def test_those_that_were_due_first_come_first_and_one_of_a_tenant_at_a_time(store: Store) -> None:
    early = NOW - MINUTE
    await store.ensure_runs(
        [run("a", "x", due_at=early), run("a", "y", due_at=early), run("a", "w"), run("b"), run("c", due_at=early)]
    )
    first, second = await claim(store, limit=2)
    assert {(one.run.organization_id, one.run.method) for one in (first, second)} == {("a", "x"), ("c", "report")}
    (third,) = await claim(store)
    assert third.run.organization_id == "b"
    (x,) = [one for one in (first, second) if one.run.method == "x"]
    assert await store.note_run(x, next_at=NOW + MINUTE, error=None)
    (fourth,) = await claim(store)
    assert (fourth.run.organization_id, fourth.run.method) == ("a", "y")


async def test_what_is_due_before_one_that_runs_waits_for_it(store: Store) -> None:
    await store.ensure_runs([run("a", "y")])
    (y,) = await claim(store)
    await store.ensure_runs([run("a", "x", due_at=NOW - MINUTE)])
    assert await claim(store) == []
    assert await store.note_run(y, next_at=NOW + MINUTE, error=None)
    (x,) = await claim(store)
    assert x.run.method == "x"


async def test_two_that_look_at_the_same_time_get_each_run_once(store: Store, database: Database) -> None:
    await store.ensure_runs([run(f"t{number:02}", method) for number in range(20) for method in ("x", "y")])
    async with database.open() as other:
        got = await asyncio.gather(*(claim(one, limit=3) for one in (store, other) * 4))
    claimed = [one.run.organization_id for some in got for one in some]
    assert len(claimed) == len(set(claimed)) > 10


async def test_what_was_noted_is_due_when_it_says(store: Store, database: Database) -> None:
    await store.ensure_runs([run()])
    (claimed,) = await claim(store)
    assert await store.note_run(claimed, next_at=NOW + MINUTE, error="raised ValueError: \0")
    row = database.one("SELECT due_at, claimed_until, error, last_ran_at FROM auzap_schedules")
    assert (row["due_at"][11:16], row["claimed_until"], row["error"]) == ("12:01", None, "raised ValueError: \ufffd")
    assert row["last_ran_at"] is not None
    assert not await store.note_run(claimed, next_at=NOW, error=None), "twice"
    (again,) = await claim(store, NOW + MINUTE)
    assert again.token > claimed.token
    assert await store.note_run(again, next_at=NOW + 2 * MINUTE, error=None)
    assert database.one("SELECT error FROM auzap_schedules") == {"error": None}


async def test_a_claim_that_has_ended_is_anothers_and_is_counted(store: Store) -> None:
    await store.ensure_runs([run()])
    (first,) = await claim(store)
    (second,) = await claim(store, NOW + MINUTE)
    assert (second.lost, second.run) == (1, first.run)
    assert not await store.note_run(first, next_at=NOW + 9 * MINUTE, error=None)
    assert not await store.keep_run(first, until=NOW + 9 * MINUTE)
    assert not await store.put_off_run(first, until=NOW + 9 * MINUTE)
    assert await store.keep_run(second, until=NOW + 9 * MINUTE)
    assert await claim(store, NOW + 8 * MINUTE) == []
    (third,) = await claim(store, NOW + 9 * MINUTE)
    assert third.lost == 2
    assert await store.note_run(third, next_at=NOW + 10 * MINUTE, error=None)
    (fourth,) = await claim(store, NOW + 10 * MINUTE)
    assert fourth.lost == 0


async def test_what_is_put_off_has_not_run_and_nobody_was_lost_over_it(store: Store, database: Database) -> None:
    await store.ensure_runs([run()])
    (claimed,) = await claim(store)
    assert await store.put_off_run(claimed, until=NOW + MINUTE)
    assert database.one("SELECT last_ran_at FROM auzap_schedules") == {"last_ran_at": None}
    assert await claim(store, NOW + MINUTE / 2) == []
    (again,) = await claim(store, NOW + MINUTE)
    assert again.lost == 0


async def test_what_was_noted_is_not_put_off_afterwards(store: Store) -> None:
    """As a worker does that is told to end while it waits for the note."""
    await store.ensure_runs([run()])
    (claimed,) = await claim(store)
    assert await store.note_run(claimed, next_at=NOW + MINUTE, error=None)
    assert not await store.put_off_run(claimed, until=NOW)
    assert await claim(store) == []


async def test_forgotten_runs_are_gone(store: Store, database: Database) -> None:
    await store.ensure_runs([run("a"), run("b")])
    await store.forget_runs([run("a"), run("nobody")])
    await store.forget_runs([])
    assert database.rows("SELECT organization_id FROM auzap_schedules") == [{"organization_id": "b"}]


async def test_to_look_whether_something_is_due_writes_nothing(database: Database) -> None:
    commits: list[None] = []
    async with database.open(before_commit=lambda: commits.append(None)) as store:
        await store.ensure_runs([run(due_at=NOW + MINUTE)])
        commits.clear()
        assert await claim(store) == []
    assert commits == []


@pytest.mark.soak
async def test_ten_thousand_are_noted_quickly(store: Store) -> None:
    """By every worker that starts, and after every swap."""
    batches = [[run(f"t{number + first:05}") for number in range(500)] for first in range(0, 10_000, 500)]
    times = []
    for _ in range(2):
        began = time.monotonic()
        for batch in batches:
            await store.ensure_runs(batch)
        times.append(time.monotonic() - began)
    print(f"noted in {times[0]:.2f} s, looked at again in {times[1]:.2f} s")
    assert times[1] < 3.0
    began = time.monotonic()
    assert await claim(store, NOW - MINUTE) == []
    print(f"nothing due: {(time.monotonic() - began) * 1e3:.2f} ms")
    began = time.monotonic()
    claimed = await claim(store, NOW, limit=4)
    print(f"four of ten thousand claimed: {(time.monotonic() - began) * 1e3:.2f} ms")
    assert len(claimed) == 4
