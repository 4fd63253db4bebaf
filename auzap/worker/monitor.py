"""A thread beside the event loop, which sees whether the loop still turns."""

from __future__ import annotations

import asyncio
import sys
import threading
from abc import ABC, abstractmethod
from types import FrameType, TracebackType
from typing import Self

from auzap.hooks import Call, Calls

__all__ = ["LoopMonitor"]


class LoopMonitor(ABC):
    """A context manager, entered in the loop. A subclass says in ``watch`` what its thread does.

    :param name: of the thread.
    :param beat: seconds between two beats of the loop.
    """

    def __init__(self, calls: Calls, *, name: str, beat: float) -> None:
        self._calls = calls
        self._seconds = beat
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._timer: asyncio.TimerHandle | None = None
        self._thread = threading.Thread(target=self.watch, name=name, daemon=True)
        #: counted by the loop: the same as before, and it stands still
        self.beat = 0
        self.stopped = threading.Event()

    def __enter__(self) -> Self:
        self._tick()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopped.set()
        if self._timer is not None:
            self._timer.cancel()
        self._thread.join()

    def _tick(self) -> None:
        self.beat += 1
        self._timer = self._loop.call_later(self._seconds, self._tick)

    # ------------------------------------------------------------------ in the thread

    @abstractmethod
    def watch(self) -> None:
        """Until ``stopped``."""

    def task(self) -> asyncio.Task[object] | None:
        """The one that the loop is in."""
        return asyncio.current_task(self._loop)

    def call(self) -> Call | None:
        """The hook call that the loop is in."""
        task = self.task()
        return self._calls.current(task) if task is not None else None

    def frame(self) -> FrameType | None:
        """The innermost one of the loop's thread."""
        return sys._current_frames().get(self._loop_thread)  # noqa: SLF001 - the only way to see another thread
