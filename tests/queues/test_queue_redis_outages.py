"""Redis away, restarted, loading, full, read-only, flushed: told in one line, and nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError
from structlog.testing import capture_logs

from auzap.contract.queue import Queue, Stats
from auzap.model.errors import ConfigError, LeaseLost, QueueUnavailable
from auzap.queues.redis import RedisQueue
from auzap.queues.redis.troubles import told_as
from tests.support.queues import an_envelope, an_event, numbers, one, several, take
from tests.support.redis_server import RedisServer, redis_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "redis", appendonly="yes", appendfsync="always") as server:
        yield server


def queue_on(server: RedisServer, options: str = "", *, port: int | None = None) -> RedisQueue:
    return RedisQueue.from_url(f"redis://127.0.0.1:{port or server.port}/0{options}", server.folder)


async def told_of(call: Awaitable[object]) -> str:
    with pytest.raises(QueueUnavailable) as error:
        await call
    assert type(error.value) is QueueUnavailable, "an outage is logged once, by its kind"
    assert str(error.value).startswith("queue redis://127.0.0.1:")
    assert "\n" not in str(error.value)
    return str(error.value)


# ---------------------------------------------------------------------- away


async def test_a_server_that_takes_no_more_clients_is_waited_for(server: RedisServer) -> None:
    async with queue_on(server) as queue, Redis(port=server.port) as admin:
        await queue.put([an_envelope()])
        await admin.config_set("maxclients", 1)
        await admin.client_kill_filter(_type="normal", skipme=True)
        assert (await told_of(take(queue))).endswith("Redis has as many clients as it takes")
        await admin.config_set("maxclients", 1000)
        assert len(await take(queue)) == 1


async def test_a_killed_server_is_told_and_comes_back_with_all_it_acknowledged(durable: RedisServer) -> None:
    async with queue_on(durable) as queue:
        await queue.put([*several("ana", 30), an_envelope("bia"), an_envelope("caio", not_before=time.time() + 60)])
        ana, bia = await take(queue)
        await queue.ack(ana, [envelope.id for envelope in ana.envelopes[:3]])
        waiting = asyncio.ensure_future(take(queue, side=True, wait=30))
        await anyio.sleep(0.05)
        durable.kill()

        await asyncio.wait_for(told_of(waiting), 5)
        for call in (queue.put([an_envelope()]), take(queue, wait=5), queue.stats(), queue.permit("k", most=1, per=1)):
            await told_of(call)
        await told_of(queue.ack(ana, [ana.envelopes[3].id]))
        await told_of(queue.renew([ana], duration=30))
        with pytest.raises(QueueUnavailable):
            await asyncio.to_thread(queue.blame, "worker", None)

        durable.start()
        assert await queue.stats() == Stats(waiting=10, delayed=1, leased=18, dead=0)
        assert await queue.renew([ana, bia], duration=30) == set()
        await queue.ack(ana, [envelope.id for envelope in ana.envelopes])
        assert numbers(await one(queue)) == list(range(20, 30))


async def test_a_server_that_does_not_write_loses_all_and_that_is_said_once(server: RedisServer) -> None:
    async with queue_on(server) as queue:
        await queue.put([an_envelope("ana"), an_envelope("bia")])
        ana, bia = await take(queue)
        server.kill()
        await told_of(queue.stats())
        server.start()

        with capture_logs() as logged:
            for lease in (ana, bia):
                with pytest.raises(LeaseLost):
                    await queue.ack(lease, [lease.envelopes[0].id])
            assert await queue.put([an_envelope("ana", 1)]) == [True]
        assert [line["event"] for line in logged] == ["Queue emptied"]
        again = await one(queue)
        assert (numbers(again), again.token > bia.token) == ([1], True)


async def test_a_flush_is_noticed_by_everybody_and_work_goes_on(server: RedisServer) -> None:
    async with queue_on(server) as worker, queue_on(server) as producer:
        await producer.put([an_envelope()])
        lease = await one(worker)
        waiting = asyncio.ensure_future(one(worker, wait=10))
        await anyio.sleep(0.02)
        with capture_logs() as logged:
            server.cli("FLUSHALL")
            await producer.put([an_envelope("bia", 1)])
            assert numbers(await waiting) == [1]

        assert await worker.renew([lease], duration=30) == {lease.lane}
        assert [(line["log_level"], line["event"]) for line in logged] == [("warning", "Queue emptied")] * 2


async def test_a_connection_that_the_server_closed_is_made_anew(server: RedisServer) -> None:
    async with queue_on(server) as queue:
        waiting = asyncio.ensure_future(take(queue, wait=30))
        await anyio.sleep(0.05)
        server.cli("CLIENT", "KILL", "TYPE", "normal")
        await told_of(waiting)
        await anyio.sleep(0.02)

        assert await queue.put([an_envelope()]) == [True]
        assert len(await take(queue, wait=5)) == 1


# ---------------------------------------------------------------------- there, but of no use


async def test_a_replica_is_told_and_work_goes_on_when_it_is_none(server: RedisServer) -> None:
    async with queue_on(server) as queue:
        await queue.put([an_envelope()])
        server.cli("REPLICAOF", "127.0.0.1", "1")

        assert "this Redis is a replica" in await told_of(queue.put([an_envelope("bia")]))
        assert "this Redis is a replica" in await told_of(take(queue, wait=5))
        server.cli("REPLICAOF", "NO", "ONE")
        assert len(await take(queue)) == 1


async def test_a_full_server_takes_nothing_and_lets_everything_out(server: RedisServer) -> None:
    async with queue_on(server) as queue:
        await queue.put([an_envelope("ana"), an_envelope("bia", 1), an_envelope("caio", 2)])
        ana, _ = await take(queue, 2)
        server.cli("CONFIG", "SET", "maxmemory", "1")

        put, renewed, acked, leased = await asyncio.gather(
            queue.put([an_envelope("duda")]),
            queue.renew([ana], duration=30),
            queue.ack(ana, [ana.envelopes[0].id]),
            take(queue),
            return_exceptions=True,
        )
        assert isinstance(put, QueueUnavailable)
        assert "out of memory" in str(put)
        assert (renewed, acked) == (set(), None)
        assert [numbers(lease) for lease in leased] == [[2]]  # type: ignore[union-attr]
        await queue.retry(leased[0], [], delay=0, attempt=True)  # type: ignore[index]

        server.cli("CONFIG", "SET", "maxmemory", "0")
        assert await queue.put([an_envelope("duda")]) == [True]


async def test_a_server_that_cannot_write_to_its_disk_is_told(tmp_path: Path) -> None:
    with redis_server(tmp_path / "redis", save="3600 1") as server:
        async with queue_on(server) as queue:
            (server.folder / "dump.rdb").mkdir()
            server.cli("BGSAVE")
            with anyio.fail_after(10):
                while "rdb_last_bgsave_status:err" not in server.cli("INFO", "persistence"):  # noqa: ASYNC110
                    await anyio.sleep(0.01)

            assert "cannot write to its disk" in await told_of(queue.put([an_envelope()]))
            server.cli("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
            assert await queue.put([an_envelope()]) == [True]


async def test_a_server_that_loads_its_data_is_told(durable: RedisServer) -> None:
    async with queue_on(durable) as queue:
        await queue.put(several("ana", 2000))
        durable.kill()
        durable.options.update({"key-load-delay": "150", "loading-process-events-interval-bytes": "1024"})
        durable.launch()
        told = set()
        while True:
            try:
                assert (await queue.stats()).waiting == 2000
                break
            except QueueUnavailable as error:
                told.add(str(error).partition("0: ")[2])
                await anyio.sleep(0.005)
        assert "Redis is loading its data" in told


@pytest.mark.parametrize(
    ("login", "told"), [("", "wants a password"), (":wrong@", "wrong user or password"), ("bot:x@", "wrong user")]
)
async def test_a_wrong_password_is_a_mistake_to_mend(tmp_path: Path, login: str, told: str) -> None:
    with redis_server(tmp_path / "redis", requirepass="right") as server:
        async with RedisQueue.from_url(f"redis://:right@127.0.0.1:{server.port}", tmp_path) as queue:
            assert await queue.put([an_envelope()]) == [True]
        with pytest.raises(ConfigError, match=told) as error:
            async with RedisQueue.from_url(f"redis://{login}127.0.0.1:{server.port}", tmp_path):
                pass
        assert "\n" not in str(error.value)


async def test_a_password_that_is_changed_meanwhile_passes(server: RedisServer) -> None:
    async with queue_on(server) as queue:
        server.kill()
        await told_of(queue.stats())
        server.options["requirepass"] = "new"
        server.start()
        assert "Redis wants a password" in await told_of(queue.stats())


async def test_a_user_without_rights_is_a_mistake_to_mend(server: RedisServer) -> None:
    server.cli("ACL", "SETUSER", "bot", "on", ">word", "~*", "+@all", "-eval", "-evalsha")
    with pytest.raises(ConfigError, match="may not do what a queue needs"):
        async with RedisQueue.from_url(f"redis://bot:word@127.0.0.1:{server.port}", server.folder):
            pass


async def test_a_server_that_says_nothing_counts_as_away(server: RedisServer) -> None:
    async with queue_on(server, "?timeout=100ms") as queue:
        server.cli("CLIENT", "PAUSE", "300", "ALL")
        assert "no answer" in await told_of(queue.put([an_envelope()]))
        await anyio.sleep(0.35)
        assert await queue.put([an_envelope("bia")]) == [True]


# ---------------------------------------------------------------------- answers that got lost


@asynccontextmanager
async def deaf(server: RedisServer) -> AsyncIterator[tuple[int, asyncio.Event]]:
    """A way to the server on which, while the event is set, what is asked arrives and the answer does not."""
    lost = asyncio.Event()
    writers: list[asyncio.StreamWriter] = []

    async def back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if lost.is_set():
                break
            writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, out = await asyncio.open_connection("127.0.0.1", server.port)
        writers.extend((writer, out))
        answers = asyncio.create_task(back(there, writer))
        while data := await reader.read(65536):
            out.write(data)
        out.close()
        await answers

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1], lost
    finally:
        listening.close()
        for writer in writers:
            writer.close()
        await asyncio.sleep(0.01)


async def test_what_was_leased_and_never_arrived_comes_back_unharmed(server: RedisServer) -> None:
    async with deaf(server) as (port, lost), queue_on(server, port=port) as queue, queue_on(server) as other:
        await other.put([an_envelope("ana"), an_envelope("bia")])
        lost.set()
        await told_of(take(queue, wait=0))
        assert (await other.stats()).leased == 2
        lost.clear()

        assert [lease.envelopes[0].lost_leases for lease in await take(queue, wait=0)] == [0, 0]


async def test_what_rang_and_never_arrived_comes_back_unharmed(server: RedisServer) -> None:
    async with deaf(server) as (port, lost), queue_on(server, port=port) as queue, queue_on(server) as other:
        waiting = asyncio.ensure_future(take(queue, side=True, wait=10))
        await anyio.sleep(0.05)
        lost.set()
        await other.put([an_event()])
        await told_of(waiting)
        lost.clear()

        lease = await one(queue, side=True, wait=5)
        assert lease.envelopes[0].lost_leases == 0


async def test_what_was_put_and_not_confirmed_may_be_put_again(server: RedisServer) -> None:
    async with deaf(server) as (port, lost), queue_on(server, port=port) as queue, queue_on(server) as other:
        put = [an_envelope("ana", dedupe="a"), an_envelope("ana", 1, dedupe="b")]
        lost.set()
        await told_of(queue.put(put))
        lost.clear()

        assert await other.put([an_envelope(dedupe="a")]) == [False]
        assert await queue.put(put) == [True, True], "it was its own, not a duplicate"
        assert await queue.put(put) == [False, False]
        assert numbers(await one(queue)) == [0, 1]


async def test_an_ack_that_was_not_confirmed_may_be_repeated(server: RedisServer) -> None:
    async with deaf(server) as (port, lost), queue_on(server, port=port) as queue:
        await queue.put(several("ana", 3))
        lease = await one(queue)
        lost.set()
        await told_of(queue.ack(lease, [lease.envelopes[0].id]))
        lost.clear()

        await queue.ack(lease, [lease.envelopes[0].id])
        assert (await queue.stats()).leased == 2


# ---------------------------------------------------------------------- replicas


async def replicated(queue: Queue, put: list[object]) -> list[bool]:
    deadline = time.monotonic() + 20
    while True:
        try:
            return await queue.put(put)  # type: ignore[arg-type]
        except QueueUnavailable:
            assert time.monotonic() < deadline
            await anyio.sleep(0.05)


async def test_what_too_few_replicas_have_is_not_accepted_yet(tmp_path: Path, server: RedisServer) -> None:
    server.cli("CONFIG", "SET", "repl-diskless-sync-delay", "0")
    async with queue_on(server, "?wait_replicas=1&wait_timeout=50ms") as queue:
        put = an_envelope(dedupe="k")
        assert "0 of 1 replicas have it after 0.05 s" in await told_of(queue.put([put]))
        assert "0 of 1 replicas" in await told_of(queue.put([put])), "also what is there already is waited for"
        assert (await queue.stats()).waiting == 1  # and nobody else waits for replicas
        server.cli("CONFIG", "SET", "maxmemory", "1")
        assert "out of memory" in await told_of(queue.put([an_envelope("caio")]))
        server.cli("CONFIG", "SET", "maxmemory", "0")
        with redis_server(tmp_path / "replica", replicaof=f"127.0.0.1 {server.port}"):
            assert await replicated(queue, [put]) == [True]
            assert await replicated(queue, [an_envelope(dedupe="k"), an_envelope("bia")]) == [False, True]
    assert server.cli("DBSIZE") != ":0\r\n"


def test_a_redis_that_is_too_old_is_a_mistake_to_mend() -> None:
    error = ResponseError("Error running script: @user_script: 9: Wrong number of args calling Redis command From Lua")
    assert str(told_as(error, "redis://host")) == "queue redis://host: this Redis is too old: it must be 6.2 or newer"
