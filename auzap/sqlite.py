"""One writer thread for one SQLite file: what waits is written together, in one transaction.

A write is a function over *all* arguments that wait for it: ``op(tx, [a, b, c]) -> [ra, rb, rc]``. If the joint
transaction fails, each argument is written alone, and only the one that fails gets the error; unless the file itself
is away, which all of them are told at once.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

from auzap.model.errors import Unavailable

__all__ = ["Writer", "connect", "read_only", "told_as", "unwritable"]

Tx = TypeVar("Tx")
A = TypeVar("A")
R = TypeVar("R")
Op = Callable[[Tx, Sequence[A]], Sequence[R]]

#: seconds that somebody who only looks waits for a file that is being recovered
_LOOK = 5.0
#: arguments in one transaction at the most: bounds how long the first of them waits
_GROUP = 256
#: writers that come in a crowd wait so many seconds for the next ones: a transaction costs more than what is in it
_CROWD, _GATHER = 4, 0.001
#: of these SQLite makes a plain DatabaseError
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def connect(path: Path, *, busy: float) -> sqlite3.Connection:
    """Open a file in WAL mode, durable at every commit; transactions are begun by hand.

    :param busy: seconds to wait for another process's write.
    """
    _make_folder(path.parent)
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=1024, timeout=busy
    )
    try:
        _use_wal(connection, busy)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_autocheckpoint=4000")
    except BaseException:
        connection.close()
        raise
    return connection


def read_only(path: Path) -> sqlite3.Connection:
    """Look into a file that is there; nothing is changed, and no file is made beside it."""
    # without a -wal nobody has it open; SQLite would make one, and leave it
    how = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=_LOOK)


def unwritable(path: Path) -> str | None:
    """Why ``connect`` could not write this file, or make it; None when nothing is in the way. Changes nothing."""
    if path.exists():
        if not path.is_file():
            return "is no file"
        if not os.access(path, os.R_OK | os.W_OK):
            return "the file may not be written"
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        return f"{folder} is no folder"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"the folder {folder} may not be written"
    return None


def _make_folder(folder: Path) -> None:
    """Told as SQLite tells of a file that cannot be opened: it is as much away."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        told = sqlite3.OperationalError(f"cannot make the folder {folder}: {error.strerror}")
        told.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
        raise told from error


def _use_wal(connection: sqlite3.Connection, busy: float) -> None:
    """SQLite itself does not wait when two processes change a new file's mode at once."""
    deadline = time.monotonic() + busy
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def told_as(away: type[Unavailable], error: Exception, *, name: str) -> Exception:
    """Tell a file that is away (locked, full, unreadable, damaged) from a mistake in a statement.

    :return: an ``away`` that names the file, or ``error`` itself.
    """
    code = _code(error)
    if isinstance(error, sqlite3.OperationalError):
        is_away = code != sqlite3.SQLITE_ERROR
    else:
        is_away = isinstance(error, sqlite3.DatabaseError) and code in _DAMAGED
    if not is_away:
        return error
    told = away(f"{name}: {error}")
    told.__cause__ = error
    return told


def _code(error: Exception) -> int:
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF


class _Waiting:
    """One argument on its way to the file."""

    __slots__ = ("arg", "durable", "future", "op")

    def __init__(self, op: Any, arg: Any, future: asyncio.Future[Any], durable: bool) -> None:
        self.op = op
        self.arg = arg
        self.future = future
        self.durable = durable


class _Hold:
    """A place in the line during which the thread stands still."""

    __slots__ = ("granted", "released")

    def __init__(self, granted: asyncio.Future[None]) -> None:
        self.granted = granted
        self.released = threading.Event()


class Writer(Generic[Tx]):
    """Owns the only writing connection of this process to one file.

    :param open: called in the thread; gives the raw connection and what ``op`` is handed as its transaction.
    :param name: of the thread and of the file in error messages.
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
        self._name = name
        self._away = away
        self._before_commit = before_commit
        self._items: deque[_Waiting | _Hold | None] = deque()
        self._filled = threading.Event()
        self._opened: tuple[sqlite3.Connection, Tx] | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        #: wakes the thread for what may wait
        self._alarm: asyncio.TimerHandle | None = None
        self._closed = False
        #: how the connection commits
        self._durably = True

    def start(self) -> None:
        """Begin; from now on this belongs to the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def write(
        self,
        op: Callable[[Tx, Sequence[A]], Sequence[R | Exception]],
        arg: A,
        *,
        wait: float = 0.0,
        durable: bool = True,
    ) -> R:
        """Durable when it returns.

        :param wait: seconds that it may wait for others to be written with.
        :param durable: if not, a crash of this process undoes nothing of it, but a power cut may; what is written
            durably after it takes it to the disk too.

        An exception among the results is raised to its own caller alone; what the others wrote stands.
        Once begun it is finished, also when the caller is cancelled.

        :raises Unavailable: the file is away; nothing was written.
        """
        return await self.submit(op, arg, wait=wait, durable=durable)

    def submit(
        self,
        op: Callable[[Tx, Sequence[A]], Sequence[R | Exception]],
        arg: A,
        *,
        wait: float = 0.0,
        durable: bool = True,
    ) -> asyncio.Future[R]:
        """As ``write``. What is submitted without a pause between goes together, in this order."""
        future: asyncio.Future[R] = self._running_loop().create_future()
        self._put(_Waiting(op, arg, future, durable), wait)
        return future

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

    def _put(self, item: _Waiting | _Hold, wait: float = 0.0) -> None:
        self._items.append(item)
        if not wait:
            if not self._filled.is_set():  # it is seen all the same: the thread looks after it has cleared this
                self._filled.set()
        elif self._alarm is None:
            self._alarm = self._running_loop().call_later(wait, self._wake)

    def _wake(self) -> None:
        self._alarm = None
        self._filled.set()

    # ------------------------------------------------------------------ in the thread

    def _run(self) -> None:
        going, crowded = True, False
        while going:
            self._filled.wait()
            self._filled.clear()
            while self._items and going:
                if crowded and not self._closed:
                    time.sleep(_GATHER)
                crowded = len(self._items) >= _CROWD
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
            # one by one, each of them would wait for the same lock again
            if len(group) == 1 or isinstance(self._told(error), self._away):
                results = [(item, None, self._told(error)) for item in group]
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
        self._commit_durably(connection, any(item.durable for item in group))
        connection.execute("BEGIN IMMEDIATE")
        try:
            for op, items in by_op.items():
                got = op(tx, [item.arg for item in items])
                results.extend(_told_apart(item, result) for item, result in zip(items, got, strict=True))
            self._before_commit()
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return results

    def _commit_durably(self, connection: sqlite3.Connection, durably: bool) -> None:
        """In WAL mode NORMAL is consistent after whatever happens, but does not wait for the disk."""
        if durably is not self._durably:
            connection.execute(f"PRAGMA synchronous={'FULL' if durably else 'NORMAL'}")
            self._durably = durably

    def _told(self, error: Exception) -> Exception:
        return told_as(self._away, error, name=self._name)

    def _call(self, function: Callable[[Any], None], arg: Any) -> None:
        assert self._loop is not None  # noqa: S101 - start() came first
        try:
            self._loop.call_soon_threadsafe(function, arg)
        except RuntimeError:  # the loop is closed: nobody waits any more
            if isinstance(arg, _Hold):
                arg.released.set()


def _told_apart(item: _Waiting, result: Any) -> tuple[_Waiting, Any, Exception | None]:
    return (item, None, result) if isinstance(result, Exception) else (item, result, None)


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
