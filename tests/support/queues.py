"""What every queue backend is tested with. Run as a program, it is another process on the same queue:

python -m tests.support.queues BACKEND FOLDER COMMAND ARGUMENT...
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auzap.contract.queue import Envelope, Lease, Queue
from auzap.model.keys import lane_key, new_id
from auzap.queues.redis import RedisQueue
from auzap.queues.sqlite import SqliteQueue
from tests.support.redis_server import url_for

__all__ = ["BACKENDS", "Place", "an_envelope", "an_event", "lane_of", "numbers", "one", "several", "take"]

#: a later backend is one line here: an empty folder's own queue, the same one at every call
BACKENDS: Mapping[str, Callable[[Path], Queue]] = {
    "redis": lambda folder: RedisQueue.from_url(url_for(folder), folder),
    "sqlite": lambda folder: SqliteQueue.from_url("sqlite:///data/queue.db", folder),
}

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one test's queue is."""

    backend: str
    folder: Path

    def open(self) -> Queue:
        return BACKENDS[self.backend](self.folder)

    @asynccontextmanager
    async def process(self, command: str, *arguments: object) -> AsyncIterator[Process]:
        """Another process on the same queue; killed at the end."""
        self.open()  # what it stands on is there, and known, before the other one looks for it
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.support.queues", self.backend, str(self.folder), command),
            *(str(argument) for argument in arguments),
            cwd=_ROOT,
            stdin=PIPE,
            stdout=PIPE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    async def output(self, command: str, *arguments: object) -> list[Any]:
        """What another process printed until it ended: a JSON value a line."""
        async with self.process(command, *arguments) as process:
            printed, _ = await process.communicate()
        return [json.loads(line) for line in printed.splitlines()]


# ---------------------------------------------------------------------- envelopes and leases


def lane_of(chat: str, *, tenant: str = "shop", instance: str = "main", side: bool = False) -> str:
    return lane_key(tenant, instance, chat, side=side)


def an_envelope(
    chat: str = "ana", number: object = 0, *, tenant: str = "shop", instance: str = "main", **more: Any
) -> Envelope:
    values: dict[str, Any] = {
        "id": new_id(),
        "tenant": tenant,
        "instance": instance,
        "channel": "console",
        "kind": "message",
        "lane": lane_of(chat, tenant=tenant, instance=instance),
        "dedupe": None,
        "payload": number,
        "accepted_at": time.time(),
    }
    return Envelope(**{**values, **more})


def an_event(chat: str = "ana", number: object = 0, **more: Any) -> Envelope:
    lane = lane_of(chat, tenant=more.get("tenant", "shop"), side=True)
    return an_envelope(chat, number, kind="event", lane=lane, **more)


def several(chat: str, count: int, *, tenant: str = "shop") -> list[Envelope]:
    """Numbered from 0."""
    return [an_envelope(chat, number, tenant=tenant) for number in range(count)]


async def take(
    queue: Queue,
    lanes: int = 100,
    *,
    duration: float = 30,
    worker: str = "worker",
    wait: float = 0,
    side: bool = False,
) -> list[Lease]:
    return await queue.lease(worker, lanes=lanes, duration=duration, wait=wait, side=side)


async def one(queue: Queue, **more: Any) -> Lease:
    """The only lane that is ready."""
    (lease,) = await take(queue, **more)
    return lease


def numbers(lease: Lease) -> list[Any]:
    return [envelope.payload for envelope in lease.envelopes]


# ---------------------------------------------------------------------- the other process


def _tell(value: object) -> None:
    print(json.dumps(value), flush=True)


async def _put_and_die(queue: Queue, count: str) -> None:
    await queue.put(several("ana", int(count)))
    os.kill(os.getpid(), signal.SIGKILL)


async def _put_when_told(queue: Queue) -> None:
    """Each line that comes in puts one envelope; tells when it was done."""
    _tell("ready")
    for line in iter(sys.stdin.readline, ""):
        await queue.put([an_envelope(line.strip())])
        _tell(time.time())


async def _lease_and_hang(queue: Queue, duration: str) -> None:
    leases = await take(queue, duration=float(duration))
    _tell([[lease.lane, lease.token] for lease in leases])
    sys.stdin.readline()


async def _work(queue: Queue, worker: str) -> None:
    """Says that it is there, then handles until nothing is left: tells when each lease was held, and what was in it."""
    _tell("ready")
    wait = 30.0  # the others may take long to start
    while leases := await take(queue, 4, worker=worker, wait=wait):
        wait = 1
        for lease in leases:
            begun = time.time()
            await asyncio.sleep(random.random() * 0.002)
            told = {"lane": lease.lane, "token": lease.token, "numbers": numbers(lease), "begun": begun}
            _tell({**told, "ended": time.time()})
            await queue.ack(lease, [envelope.id for envelope in lease.envelopes])


async def _reserve(queue: Queue, count: str, most: str, per: str) -> None:
    """Tells the earliest and the latest moment at which each permit may allow to go."""
    for _ in range(int(count)):
        asked = time.time()
        wait = await queue.permit("shared", most=int(most), per=float(per))
        _tell([asked + wait, time.time() + wait])


async def _idle(queue: Queue, seconds: str) -> None:
    """Wait for nothing; tells the CPU seconds that it took."""
    await take(queue, wait=0.2)
    before = time.process_time()
    await asyncio.gather(*(take(queue, wait=float(seconds), side=side) for side in (False, True)))
    _tell(time.process_time() - before)


_COMMANDS: Mapping[str, Callable[..., Awaitable[None]]] = {
    "put-and-die": _put_and_die,
    "put-when-told": _put_when_told,
    "lease-and-hang": _lease_and_hang,
    "work": _work,
    "reserve": _reserve,
    "idle": _idle,
}


async def _main(backend: str, folder: str, command: str, *arguments: str) -> None:
    async with Place(backend, Path(folder)).open() as queue:
        await _COMMANDS[command](queue, *arguments)


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
