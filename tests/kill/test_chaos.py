"""Four workers on Redis and Postgres, all of which are killed, restarted and away meanwhile, and so is the gateway:
nothing is lost, doubled or out of order, and no outage uses an attempt.
"""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from anyio.to_thread import run_sync

from auzap.contract.queue import Envelope
from auzap.model.errors import QueueUnavailable
from auzap.registry import Registry
from auzap.worker.resources import open_queue
from tests.support.gateway import GatewayProcess, Mode
from tests.support.house import House, job
from tests.support.postgres import Cluster
from tests.support.redis_server import RedisServer
from tests.support.servers import own_servers
from tests.support.witness import Witness
from tests.support.workers import ended, until, working
from tests.support.writing import client, written

_WORKERS, _TENANTS = 4, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much, and how bad. Times are seconds."""

    messages: int
    contacts: int
    #: from one kill of a worker to the next
    kills: float
    #: from the end of one outage to the beginning of the next
    pause: float
    redis_away: float
    postgres_away: float
    gateway_away: float
    #: for what is left when all is well again
    rest: float
    seed: int = 1


SHORT = Plan(
    messages=300,
    contacts=40,
    kills=3,
    pause=0.4,
    redis_away=0.3,
    postgres_away=2,
    gateway_away=2,
    rest=60,
)
LONG = Plan(
    messages=10_000,
    contacts=500,
    kills=4,
    pause=6,
    redis_away=2,
    postgres_away=12,
    gateway_away=20,
    rest=300,
)


@dataclass(frozen=True, slots=True)
class Place:
    """What a run stands on."""

    house: House
    gateway: GatewayProcess
    redis: RedisServer
    postgres: Cluster


@contextmanager
def place(folder: Path, run_folder: Path, plan: Plan) -> Iterator[Place]:
    mode = Mode(delay=(0.0, 0.03), refuse=0.05, hang=0.01, seed=plan.seed)
    with own_servers(folder, run_folder) as own, GatewayProcess(mode) as gateway:
        house = House(
            folder,
            gateway.url,
            plugins={"scribe": {"delay": "2ms"}},
            tenants=[f"tenant{number}" for number in range(_TENANTS)],
            worker={"concurrency": 20, "lease": "4s", "timeout": "30s", "backoff": {"delay": "20ms"}},
            **own.standing,
        )
        yield Place(house, gateway, own.redis, own.postgres)


class Crew:
    """The workers: whoever is killed is replaced."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.workers: list[subprocess.Popen[bytes]] = []
        self.kills = 0

    def __enter__(self) -> Crew:
        self.workers = [self._house.start() for _ in range(_WORKERS)]
        return self

    def __exit__(self, *error: object) -> None:
        with working(*self.workers):
            pass

    def kill(self, number: int) -> None:
        worker = self.workers[number]
        assert worker.poll() is None, f"a worker ended by itself with exit code {worker.returncode}"
        worker.kill()
        worker.wait()
        self.kills += 1
        self.workers[number] = self._house.start()

    async def stop(self) -> None:
        for worker in self.workers:
            worker.terminate()
        assert [await ended(worker) for worker in self.workers] == [0] * _WORKERS


class Chaos:
    """All that happens at once, each in its own thread or task."""

    def __init__(self, plan: Plan, place: Place) -> None:
        self._plan = plan
        self._place = place
        self._house = place.house
        self._witness = Witness(place.house, place.gateway)
        #: the database is there, or being looked at
        self._database = threading.Lock()
        self._over = threading.Event()
        self._chance = random.Random(plan.seed)

    async def run(self) -> None:
        plan, house = self._plan, self._house
        envelopes = self._written()
        began = time.monotonic()
        with Crew(house) as crew:
            async with anyio.create_task_group() as all_at_once:
                all_at_once.start_soon(self._put, envelopes)
                await until(lambda: self._place.gateway.accepted() >= _WORKERS, what="the first answers")
                all_at_once.start_soon(run_sync, self._kill, crew)
                all_at_once.start_soon(run_sync, self._watch)
                await run_sync(self._be_away)
                self._over.set()
            await until(self._is_done, within=plan.rest, what="every message to be done")
            await crew.stop()
        self._witness.look()
        found = self._witness.check(plan.messages, plan.contacts)
        dead = await house.dead()
        assert (len(dead), {letter.stage for letter in dead} - {"send"}) == (found.dead, set())
        stats = await house.stats()
        assert (stats.waiting, stats.delayed, stats.leased) == (0, 0, 0)
        print(f"{plan.messages} messages, {crew.kills} kills, {time.monotonic() - began:.1f} s: {found}")

    def _written(self) -> list[Envelope]:
        """Every contact writes in turn."""
        plan = self._plan
        jobs = [
            job(written(number, client(number % plan.contacts)), tenant=f"tenant{number % plan.contacts % _TENANTS}")
            for number in range(plan.messages)
        ]
        return self._house.envelopes(*jobs)

    async def _put(self, envelopes: Sequence[Envelope]) -> None:
        """As a producer does that repeats what was not acknowledged. Half are there at the beginning."""
        step = len(envelopes) // 100
        parts = [envelopes[start : start + step] for start in range(0, len(envelopes), step)]
        async with open_queue(self._house.config, Registry()) as queue:
            for number, part in enumerate(parts):
                while True:
                    try:
                        await queue.put(part)
                        break
                    except QueueUnavailable:
                        await anyio.sleep(0.05)
                if number >= len(parts) // 4:
                    await anyio.sleep(self._lasts / len(parts))

    @property
    def _lasts(self) -> float:
        """Seconds of all outages, about."""
        plan = self._plan
        return 5 * plan.pause + plan.redis_away + plan.postgres_away + plan.gateway_away

    def _kill(self, crew: Crew) -> None:
        while not self._over.wait(self._plan.kills):
            crew.kill(self._chance.randrange(_WORKERS))
            self._witness.upset()

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            with self._database:
                self._witness.look()

    def _be_away(self) -> None:
        plan, redis, postgres, gateway = self._plan, self._place.redis, self._place.postgres, self._place.gateway
        time.sleep(plan.pause)
        redis.kill()
        redis.start()
        self._witness.upset()
        time.sleep(plan.pause)
        with self._database:
            postgres.stop()
            postgres.start()
        time.sleep(plan.pause)
        self._witness.cut()
        gateway.down()
        time.sleep(plan.gateway_away)
        gateway.up()
        time.sleep(plan.pause)
        redis.kill()
        time.sleep(plan.redis_away)
        redis.start()
        self._witness.upset()
        time.sleep(plan.pause)
        with self._database:
            postgres.kill()
            time.sleep(plan.postgres_away)
            postgres.start()

    def _is_done(self) -> bool:
        finished = "SELECT count(*) FROM auzap_inbox WHERE state IN ('done', 'dead')"
        return bool(self._house.one(finished) == self._plan.messages)


@pytest.mark.parametrize("plan", [SHORT, pytest.param(LONG, marks=pytest.mark.soak)], ids=["short", "long"])
async def test_nothing_is_lost_doubled_or_out_of_order_whatever_falls(
    tmp_path: Path, run_folder: Path, plan: Plan
) -> None:
    with place(tmp_path, run_folder, plan) as here:
        await Chaos(plan, here).run()
