"""Connections on which calls that wait at the same time go together: one when idle, many under load."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from auzap.queues.redis.exchange import AnswerLost, Exchange, Operation, plainly
from auzap.queues.redis.location import Location

__all__ = ["Line"]

#: seconds that a patient call may wait for others to go with
_PATIENT = 0.002
#: calls and bytes that go together at the most: bounds how long the first of them waits
_MOST_CALLS = 64
_MOST_BYTES = 4_000_000


class _Call:
    """One operation on its way."""

    __slots__ = ("doubt", "future", "operation", "unwanted")

    def __init__(
        self,
        operation: Operation,
        future: asyncio.Future[Any],
        unwanted: Callable[[Any], None] | None,
        doubt: Callable[[], None] | None,
    ) -> None:
        self.operation = operation
        self.future = future
        self.unwanted = unwanted
        self.doubt = doubt


class Line:
    """On one connection calls are done in the order in which they came; on several, one may be done before another
    that did not wait for it: the server works for one while this process works with what it told on another.

    :param replicas: that must have what was put before a call returns.
    """

    def __init__(self, exchanges: Sequence[Exchange], location: Location, *, replicas: int = 0) -> None:
        self._exchanges = exchanges
        self._location = location
        self._replicas = replicas
        self._calls: list[_Call] = []
        #: who has nothing to send waits for these; the first one is asked first
        self._idle: dict[int, asyncio.Event] = {}
        self._alarm: asyncio.TimerHandle | None = None
        #: tags of leases that were perhaps given out, and nobody got
        self._astray: list[bytes] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False

    def start(self) -> None:
        """Begin; from now on this belongs to the running event loop."""
        self._closing = False
        self._tasks = [asyncio.create_task(self._run(number)) for number in range(len(self._exchanges))]

    async def close(self) -> None:
        """Send what waits, then end."""
        if not self._tasks:
            return
        self._closing = True
        while self._idle:
            self._wake()
        await asyncio.gather(*self._tasks)
        self._tasks = []
        if self._alarm is not None:
            self._alarm.cancel()

    def call(
        self,
        name: bytes,
        *args: bytes,
        patient: bool = False,
        unwanted: Callable[[Any], None] | None = None,
        doubt: Callable[[], None] | None = None,
    ) -> asyncio.Future[Any]:
        """What an operation of the script tells.

        :param patient: it may wait a moment for others to go with.
        :param unwanted: gets what it tells if nobody waits for it any more.
        :param doubt: called when the answer was lost: perhaps it happened, perhaps not.
        """
        if not self._tasks:
            raise RuntimeError("the queue is not open")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._calls.append(_Call((name, args), future, unwanted, doubt))
        if not patient:
            self._wake()
        elif self._alarm is None:
            self._alarm = loop.call_later(_PATIENT, self._send_patient)
        return future

    def post(self, name: bytes, *args: bytes) -> None:
        """Nobody waits for what it tells: if it is not done, a lease ends by itself, and who waits looks again."""
        if self._tasks:
            self.call(name, *args).add_done_callback(_note)

    def forget(self, tag: bytes) -> None:
        """What was leased with this tag goes back with the next calls."""
        self._astray.append(tag)

    def _send_patient(self) -> None:
        self._alarm = None
        self._wake()

    def _wake(self) -> None:
        if self._idle:
            self._idle.pop(min(self._idle)).set()

    # ------------------------------------------------------------------ the tasks, one a connection

    async def _run(self, number: int) -> None:
        exchange = self._exchanges[number]
        try:
            while (calls := self._next()) or not self._closing:
                if self._calls:
                    self._wake()
                if calls:
                    await self._send(exchange, calls)
                else:
                    self._idle[number] = filled = asyncio.Event()
                    await filled.wait()
            if self._astray:
                await self._send(exchange, [])
        finally:
            self._idle.pop(number, None)
            await exchange.hang_up()

    def _next(self) -> list[_Call]:
        """Those that wait, without those that nobody waits for any more."""
        calls: list[_Call] = []
        size = taken = 0
        for call in self._calls:
            size += sum(map(len, call.operation[1]))
            if calls and (len(calls) == _MOST_CALLS or size > _MOST_BYTES):
                break
            taken += 1
            if not call.future.cancelled():
                calls.append(call)
        del self._calls[:taken]
        return calls

    async def _send(self, exchange: Exchange, calls: list[_Call]) -> None:
        astray, self._astray = self._astray, []
        forget: list[Operation] = [(b"freeing.forget", astray)] if astray else []
        try:
            told, replicas = await exchange.ask(
                [*forget, *(call.operation for call in calls)], after=self._wait_for_replicas()
            )
        except asyncio.CancelledError:
            _fail(calls, AnswerLost(f"queue {self._location.name}: closed"))
            raise
        except Exception as error:  # noqa: BLE001 - told to those who wait for it
            self._astray += astray
            _fail(calls, error)
        else:
            if self._replicas and replicas < self._replicas:
                _fail(calls, AnswerLost(self._too_few(replicas)))
            else:
                _deliver(calls, told[len(forget) :])

    def _wait_for_replicas(self) -> tuple[bytes, int, int] | tuple[()]:
        if not self._replicas:
            return ()
        return b"WAIT", self._replicas, round(self._location.wait_timeout * 1000)

    def _too_few(self, replicas: int) -> str:
        within = f"{self._location.wait_timeout:g} s"
        return f"queue {self._location.name}: {replicas} of {self._replicas} replicas have it after {within}"


def _fail(calls: Sequence[_Call], error: Exception) -> None:
    for call in calls:
        if call.doubt is not None and isinstance(error, AnswerLost):
            call.doubt()
        if not call.future.done():
            call.future.set_exception(plainly(error))


def _note(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()


def _deliver(calls: Sequence[_Call], told: Sequence[Any]) -> None:
    for call, answer in zip(calls, told, strict=True):
        if not call.future.done():
            call.future.set_result(answer)
        elif call.unwanted is not None:
            call.unwanted(answer)
