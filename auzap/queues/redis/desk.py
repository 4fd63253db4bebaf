"""Where this process asks for leases."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from secrets import token_hex
from typing import Any

from auzap.contract.queue import Lease, Share
from auzap.queues.redis.bell import LOOK, Bell
from auzap.queues.redis.bodies import lease_of, micros, raw
from auzap.queues.redis.exchange import Exchange, Memory
from auzap.queues.redis.keys import Keys
from auzap.queues.redis.line import Line

__all__ = ["Desk"]


class Desk:
    """Leases, and who waits for one. Where the last look found nothing more, the next one is the bell's."""

    def __init__(self, keys: Keys, memory: Memory, line: Line, exchange: Callable[[], Exchange]) -> None:
        self._memory = memory
        self._line = line
        self._bells = {side: self._bell(keys, exchange(), side) for side in (False, True)}
        #: marks each call of ``lease``, so that what nobody got of it can be found
        self._tag = token_hex(6).encode()
        self._number = count()
        #: side -> until when nothing is ready of which the bell does not ring
        self._quiet: dict[bool, float] = {}
        #: lane -> token of the lease that this process has
        self._held: dict[str, int] = {}
        self._open = True

    def _bell(self, keys: Keys, exchange: Exchange, side: bool) -> Bell:
        return Bell(exchange, keys, side=side, unwanted=self._return, stop=self._stop, doubt=self._line.forget)

    async def close(self) -> None:
        """Those who wait find the queue closed."""
        self._open = False
        for bell in self._bells.values():
            await bell.close()

    @property
    def held(self) -> int:
        """How many leases this process has."""
        return len(self._held)

    def let_go(self, lease: Lease) -> None:
        if self._held.get(lease.lane) == lease.token:
            del self._held[lease.lane]

    async def lease(
        self, worker: str, *, lanes: int, duration: float, wait: float, share: Share, side: bool
    ) -> list[Lease]:
        deadline, kept = time.monotonic() + wait, False
        pause = min(wait, self._quiet.get(side, 0.0) - time.monotonic())
        while self._open:
            self._quiet[side] = 0.0  # where the answer is lost, what was leased goes back with the next direct look
            tag = b"%s%d" % (self._tag, next(self._number))
            args = _lease_args(worker, tag, lanes, duration, share, side)
            hearing = self._bells[side].heard(args, tag, pause, kept=kept) if pause > 0 else self._take(args, tag)
            told = await hearing
            leases, more, due = self._leased(told) if told is not None else ([], True, LOOK)
            self._quiet[side] = 0.0 if more else time.monotonic() + due
            left = deadline - time.monotonic()
            if leases or left <= 0:
                return leases
            kept = told is not None and more
            pause = 0.0 if told is None else min(left, due)
        raise RuntimeError("the queue is not open")

    async def _take(self, args: Sequence[bytes], tag: bytes) -> Any:
        """What is ready now, as ``lease.now`` tells it."""
        taking = self._line.call(b"lease.now", *args, unwanted=self._return, doubt=partial(self._line.forget, tag))
        try:
            return await taking
        except asyncio.CancelledError:
            if taking.done() and not taking.cancelled() and taking.exception() is None:
                self._return(taking.result())
            raise

    def _leased(self, told: list[Any]) -> tuple[list[Lease], bool, float]:
        """The leases; whether there is more; seconds until somebody has to look again, though it does not ring."""
        found, more, due = told
        leases = [lease_of(*one) for one in found]
        for lease in leases:
            self._held[lease.lane] = lease.token
            self._memory.token = max(self._memory.token, lease.token)
        return leases, bool(more), LOOK if due < 0 else min(due / 1_000_000, LOOK)

    def _return(self, told: list[Any]) -> None:
        """What is handed out after the caller was cancelled goes back at once."""
        for lane, token, _ in told[0]:
            self._line.post(b"settle.defer", lane, b"%d" % token, b"0", b"")

    def _stop(self, tag: bytes) -> None:
        self._line.post(b"freeing.stop", tag)


def _lease_args(worker: str, tag: bytes, lanes: int, duration: float, share: Share, side: bool) -> list[bytes]:
    most = b"-1" if share.most is None else b"%d" % max(share.most, 0)
    args = [raw(worker), tag, b"%d" % lanes, b"%d" % side, micros(duration), most]
    if share.most is not None:
        for tenant, held in share.held.items():
            args += (raw(tenant), b"%d" % held)
    return args
