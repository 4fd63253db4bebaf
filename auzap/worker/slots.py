"""Slots: how many turns are handled or sent at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from time import monotonic

__all__ = ["Slot", "Slots"]

#: turns that hold a slot for less seconds than that, on average, are brisk
_BRISK = 0.02
#: weight of the newest in that average
_NEWEST = 0.05
#: turns that are looked at before anything is said of them
_FIRST = 32
#: lanes that may wait for each slot while turns are brisk, and for all of them
_AHEAD, _MOST_AHEAD = 3, 32
#: seconds for which a lane waits for a slot: somebody else may have one free
_PATIENT = 0.5


class Slots:
    """``worker.concurrency`` of them.

    While turns are brisk, lanes are leased ahead: they are recorded while others are handled, so that a slot never
    waits for the queue and groups of writes are larger. Once turns take long, none is leased for which there is no
    slot; and one that has waited too long for it is given back.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._taken = 0
        self._waiting: deque[asyncio.Future[bool]] = deque()
        self._closed = False
        self._average = _BRISK / 2
        self._seen = 0

    @property
    def lanes(self) -> int:
        """How many lanes may be in hand."""
        brisk = self._seen >= _FIRST and self._average < _BRISK
        return self._count + min(self._count * _AHEAD, _MOST_AHEAD) if brisk else self._count

    def close(self) -> None:
        """Whoever has no slot gets none any more."""
        self._closed = True
        while self._waiting:
            self._grant(self._waiting.popleft(), granted=False)

    async def take(self) -> bool:
        """False: there is none in time."""
        if self._taken < self._count:
            self._taken += 1
            return True
        if self._closed:
            return False
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(waiting)
        late = loop.call_later(_PATIENT, self._grant, waiting)
        try:
            return await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled() and waiting.result():
                self._pass_on()
            raise
        finally:
            late.cancel()
            with suppress(ValueError):
                self._waiting.remove(waiting)

    def give_back(self, held: float) -> None:
        """:param held: for how many seconds."""
        self._seen += 1
        self._average += (held - self._average) * _NEWEST
        self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            if self._grant(self._waiting.popleft(), granted=True):
                return
        self._taken -= 1

    def _grant(self, waiting: asyncio.Future[bool], *, granted: bool = False) -> bool:
        if waiting.done():
            return False
        waiting.set_result(granted)
        return True


class Slot:
    """The slot of one lane: taken for a turn that is handled or sent, given back when only notes are left to write."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._since: float | None = None

    async def take(self) -> bool:
        """False: there is none in time."""
        if self._since is None and await self._slots.take():
            self._since = monotonic()
        return self._since is not None

    def give_back(self) -> None:
        if self._since is not None:
            held, self._since = monotonic() - self._since, None
            self._slots.give_back(held)
