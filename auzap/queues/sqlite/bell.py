"""Waking those who wait for something to lease."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from auzap.queues.sqlite.leasing import Taken, Wanted

__all__ = ["Bell", "Caller"]

#: seconds between two looks at what other processes do; a look costs about 0.1 ms
_LOOK = 0.06


class Caller:
    """Somebody who waits for something to lease.

    :param wanted: what, at the moment.
    """

    __slots__ = ("is_served", "side", "wanted", "woken")

    def __init__(self, side: bool, wanted: Callable[[], Wanted]) -> None:
        self.side = side
        self.wanted = wanted
        #: gets what was leased for it, or None: it is to look itself
        self.woken: asyncio.Future[Taken | None] = asyncio.get_running_loop().create_future()
        #: something is being leased for it
        self.is_served = False


class Bell:
    """Rings for what this process writes, and when a look at the file's version shows that another one has written.

    It rings apart for the two sides: lanes of events, and the others. However many wait, one looks for all of them;
    while nobody waits, nobody looks.
    """

    def __init__(self, path: Path) -> None:
        # ``timeout=0``: the event loop never waits for a lock
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
        self._rung = {False: 0, True: 0}
        #: in the order in which they came
        self._callers: dict[Caller, None] = {}
        self._version: int | None = None
        self._next_look: asyncio.TimerHandle | None = None

    def ring(self, *sides: bool) -> None:
        for side in sides:
            self._rung[side] += 1
        for caller in self._callers:
            if caller.side in sides:
                _wake(caller)

    def rung(self, side: bool) -> int:
        """How often it rang until now; taken before looking into the file, so that ``heard`` misses nothing."""
        return self._rung[side]

    def callers(self, side: bool) -> list[Caller]:
        """Who waits and is not woken yet; the one who has waited longest comes first."""
        return [one for one in self._callers if one.side == side and not (one.is_served or one.woken.done())]

    async def heard(self, caller: Caller, since: int, timeout: float) -> Taken | None:
        """Return when it has rung since then, or after ``timeout`` seconds, or when it was leased for."""
        if self._rung[caller.side] != since:
            return None
        loop = asyncio.get_running_loop()
        over = loop.call_later(timeout, _wake, caller)
        self._callers[caller] = None
        if self._next_look is None:
            self._next_look = loop.call_later(_LOOK, self._keep_looking)
        try:
            return await caller.woken
        finally:
            over.cancel()
            del self._callers[caller]

    def close(self) -> None:
        """Those who still wait wake, and find the queue closed."""
        self.ring(False, True)
        if self._next_look is not None:
            self._next_look.cancel()
        self._connection.close()

    def _keep_looking(self) -> None:
        self._next_look = None
        if self._callers:
            self._look()
            self._next_look = asyncio.get_running_loop().call_later(_LOOK, self._keep_looking)

    def _look(self) -> None:
        """Ring if any connection but this one has written since the last look, however long ago that was."""
        version: int | None = None
        with suppress(sqlite3.OperationalError):  # locked or away: whoever is woken looks into the file, and is told
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version is None or version != self._version:
            self._version = version
            self.ring(False, True)


def _wake(caller: Caller) -> None:
    if not (caller.is_served or caller.woken.done()):
        caller.woken.set_result(None)
