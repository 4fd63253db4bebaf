"""What only the Redis backend has to show: its URL, its keys, its rings, its own words for dead letters' ids."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest
from redis.asyncio import Redis
from redis.crc import key_slot

from auzap.contract.queue import Burial, Examinable, Inspectable, Share, Stats
from auzap.model.errors import BadPayload, ConfigError, LeaseLost, QueueUnavailable
from auzap.queues.redis import RedisQueue
from auzap.queues.redis.bell import LOOK
from auzap.queues.redis.location import Tls, location_of
from tests.support.queues import Place, an_envelope, an_event, numbers, one, several, take
from tests.support.redis_server import free_port, prefix_for, redis_server, shared_server, url_for

BURIAL = Burial(stage="handle", reason="raised")


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[RedisQueue]:
    async with RedisQueue.from_url(url_for(tmp_path), tmp_path) as queue:
        yield queue


@pytest.fixture
async def raw() -> AsyncIterator[Redis]:
    """Somebody else's connection."""
    async with Redis.from_url(shared_server().url) as redis:
        yield redis


async def keys_of(raw: Redis, folder: Path) -> list[str]:
    prefix = f"{{{prefix_for(folder)}}}:"
    return sorted([key.decode().removeprefix(prefix) async for key in raw.scan_iter(f"{prefix}*", count=1000)])


# ---------------------------------------------------------------------- where it is


def test_a_url_names_server_user_and_number(tmp_path: Path) -> None:
    found = location_of("redis://bot:p%40ss@db.example:7000/3?prefix=shop&wait_replicas=1&wait_timeout=300ms", tmp_path)

    assert (found.kind, found.hosts, found.db) == ("server", (("db.example", 7000),), 3)
    assert (found.login.username, found.login.password) == ("bot", "p@ss")
    assert (found.prefix, found.wait_replicas, found.wait_timeout, found.tls) == ("shop", 1, 0.3, None)
    assert found.name == "redis://db.example:7000/3?prefix=shop&wait_replicas=1&wait_timeout=300ms"


def test_a_url_may_be_short(tmp_path: Path) -> None:
    found = location_of("redis://localhost", tmp_path)

    assert (found.hosts, found.db, found.prefix, found.login.password) == ((("localhost", 6379),), 0, "auzap", None)
    assert location_of("redis://:secret@[::1]", tmp_path).hosts == (("::1", 6379),)


def test_urls_of_sentinels_and_clusters_name_several(tmp_path: Path) -> None:
    found = location_of("redis+sentinel://:secret@a,b:27000/main/2?tls=true&ca_certs=ca.pem", tmp_path)
    assert (found.kind, found.hosts, found.service, found.db) == ("sentinel", (("a", 26379), ("b", 27000)), "main", 2)
    assert found.tls == Tls(ca_certs=tmp_path / "ca.pem")

    found = location_of("redis+cluster://a:7000,b:7001", tmp_path)
    assert (found.kind, found.hosts) == ("cluster", (("a", 7000), ("b", 7001)))


@pytest.mark.parametrize(
    "url",
    [
        *("", "redis:", "redis://", "http://:secret@host", "redis://:secret@", "redis://a:99999", "redis://a b"),
        *(
            "redis://:secret@a,b",
            "redis://a/zero",
            "redis://a/0/1",
            "redis://a?prefix=",
            "redis://:secret@a?prefix=x}y",
        ),
        *(
            "redis://:secret@a?wait_replicas=many",
            "redis://a?timeout=5",
            "redis://a?wait=1",
            "redis://a?prefix=a&prefix=b",
        ),
        *("redis://a?ca_certs=x", "rediss://a?tls=false", "redis+sentinel://:secret@a", "redis+cluster://:secret@a/1"),
        "redis://:se#cret@a",
    ],
)
def test_a_wrong_url_is_told_in_one_line_without_its_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError) as error:
        RedisQueue.from_url(url, tmp_path)
    assert str(error.value).startswith("queue ")
    assert "\n" not in str(error.value)
    assert "secret" not in str(error.value)


async def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    url = f"redis://:secret@127.0.0.1:{free_port()}/0"
    with pytest.raises(QueueUnavailable, match=r"^queue redis://127\.0\.0\.1:\d+/0: .*onnect") as error:
        async with RedisQueue.from_url(url, tmp_path):
            pass
    assert "\n" not in str(error.value)


async def test_a_database_that_the_server_has_not_is_told(tmp_path: Path) -> None:
    url = url_for(tmp_path).replace("/0?", "/4000?")
    with pytest.raises(ConfigError, match="no database of that number"):
        async with RedisQueue.from_url(url, tmp_path):
            pass


async def test_a_newer_queue_is_refused(tmp_path: Path, raw: Redis) -> None:
    await raw.hset(f"{{{prefix_for(tmp_path)}}}:meta", mapping={"id": "x", "version": "7"})
    with pytest.raises(ConfigError, match="newer auzap \\(version 7 of the keys, this one knows 1\\)"):
        async with RedisQueue.from_url(url_for(tmp_path), tmp_path):
            pass


async def test_somebody_elses_keys_are_told(tmp_path: Path, raw: Redis) -> None:
    await raw.set(f"{{{prefix_for(tmp_path)}}}:meta", "mine")
    with pytest.raises(ConfigError, match="another \\?prefix="):
        async with RedisQueue.from_url(url_for(tmp_path), tmp_path):
            pass


async def test_queues_of_different_prefixes_are_apart(tmp_path: Path, queue: RedisQueue) -> None:
    async with RedisQueue.from_url(url_for(tmp_path) + "-other", tmp_path) as other:
        await queue.put([an_envelope(dedupe="k")])
        assert await other.put([an_envelope(number=1, dedupe="k")]) == [True]
        assert numbers(await one(queue)) == [0]


async def test_a_queue_that_is_closed_says_so(tmp_path: Path) -> None:
    async with RedisQueue.from_url(url_for(tmp_path), tmp_path) as queue:
        waiting = asyncio.ensure_future(take(queue, wait=5))
        await anyio.sleep(0.02)

    with pytest.raises(RuntimeError, match="not open"):
        await waiting
    with pytest.raises(RuntimeError):
        await queue.put([an_envelope()])


# ---------------------------------------------------------------------- what is in it


async def all_sorts_of_work(queue: RedisQueue) -> None:
    """Everything that leaves a key for a while."""
    await queue.put([an_envelope(f"{n % 9}", tenant=f"{n % 4}", dedupe=f"{n}") for n in range(400)])
    await queue.put(
        [an_envelope("late", not_before=time.time() + 0.05), an_event("ana"), an_envelope("dead", dedupe="d")]
    )
    for number in range(3):
        for lease in await take(queue, 5):
            await queue.put([an_envelope("while leased", lane=lease.lane, tenant=lease.tenant)])
            if number == 0:
                await queue.retry(lease, [], delay=0.01, attempt=True)
            else:
                await queue.defer(lease, time.time() + 60 * (number - 1))
    for tenant in ("0", "1", "2", "3", "shop"):
        await queue.wake(tenant, "main")
    for lease in await take(queue, 3):
        await queue.defer(lease, time.time() + 0.03)
    await queue.permit("limit", most=5, per=0.01)
    waiting = asyncio.ensure_future(take(queue, side=True, wait=0.1))
    await anyio.sleep(0.06)
    waiting.cancel()
    for lease in await take(queue):
        if lease.lane.endswith("dead"):
            await queue.bury(lease, [lease.envelopes[0].id], BURIAL)


async def finish(queue: RedisQueue) -> None:
    for side in (False, True):
        while leases := await take(queue, 7, wait=0.1, side=side):
            for lease in leases:
                await queue.ack(lease, [envelope.id for envelope in lease.envelopes])


async def test_a_finished_job_leaves_nothing_behind(tmp_path: Path, queue: RedisQueue, raw: Redis) -> None:
    await all_sorts_of_work(queue)
    during = await keys_of(raw, tmp_path)
    queue.blame("worker", None)
    await finish(queue)
    await queue.purge(before=time.time() + 1)
    await anyio.sleep(0.03)

    assert len(during) > 15
    assert await queue.stats() == Stats(0, 0, 0, 0)
    assert [key for key in await keys_of(raw, tmp_path) if not key.startswith("stop:")] == ["meta"]
    assert len(await raw.hkeys(f"{{{prefix_for(tmp_path)}}}:meta")) <= 4


async def test_all_keys_lie_in_one_slot(tmp_path: Path, queue: RedisQueue, raw: Redis) -> None:
    await all_sorts_of_work(queue)

    slots = {key_slot(key) async for key in raw.scan_iter(f"*{prefix_for(tmp_path)}*", count=1000)}
    assert slots == {key_slot(prefix_for(tmp_path).encode())}


async def test_a_lease_of_long_payloads_is_short(queue: RedisQueue) -> None:
    await queue.put([an_envelope("ana", "x" * 400_000) for _ in range(5)])
    await queue.put([an_envelope("bia", "x" * 4_000_000), an_envelope("bia")])

    assert [len(lease.envelopes) for lease in await take(queue)] == [2, 1]


async def test_one_bad_payload_spoils_only_its_own_put(queue: RedisQueue) -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]

    ana, bia = await asyncio.gather(
        queue.put([an_envelope("ana")]),
        queue.put([an_envelope("bia"), an_envelope("bia", payload=deep)]),
        return_exceptions=True,
    )

    assert (ana, type(bia)) == ([True], BadPayload)
    assert await queue.stats() == Stats(waiting=1, delayed=0, leased=0, dead=0)
    while deep:  # freed level by level: all at once would be too deep as well
        deep = deep.pop()  # type: ignore[assignment]


async def test_tokens_grow_when_the_clock_goes_back(tmp_path: Path, queue: RedisQueue, raw: Redis) -> None:
    ahead = int((time.time() + 3600) * 1_000_000)
    await raw.hset(f"{{{prefix_for(tmp_path)}}}:meta", "clock", str(ahead))
    await queue.put([an_envelope()])
    lease = await one(queue)
    await queue.defer(lease, 0)

    again = await one(queue)
    assert ahead < lease.token < again.token
    await queue.defer(again, 0)
    await raw.hdel(f"{{{prefix_for(tmp_path)}}}:meta", "clock")  # as on a server that lags behind
    assert again.token < (await one(queue)).token


async def test_an_evicted_envelope_is_passed_over(tmp_path: Path, queue: RedisQueue, raw: Redis) -> None:
    """A server that throws keys away loses envelopes, and no more than that."""
    put = several("ana", 3)
    await queue.put([*put, an_envelope("bia")])
    for lost in (put[0].id, put[1].id):
        await raw.hdel(f"{{{prefix_for(tmp_path)}}}:bodies", lost)

    leases = await take(queue)

    assert [numbers(lease) for lease in leases] == [[2], [0]]
    await queue.ack(leases[0], [put[2].id])
    await raw.delete(f"{{{prefix_for(tmp_path)}}}:bodies")
    queue.blame("worker", None)
    assert await take(queue) == []


async def test_a_script_that_the_server_forgot_is_brought_again(queue: RedisQueue, raw: Redis) -> None:
    await queue.put([an_envelope()])
    await raw.script_flush()
    assert await queue.put([an_envelope("bia")]) == [True]
    waiting = asyncio.ensure_future(take(queue, side=True, wait=5))
    await anyio.sleep(0.02)
    await raw.script_flush()
    await queue.put([an_event()])

    assert len(await waiting) == 1
    assert len(await take(queue)) == 2


# ---------------------------------------------------------------------- waiting


async def calls(raw: Redis) -> int:
    stats = await raw.info("commandstats")
    return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("evalsha", "eval"))


async def test_who_has_its_share_of_one_tenant_hears_of_another_at_once(
    queue: RedisQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what another process puts, and without looking again and again at what it may not have."""
    monkeypatch.setattr("auzap.queues.redis.desk.LOOK", 30.0)
    await queue.put([an_envelope("ana"), an_envelope("bia")])
    await take(queue, 1)
    waiting = asyncio.ensure_future(queue.lease("worker", lanes=1, duration=30, wait=20, share=Share(1, {"shop": 1})))
    async with RedisQueue.from_url(url_for(tmp_path), tmp_path) as other:
        await anyio.sleep(0.3)  # it has looked
        await other.put([an_envelope("caio", tenant="salon")])
        (caio,) = await asyncio.wait_for(waiting, 10)
    assert caio.tenant == "salon"


async def test_and_of_what_becomes_ready_while_it_looks(queue: RedisQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are said to the server together."""
    monkeypatch.setattr("auzap.queues.redis.desk.LOOK", 30.0)
    await queue.put([an_envelope("caio", tenant="salon")])
    (caio,) = await take(queue, 1)
    await queue.put([an_envelope("ana"), an_envelope("bia")])
    await take(queue, 1)
    waiting = queue.lease("worker", lanes=1, duration=30, wait=20, share=Share(1, {"shop": 1}))
    (leased,), _ = await asyncio.wait_for(asyncio.gather(waiting, queue.defer(caio, 0)), 10)
    assert leased.tenant == "salon"


async def test_one_ring_wakes_one_of_those_who_wait(tmp_path: Path, raw: Redis) -> None:
    async with AsyncExitStack() as stack:
        queues = [await stack.enter_async_context(RedisQueue.from_url(url_for(tmp_path), tmp_path)) for _ in range(4)]
        waiting = {asyncio.ensure_future(take(queue, wait=30)) for queue in queues}
        await anyio.sleep(0.03)
        began, before = time.monotonic(), await calls(raw)
        for number in range(4):
            await queues[0].put([an_envelope(f"{number}")])
            done, waiting = await asyncio.wait(waiting, timeout=10, return_when="FIRST_COMPLETED")
            assert [len(task.result()) for task in done] == [1]

        if time.monotonic() - began < LOOK - 0.1:  # else they have looked for themselves meanwhile
            assert await calls(raw) - before == 8


async def test_nobody_sleeps_while_a_lane_is_ready(tmp_path: Path, queue: RedisQueue, raw: Redis) -> None:
    """Though whoever took the ring died of it."""
    taker = asyncio.ensure_future(raw.blpop([f"{{{prefix_for(tmp_path)}}}:bell:0"], timeout=30))
    with anyio.fail_after(10):
        while not (await raw.info("clients"))["blocked_clients"]:  # noqa: ASYNC110
            await anyio.sleep(0.01)
    waiting = asyncio.ensure_future(one(queue, wait=10))
    await anyio.sleep(0.02)

    await queue.put([an_envelope()])

    assert await taker is not None
    assert len((await asyncio.wait_for(waiting, 5)).envelopes) == 1


async def test_what_is_left_rings_for_the_next(tmp_path: Path) -> None:
    took = []
    async with (
        RedisQueue.from_url(url_for(tmp_path), tmp_path) as first,
        RedisQueue.from_url(url_for(tmp_path), tmp_path) as second,
    ):
        for number in range(5):
            waiting = [asyncio.ensure_future(take(queue, 1, wait=30)) for queue in (first, second)]
            await anyio.sleep(0.02)
            began = time.monotonic()
            await first.put([an_envelope(f"{number}"), an_envelope(f"{number}b")])
            assert [len(leases) for leases in await asyncio.gather(*waiting)] == [1, 1]
            took.append(time.monotonic() - began)

    assert min(took) < LOOK / 2  # else they would have looked for themselves


async def test_who_called_off_a_wait_takes_nothing(queue: RedisQueue) -> None:
    for number in range(20):
        waiting = asyncio.ensure_future(take(queue, wait=10))
        await asyncio.sleep(0.004 * (number % 3))
        waiting.cancel()
        await queue.put([an_envelope()])
        await asyncio.gather(waiting, return_exceptions=True)
        lease = await one(queue, wait=5)
        assert lease.envelopes[0].lost_leases == 0
        await queue.ack(lease, [lease.envelopes[0].id])


async def test_waiting_costs_less_than_a_hundredth_of_a_core(tmp_path: Path) -> None:
    (spent,) = await Place("redis", tmp_path).output("idle", 1.5)

    assert spent < 0.015


async def test_calls_that_wait_together_go_together(queue: RedisQueue, raw: Redis) -> None:
    before = await calls(raw)
    await asyncio.gather(*(queue.put([an_envelope(f"{number}")]) for number in range(50)))
    leases = await take(queue)
    await asyncio.gather(*(queue.ack(lease, [lease.envelopes[0].id]) for lease in leases))

    assert len(leases) == 50
    assert await calls(raw) - before <= 12


async def test_a_lost_lease_does_not_disturb_the_others_in_its_group(queue: RedisQueue) -> None:
    await queue.put([an_envelope(f"{number}") for number in range(20)])
    leases = await take(queue)
    for lease in leases[::2]:
        await queue.defer(lease, 0)

    told = await asyncio.gather(
        *(queue.ack(lease, [lease.envelopes[0].id]) for lease in leases), return_exceptions=True
    )

    assert [type(error) for error in told] == [LeaseLost, type(None)] * 10


# ---------------------------------------------------------------------- from outside


async def test_a_queue_is_looked_at_from_outside(tmp_path: Path, queue: RedisQueue) -> None:
    envelopes = [an_envelope(id=name) for name in ("a1", "a2", "b1")]
    await queue.put(envelopes)
    await queue.bury(await one(queue), ["a1", "a2", "b1"], BURIAL)
    outside = RedisQueue.from_url(url_for(tmp_path), tmp_path)
    assert isinstance(outside, Inspectable)

    assert outside.inspect().place == url_for(tmp_path)
    assert outside.inspect().mistakes == ()
    assert await asyncio.to_thread(outside.dead_ids, "a", 50) == ["a1", "a2"]
    assert await asyncio.to_thread(outside.dead_ids, "", 2) == ["a1", "a2"]
    assert await asyncio.to_thread(outside.dead_ids, "c", 50) == []


def test_a_certificate_that_is_not_there_is_seen_from_outside(tmp_path: Path) -> None:
    seen = RedisQueue.from_url("rediss://:secret@localhost?ca_certs=ca.pem", tmp_path).inspect()

    assert seen.mistakes == (f"queue rediss://localhost?ca_certs=ca.pem: there is no file {tmp_path / 'ca.pem'}",)


async def test_a_server_tells_what_it_gives(tmp_path: Path) -> None:
    queue = RedisQueue.from_url(url_for(tmp_path) + "&wait_replicas=1", tmp_path)
    assert isinstance(queue, Examinable)

    seen = await queue.examine()

    assert re.match(r"Redis \d+\.\d+", seen.facts[0])
    assert seen.facts[1:] == ("no file on disk", "0 replicas, waits for 1 of them")
    assert seen.warnings == (
        "a restart of Redis loses all: set appendonly yes",
        "wait_replicas=1, but there are 0: nothing will be accepted",
    )


@pytest.mark.parametrize(
    ("options", "fact", "warnings"),
    [
        (
            {"appendonly": "yes", "appendfsync": "always"},
            "every change is on disk before it is confirmed (appendonly, appendfsync always)",
            (),
        ),
        (
            {"appendonly": "yes", "appendfsync": "everysec"},
            "changes are on disk within a second (appendonly, appendfsync everysec)",
            ("a crash of Redis's machine loses what came last: set appendfsync always",),
        ),
        (
            {"appendonly": "yes", "appendfsync": "no"},
            "changes are on disk when its system writes them (appendonly, appendfsync no)",
            ("a crash of Redis's machine loses what came last: set appendfsync always",),
        ),
        (
            {"save": "3600 1"},
            "snapshots on disk now and then (save 3600 1), no appendonly",
            ("a restart of Redis loses what came after the last snapshot: set appendonly yes",),
        ),
        (
            {"appendonly": "yes", "appendfsync": "always", "maxmemory": "64mb", "maxmemory_policy": "allkeys-lru"},
            "every change is on disk before it is confirmed (appendonly, appendfsync always)",
            ("Redis throws keys away when its memory is full (allkeys-lru): set maxmemory-policy noeviction",),
        ),
    ],
    ids=["always", "everysec", "no", "snapshots", "evicts"],
)
async def test_a_server_tells_how_safe_it_keeps_what_it_has(
    tmp_path: Path, options: dict[str, str], fact: str, warnings: tuple[str, ...]
) -> None:
    with redis_server(tmp_path / "redis", as_sentinel=False, **options) as server:
        seen = await RedisQueue.from_url(server.url, tmp_path).examine()

    assert seen.facts[1:] == (fact, "0 replicas, waits for 0 of them")
    assert seen.warnings == warnings
