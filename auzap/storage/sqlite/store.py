"""The store on one SQLite file: one writer thread that writes what waits together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from auzap.model.errors import StoreUnavailable
from auzap.sqlite import Writer, connect
from auzap.storage.base import BaseStore
from auzap.storage.sqlite.reader import Reader
from auzap.storage.sqlite.sessions import Sessions
from auzap.storage.sqlite.times import right_now, stamp
from auzap.storage.sqlite.tx import RawTx
from auzap.storage.steps.inbox import record
from auzap.storage.steps.tx import Tx
from auzap.storage.store import Inbound, Recorded

if TYPE_CHECKING:
    import sqlite3

__all__ = ["SqliteStore"]

#: KiB of the writer's page cache
_CACHE = 16_384


class SqliteStore(BaseStore):
    """Implements ``auzap.storage.store.Store``.

    :param before_commit: called before every commit, in the thread that commits.
    :param busy: seconds to wait for another process's write.
    :param tell: the time, aware; tests put it forward.
    """

    def __init__(
        self,
        path: Path,
        *,
        before_commit: Callable[[], None] = lambda: None,
        busy: float = 5.0,
        tell: Callable[[], datetime] | None = None,
    ) -> None:
        self._now = right_now if tell is None else lambda: stamp(tell())
        self._path = path
        self._busy = busy
        self._thread: Writer[Tx] = Writer(
            self._open, name=str(path), away=StoreUnavailable, before_commit=before_commit
        )
        self._looking = Reader(path, busy=busy)
        self._plugins = Sessions(path, busy=busy, hold=self._thread.hold, before_commit=before_commit, tell=self._now)
        super().__init__(writer=self._thread, reader=self._looking, sessions=self._plugins)

    def _open(self) -> tuple[sqlite3.Connection, Tx]:
        connection = connect(self._path, busy=self._busy)
        connection.execute(f"PRAGMA cache_size=-{_CACHE}")
        return connection, RawTx(connection, self._now)

    async def start(self) -> None:
        self._thread.start()

    async def close(self) -> None:
        await self._plugins.close()
        await self._thread.close()
        await self._looking.close()

    async def record(self, arrivals: Sequence[Inbound]) -> list[Recorded]:
        """What goes on to a handler is on the disk with what becomes of it, before anything is sent or acked: until
        then the queue has it.
        """
        done = any(arrival.reason is not None for arrival in arrivals)
        return await self._thread.write(record, arrivals, durable=done)

    def time(self, moment: datetime) -> str:
        return stamp(moment)
