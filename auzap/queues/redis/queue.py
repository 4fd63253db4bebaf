"""The queue as its callers see it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Any, Self

from anyio import CancelScope

from auzap.contract.queue import Burial, DeadLetter, Envelope, Examination, Inspection, Lease, Share, Stats
from auzap.model.errors import ConfigError, LeaseLost
from auzap.queues.redis import examining, inspecting
from auzap.queues.redis.bell import LOOK, Bell
from auzap.queues.redis.blaming import blame
from auzap.queues.redis.bodies import (
    body_of,
    burial_text,
    dedupe_argument,
    lease_of,
    letter_of,
    micros,
    raw,
)
from auzap.queues.redis.exchange import Exchange, Memory
from auzap.queues.redis.keys import Keys
from auzap.queues.redis.line import Line
from auzap.queues.redis.location import Location, location_of
from auzap.queues.redis.script import VERSION, script_for

__all__ = ["RedisQueue"]

#: seconds between two looks of somebody whose share keeps him from what is ready
_SHARE_LOOK = 0.05
#: dead letters, or lanes, that one call of the script handles at the most
_BATCH = 500
#: dead letters that one call brings here: their payloads may be long
_LETTERS = 50
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
        self._line = Line(self._exchange(), location)
        replicas = location.wait_replicas
        #: what waits for replicas keeps nobody else waiting
        self._putting = Line(self._exchange(), location, replicas=replicas) if replicas else self._line
        self._bells: dict[bool, Bell] = {}
        #: set when this process puts something: for those whom their share keeps from what is ready
        self._news = asyncio.Event()
        self._open = False
        #: marks each call of ``lease``, so that what nobody got of it can be found
        self._tag = token_hex(6).encode()
        self._number = count()
        #: envelopes that were perhaps stored
        self._unsure: dict[str, None] = {}
        #: lane -> token of the lease that this process has
        self._held: dict[str, int] = {}
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
        for line in {self._line, self._putting}:
            line.start()
        try:
            self._check(await self._line.call(b"census.version"))
        except BaseException:
            await self._close_lines()
            raise
        self._bells = {side: self._bell(side) for side in (False, True)}
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        self._news.set()
        with CancelScope(shield=True):
            for bell in self._bells.values():
                await bell.close()
            await self._close_lines()

    def _check(self, version: int) -> None:
        if version > VERSION:
            newer = f"written by a newer auzap (version {version} of the keys, this one knows {VERSION})"
            raise ConfigError(f"queue {self._location.name}: {newer}")

    def _exchange(self) -> Exchange:
        return Exchange(self._location, self._script, self._memory)

    def _bell(self, side: bool) -> Bell:
        return Bell(
            self._exchange(),
            self._keys,
            side=side,
            unwanted=self._return,
            stop=self._stop,
            doubt=self._line.forget,
        )

    async def _close_lines(self) -> None:
        for line in {self._line, self._putting}:
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
        self._news.set()
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
        share = share or _NO_SHARE
        deadline = time.monotonic() + wait
        pause = 0.0
        while True:
            self._news.clear()
            tag = b"%s%d" % (self._tag, next(self._number))
            args = _lease_args(worker, tag, lanes, duration, share, side)
            told = await (self._bells[side].heard(args, tag, pause) if pause else self._take(args, tag))
            leases, limited, due = self._leased(told) if told is not None else ([], False, -1)
            left = deadline - time.monotonic()
            if leases or left <= 0:
                return leases
            if not self._open:
                raise RuntimeError("the queue is not open")
            pause = 0.0 if told is None else _until(left, due)
            if limited:
                await self._hear_news(min(pause, _SHARE_LOOK))
                pause = 0.0

    async def _take(self, args: Sequence[bytes], tag: bytes) -> Any:
        """What is ready now, as ``lease.now`` tells it."""
        taking = self._line.call(b"lease.now", *args, unwanted=self._return, doubt=partial(self._line.forget, tag))
        try:
            return await taking
        except asyncio.CancelledError:
            if taking.done() and not taking.cancelled() and taking.exception() is None:
                self._return(taking.result())
            raise

    def _leased(self, told: list[Any]) -> tuple[list[Lease], bool, int]:
        """The leases; whether there is more, but beyond the share; microseconds until something is due, or -1."""
        found, limited, due = told
        leases = [lease_of(*one) for one in found]
        for lease in leases:
            self._held[lease.lane] = lease.token
            self._memory.token = max(self._memory.token, lease.token)
        return leases, bool(limited), due

    def _return(self, told: list[Any]) -> None:
        """What is handed out after the caller was cancelled goes back at once."""
        for lane, token, _ in told[0]:
            self._line.post(b"settle.defer", lane, b"%d" % token, b"0", b"")

    def _stop(self, tag: bytes) -> None:
        self._line.post(b"freeing.stop", tag)

    async def _hear_news(self, timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                await self._news.wait()
        except TimeoutError:
            return

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
            self._let_go(lease)
        return {lease.lane for lease in lost}

    async def ack(self, lease: Lease, ids: Sequence[str]) -> None:
        args = [raw(lease.lane), b"%d" % lease.token]
        for one in lease.envelopes:
            if one.id in ids:
                args += (raw(one.id), dedupe_argument(one))
        # it may wait a little: what it settles is done, and known as done elsewhere
        self._acks += 1
        patient = self._acks < min(_ENOUGH, len(self._held))
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
            self._let_go(lease)
        if status == _LOST:
            raise LeaseLost("the lease is lost: its time is over, or the lane went back")

    def _let_go(self, lease: Lease) -> None:
        if self._held.get(lease.lane) == lease.token:
            del self._held[lease.lane]

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
        found: list[DeadLetter] = []
        last, whose = raw(after), () if tenant is None else (raw(tenant),)
        while len(found) < limit:
            some = min(_LETTERS, limit - len(found))
            told = await self._line.call(b"letters.some", last, b"%d" % some, *whose)
            found += [letter_of(*one) for one in told if None not in one]
            if len(told) < some:
                break
            last = told[-1][0]
        return found

    async def dead_letter(self, id: str) -> DeadLetter | None:  # noqa: A002
        told = await self._line.call(b"letters.one", raw(id))
        return None if told is None or None in told else letter_of(*told)

    async def revive(self, ids: Sequence[str]) -> int:
        return await self._in_batches(b"letters.revive", ids)

    async def purge(self, *, ids: Sequence[str] | None = None, before: float | None = None) -> int:
        """:raises ValueError: neither is given."""
        if ids is not None:
            return await self._in_batches(b"letters.purge", ids, micros(float("inf") if before is None else before))
        if before is None:
            raise ValueError("purge what? name ids, or a time before which they were buried")
        purged = 0
        while some := await self._line.call(b"letters.purge_old", micros(before), b"%d" % _BATCH):
            purged += some
        return purged

    async def _in_batches(self, name: bytes, ids: Sequence[str], *args: bytes) -> int:
        done = 0
        for start in range(0, len(ids), _BATCH):
            done += await self._line.call(name, *args, *map(raw, ids[start : start + _BATCH]))
        return done


def _lease_args(worker: str, tag: bytes, lanes: int, duration: float, share: Share, side: bool) -> list[bytes]:
    most = b"-1" if share.most is None else b"%d" % max(share.most, 0)
    args = [raw(worker), tag, b"%d" % lanes, b"%d" % side, micros(duration), most]
    if share.most is not None:
        for tenant, held in share.held.items():
            args += (raw(tenant), b"%d" % held)
    return args


def _until(left: float, due: int) -> float:
    """Seconds until the next look.

    :param due: microseconds until something is, or -1.
    """
    soonest = min(left, LOOK)
    return soonest if due < 0 else min(soonest, due / 1_000_000)
