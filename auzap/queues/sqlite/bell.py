"""Waking those who wait for something to lease."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from pathlib import Path

__all__ = ["Bell"]

#: seconds between two looks at what other processes do; a look costs about 0.1 ms
_LOOK = 0.06


class Bell:
    """Rings for what this process writes, and when a look at the file's version shows that another one has written.

    It rings apart for the two sides: lanes of events, and the others. However many wait, one looks for all of them;
    while nobody waits, nobody looks.
    """

    def __init__(self, path: Path) -> None:
        # ``timeout=0``: the event loop never waits for a lock
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
        self._rung = {False: 0, True: 0}
        self._waiting: dict[asyncio.Future[None], bool] = {}
        self._version: int | None = None
        self._next_look: asyncio.TimerHandle | None = None

    def ring(self, *sides: bool) -> None:
        for side in sides:
            self._rung[side] += 1
        for waiting, side in self._waiting.items():
            if side in sides:
                _wake(waiting)

    def rung(self, side: bool) -> int:
        """How often it rang until now; taken before looking into the file, so that ``heard`` misses nothing."""
        return self._rung[side]

    async def heard(self, side: bool, since: int, timeout: float) -> None:
        """Return when it has rung since then, or after ``timeout`` seconds."""
        if self._rung[side] != since:
            return
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[None] = loop.create_future()
        over = loop.call_later(timeout, _wake, waiting)
        self._waiting[waiting] = side
        if self._next_look is None:
            self._next_look = loop.call_later(_LOOK, self._keep_looking)
        try:
            await waiting
        finally:
            over.cancel()
            del self._waiting[waiting]

    def close(self) -> None:
        """Those who still wait wake, and find the queue closed."""
        self.ring(False, True)
        if self._next_look is not None:
            self._next_look.cancel()
        self._connection.close()

    def _keep_looking(self) -> None:
        self._next_look = None
        if self._waiting:
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


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
