"""Waiting for something to lease."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from auzap.queues.redis.exchange import AnswerLost, Exchange, plainly
from auzap.queues.redis.keys import Keys

__all__ = ["LOOK", "Bell", "Waiting"]

#: seconds after which who waits looks again, whether it rang or not: bounds what a process costs that took a ring and
#: died. The scripts know it too.
LOOK = 0.5


class Waiting:
    """Somebody who wants a lease as soon as there is something to lease.

    :param args: of ``lease.now``. :param tag: the same as among them.
    :param kept: something is ready, and its share keeps it from that: it waits for other tenants.
    """

    __slots__ = ("args", "future", "kept", "tag", "until")

    def __init__(self, args: Sequence[bytes], tag: bytes, until: float, *, kept: bool) -> None:
        self.args = args
        self.kept = kept
        self.tag = tag
        #: by the monotonic clock
        self.until = until
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()


class Bell:
    """On a connection of its own: a blocking read from the list that has something in it while a lane of this side is
    ready, and right behind it the operation that leases. The server does it the moment that the read ends, so that who
    waits has its lease one way after it was put.

    However many wait, in whatever processes, one ring wakes one of them; while nobody waits, nobody reads.

    :param unwanted: gets what was leased for somebody who does not want it any more.
    :param stop: called with the tag of somebody who waits at the server, and should not any more.
    :param doubt: called with a tag when it is not known whether anything was leased with it.
    """

    def __init__(
        self,
        exchange: Exchange,
        keys: Keys,
        *,
        side: bool,
        unwanted: Callable[[Any], None],
        stop: Callable[[bytes], None],
        doubt: Callable[[bytes], None],
    ) -> None:
        self._exchange = exchange
        self._keys = keys
        self._side = side
        self._unwanted = unwanted
        self._stop = stop
        self._doubt = doubt
        self._line: deque[Waiting] = deque()
        self._first: Waiting | None = None
        self._task: asyncio.Task[None] | None = None

    async def heard(self, args: Sequence[bytes], tag: bytes, timeout: float, *, kept: bool = False) -> Any:
        """What ``lease.now`` tells when it rang, or after ``timeout`` seconds; None if others are before this one.

        :raises QueueUnavailable: the server is away.
        """
        waiting = Waiting(args, tag, time.monotonic() + timeout, kept=kept)
        self._line.append(waiting)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._serve())
        over = asyncio.get_running_loop().call_later(timeout, self._give_up, waiting)
        try:
            return await waiting.future
        except asyncio.CancelledError:
            self._withdraw(waiting)
            raise
        finally:
            over.cancel()

    async def close(self) -> None:
        """Those who still wait wake, and find the queue closed."""
        for waiting in self._line:
            _tell(waiting, None)
        self._line.clear()
        if self._task is not None:
            if self._first is not None:
                self._stop(self._first.tag)
            await asyncio.wait([self._task])
        await self._exchange.hang_up()

    def _give_up(self, waiting: Waiting) -> None:
        """It has stood in line for its whole time; the first of the line is woken by the server instead."""
        if waiting is not self._first and waiting in self._line:
            self._line.remove(waiting)
            _tell(waiting, None)

    def _withdraw(self, waiting: Waiting) -> None:
        if waiting.future.done() and not waiting.future.cancelled():
            if waiting.future.exception() is None and waiting.future.result() is not None:
                self._unwanted(waiting.future.result())
        elif waiting is self._first:
            self._stop(waiting.tag)
        else:
            with suppress(ValueError):
                self._line.remove(waiting)

    # ------------------------------------------------------------------ the task

    async def _serve(self) -> None:
        while self._line:
            self._first = first = self._line.popleft()
            try:
                told = await self._wait_at_the_server(first)
            except Exception as error:  # noqa: BLE001 - told to those who wait
                if isinstance(error, AnswerLost):
                    self._doubt(first.tag)
                self._fail([first, *self._line], error)
            else:
                if not first.future.done():
                    first.future.set_result(told)
                else:
                    self._unwanted(told)
            finally:
                self._first = None

    async def _wait_at_the_server(self, waiting: Waiting) -> Any:
        timeout = max(waiting.until - time.monotonic(), 0.001)
        rings = self._keys.news(side=self._side) if waiting.kept else self._keys.bell(side=self._side)
        read = (b"BLPOP", rings, self._keys.stop(waiting.tag), timeout)
        told, _ = await self._exchange.ask([(b"lease.now", waiting.args)], before=read, longer=timeout)
        return told[0]

    def _fail(self, line: Sequence[Waiting], error: Exception) -> None:
        self._line.clear()
        for waiting in line:
            if not waiting.future.done():
                waiting.future.set_exception(plainly(error))


def _tell(waiting: Waiting, what: Any) -> None:
    if not waiting.future.done():
        waiting.future.set_result(what)
