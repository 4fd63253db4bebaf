"""The queue as its callers see it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from redis.asyncio import Redis

from auzap.contract.queue import (
    Burial,
    DeadLetter,
    Envelope,
    Examinable,
    Examination,
    Inspectable,
    Inspection,
    Lease,
    Queue,
    Share,
    Stats,
)
from auzap.model.errors import ConfigError, QueueUnavailable
from auzap.queues.bullmq.bridge import Accept, Bridge
from auzap.queues.bullmq.client import client_of
from auzap.queues.bullmq.location import Location, location_of
from auzap.queues.redis import RedisQueue
from auzap.queues.redis.troubles import TROUBLES

__all__ = ["BullmqQueue"]


class BullmqQueue:
    """auzap's own queue, and a BullMQ queue whose jobs are taken over into it while a worker feeds it.

    :param inner: where the jobs go; everything but ``feed`` and ``stats`` is its own.
    """

    def __init__(self, inner: Queue, location: Location) -> None:
        self._inner = inner
        self._location = location
        self._opened: Redis | None = None

    @classmethod
    def from_url(cls, url: str, base: Path) -> Self:
        """``bullmq+redis://host:6379/0/messages``; ``?bullmq_prefix=`` where it is not ``bull``.

        :raises ConfigError: it names no BullMQ queue, or the extra is not installed.
        """
        location = location_of(url, base)
        if find_spec("bullmq") is None:
            raise ConfigError('queue: BullMQ needs a package that is not installed: pip install "auzap[bullmq]"')
        return cls(RedisQueue.from_url(location.redis_url, base), location)

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        self._opened = client_of(self._location.redis)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        client, self._opened = self._client, None
        try:
            await client.aclose()
        finally:
            await self._inner.__aexit__(kind, error, trace)

    # ------------------------------------------------------------------ BullMQ's side

    async def feed(self, accept: Accept) -> None:
        """Take BullMQ's jobs over, while no other process does; until cancelled."""
        await Bridge(self._client, self._location, accept, self._inner.put).run()

    async def stats(self) -> Stats:
        """What waits in BullMQ waits for auzap too. BullMQ is counted first: a job on its way over is not missed."""
        waiting, delayed = await self._in_bullmq()
        own = await self._inner.stats()
        return replace(own, waiting=own.waiting + waiting, delayed=own.delayed + delayed)

    async def _in_bullmq(self) -> tuple[int, int]:
        asked = self._client.pipeline(transaction=False)
        for name in ("wait", "paused", "active"):
            asked.llen(self._location.key(name))
        for name in ("prioritized", "delayed"):
            asked.zcard(self._location.key(name))
        try:
            *waiting, delayed = await asked.execute()
        except TROUBLES as error:
            raise QueueUnavailable(f"BullMQ's queue {self._location.name}: {error}") from error
        return sum(waiting), delayed

    @property
    def _client(self) -> Redis:
        if self._opened is None:
            raise RuntimeError("the queue is not open")
        return self._opened

    # ------------------------------------------------------------------ from outside, not opened

    def inspect(self) -> Inspection:
        if isinstance(self._inner, Inspectable):
            return self._inner.inspect()
        return Inspection(place=f"BullMQ's queue {self._location.name}", there=True)

    def dead_ids(self, prefix: str, limit: int) -> list[str]:
        return self._inner.dead_ids(prefix, limit) if isinstance(self._inner, Inspectable) else []

    async def examine(self) -> Examination:
        return await self._inner.examine() if isinstance(self._inner, Examinable) else Examination()

    # ------------------------------------------------------------------ auzap's own queue

    async def put(self, envelopes: Sequence[Envelope]) -> list[bool]:
        return await self._inner.put(envelopes)

    async def lease(
        self,
        worker: str,
        *,
        lanes: int,
        duration: float,
        wait: float,
        share: Share | None = None,
        side: bool = False,
    ) -> list[Lease]:
        return await self._inner.lease(worker, lanes=lanes, duration=duration, wait=wait, share=share, side=side)

    async def renew(self, leases: Iterable[Lease], *, duration: float) -> set[str]:
        return await self._inner.renew(leases, duration=duration)

    async def ack(self, lease: Lease, ids: Sequence[str]) -> None:
        await self._inner.ack(lease, ids)

    async def bury(self, lease: Lease, ids: Sequence[str], burial: Burial) -> None:
        await self._inner.bury(lease, ids, burial)

    async def retry(self, lease: Lease, ids: Sequence[str], *, delay: float, attempt: bool) -> None:
        await self._inner.retry(lease, ids, delay=delay, attempt=attempt)

    async def defer(self, lease: Lease, until: float) -> None:
        await self._inner.defer(lease, until)

    async def wake(self, tenant: str, instance: str) -> None:
        await self._inner.wake(tenant, instance)

    def blame(self, worker: str, envelope_id: str | None) -> None:
        self._inner.blame(worker, envelope_id)

    async def permit(self, key: str, *, most: int, per: float) -> float:
        return await self._inner.permit(key, most=most, per=per)

    async def dead(self, *, tenant: str | None = None, limit: int = 100, after: str = "") -> list[DeadLetter]:
        return await self._inner.dead(tenant=tenant, limit=limit, after=after)

    async def dead_letter(self, id: str) -> DeadLetter | None:  # noqa: A002
        return await self._inner.dead_letter(id)

    async def revive(self, ids: Sequence[str]) -> int:
        return await self._inner.revive(ids)

    async def purge(self, *, ids: Sequence[str] | None = None, before: float | None = None) -> int:
        return await self._inner.purge(ids=ids, before=before)
