"""Worker threads for plugins written with plain ``def``: a few a tenant, and a hung one keeps its place."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Coroutine
from queue import SimpleQueue
from typing import Any

from auzap.hooks.calls import Implementation

__all__ = ["AllBusy", "LeftBehind", "Threads"]


class AllBusy(Exception):
    """The call ended before a thread was free; the message says who holds them."""


class LeftBehind(Exception):
    """The call ended before its thread did; the message says what that means."""


class _Job:
    """One call on its way through a thread."""

    __slots__ = ("_context", "_one", "_tell", "_values", "left")

    def __init__(
        self, one: Implementation, values: tuple[object, ...], tell: Callable[[_Job, Any, BaseException | None], None]
    ) -> None:
        self._one = one
        self._values = values
        self._tell = tell
        self._context = contextvars.copy_context()
        #: nobody waits for it any more
        self.left = False

    def __str__(self) -> str:
        name = f"{self._one.plugin}.{self._one.hook}"
        return f"{name} (left behind)" if self.left else name

    def run(self) -> None:
        """In the thread. No error leaves it, be it SystemExit: it belongs to whoever waits."""
        try:
            value = self._context.run(self._one.call, self._values)
        except BaseException as error:  # noqa: BLE001 - told to whoever waits
            self._tell(self, None, error)
        else:
            self._tell(self, value, None)


class Threads:
    """The threads of one tenant. They are daemons: one that hangs does not keep the process from ending.

    Each is started when first needed and ends when this object is no longer used.
    """

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._places = asyncio.Semaphore(size)
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._started = 0
        #: what a thread works on, also what was left behind
        self._going: set[_Job] = set()
        weakref.finalize(self, _dismiss, self._jobs, size).atexit = False

    async def run(self, one: Implementation, values: tuple[object, ...]) -> Any:
        """Call it in a thread; a coroutine that it returns is awaited here.

        Cancelled, the thread is left behind: it goes on, and its place is free only when it has ended.

        :raises AllBusy: cancelled before a thread was free.
        :raises LeftBehind: cancelled while the thread was at work.
        """
        try:
            await self._places.acquire()
        except asyncio.CancelledError as error:
            raise AllBusy(self._busy()) from error
        value = await self._in_thread(one, values)
        return await value if isinstance(value, Coroutine) else value

    async def _in_thread(self, one: Implementation, values: tuple[object, ...]) -> Any:
        loop = asyncio.get_running_loop()
        # the error travels as a value: a future takes no StopIteration, and SystemExit would end the loop
        told: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

        def ended(job: _Job, value: Any, error: BaseException | None) -> None:
            self._going.discard(job)
            self._places.release()
            if not told.done():
                told.set_result((value, error))
            elif isinstance(value, Coroutine):
                value.close()

        def tell(job: _Job, value: Any, error: BaseException | None) -> None:
            try:
                loop.call_soon_threadsafe(ended, job, value, error)
            except RuntimeError:
                return  # the loop is closed: the process ends, nobody waits any more

        job = _Job(one, values, tell)
        self._start(job)
        try:
            value, error = await told
        except asyncio.CancelledError as cancelled:
            job.left = True
            what = f"its thread is left behind and keeps one of {self._size} places until it ends"
            raise LeftBehind(what) from cancelled
        if error is not None:
            raise error
        return value

    def _start(self, job: _Job) -> None:
        try:
            if len(self._going) == self._started:
                name = f"auzap-{self._name}-{self._started + 1}"
                threading.Thread(target=_work, args=(self._jobs,), name=name, daemon=True).start()
                self._started += 1
        except RuntimeError:  # the system gives no more threads
            self._places.release()
            raise
        self._going.add(job)
        self._jobs.put(job)

    def _busy(self) -> str:
        held = Counter(map(str, self._going))
        names = ", ".join(f"{count} x {name}" for name, count in sorted(held.items()))
        return f"all {self._size} threads of the tenant are busy: {names}"


def _work(jobs: SimpleQueue[_Job | None]) -> None:
    """A thread's life. It knows only the queue, so that it keeps no tenant alive."""
    while (job := jobs.get()) is not None:
        job.run()
        del job  # an idle thread keeps nothing of its last call


def _dismiss(jobs: SimpleQueue[_Job | None], size: int) -> None:
    for _ in range(size):
        jobs.put(None)
