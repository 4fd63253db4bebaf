"""A worker that ends itself with SIGKILL when its turns pass a point for the n-th time.

python doomed.py config.yaml POINT N
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import anyio

from auzap.config import load
from auzap.logs import configure
from auzap.storage.urls import is_postgres
from auzap.worker.serve import serve


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def doom(point: str, nth: int, *, in_thread: bool) -> Callable[[str], None]:
    """An observer that kills.

    ``in_handler`` comes before the first plugin is asked, so the kill is put off until handlers are under way; and
    ``before_persist`` until the transaction is about to be committed: the writer thread's, for in the main thread the
    plugins' own are (``turn.once`` of other turns).

    :param in_thread: the database is written by a thread, which is so with files alone.
    """
    left = nth
    armed = False

    def reached(name: str) -> None:
        nonlocal left, armed
        if armed and name == "before_commit":
            in_main = threading.current_thread() is threading.main_thread()
            if not (in_thread and in_main):
                die()
        if name != point:
            return
        left -= 1
        if left > 0:
            return
        if point == "in_handler":
            asyncio.get_running_loop().call_later(0.003, die)
        elif point == "before_persist":
            armed = True
        else:
            die()

    return reached


if __name__ == "__main__":
    configure(json=True)
    config = load(Path(sys.argv[1]))
    doomed = doom(sys.argv[2], int(sys.argv[3]), in_thread=not is_postgres(config.database.dsn))
    anyio.run(lambda: serve(config, reached=doomed))
