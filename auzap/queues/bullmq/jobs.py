"""Jobs of a BullMQ queue, taken one at a time and given their end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import anyio
from redis.asyncio import Redis

from auzap.logs import get_logger
from auzap.queues.bullmq.client import BLOCK
from auzap.queues.bullmq.scripts import ADOPT
from auzap.queues.bullmq.seat import BRIDGES, Seat
from auzap.queues.bullmq.stop import Stop
from auzap.queues.redis.troubles import TROUBLES

__all__ = ["Jobs", "Taken"]

log = get_logger("auzap.queues")

#: milliseconds for which a job in hand is ours; renewed while it is
_LOCK = 5000
#: seconds between two looks for jobs that nobody works on any more
_LOOK = 5.0


@dataclass(frozen=True, slots=True)
class Taken:
    """A job in hand."""

    #: BullMQ's own
    job: Any
    #: why it cannot be read
    unreadable: str | None = None

    @property
    def id(self) -> str:
        return str(self.job.id)

    @property
    def data(self) -> Any:
        return self.job.data


class Jobs:
    """What a BullMQ worker does with its queue, without its loop: order is kept, and waits end when told to.

    Its state is in Redis, so one of these is made anew whenever the seat was taken.
    """

    def __init__(self, client: Redis, prefix: str, name: str, seat: Seat, stop: Stop) -> None:
        from bullmq import Job, Worker  # type: ignore[import-untyped]
        from bullmq.custom_errors import UnrecoverableError  # type: ignore[import-untyped]

        options = {"connection": client, "prefix": prefix, "lockDuration": _LOCK, "runRetryDelay": 500}
        self._bullmq = Worker(name, None, options)
        self._bullmq.on("error", self._log_error)
        self._job: Any = Job
        #: what BullMQ raises when a job is not as it must be for what it is asked to do
        self._refusals: tuple[type[Exception], ...] = (TypeError, UnrecoverableError)
        self._name = name
        self._client = client
        self._seat = seat
        self._stop = stop
        self._adopt: Any = client.register_script(ADOPT)
        self._next_look = 0.0
        self.in_hand: Taken | None = None

    async def take(self) -> Taken | None:
        """The next job, if there is one now: first what nobody works on any more, which came before the others."""
        return await self._abandoned() or await self._first()

    async def wait(self) -> None:
        """Until a job is added or due, or for a while."""
        limited, due = self._bullmq.limitUntil / 1000, self._bullmq.blockUntil / 1000
        self._bullmq.blockUntil = 0
        if limited > 0:
            await self._stop.sleep(min(limited, BLOCK))
            return
        wait = min(due - time.time(), BLOCK) if due else BLOCK
        with self._stop.waiting():
            await self._client.bzpopmin(self._bullmq.backend.keys["marker"], timeout=max(wait, 0.01))

    async def complete(self, taken: Taken, result: Mapping[str, int]) -> Taken | None:
        """It is done: nothing of it stays, unless its producer said how much should.

        :return: the next one, where it came with the answer.
        """
        job = taken.job
        job.opts["removeOnComplete"] = _kept(job.opts.get("removeOnComplete"))
        try:
            raw = await job.moveToCompleted(dict(result), self._seat.token, self._goes_on())
        except self._refusals as error:  # one of its children failed, or it is in our hands no more
            return await self.fail(taken, str(error))
        return await self._read(raw)

    async def fail(self, taken: Taken, reason: str) -> Taken | None:
        """It goes to BullMQ's failed jobs for good, and stays there.

        :return: as ``complete`` does.
        """
        job = taken.job
        job.discarded = True  # the same configuration would refuse it again
        job.attempts = 1
        job.opts.update(attempts=1, removeOnFail=False, stackTraceLimit=0)
        try:
            raw = await job.moveToFailed(reason, self._seat.token, self._goes_on())
        except self._refusals as error:
            log.warning("Job was taken away", queue=self._name, job_id=taken.id, error=str(error))
            self._next_look = 0.0
            return None
        log.warning("Job refused", queue=self._name, job_id=taken.id, reason=reason)
        return await self._read(raw)

    async def hold(self) -> None:
        """Renew the lock of what is in hand; until cancelled."""
        while True:
            await anyio.sleep(_LOCK / 5000)
            if self.in_hand is not None:
                with suppress(*TROUBLES):  # then another bridge adopts it, and what we do to it is refused
                    await self._bullmq.backend.extendLocks([self.in_hand.id], [self._seat.token], _LOCK)

    # ------------------------------------------------------------------ taking

    def _goes_on(self) -> bool:
        return self._seat.held and not self._stop.asked and time.monotonic() < self._next_look

    async def _abandoned(self) -> Taken | None:
        if time.monotonic() < self._next_look:
            return None
        backend = self._bullmq.backend
        found = await self._adopt(
            keys=[backend.keys["active"], self._seat.key],
            args=[backend.keys[""], self._seat.token, _LOCK, BRIDGES],
        )
        if found is None:
            self._next_look = time.monotonic() + _LOOK
            return None
        fields, id_ = found
        return await self._read([dict(zip(fields[::2], fields[1::2], strict=True)), id_, 0, 0])

    async def _first(self) -> Taken | None:
        return await self._read(await self._bullmq.backend.moveToActive(self._seat.token, self._bullmq.opts))

    async def _read(self, raw: Any) -> Taken | None:
        fields, id_, limited, due = raw or (None, None, 0, 0)
        try:
            job = await self._bullmq.nextJobFromJobData(fields, id_, limited or 0, due or 0, self._seat.token)
        except TROUBLES:
            raise
        except Exception as error:  # noqa: BLE001 - whatever BullMQ's reader makes of what is no job
            return Taken(self._job(self._bullmq, "", None, {}, id_), f"not readable: {error}")
        return None if job is None else Taken(job)

    def _log_error(self, error: object, *_: object) -> None:
        log.warning("BullMQ says", queue=self._name, error=str(error))


def _kept(told: Any) -> Any:
    """How many finished jobs stay, as the producer said it; none where it said nothing, or nothing BullMQ knows."""
    if isinstance(told, dict):
        known = {key: told[key] for key in ("age", "count", "limit") if isinstance(told.get(key), int)}
        return known or True
    return told if isinstance(told, int) else True
