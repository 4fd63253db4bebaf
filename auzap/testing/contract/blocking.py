"""Notices, from a thread of its own, which line of a plugin the event loop stands still in."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections import Counter
from types import FrameType, TracebackType
from typing import Self

from auzap.hooks import Calls

__all__ = ["Sampler"]

#: seconds that nothing may block the loop
_MOST = 0.2
_LOOK = 0.02
#: looks that found the same call still going on in the plugin's own code: one that found it may be chance
_SAME = 6


class Sampler:
    """:param files: the plugin's own."""

    def __init__(self, calls: Calls, files: frozenset[str]) -> None:
        self._calls = calls
        self._files = files
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._beat = 0
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = threading.Event()
        #: hook and place -> seconds
        self._found: dict[tuple[str, str], float] = {}
        self._thread = threading.Thread(target=self._watch, name="auzap-sampler", daemon=True)

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

    def findings(self) -> list[str]:
        return [
            f"blocking: {hook} blocks the event loop for {seconds * 1000:.0f} ms at {place}; await something else, "
            "or use anyio.to_thread.run_sync"
            for (hook, place), seconds in self._found.items()
        ]

    def _tick(self) -> None:
        self._beat += 1
        self._timer = self._loop.call_later(_LOOK / 2, self._tick)

    # ------------------------------------------------------------------ in the thread

    def _watch(self) -> None:
        beat, since, places = -1, 0.0, Counter[str]()
        while not self._stopped.wait(_LOOK):
            if beat != self._beat:
                beat, since, places = self._beat, time.monotonic(), Counter()
                continue
            place = self._place()
            if place is not None:
                places[place] += 1
            lasted = time.monotonic() - since
            if lasted > _MOST and places.total() >= _SAME:
                self._note(places.most_common(1)[0][0], lasted)

    def _place(self) -> str | None:
        """The innermost line of the plugin's that the loop's thread is in."""
        frame: FrameType | None = sys._current_frames().get(self._thread_id)  # noqa: SLF001 - no other way to see it
        while frame is not None:
            if frame.f_code.co_filename in self._files:
                return f"{frame.f_code.co_filename}:{frame.f_lineno}"
            frame = frame.f_back
        return None

    def _note(self, place: str, lasted: float) -> None:
        task = asyncio.current_task(self._loop)
        call = self._calls.current(task) if task is not None else None
        key = (call.hook if call is not None else "a task", place)
        self._found[key] = max(lasted, self._found.get(key, 0.0))
