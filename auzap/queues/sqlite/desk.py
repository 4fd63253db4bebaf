"""Where this process asks for leases, and where those who wait get theirs."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from typing import Any, TypeVar

from auzap.contract.queue import Envelope, Lease
from auzap.model.errors import QueueUnavailable
from auzap.queues.sqlite import leasing, putting, settling
from auzap.queues.sqlite.bell import Bell, Caller
from auzap.queues.sqlite.lanes import is_side
from auzap.queues.sqlite.leasing import Taken, Wanted
from auzap.sqlite import Writer

__all__ = ["Desk"]

R = TypeVar("R")

_PutAndTaken = tuple[list[bool], list[Taken]]


class Desk:
    """What is put wakes who waits with the lease itself: it is taken in the transaction that stores what it is for.

    A transaction costs more than what is in it. So nobody looks, either, as long as the last look found nothing more,
    but of tenants that had their share and still have it, and nobody has rung since.
    """

    def __init__(self, writer: Writer[sqlite3.Connection], bell: Bell) -> None:
        self._writer = writer
        self._bell = bell
        #: side -> how often it had rung when nothing more was ready, until when that is so, and who had its share
        self._quiet: dict[bool, tuple[int, float, frozenset[str]]] = {}
        #: what may hand out leases that nobody waits for any more, and those on their way back
        self._under_way: set[asyncio.Future[Any]] = set()
        self._closed = False

    async def close(self) -> None:
        """What nobody waits for any more has gone back; those who still wait find the queue closed."""
        while self._under_way:
            await asyncio.wait(self._under_way)
        self._closed = True
        self._bell.close()

    # ------------------------------------------------------------------ in

    async def put(self, envelopes: Sequence[Envelope]) -> list[bool]:
        callers = [
            waiting[0] for side in {is_side(one.kind) for one in envelopes} if (waiting := self._bell.callers(side))
        ]
        for caller in callers:
            caller.is_served = True
        writing = self._writer.submit(putting.put, (envelopes, [caller.wanted() for caller in callers]))
        self._watch(writing, partial(self._stored, envelopes, callers))
        accepted, _ = await asyncio.shield(writing)
        return accepted

    def _stored(
        self, envelopes: Sequence[Envelope], callers: Sequence[Caller], writing: asyncio.Future[_PutAndTaken]
    ) -> None:
        """Also when who put it has been cancelled meanwhile."""
        if writing.exception() is not None:
            for caller in callers:
                self._serve(caller, None)
            return
        accepted, taken = writing.result()
        sides = {is_side(one.kind) for one, new in zip(envelopes, accepted, strict=True) if new}
        for caller, got in zip(callers, taken, strict=True):
            if not (got.more or self._bell.callers(caller.side)):
                sides.discard(caller.side)
            self._serve(caller, got)
        self._bell.ring(*sides)

    def _serve(self, caller: Caller, taken: Taken | None) -> None:
        if not caller.woken.done():
            caller.woken.set_result(taken)
        elif taken is not None:
            self._give_back(taken.leases)

    # ------------------------------------------------------------------ out

    async def lease(self, side: bool, wait: float, wanted: Callable[[], Wanted]) -> list[Lease]:
        """:param wanted: what, at the moment."""
        deadline = time.monotonic() + wait
        taken, rung = None, self._bell.rung(side)
        until = self._quiet_until(side, rung, wanted()) if wait > 0 else None
        while True:
            if until is None:
                taken = taken or await self._take(wanted())
                until = inf if taken.due is None else taken.due
                self._quiet[side] = rung, 0.0 if taken.more else until, taken.full
                if taken.leases or time.monotonic() >= deadline:
                    return taken.leases
            left = min(deadline - time.monotonic(), until - time.time())
            taken, until = await self._wait(Caller(side, wanted), rung, left), None
            if taken is None:
                rung = self._bell.rung(side)

    def _quiet_until(self, side: bool, rung: int, wanted: Wanted) -> float | None:
        """None: something may be ready."""
        since, until, full = self._quiet.get(side, (-1, 0.0, frozenset()))
        has_room = any(wanted.most is None or wanted.held.get(tenant, 0) < wanted.most for tenant in full)
        return until if since == rung and until > time.time() and not has_room else None

    async def _wait(self, caller: Caller, rung: int, seconds: float) -> Taken | None:
        try:
            return await self._bell.heard(caller, rung, seconds)
        except asyncio.CancelledError:
            if caller.woken.done() and not caller.woken.cancelled() and (taken := caller.woken.result()) is not None:
                self._give_back(taken.leases)
            raise

    async def _take(self, wanted: Wanted) -> Taken:
        """What the file hands out after the caller was cancelled goes back at once."""
        if self._closed:
            raise RuntimeError("the queue is not open")
        taking = self._writer.submit(leasing.lease, wanted)
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            self._watch(taking, self._return_taken)
            raise

    def _return_taken(self, taking: asyncio.Future[Taken]) -> None:
        if taking.exception() is None:  # else nothing was taken
            self._give_back(taking.result().leases)

    def _give_back(self, leases: Sequence[Lease]) -> None:
        self._watch(asyncio.ensure_future(self._return(leases)))

    def _watch(self, future: asyncio.Future[R], then: Callable[[asyncio.Future[R]], None] | None = None) -> None:
        self._under_way.add(future)
        if then is not None:
            future.add_done_callback(then)
        future.add_done_callback(self._under_way.discard)

    async def _return(self, leases: Sequence[Lease]) -> None:
        try:
            back = [settling.Deferring(lease, until=0) for lease in leases]
            await asyncio.gather(*(self._writer.write(settling.defer, lease) for lease in back))
        except QueueUnavailable:
            return  # it comes back when the leases end
        self._bell.ring(False, True)
