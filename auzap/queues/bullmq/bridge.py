"""The bridge: one job after the other from BullMQ's queue into auzap's own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import anyio
from redis.asyncio import Redis

from auzap.contract.queue import Envelope
from auzap.logs import get_logger
from auzap.model.errors import AuzapError
from auzap.queues.bullmq.jobs import Jobs, Taken
from auzap.queues.bullmq.location import Location
from auzap.queues.bullmq.seat import Seat
from auzap.queues.bullmq.stop import Stop
from auzap.queues.redis.troubles import TROUBLES

__all__ = ["Accept", "Bridge", "Put"]

log = get_logger("auzap.queues")

Accept = Callable[[Any], Sequence[Envelope]]
Put = Callable[[Sequence[Envelope]], Awaitable[list[bool]]]

#: seconds between two attempts to take the seat
_ASK = 0.5
#: seconds, the first and the longest, between two attempts to reach what is away
_FIRST, _LONGEST = 0.05, 2.0
#: seconds granted for what is in hand when it is told to stop
_FINISH = 2.0


class Bridge:
    """Of all processes, the one in the seat takes over; the others wait for it."""

    def __init__(self, client: Redis, location: Location, accept: Accept, put: Put) -> None:
        self._client = client
        self._location = location
        self._accept = accept
        self._put = put
        self._stop = Stop()
        self._seat = Seat(client, location.seat)
        self._away = False
        self._open = False

    async def run(self) -> None:
        """Until cancelled; then what is in hand is finished."""
        stopped = anyio.Event()
        bridging = anyio.CancelScope(shield=True)

        async def bridge() -> None:
            with bridging:
                await self._bridge()
            stopped.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bridge)
            try:
                await stopped.wait()
            finally:
                self._stop.ask()
                with anyio.move_on_after(_FINISH, shield=True):
                    await stopped.wait()
                bridging.cancel()

    async def _bridge(self) -> None:
        delay = _FIRST
        while not self._stop.asked:
            try:
                if await self._seat.take():
                    await self._sit()
                else:
                    await self._stop.sleep(_ASK)
            except Exception as error:  # noqa: BLE001 - told, and tried again: the worker has other things to do
                if self._open:
                    delay = _FIRST
                self._note_away(error)
                await self._stop.sleep(delay)
                delay = min(delay * 2, _LONGEST)
        if self._open:
            log.info("BullMQ bridge closed", queue=self._location.name)

    async def _sit(self) -> None:
        """In the seat, work until it is lost or something is away."""
        failed: Exception | None = None
        try:
            async with anyio.create_task_group() as beside:
                jobs = Jobs(self._client, self._location.prefix, self._location.name, self._seat, self._stop)
                beside.start_soon(self._keep, jobs, beside.cancel_scope)
                try:
                    await self._take_over(jobs)
                except Exception as error:  # noqa: BLE001 - raised below, not in a group
                    failed = error
                beside.cancel_scope.cancel()
        finally:
            await self._seat.leave()
        if failed is not None:
            raise failed

    async def _keep(self, jobs: Jobs, sitting: anyio.CancelScope) -> None:
        """Whoever loses the seat stops at once: another one goes on with what was in hand."""
        async with anyio.create_task_group() as holding:
            holding.start_soon(jobs.hold)
            await self._seat.keep()
            holding.cancel_scope.cancel()
        log.warning("BullMQ bridge lost", queue=self._location.name)
        self._open = False
        sitting.cancel()

    async def _take_over(self, jobs: Jobs) -> None:
        while self._seat.held and not self._stop.asked:
            taken = await jobs.take()
            self._note_open()
            if taken is None:
                await jobs.wait()
            while taken is not None and self._seat.held:
                jobs.in_hand = taken
                taken = await self._end(jobs, taken)
            jobs.in_hand = None

    async def _end(self, jobs: Jobs, taken: Taken) -> Taken | None:
        """Into the queue first, and only then done. Returns the next one, where there is one at once."""
        if taken.unreadable is not None:
            return await jobs.fail(taken, taken.unreadable)
        try:
            envelopes = self._accept(taken.data)
        except Exception as error:  # noqa: BLE001 - a channel is somebody's code; those behind it must go on
            return await jobs.fail(taken, _told(error))
        try:
            accepted = await self._put_patiently(envelopes)
        except (TypeError, ValueError) as error:  # no queue can hold it
            return await jobs.fail(taken, _told(error))
        if accepted is None:
            return None
        return await jobs.complete(taken, {"accepted": sum(accepted), "duplicates": accepted.count(False)})

    async def _put_patiently(self, envelopes: Sequence[Envelope]) -> list[bool] | None:
        """None when told to stop before it is done: the job is the next bridge's."""
        delay = _FIRST
        while True:
            try:
                accepted = await self._put(envelopes)
            except (TypeError, ValueError):
                raise
            except Exception as error:  # noqa: BLE001 - told, and tried again: nothing is lost meanwhile
                self._note_away(error)
            else:
                self._note_open()
                return accepted
            if self._stop.asked:
                return None
            await self._stop.sleep(delay)
            delay = min(delay * 2, _LONGEST)

    # ------------------------------------------------------------------ each change is said once

    def _note_away(self, error: Exception) -> None:
        if isinstance(error, (*TROUBLES, AuzapError)):
            if not self._away:
                log.error("BullMQ bridge waits", queue=self._location.name, error=_told(error))
        else:  # a mistake of ours
            log.error("BullMQ bridge failed", queue=self._location.name, exc_info=error)
        self._away, self._open = True, False

    def _note_open(self) -> None:
        if not self._open:
            log.info("BullMQ bridge open", queue=self._location.name)
        self._away, self._open = False, True


def _told(error: Exception) -> str:
    """In one line."""
    told = " ".join(str(error).split())
    return told if isinstance(error, AuzapError) and told else f"{type(error).__name__}: {told}".removesuffix(": ")
