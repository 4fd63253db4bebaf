"""Notices, from a thread of its own, that the event loop stands still, and says who blocks it."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from auzap.hooks import Calls
from auzap.logs import get_logger

__all__ = ["EXIT_BLOCKED", "Watchdog"]

log = get_logger("auzap.watchdog")

#: the exit code of a process whose loop was blocked for too long
EXIT_BLOCKED = 70

_WARN = 1.0
_END = 30.0
_BEAT = 0.2


class Watchdog:
    """After one second it names tenant, plugin, hook and stack; after thirty it ends the process.

    :param blame: gives the leases back, blaming the turn of a task; called before the end.
    """

    def __init__(self, calls: Calls, blame: Callable[[asyncio.Task[Any] | None], None]) -> None:
        self._calls = calls
        self._blame = blame
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._beat = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="auzap-watchdog", daemon=True)

    def __enter__(self) -> Self:
        self._tick()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        if self._timer is not None:
            self._timer.cancel()
        self._thread.join()

    def _tick(self) -> None:
        self._beat = time.monotonic()
        self._timer = self._loop.call_later(_BEAT, self._tick)

    # ------------------------------------------------------------------ in the thread

    def _watch(self) -> None:
        warned_of = 0.0
        while not self._stopped.wait(_BEAT):
            beat = self._beat
            silent = time.monotonic() - beat
            if silent > _WARN and warned_of != beat:
                warned_of = beat
                self._report("Event loop blocked", silent)
            if silent > _END:
                self._end(silent)

    def _report(self, event: str, silent: float) -> None:
        task = asyncio.current_task(self._loop)
        call = self._calls.current(task) if task is not None else None
        frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 - the only way to see another thread
        log.error(
            event,
            seconds=round(silent, 1),
            organization_id=call.tenant if call is not None else None,
            plugin=call.plugin if call is not None else None,
            hook=call.hook if call is not None else None,
            stack="".join(traceback.format_stack(frame, limit=12)) if frame is not None else None,
        )

    def _end(self, silent: float) -> None:
        self._report("Event loop blocked for too long, ending the process", silent)
        try:
            self._blame(asyncio.current_task(self._loop))
        finally:
            sys.stderr.flush()
            os._exit(EXIT_BLOCKED)
