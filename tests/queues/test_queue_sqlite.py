"""What only the SQLite backend has to show: its file, its plans, its locks."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from auzap.contract.queue import Burial, Lease, Stats
from auzap.model.errors import BadPayload, ConfigError, LeaseLost, QueueUnavailable
from auzap.queues.sqlite import SqliteQueue
from auzap.queues.sqlite.freeing import blame, wake
from auzap.queues.sqlite.leasing import Wanted, lease
from auzap.queues.sqlite.letters import find, find_all, purge, purge_old, revive
from auzap.queues.sqlite.permits import Place as Permit
from auzap.queues.sqlite.permits import permit
from auzap.queues.sqlite.putting import put
from auzap.queues.sqlite.schema import open_file
from auzap.queues.sqlite.settling import Burying, Deferring, Renewal, Retrying, ack, bury, defer, renew, retry
from tests.support.plans import scans_a_table
from tests.support.queues import Place, an_envelope, lane_of, one, several, take

BURIAL = Burial(stage="handle", reason="raised")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


@pytest.fixture
async def queue(path: Path) -> AsyncIterator[SqliteQueue]:
    async with SqliteQueue(path, busy=0.1) as queue:
        yield queue


@pytest.fixture
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    """Somebody else's connection."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection:
        yield connection


# ---------------------------------------------------------------------- where the file is


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///queue.db", "base/queue.db"),
        ("sqlite:///data/my queue.db", "base/data/my queue.db"),
        ("sqlite:////{tmp}/far/away/queue.db", "far/away/queue.db"),
    ],
)
async def test_the_url_names_the_file_and_folders_are_made(tmp_path: Path, url: str, file: str) -> None:
    async with SqliteQueue.from_url(url.format(tmp=str(tmp_path)[1:]), tmp_path / "base"):
        assert (tmp_path / file).is_file()


@pytest.mark.parametrize(
    "url",
    [
        *("", "queue.db", "sqlite:queue.db", "sqlite://queue.db", "sqlite:///", "sqlite:////", "sqlite:///data/"),
        *("sqlite:///:memory:", "sqlite:///q.db?mode=ro", "sqlite:///a\0b", "redis://localhost/0"),
    ],
)
def test_a_wrong_url_is_told_in_one_line(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError) as error:
        SqliteQueue.from_url(url, tmp_path)
    assert repr(url) in str(error.value)
    assert "\n" not in str(error.value)


# ---------------------------------------------------------------------- files that cannot be used


async def refusal(path: Path) -> str:
    with pytest.raises((ConfigError, QueueUnavailable)) as error:
        async with SqliteQueue(path, busy=0.1):
            pass
    told = f"{type(error.value).__name__}: {error.value}"
    assert str(path) in told
    assert "\n" not in told
    return told


@pytest.fixture
def foreign(path: Path) -> Path:
    path.write_bytes(b"no database at all, but long enough to have been one" * 20)
    return path


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[110:] = b"\xa5" * (len(content) - 110)
    path.write_bytes(content)


async def test_a_file_that_is_no_database_is_refused(foreign: Path) -> None:
    assert "ConfigError" in (told := await refusal(foreign))
    assert "no SQLite database" in told


async def test_a_damaged_file_is_told(path: Path) -> None:
    async with SqliteQueue(path) as queue:
        await queue.put(several("ana", 500))
    damage(path)

    assert "QueueUnavailable" in (told := await refusal(path))
    assert "malformed" in told


async def test_somebody_elses_file_is_refused_and_not_touched(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE contacts (id)")

    assert "holds something else" in await refusal(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("contacts",)]


async def test_a_newer_file_is_refused(path: Path) -> None:
    async with SqliteQueue(path):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 7")

    assert "newer auzap (version 7 of the file, this one knows 1)" in await refusal(path)


async def test_a_place_that_cannot_hold_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "QueueUnavailable" in await refusal(tmp_path)
    assert "QueueUnavailable" in await refusal(tmp_path / "file" / "queue.db")


async def test_many_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    for attempt in range(8):
        queues = [SqliteQueue(tmp_path / f"{attempt}.db") for _ in range(8)]
        await asyncio.gather(*(queue.__aenter__() for queue in queues))
        await asyncio.gather(*(queue.put([an_envelope(f"{number}")]) for number, queue in enumerate(queues)))

        assert len(await take(queues[0])) == 8
        await asyncio.gather(*(queue.__aexit__(None, None, None) for queue in queues))


async def test_opening_waits_for_who_is_making_the_file(path: Path, raw: sqlite3.Connection) -> None:
    raw.execute("BEGIN IMMEDIATE")
    opening = asyncio.ensure_future(SqliteQueue(path).__aenter__())
    await anyio.sleep(0.1)
    raw.execute("COMMIT")

    queue = await opening
    assert await queue.put([an_envelope()]) == [True]
    await queue.__aexit__(None, None, None)


def test_every_commit_is_on_the_disk_before_it_returns(path: Path) -> None:
    with closing(open_file(path, busy=1)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


# ---------------------------------------------------------------------- locked


async def test_a_locked_file_is_unavailable_and_comes_back(queue: SqliteQueue, raw: sqlite3.Connection) -> None:
    await queue.put([an_envelope(), an_envelope("bia")])
    (ana,) = await take(queue, 1)
    raw.execute("BEGIN IMMEDIATE")

    with pytest.raises(QueueUnavailable, match=r"queue .*queue\.db: database is locked"):
        await queue.put([an_envelope()])
    with pytest.raises(QueueUnavailable):
        await take(queue, wait=5)
    with pytest.raises(QueueUnavailable):
        await queue.ack(ana, [ana.envelopes[0].id])
    with pytest.raises(QueueUnavailable):
        await asyncio.to_thread(queue.blame, "worker", None)
    assert await queue.stats() == Stats(waiting=1, delayed=0, leased=1, dead=0)

    raw.execute("ROLLBACK")
    await queue.ack(ana, [ana.envelopes[0].id])
    assert len(await take(queue)) == 1


async def test_all_who_wait_for_a_locked_file_are_told_together(queue: SqliteQueue, raw: sqlite3.Connection) -> None:
    raw.execute("BEGIN IMMEDIATE")
    began = time.monotonic()

    told = await asyncio.gather(*(queue.put([an_envelope()]) for _ in range(100)), return_exceptions=True)

    assert {type(error) for error in told} == {QueueUnavailable}
    assert time.monotonic() - began < 5  # one by one it would be 10


async def test_a_lease_waits_for_work_while_others_write(queue: SqliteQueue, raw: sqlite3.Connection) -> None:
    waiting = asyncio.ensure_future(take(queue, wait=5))
    await anyio.sleep(0.06)
    raw.execute("BEGIN IMMEDIATE")
    await anyio.sleep(0.06)
    raw.execute("UPDATE clock SET last = last + 1")
    raw.execute("COMMIT")
    await anyio.sleep(0.06)
    await queue.put([an_envelope()])

    assert len(await waiting) == 1


async def test_a_lease_may_be_cancelled_while_the_file_is_locked(queue: SqliteQueue, raw: sqlite3.Connection) -> None:
    raw.execute("BEGIN IMMEDIATE")
    leasing = asyncio.ensure_future(take(queue, wait=5))
    await anyio.sleep(0.02)
    leasing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leasing
    await anyio.sleep(0.2)  # the file's answer comes, and nobody is interested
    raw.execute("ROLLBACK")

    await queue.put([an_envelope()])
    assert len(await take(queue)) == 1


async def test_one_bad_payload_spoils_only_its_own_put(queue: SqliteQueue) -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]

    ana, bia, caio = await asyncio.gather(
        queue.put([an_envelope("ana")]),
        queue.put([an_envelope("bia"), an_envelope("bia", payload=deep)]),
        queue.put([an_envelope("caio")]),
        return_exceptions=True,
    )

    assert (ana, type(bia), caio) == ([True], BadPayload, [True])
    assert await queue.stats() == Stats(waiting=2, delayed=0, leased=0, dead=0)
    while deep:  # freed level by level: all at once would be too deep as well
        deep = deep.pop()  # type: ignore[assignment]


async def test_a_queue_that_is_closed_says_so(path: Path) -> None:
    async with SqliteQueue(path) as queue:
        waiting = asyncio.ensure_future(take(queue, wait=5))
        await anyio.sleep(0.02)

    with pytest.raises(RuntimeError, match="not open"):
        await waiting
    with pytest.raises(RuntimeError):
        await queue.put([an_envelope()])


# ---------------------------------------------------------------------- what is in the file


async def test_a_finished_job_leaves_nothing_behind(queue: SqliteQueue, raw: sqlite3.Connection) -> None:
    await queue.put([an_envelope(f"{number % 9}", tenant=f"{number % 4}") for number in range(400)])
    await queue.put([an_envelope("late", not_before=time.time() + 0.05)])
    for number in range(3):
        for lease_ in await take(queue, 5):
            await queue.put([an_envelope("while leased", lane=lease_.lane, tenant=lease_.tenant)])
            if number == 0:
                await queue.retry(lease_, [], delay=0, attempt=True)
            else:
                await queue.defer(lease_, time.time() + 60 * (number - 1))
    for tenant in ("0", "1", "2", "3", "shop"):
        await queue.wake(tenant, "main")
    await queue.permit("old", most=5, per=0.01)
    await anyio.sleep(0.05)
    while leases := await take(queue, 7, wait=0.1):
        for lease_ in leases:
            await queue.ack(lease_, [envelope.id for envelope in lease_.envelopes])
    await queue.permit("new", most=1, per=1)

    left = {
        table: raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for (table,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    }
    assert left == {"clock": 1, "envelopes": 0, "lanes": 0, "tenants": 0, "permits": 1}


async def test_tokens_grow_when_the_file_is_replaced(path: Path) -> None:
    tokens = []
    for _ in range(2):
        async with SqliteQueue(path) as queue:
            await queue.put([an_envelope()])
            tokens.append((await one(queue)).token)
        await anyio.Path(path).unlink()

    assert tokens[0] < tokens[1]


async def test_tokens_grow_when_the_clock_goes_back(queue: SqliteQueue, raw: sqlite3.Connection) -> None:
    ahead = int((time.time() + 3600) * 1_000_000)
    raw.execute("UPDATE clock SET last = ?", (ahead,))
    await queue.put([an_envelope()])

    lease_ = await one(queue)
    await queue.defer(lease_, 0)

    assert ahead < lease_.token < (await one(queue)).token


async def test_a_lease_of_long_payloads_is_short(queue: SqliteQueue) -> None:
    await queue.put([an_envelope("ana", "x" * 400_000) for _ in range(5)])
    await queue.put([an_envelope("bia", "x" * 4_000_000), an_envelope("bia")])

    assert [len(lease_.envelopes) for lease_ in await take(queue)] == [2, 1]


def work(connection: sqlite3.Connection, raw: sqlite3.Connection) -> None:
    """Each operation, with something to do for all of its statements.

    :param raw: lets time pass.
    """
    later = time.time() + 60
    put(connection, [(several("ana", 30), []), (several("bia", 2), []), ([an_envelope("caio", tenant="other")], [])])
    put(connection, [([an_envelope("late", not_before=later), an_envelope("later", not_before=later + 60)], [])])
    want = Wanted(worker="worker", lanes=2, side=False, duration=30, most=None, held={})
    (first,), (second,) = ([taken.leases for taken in lease(connection, [want])] for _ in range(2))
    ana, caio, bia = *first, *second
    renew(connection, [Renewal([ana, bia], 30)])
    ack(connection, [(ana, [envelope.id for envelope in ana.envelopes])])
    retry(connection, [Retrying(bia, [bia.envelopes[0].id], 60)])
    defer(connection, [Deferring(caio, later)])
    wake(connection, [("other", "main")])
    raw.execute("UPDATE envelopes SET not_before = 1 WHERE not_before = ?", (later,))
    raw.execute("UPDATE lanes SET due = 1 WHERE state = 'held'")
    (taken,) = lease(connection, [Wanted(worker="worker", lanes=9, side=False, duration=30, most=8, held={"shop": 1})])
    dead = taken.leases[0]
    bury(connection, [Burying(dead, [dead.envelopes[0].id], BURIAL)])
    raw.execute("UPDATE lanes SET due = 1 WHERE state = 'leased'")
    lease(connection, [want])
    lease(connection, [want] * 5)
    blame(connection, "worker", ana.envelopes[0].id)
    permit(connection, [Permit("k", 2, 0.01)] * 5)
    find(connection, dead.envelopes[0].id)
    find_all(connection, "shop", 10, "")
    revive(connection, [[dead.envelopes[0].id]])
    purge(connection, [(["unknown"], later)])
    purge_old(connection, [later])


def test_no_statement_reads_a_whole_table(path: Path, raw: sqlite3.Connection) -> None:
    statements: list[str] = []
    with closing(open_file(path, busy=1)) as connection:
        connection.set_trace_callback(statements.append)
        work(connection, raw)
        connection.set_trace_callback(None)
        plans = {
            statement: [step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
            for statement in set(statements)
        }

    # a table's every row, or a sort of them all; but the tenants come in turn, one by one
    wrong = {
        statement: plan
        for statement, plan in plans.items()
        for step in plan
        if (scans_a_table(step) and step not in ("SCAN clock", "SCAN tenants USING COVERING INDEX tenants_turn"))
        or "TEMP B-TREE" in step
    }
    assert wrong == {}
    assert len({statement.split("VALUES")[0][:60] for statement in plans}) > 20
    assert {"envelopes_waiting", "envelopes_delayed", "envelopes_dead", "lanes_ready", "lanes_due"} <= {
        word for plan in plans.values() for step in plan for word in step.split()
    }


# ---------------------------------------------------------------------- idle


async def test_waiting_costs_less_than_a_hundredth_of_a_core(tmp_path: Path) -> None:
    (spent,) = await Place("sqlite", tmp_path).output("idle", 2)

    assert spent < 0.02


async def waiting(queue: SqliteQueue, **more: Any) -> asyncio.Task[list[Lease]]:
    """It has looked, and found nothing."""
    task = asyncio.ensure_future(take(queue, wait=10, **more))
    await anyio.sleep(0.02)
    assert not task.done()
    return task


async def test_who_waits_gets_what_is_put_from_the_transaction_that_stores_it(queue: SqliteQueue) -> None:
    at_once = 0
    for number in range(20):
        task = await waiting(queue)
        await queue.put([an_envelope(f"{number}")])
        await asyncio.sleep(0)
        at_once += task.done()
        assert [lease_.lane for lease_ in await asyncio.wait_for(task, 5)] == [lane_of(f"{number}")]

    assert at_once > 0, "who is just looking, as everybody does now and then, looks once more"


async def test_a_put_that_stores_nothing_new_leaves_who_waits_waiting(queue: SqliteQueue) -> None:
    envelope = an_envelope("ana", dedupe="key")
    await queue.put([envelope])
    held = await one(queue)
    task = await waiting(queue)

    assert await queue.put([an_envelope("bia", dedupe="key")]) == [False]
    assert not task.done()

    await queue.defer(held, 0)
    assert [lease_.lane for lease_ in await asyncio.wait_for(task, 5)] == [lane_of("ana")]


async def test_what_cannot_be_put_leaves_who_waits_waiting(queue: SqliteQueue) -> None:
    payload: list[Any] = []
    for _ in range(100_000):
        payload = [payload]
    task = await waiting(queue)

    with pytest.raises(BadPayload):
        await queue.put([an_envelope("ana", payload)])
    await queue.put([an_envelope("bia")])

    assert [lease_.lane for lease_ in await asyncio.wait_for(task, 5)] == [lane_of("bia")]


async def test_who_put_may_be_cancelled_and_who_waits_still_gets_it(queue: SqliteQueue) -> None:
    task = await waiting(queue)
    putting = asyncio.ensure_future(queue.put([an_envelope("ana")]))
    await asyncio.sleep(0)
    putting.cancel()

    assert [lease_.lane for lease_ in await asyncio.wait_for(task, 5)] == [lane_of("ana")]


@pytest.mark.parametrize("steps", range(4))
async def test_who_waited_and_was_cancelled_has_taken_nothing_of_what_was_put(queue: SqliteQueue, steps: int) -> None:
    task = await waiting(queue)
    putting = asyncio.ensure_future(queue.put([an_envelope("ana")]))
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(putting, task, return_exceptions=True)

    lease_ = await one(queue, wait=2)
    assert lease_.envelopes[0].lost_leases == 0


async def test_what_becomes_due_while_nobody_looks_is_leased(queue: SqliteQueue) -> None:
    await queue.put([an_envelope("ana"), an_envelope("bia", not_before=time.time() + 0.1)])
    await one(queue)  # and nothing more

    assert (await one(queue, wait=5)).lane == lane_of("bia")


async def test_a_lost_lease_does_not_disturb_the_others_in_its_group(queue: SqliteQueue) -> None:
    await queue.put([an_envelope(f"{number}") for number in range(20)])
    leases = await take(queue)
    for lease_ in leases[::2]:
        await queue.defer(lease_, 0)

    told = await asyncio.gather(
        *(queue.ack(lease_, [lease_.envelopes[0].id]) for lease_ in leases), return_exceptions=True
    )

    assert [type(error) for error in told] == [LeaseLost, type(None)] * 10
