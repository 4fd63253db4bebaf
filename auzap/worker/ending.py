"""The last resort at the end: what plugins made may not end by itself."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

from auzap.logs import get_logger
from auzap.model.errors import Unavailable

__all__ = ["end_after"]

log = get_logger("auzap.worker")


def end_after(seconds: float, give_back: Callable[[], None], plugins: Callable[[], list[str]]) -> threading.Timer:
    """End the process with exit code 0, unless it has ended by itself until then, or the timer is cancelled.

    For a task that swallows its cancellation, or a transaction that nobody closes: the work is given back, and nothing
    else must keep the process from ending.

    :param give_back: returns the leases; called in another thread.
    :param plugins: tells those whose calls go on.
    """
    timer = threading.Timer(seconds, _end, [give_back, plugins])
    timer.daemon = True
    timer.start()
    return timer


def _end(give_back: Callable[[], None], plugins: Callable[[], list[str]]) -> None:
    log.error("Ended by force: something does not end by itself", plugins=plugins())
    try:
        give_back()
    except Unavailable:
        log.exception("Leases not given back: they end by themselves")
    finally:
        sys.stderr.flush()
        os._exit(0)
