"""Notice a save: what it leaves behind is read when it has settled.

Folders are watched, not files: editors and Kubernetes put a new file, or a new link, in the place of the old one. What
counts is what is in the files, not when they were written.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio
import anyio.to_thread
from watchfiles import watch

from auzap.logs import get_logger
from auzap.worker.places import Places, places_of
from auzap.worker.swap import Swapper

__all__ = ["watch_files"]

log = get_logger("auzap.swap")

#: milliseconds of silence after which a change is told, and the longest until it is told all the same: a database in
#: the same folder is never silent
_SILENCE, _LONGEST = 100, 400
#: milliseconds between two looks where the system tells nothing
_POLL = 1000
#: seconds for which what was read has to stay the same, and the longest that is waited for it: whoever writes a file
#: after the other must not keep all of them from taking effect
_SETTLED, _UNSETTLED = 0.1, 0.8


async def watch_files(swapper: Swapper) -> None:
    """Have the configuration read again when it says something else; until cancelled."""
    changed = _Signal()
    swapper.when_read(changed.set)
    while True:
        places = await _places(swapper)
        with _watched(places, changed.set):
            while places == await _places(swapper):
                await _ask_if_stale(swapper)
                await changed.wait()


async def _places(swapper: Swapper) -> Places:
    return await anyio.to_thread.run_sync(places_of, swapper.seen, abandon_on_cancel=True)


async def _ask_if_stale(swapper: Swapper) -> None:
    seen, before = swapper.seen, None
    until = anyio.current_time() + _UNSETTLED
    while True:
        now = await anyio.to_thread.run_sync(seen.look, abandon_on_cancel=True)
        if not seen.differs(now):
            return
        if now == before or anyio.current_time() >= until:
            if swapper.seen is seen:  # else it was read meanwhile
                swapper.ask()
            return
        before = now
        await anyio.sleep(_SETTLED)


class _Signal:
    def __init__(self) -> None:
        self._event = anyio.Event()

    def set(self) -> None:
        self._event.set()

    async def wait(self) -> None:
        """For one since the last wait."""
        await self._event.wait()
        self._event = anyio.Event()


@contextmanager
def _watched(places: Places, changed: Callable[[], None]) -> Iterator[None]:
    loop, stop = asyncio.get_running_loop(), threading.Event()

    def tell() -> None:
        if not stop.is_set():
            loop.call_soon_threadsafe(changed)

    thread = threading.Thread(target=_watch, args=(places, stop, tell), name="auzap-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()  # it ends soon: nobody waits for it


def _watch(places: Places, stop: threading.Event, tell: Callable[[], None]) -> None:
    """In the thread. Where the system cannot tell of changes, such as with too many watches, it looks for them."""
    try:
        _tell_changes(places, stop, tell, poll=False)
    except (OSError, RuntimeError) as error:
        log.warning("Files cannot be watched, looking at them instead", error=str(error))
        try:
            _tell_changes(places, stop, tell, poll=True)
        except (OSError, RuntimeError) as again:
            log.error("Files are not watched: use `auzap reload`", error=str(again))  # noqa: TRY400 - the machine's


def _tell_changes(places: Places, stop: threading.Event, tell: Callable[[], None], *, poll: bool) -> None:
    changes = watch(
        *places.folders,
        watch_filter=lambda _, path: places.concern(path),
        debounce=_LONGEST,
        step=_SILENCE,
        stop_event=stop,
        raise_interrupt=False,
        force_polling=poll or None,
        poll_delay_ms=_POLL,
        recursive=False,
        ignore_permission_denied=True,
    )
    for _ in changes:
        tell()
