"""Notices, from a thread of its own, that the event loop stands still, and says who blocks it."""

from __future__ import annotations

import asyncio
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from auzap.hooks import Calls
from auzap.logs import get_logger
from auzap.model.errors import Unavailable
from auzap.worker.monitor import LoopMonitor

__all__ = ["END", "EXIT_BLOCKED", "Watchdog"]

log = get_logger("auzap.watchdog")

#: the exit code of a process whose loop was blocked for too long
EXIT_BLOCKED = 70

#: seconds after which the process ends
END = 30.0
_WARN = 1.0
_BEAT = 0.2


class Watchdog(LoopMonitor):
    """After one second it names tenant, plugin, hook and stack; after thirty it ends the process.

    :param blame: gives the leases back, blaming the turn of a task; called before the end.
    :param end: seconds after which the process ends.
    """

    def __init__(self, calls: Calls, blame: Callable[[asyncio.Task[Any] | None], None], *, end: float = END) -> None:
        super().__init__(calls, name="auzap-watchdog", beat=_BEAT)
        self._blame = blame
        self._end_after = end

    def watch(self) -> None:
        beat, silent, warned = self.beat, 0.0, False
        looked, worked = time.monotonic(), time.process_time()
        while not self.stopped.wait(_BEAT):
            now, work = time.monotonic(), time.process_time()
            # Where this thread did not run and nothing worked, the whole process stood still (SIGSTOP, a frozen
            # container): that is nobody's fault.
            passed = min(now - looked, 2 * _BEAT + work - worked)
            looked, worked = now, work
            if beat != self.beat:
                beat, silent, warned = self.beat, 0.0, False
                continue
            silent += passed
            if silent > _WARN and not warned:
                warned = True
                self._report("Event loop blocked", silent)
            if silent > self._end_after:
                self._end(silent)

    def _report(self, event: str, silent: float) -> None:
        call, frame = self.call(), self.frame()
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
            self._blame(self.task())
        except Unavailable:
            log.exception("Leases not given back: they end by themselves")
        finally:
            sys.stderr.flush()
            os._exit(EXIT_BLOCKED)
