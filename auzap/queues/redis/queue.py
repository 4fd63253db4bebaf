"""The queue as its callers see it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from anyio import CancelScope

from auzap.contract.queue import Burial, DeadLetter, Envelope, Examination, Inspection, Lease, Share, Stats
from auzap.model.errors import ConfigError, LeaseLost
from auzap.queues.redis import examining, inspecting
from auzap.queues.redis.blaming import blame
from auzap.queues.redis.bodies import body_of, burial_text, dedupe_argument, micros, raw
from auzap.queues.redis.desk import Desk
from auzap.queues.redis.exchange import Exchange, Memory
from auzap.queues.redis.keys import Keys
from auzap.queues.redis.letters import DeadLetters
from auzap.queues.redis.line import Line
from auzap.queues.redis.location import Location, location_of
from auzap.queues.redis.script import VERSION, script_for

__all__ = ["RedisQueue"]

#: on which leases are asked for and settled
_CONNECTIONS = 2
#: lanes that one call of the script wakes at the most
_BATCH = 500
#: acks that need not wait for more to go with
_ENOUGH = 16
#: ids of envelopes that were perhaps stored: more than anybody puts again
_MOST_UNSURE = 100_000

_NO_SHARE = Share()
#: what ``put.all`` tells
_ACCEPTED, _SAME = 1, 2
#: what is told of a lease by ``settle.ack`` and the others
_LOST, _KEPT = 0, 1


class RedisQueue:
    """A queue in Redis, shared by any number of processes."""

    def __init__(self, location: Location) -> None:
        self._location = location
        self._keys = Keys(location.prefix)
        self._script = script_for(self._keys)
        self._memory = Memory(location.name)
        self._line = Line([self._exchange() for _ in range(_CONNECTIONS)], location)
        #: what is stored anew is stored in order; where that waits, or is refused, nobody else is kept from settling
        self._putting = Line([self._exchange()], location, replicas=location.wait_replicas)
        self._letters = DeadLetters(self._line)
        self._desk: Desk | None = None
        #: envelopes that were perhaps stored
        self._unsure: dict[str, None] = {}
        #: that are on their way together
        self._acks = 0

    @classmethod
    def from_url(cls, url: str, base: Path) -> Self:
        """See ``location``. :param base: what the paths of certificates are relative to.

        :raises ConfigError: it names no queue.
        """
        return cls(location_of(url, base))

    async def __aenter__(self) -> Self:
        """:raises ConfigError: a wrong password, no such database, a newer auzap's queue, an older Redis."""
        for line in (self._line, self._putting):
            line.start()
        try:
            self._check(await self._line.call(b"census.version"))
        except BaseException:
            await self._close_lines()
            raise
        self._desk = Desk(self._keys, self._memory, self._line, self._exchange)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        desk = self._attended()
        with CancelScope(shield=True):
            await desk.close()
            await self._close_lines()
            self._desk = None

    def _check(self, version: int) -> None:
        if version > VERSION:
            newer = f"written by a newer auzap (version {version} of the keys, this one knows {VERSION})"
            raise ConfigError(f"queue {self._location.name}: {newer}")

    def _exchange(self) -> Exchange:
        return Exchange(self._location, self._script, self._memory)

    def _attended(self) -> Desk:
        if self._desk is None:
            raise RuntimeError("the queue is not open")
        return self._desk

    async def _close_lines(self) -> None:
        for line in (self._line, self._putting):
            await line.close()

    # ------------------------------------------------------------------ from outside, not opened

    def inspect(self) -> Inspection:
        return inspecting.inspect(self._location)

    def dead_ids(self, prefix: str, limit: int) -> list[str]:
        return inspecting.dead_ids(self._location, prefix, limit)

    async def examine(self) -> Examination:
        return await examining.examine(self._location)

    # ------------------------------------------------------------------ in

    async def put(self, envelopes: Sequence[Envelope]) -> list[bool]:
        """Also an envelope whose id is there already is not accepted again."""
        if not envelopes:
            return []
        args: list[bytes] = []
        for one in envelopes:
            due = b"0" if one.not_before is None else micros(one.not_before)
            args += (raw(one.id), body_of(one), due)
        told = await self._putting.call(b"put.all", *args, doubt=partial(self._note_unsure, envelopes))
        return [self._was_accepted(one, status) for one, status in zip(envelopes, told, strict=True)]

    def _note_unsure(self, envelopes: Sequence[Envelope]) -> None:
        """Perhaps they are stored: put again, they are no duplicates, but what was to be stored."""
        if len(self._unsure) < _MOST_UNSURE:
            self._unsure.update(dict.fromkeys(envelope.id for envelope in envelopes))

    def _was_accepted(self, envelope: Envelope, status: int) -> bool:
        if not self._unsure or envelope.id not in self._unsure:
            return status == _ACCEPTED
        del self._unsure[envelope.id]
        return status in (_ACCEPTED, _SAME)

    # ------------------------------------------------------------------ leases

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
        if lanes < 1:
            return []
        return await self._attended().lease(
            worker, lanes=lanes, duration=duration, wait=wait, share=share or _NO_SHARE, side=side
        )

    async def renew(self, leases: Iterable[Lease], *, duration: float) -> set[str]:
        held = list(leases)
        if not held:
            return set()
        args = [micros(duration)]
        for lease in held:
            args += (raw(lease.lane), b"%d" % lease.token)
        told = await self._line.call(b"settle.renew", *args)
        lost = [lease for lease, holds in zip(held, told, strict=True) if not holds]
        for lease in lost:
            self._attended().let_go(lease)
        return {lease.lane for lease in lost}

    async def ack(self, lease: Lease, ids: Sequence[str]) -> None:
        args = [raw(lease.lane), b"%d" % lease.token]
        for one in lease.envelopes:
            if one.id in ids:
                args += (raw(one.id), dedupe_argument(one))
        # it may wait a little: what it settles is done, and known as done elsewhere
        self._acks += 1
        patient = self._acks < min(_ENOUGH, self._attended().held)
        if not patient:
            self._acks = 0
        self._settled(lease, await self._line.call(b"settle.ack", *args, patient=patient))

    async def bury(self, lease: Lease, ids: Sequence[str], burial: Burial) -> None:
        await self._settle(lease, b"settle.bury", burial_text(burial), *map(raw, ids))

    async def retry(self, lease: Lease, ids: Sequence[str], *, delay: float, attempt: bool) -> None:
        await self._settle(lease, b"settle.retry", micros(delay), *map(raw, ids if attempt else ()))

    async def defer(self, lease: Lease, until: float) -> None:
        await self._settle(lease, b"settle.defer", micros(until), raw(lease.envelopes[0].instance))

    async def _settle(self, lease: Lease, name: bytes, *args: bytes) -> None:
        self._settled(lease, await self._line.call(name, raw(lease.lane), b"%d" % lease.token, *args))

    def _settled(self, lease: Lease, status: int) -> None:
        if status != _KEPT:
            self._attended().let_go(lease)
        if status == _LOST:
            raise LeaseLost("the lease is lost: its time is over, or the lane went back")

    async def wake(self, tenant: str, instance: str) -> None:
        while await self._line.call(b"freeing.wake", raw(tenant), raw(instance)) == _BATCH:
            pass

    def blame(self, worker: str, envelope_id: str | None) -> None:
        blame(self._location, self._script, worker, envelope_id)

    # ------------------------------------------------------------------ limits

    async def permit(self, key: str, *, most: int, per: float) -> float:
        told = await self._line.call(b"permit.one", raw(key), b"%d" % most, micros(per))
        return float(told) / 1_000_000

    # ------------------------------------------------------------------ looking, and dead letters

    async def stats(self) -> Stats:
        return Stats(*await self._line.call(b"census.count"))

    async def dead(self, *, tenant: str | None = None, limit: int = 100, after: str = "") -> list[DeadLetter]:
        return await self._letters.some(tenant, limit, after)

    async def dead_letter(self, id: str) -> DeadLetter | None:  # noqa: A002
        return await self._letters.one(id)

    async def revive(self, ids: Sequence[str]) -> int:
        return await self._letters.revive(ids)

    async def purge(self, *, ids: Sequence[str] | None = None, before: float | None = None) -> int:
        """:raises ValueError: neither is given."""
        return await self._letters.purge(ids, before)
