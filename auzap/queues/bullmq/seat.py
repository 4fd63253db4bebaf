"""The one seat at a BullMQ queue: of all processes, one takes its jobs over."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import anyio
from redis.asyncio import Redis

from auzap.model.keys import new_id
from auzap.queues.bullmq.scripts import LEAVE, SIT
from auzap.queues.redis.troubles import TROUBLES

__all__ = ["BRIDGES", "Seat"]

#: what the tokens of all bridges begin with; BullMQ's own workers have UUIDs
BRIDGES = "auzap:"
#: seconds after which the seat of a process that died is free
_DURATION = 3.0
_RENEW = 1.0
#: seconds granted to Redis for giving the seat back
_LEAVE = 1.0


class Seat:
    """Held for some seconds, renewed, and lost by whoever cannot renew it.

    The token is also the lock that this process holds on a BullMQ job.
    """

    def __init__(self, client: Redis, key: str) -> None:
        self.key = key
        self.token = f"{BRIDGES}{new_id()}"
        self._client = client
        self._sit: Any = client.register_script(SIT)
        self._leave: Any = client.register_script(LEAVE)
        self._until = 0.0

    @property
    def held(self) -> bool:
        """By this process's clock, which began to count before Redis did: while it is, nobody else sits here."""
        return time.monotonic() < self._until

    async def take(self) -> bool:
        """Whether it is ours now."""
        asked = time.monotonic()
        if await self._sit(keys=[self.key], args=[self.token, int(_DURATION * 1000)]):
            self._until = asked + _DURATION
        return self.held

    async def keep(self) -> None:
        """Renew it; return when it is lost."""
        while self.held:
            await anyio.sleep(_RENEW)
            if self.held:
                # away: it is lost when its time is over
                with suppress(*TROUBLES), anyio.move_on_after(_RENEW):
                    await self.take()

    async def leave(self) -> None:
        """The next one need not wait."""
        self._until = 0.0
        with suppress(*TROUBLES), anyio.move_on_after(_LEAVE, shield=True):
            await self._leave(keys=[self.key], args=[self.token])
