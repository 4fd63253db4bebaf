"""Stopping where nothing is in hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

__all__ = ["Stop"]


class Stop:
    """Asks one task to stop: its waits end at once, what it has in hand is finished."""

    def __init__(self) -> None:
        self.asked = False
        self._wait: anyio.CancelScope | None = None

    def ask(self) -> None:
        self.asked = True
        if self._wait is not None:
            self._wait.cancel()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around a wait; what is left of the block is skipped when the stop is asked for."""
        with anyio.CancelScope() as self._wait:
            if self.asked:
                self._wait.cancel()
            yield
        self._wait = None

    async def sleep(self, seconds: float) -> None:
        with self.waiting():
            await anyio.sleep(seconds)
