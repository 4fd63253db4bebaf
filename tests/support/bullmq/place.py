"""A BullMQ queue of one test's own. Run as a program, it is another process that takes its jobs over:

python -m tests.support.bullmq.place URL FOLDER
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from auzap.contract.queue import Envelope, Queue
from auzap.model.errors import BadPayload
from auzap.queues.bullmq import BullmqQueue
from tests.support.bullmq.node import Producer
from tests.support.queues import an_envelope, take
from tests.support.redis_server import RedisServer

__all__ = ["Bull", "accept", "feeding", "numbered", "receive"]


def numbered(*numbers: object, chat: str = "ana", **more: object) -> list[dict[str, Any]]:
    return [{"chat": chat, "number": number, **more} for number in numbers]


def accept(job: Any) -> Sequence[Envelope]:
    if not isinstance(job, dict) or "chat" not in job:
        raise BadPayload("no chat:\na job has one")
    return [an_envelope(job["chat"], job["number"], dedupe=job.get("key"))]


@dataclass(frozen=True, slots=True)
class Bull:
    producer: Producer
    server: RedisServer
    name: str
    folder: Path

    @property
    def url(self) -> str:
        return f"bullmq+{self.server.url}/{self.name}?prefix={self.name}"

    def open(self) -> BullmqQueue:
        return BullmqQueue.from_url(self.url, self.folder)

    def add(self, *jobs: Any, **options: Any) -> list[str]:
        ids: list[str] = self.producer.add(self.server.port, self.name, *jobs, **options)
        return ids

    def ask(self, what: str, **told: Any) -> Any:
        return self.producer(what, self.server.port, self.name, **told)

    def counts(self) -> dict[str, int]:
        """Jobs by state; only where there are any."""
        return {state: count for state, count in self.ask("counts").items() if count}

    async def until(self, counts: dict[str, int], *, within: float = 20) -> None:
        with anyio.fail_after(within):
            while self.counts() != counts:  # noqa: ASYNC110 - it is seen from outside
                await anyio.sleep(0.02)


@asynccontextmanager
async def feeding(queue: BullmqQueue) -> AsyncIterator[None]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(queue.feed, accept)
        yield
        tasks.cancel_scope.cancel()


async def receive(queue: Queue, count: int, *, within: float = 20) -> list[Any]:
    """The numbers of so many jobs, in the order in which they are leased; they are done then."""
    got: list[Any] = []
    with anyio.fail_after(within):
        while len(got) < count:
            for lease in await take(queue, wait=0.2):
                got += [envelope.payload for envelope in lease.envelopes]
                await queue.ack(lease, [envelope.id for envelope in lease.envelopes])
    return got


async def _main(url: str, folder: str) -> None:
    async with BullmqQueue.from_url(url, Path(folder)) as queue:
        print("ready", flush=True)
        await queue.feed(accept)


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
