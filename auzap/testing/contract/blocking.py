"""Notices, from a thread of its own, which line of a plugin the event loop stands still in."""

from __future__ import annotations

import time
from collections import Counter

from auzap.hooks import Calls
from auzap.worker.monitor import LoopMonitor

__all__ = ["Sampler"]

#: seconds that nothing may block the loop
_MOST = 0.2
_LOOK = 0.02
#: looks that found the same call still going on in the plugin's own code: one that found it may be chance
_SAME = 6


class Sampler(LoopMonitor):
    """:param files: the plugin's own."""

    def __init__(self, calls: Calls, files: frozenset[str]) -> None:
        super().__init__(calls, name="auzap-sampler", beat=_LOOK / 2)
        self._files = files
        #: hook and place -> seconds
        self._found: dict[tuple[str, str], float] = {}

    def findings(self) -> list[str]:
        return [
            f"blocking: {hook} blocks the event loop for {seconds * 1000:.0f} ms at {place}; await something else, "
            "or use anyio.to_thread.run_sync"
            for (hook, place), seconds in self._found.items()
        ]

    # ------------------------------------------------------------------ in the thread

    def watch(self) -> None:
        beat, since, places = -1, 0.0, Counter[str]()
        while not self.stopped.wait(_LOOK):
            if beat != self.beat:
                beat, since, places = self.beat, time.monotonic(), Counter()
                continue
            place = self._place()
            if place is not None:
                places[place] += 1
            lasted = time.monotonic() - since
            if lasted > _MOST and places.total() >= _SAME:
                self._note(places.most_common(1)[0][0], lasted)

    def _place(self) -> str | None:
        """The innermost line of the plugin's that the loop's thread is in."""
        frame = self.frame()
        while frame is not None:
            if frame.f_code.co_filename in self._files:
                return f"{frame.f_code.co_filename}:{frame.f_lineno}"
            frame = frame.f_back
        return None

    def _note(self, place: str, lasted: float) -> None:
        call = self.call()
        key = (call.hook if call is not None else "a task", place)
        self._found[key] = max(lasted, self._found.get(key, 0.0))
