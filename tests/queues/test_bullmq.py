"""What a Node program adds with the real BullMQ comes over, in order and once; nothing is lost on the way."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from auzap.contract.queue import Envelope, Feeding, Queue
from auzap.model.errors import ConfigError
from auzap.queues.bullmq import BullmqQueue
from auzap.queues.bullmq.bridge import Accept
from auzap.queues.bullmq.location import location_of
from auzap.queues.sqlite import SqliteQueue
from tests.support.bullmq.node import Producer, old_worker
from tests.support.bullmq.place import Bull, accept, feeding, numbered, receive
from tests.support.house import ROOT
from tests.support.redis_server import redis_server

#: seconds from a first failure to the next attempt, as the producer adds its jobs
BACK_OFF = 2.0

# ------------------------------------------------------------------ what arrives


async def test_jobs_arrive_in_order_and_leave_nothing_behind(bull: Bull) -> None:
    bull.add(*numbered(0, 1, 2), bulk=True)  # while nobody worked
    async with bull.open() as queue, feeding(queue):
        assert await receive(queue, 3) == [0, 1, 2]
        bull.add(*numbered(*range(3, 60)), bulk=True)
        assert await receive(queue, 57) == list(range(3, 60))
        await bull.until({})
    keys = bull.server.cli("KEYS", f"bull:{bull.name}:*")
    left = {key.rpartition(":")[2] for key in keys.split() if key.startswith("bull:")}
    assert left - {"marker"} == {"events", "id", "meta"}


async def test_delayed_and_prioritized_jobs_arrive_when_it_is_their_turn(bull: Bull) -> None:
    bull.add(*numbered("later"), priority=5)
    bull.add(*numbered("sooner"), priority=1)
    bull.add(*numbered("first"))
    async with bull.open() as queue, feeding(queue):
        assert await receive(queue, 3) == ["first", "sooner", "later"]
        begun = anyio.current_time()
        bull.add(*numbered("delayed"), delay=300)
        bull.add(*numbered("overtakes it"))
        assert sorted(await receive(queue, 2)) == ["delayed", "overtakes it"]
        assert anyio.current_time() - begun > 0.25


async def test_a_job_that_failed_in_node_arrives_when_its_back_off_is_over(bull: Bull) -> None:
    begun = anyio.current_time()
    [failed] = bull.add(*numbered("again"))
    with old_worker(bull.server.port, bull.name, fails=True):
        await bull.until({"delayed": 1})
    assert '"attempts":3' in bull.server.cli("HGET", f"bull:{bull.name}:{failed}", "opts")
    bull.add(*numbered("next"))
    async with bull.open() as queue, feeding(queue):
        assert await receive(queue, 2) == ["next", "again"]
        assert anyio.current_time() - begun > BACK_OFF
        await bull.until({})


async def test_a_repeated_job_is_a_duplicate_and_done(bull: Bull) -> None:
    bull.add(*numbered(1, 2, key="same"), *numbered(3), removeOnComplete=False)
    async with bull.open() as queue, feeding(queue):
        await bull.until({"completed": 3})
        assert await receive(queue, 2) == [1, 3]


async def test_a_job_that_is_none_fails_with_its_reason_and_stops_nobody(bull: Bull) -> None:
    [bad, broken, _] = bull.add({"chatt": "ana"}, *numbered("broken"), *numbered("good"), removeOnFail=True)
    bull.server.cli("HSET", f"bull:{bull.name}:{broken}", "data", "{")
    async with bull.open() as queue, feeding(queue):
        assert await receive(queue, 1) == ["good"]
        await bull.until({"failed": 2})
        bull.server.cli("HSET", f"bull:{bull.name}:{broken}", "data", '{"chat": "ana", "number": "mended"}')
        reasons = {id_: reason for id_, reason, _ in bull.ask("failed")}
        assert reasons[bad] == "no chat: a job has one"
        assert reasons[broken].startswith("not readable: ")
        bull.ask("retryFailed")
        assert await receive(queue, 1) == ["mended"]
        await bull.until({"failed": 1})


async def test_jobs_of_a_scheduler_go_on_coming(bull: Bull) -> None:
    async with bull.open() as queue, feeding(queue):
        bull.ask("schedule", every=50, limit=3, data={"chat": "ana", "number": "tick"})
        assert await receive(queue, 3) == ["tick"] * 3


async def test_a_pause_and_a_limit_of_bullmq_hold(bull: Bull) -> None:
    bull.ask("pause")
    bull.add(*numbered(0, 1, 2))
    async with bull.open() as queue, feeding(queue):
        await anyio.sleep(0.2)
        assert bull.counts() == {"waiting": 3}
        bull.ask("limit", max=1, duration=150)
        begun = anyio.current_time()
        bull.ask("resume")
        assert await receive(queue, 3) == [0, 1, 2]
        assert anyio.current_time() - begun > 0.25


# ------------------------------------------------------------------ who takes over


async def test_only_a_worker_takes_jobs_over(bull: Bull) -> None:
    bull.add(*numbered(0, 1))
    bull.add(*numbered(2), delay=60_000)
    async with bull.open() as queue:
        stats = await queue.stats()
        assert (stats.waiting, stats.delayed) == (2, 1)
        assert await queue.lease("worker", lanes=1, duration=1, wait=0.1) == []
    assert bull.counts() == {"waiting": 2, "delayed": 1}


async def test_of_two_that_feed_one_takes_over_and_the_other_goes_on_when_it_stops(bull: Bull) -> None:
    accepted: list[tuple[BullmqQueue, int]] = []

    def by(queue: BullmqQueue) -> Accept:
        def note(job: Any) -> Sequence[Envelope]:
            accepted.append((queue, job["number"]))
            return accept(job)

        return note

    async with bull.open() as one, bull.open() as other:
        feeds = {queue: asyncio.create_task(queue.feed(by(queue))) for queue in (one, other)}
        try:
            for number in range(20):  # for longer than a seat is held that nobody renews
                bull.add(*numbered(number))
                await anyio.sleep(0.2)
            assert await receive(one, 20) == list(range(20))
            active = accepted[0][0]
            assert accepted == [(active, number) for number in range(20)]
            assert not any(feed.done() for feed in feeds.values())
            feeds[active].cancel()
            await asyncio.wait([feeds.pop(active)])
            [(waiting, _)] = feeds.items()
            bull.add(*numbered(*range(20, 40)), bulk=True)
            assert await receive(one, 20) == list(range(20, 40))
            assert accepted[20:] == [(waiting, number) for number in range(20, 40)]
        finally:
            for feed in feeds.values():
                feed.cancel()
            await asyncio.wait(feeds.values())


async def test_a_killed_workers_jobs_come_first_and_a_living_ones_stay(bull: Bull) -> None:
    bull.add(*numbered(0, 1, 2))
    with old_worker(bull.server.port, bull.name, lock=0.4) as killed:
        assert killed.stdout is not None
        first = killed.stdout.readline().strip()
    with old_worker(bull.server.port, bull.name, lock=30) as living:
        assert living.stdout is not None
        living.stdout.readline()
        while not bull.server.cli("EXISTS", f"bull:{bull.name}:{first}:lock").startswith(":0"):  # noqa: ASYNC110
            await anyio.sleep(0.02)
        async with bull.open() as queue, feeding(queue):
            assert await receive(queue, 2) == [0, 2]
            await bull.until({"active": 1})


async def test_another_process_goes_on_in_order_when_one_is_killed(bull: Bull) -> None:
    numbers = [f"{number}" for number in range(200)]
    with taking_over(bull) as killed:
        bull.add(*numbered("first"))
        await bull.until({})
        async with bull.open() as queue, feeding(queue):
            bull.add(*(job for number in numbers for job in numbered(number, key=number)), bulk=True)
            killed.kill()
            await bull.until({})
            assert await receive(queue, 201) == ["first", *numbers]
            assert (await queue.stats()).waiting == 0


@contextmanager
def taking_over(bull: Bull) -> Iterator[subprocess.Popen[str]]:
    """A process that takes jobs over, as soon as it may."""
    command = [sys.executable, "-m", "tests.support.bullmq.place", bull.url, str(bull.folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process
        finally:
            process.kill()


# ------------------------------------------------------------------ what is away


async def test_nothing_is_done_while_the_queue_is_away(bull: Bull) -> None:
    file = bull.folder / "queue.db"
    queue = BullmqQueue(SqliteQueue(file, busy=0.05), location_of(bull.url, bull.folder))
    async with queue, feeding(queue):
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            bull.add(*numbered(0, 1))
            await bull.until({"active": 1, "waiting": 1})
            await anyio.sleep(0.2)
            assert bull.counts() == {"active": 1, "waiting": 1}
        assert await receive(queue, 2) == [0, 1]
        await bull.until({})


async def test_it_goes_on_when_redis_is_back(api: Producer, tmp_path: Path) -> None:
    with redis_server(tmp_path / "redis", appendonly="yes", appendfsync="always") as server:
        bull = Bull(api, server, "messages", tmp_path)
        bull.add(*numbered(0))
        async with bull.open() as queue, feeding(queue):
            assert await receive(queue, 1) == [0]
            await bull.until({})
            bull.add(*numbered(*range(1, 40)), bulk=True)
            server.kill()
            await anyio.sleep(0.3)
            server.start()
            async with bull.open() as again:
                assert await receive(again, 39) == list(range(1, 40))
        await bull.until({})
        bull.ask("forget")


@pytest.mark.soak
async def test_a_job_after_a_long_silence_arrives_at_once(bull: Bull) -> None:
    async with bull.open() as queue, feeding(queue):
        await anyio.sleep(25)
        bull.add(*numbered(0))
        assert await receive(queue, 1, within=1.5) == [0]


# ------------------------------------------------------------------ what it is told


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("bullmq+redis://h:6379", "no name of a BullMQ queue"),
        ("bullmq+redis://h:6379/0", "no name of a BullMQ queue"),
        ("bullmq+redis://h:6379/0/", "no name of a BullMQ queue"),
        ("bullmq+redis://h:6379/messages/0", "the number of the database"),
        ("bullmq+redis://h:6379/0/a:b", "'a:b' is no name"),
        ("bullmq+redis:///0/messages", "no host"),
        ("bullmq+redis://h:x/0/messages", "no host:port"),
        ("bullmq+redis://u:secret@h/0/messages?bullmq_prefix=", "bullmq_prefix is one word"),
        ("bullmq+redis://u:secret@h/0/messages?nothing=1", "no option 'nothing'"),
    ],
)
def test_a_wrong_url_is_told_in_one_line(url: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as told:
        BullmqQueue.from_url(url, tmp_path)
    assert why in str(told.value)
    assert "\n" not in str(told.value)
    assert "secret" not in str(told.value)


def test_the_url_says_all_that_is_needed(tmp_path: Path) -> None:
    location = location_of("bullmq+rediss://u:p%40ss@h:6380/2/my%20queue?bullmq_prefix=api&wait_replicas=1", tmp_path)
    assert (location.name, location.prefix) == ("my queue", "api")
    assert (location.redis.hosts, location.redis.db, location.redis.wait_replicas) == ((("h", 6380),), 2, 1)
    assert location.redis.login.password == "p@ss"
    assert location.redis.tls is not None


def test_where_the_extra_is_missing_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bullmq", None)
    with pytest.raises(ConfigError, match=r'pip install "auzap\[bullmq\]"'):
        BullmqQueue.from_url("bullmq+redis://127.0.0.1:6379/0/messages", tmp_path)


def test_it_is_a_queue_that_is_fed(tmp_path: Path) -> None:
    queue: Queue = BullmqQueue.from_url("bullmq+redis://127.0.0.1:6379/0/messages", tmp_path)
    assert isinstance(queue, Feeding)
    assert accept(numbered(1)[0])[0].payload == 1
