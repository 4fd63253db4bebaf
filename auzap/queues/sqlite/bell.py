"""Waking those who wait for something to lease."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

__all__ = ["Bell", "Watch"]

#: seconds between two looks at what other processes do; a look costs about 0.1 ms
_LOOK = 0.06


class Bell:
    """Rings for what this process writes; what other processes write is seen by looking at the file's version."""

    def __init__(self, path: Path) -> None:
        # ``timeout=0``: the event loop never waits for a lock
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
        self._waiting: set[asyncio.Future[None]] = set()
        #: how often it rang
        self.rung = 0

    def ring(self) -> None:
        self.rung += 1
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    def watch(self) -> Watch:
        """Look out for changes from now on."""
        return Watch(self)

    async def hear(self, waiting: asyncio.Future[None]) -> None:
        """Wait until it rings, or ``waiting`` is done otherwise."""
        self._waiting.add(waiting)
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)

    def version(self) -> int | None:
        """Changes with every write of another connection; None: not known."""
        try:
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:  # locked, away or closed: whoever looks into the file next is told
            return None
        return int(version)

    def close(self) -> None:
        """Those who still wait wake, and find the queue closed."""
        self.ring()
        self._connection.close()


class Watch:
    """Somebody who waits. Made before looking into the file, so that nothing is missed in between."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self._rung = bell.rung
        self._version = bell.version()

    async def changed(self, timeout: float) -> None:
        """Return when something was written since the watch began, or after ``timeout`` seconds."""
        if self._bell.rung != self._rung:
            return
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[None] = loop.create_future()
        self._look_again(waiting, loop.time() + timeout)
        try:
            await self._bell.hear(waiting)
        finally:
            self._timer.cancel()

    # Plain callbacks: to resume a task at every look would cost twice as much.

    def _look_again(self, waiting: asyncio.Future[None], deadline: float) -> None:
        loop = waiting.get_loop()
        self._timer = loop.call_at(min(deadline, loop.time() + _LOOK), self._look, waiting, deadline)

    def _look(self, waiting: asyncio.Future[None], deadline: float) -> None:
        if waiting.done():
            return
        is_over = waiting.get_loop().time() >= deadline
        if is_over or self._version is None or self._version != self._bell.version():
            waiting.set_result(None)
        else:
            self._look_again(waiting, deadline)
