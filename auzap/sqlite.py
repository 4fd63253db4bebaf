"""One writer thread for one SQLite file: what waits is written together, in one transaction.

A write is a function over *all* arguments that wait for it: ``op(tx, [a, b, c]) -> [ra, rb, rc]``. If the joint
transaction fails, each argument is written alone, and only the one that fails gets the error.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

from auzap.model.errors import Unavailable

__all__ = ["Writer", "connect"]

Tx = TypeVar("Tx")
A = TypeVar("A")
R = TypeVar("R")
Op = Callable[[Tx, Sequence[A]], Sequence[R]]

#: arguments in one transaction at the most: bounds how long the first of them waits
_GROUP = 256


def connect(path: Path, *, busy: float) -> sqlite3.Connection:
    """Open a file in WAL mode, durable at every commit; transactions are begun by hand.

    :param busy: seconds to wait for another process's write.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=256, timeout=busy
    )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA wal_autocheckpoint=4000")
    return connection


class _Waiting:
    """One argument on its way to the file."""

    __slots__ = ("arg", "future", "op")

    def __init__(self, op: Any, arg: Any, future: asyncio.Future[Any]) -> None:
        self.op = op
        self.arg = arg
        self.future = future


class _Hold:
    """A place in the line during which the thread stands still."""

    __slots__ = ("granted", "released")

    def __init__(self, granted: asyncio.Future[None]) -> None:
        self.granted = granted
        self.released = threading.Event()


class Writer(Generic[Tx]):
    """Owns the only writing connection of this process to one file.

    :param open: called in the thread; gives the raw connection and what ``op`` is handed as its transaction.
    :param away: what a locked, full or unreadable file is raised as.
    :param before_commit: called in the thread before every commit.
    """

    def __init__(
        self,
        open: Callable[[], tuple[sqlite3.Connection, Tx]],  # noqa: A002
        *,
        name: str,
        away: type[Unavailable],
        before_commit: Callable[[], None] = lambda: None,
    ) -> None:
        self._open = open
        self._away = away
        self._before_commit = before_commit
        self._items: deque[_Waiting | _Hold | None] = deque()
        self._filled = threading.Event()
        self._opened: tuple[sqlite3.Connection, Tx] | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def start(self) -> None:
        """Begin; from now on this belongs to the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def write(self, op: Callable[[Tx, Sequence[A]], Sequence[R]], arg: A) -> R:
        """Durable when it returns.

        Once begun it is finished, also when the caller is cancelled.

        :raises Unavailable: the file is away; nothing was written.
        """
        future: asyncio.Future[R] = self._running_loop().create_future()
        self._put(_Waiting(op, arg, future))
        return await future

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """Keep this process from writing: for a transaction on a connection of one's own."""
        hold = _Hold(self._running_loop().create_future())
        self._put(hold)
        try:
            await hold.granted
            yield
        finally:
            hold.released.set()

    async def close(self) -> None:
        """Write what waits, then end."""
        if self._closed:
            return
        self._closed = True
        self._items.append(None)
        self._filled.set()
        if self._loop is not None:
            await asyncio.to_thread(self._thread.join)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None or self._closed:
            raise RuntimeError("the writer is not running")
        return self._loop

    def _put(self, item: _Waiting | _Hold) -> None:
        self._items.append(item)
        self._filled.set()

    # ------------------------------------------------------------------ in the thread

    def _run(self) -> None:
        going = True
        while going:
            self._filled.wait()
            self._filled.clear()
            while self._items and going:
                going = self._step()
        if self._opened is not None:
            self._opened[0].close()

    def _step(self) -> bool:
        """Take the next group, or stand still for a hold. False at the end."""
        group: list[_Waiting] = []
        while self._items and len(group) < _GROUP:
            item = self._items[0]
            if not isinstance(item, _Waiting):
                if group:
                    break
                self._items.popleft()
                if item is None:
                    return False
                self._stand_still(item)
                return True
            self._items.popleft()
            group.append(item)
        self._write(group)
        return True

    def _stand_still(self, hold: _Hold) -> None:
        self._call(_grant, hold.granted)
        hold.released.wait()

    def _write(self, group: list[_Waiting]) -> None:
        try:
            results = self._transaction(group)
        except Exception as error:  # noqa: BLE001 - told to whoever waits for it
            if len(group) == 1:
                results = [(group[0], None, self._told(error))]
            else:
                for item in group:
                    self._write([item])
                return
        self._call(_deliver, results)

    def _transaction(self, group: list[_Waiting]) -> list[tuple[_Waiting, Any, Exception | None]]:
        if self._opened is None:
            self._opened = self._open()
        connection, tx = self._opened
        by_op: dict[Any, list[_Waiting]] = {}
        for item in group:
            by_op.setdefault(item.op, []).append(item)
        results: list[tuple[_Waiting, Any, Exception | None]] = []
        connection.execute("BEGIN IMMEDIATE")
        try:
            for op, items in by_op.items():
                got = op(tx, [item.arg for item in items])
                results.extend((item, result, None) for item, result in zip(items, got, strict=True))
            self._before_commit()
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return results

    def _told(self, error: Exception) -> Exception:
        """Tell a file that is away from a mistake in a statement."""
        if isinstance(error, sqlite3.OperationalError) and not isinstance(error, self._away):
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            if code != sqlite3.SQLITE_ERROR:
                told = self._away(str(error))
                told.__cause__ = error
                return told
        return error

    def _call(self, function: Callable[[Any], None], arg: Any) -> None:
        assert self._loop is not None  # noqa: S101 - start() came first
        try:
            self._loop.call_soon_threadsafe(function, arg)
        except RuntimeError:  # the loop is closed: nobody waits any more
            if isinstance(arg, _Hold):
                arg.released.set()


def _grant(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _deliver(results: list[tuple[_Waiting, Any, Exception | None]]) -> None:
    for item, result, error in results:
        if item.future.done():
            continue
        if error is None:
            item.future.set_result(result)
        else:
            item.future.set_exception(error)
