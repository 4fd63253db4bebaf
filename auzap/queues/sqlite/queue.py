"""The queue as its callers see it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from anyio import CancelScope

from auzap.contract.queue import Burial, DeadLetter, Envelope, Inspection, Lease, Share, Stats
from auzap.model.errors import LeaseLost, QueueUnavailable
from auzap.queues.sqlite import census, freeing, inspecting, leasing, letters, permits, settling
from auzap.queues.sqlite.bell import Bell
from auzap.queues.sqlite.desk import Desk
from auzap.queues.sqlite.lanes import is_side
from auzap.queues.sqlite.location import file_of
from auzap.queues.sqlite.schema import open_file, opened
from auzap.sqlite import Writer

__all__ = ["SqliteQueue"]

#: seconds that an ack may wait for the next lease: what it settles is done, and known as done elsewhere
_PATIENT = 0.003

A = TypeVar("A")
R = TypeVar("R")


class SqliteQueue:
    """A queue in one SQLite file, shared by the processes of one machine.

    :param busy: seconds to wait for another process's write before the queue counts as away.
    """

    def __init__(self, path: Path, *, busy: float = 5.0) -> None:
        self._path = path
        self._busy = busy
        self._name = f"queue {path}"
        self._writer = Writer(self._open, name=self._name, away=QueueUnavailable)
        self._bell: Bell | None = None
        self._desk: Desk | None = None

    @classmethod
    def from_url(cls, url: str, base: Path) -> Self:
        """``sqlite:///relative.db`` (to ``base``) or ``sqlite:////absolute.db``; folders are made when it is opened.

        :raises ConfigError: it names no file.
        """
        return cls(file_of(url, base))

    async def __aenter__(self) -> Self:
        """:raises ConfigError: the file is something else, or a newer auzap's."""
        self._writer.start()
        try:
            await self._writer.write(_open_only, None)
            self._bell = Bell(self._path)
            self._desk = Desk(self._writer, self._bell)
        except BaseException:
            await self._writer.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        desk = self._attended()
        with CancelScope(shield=True):
            await desk.close()
            self._desk = self._bell = None
            await self._writer.close()

    # ------------------------------------------------------------------ from outside, not opened

    def inspect(self) -> Inspection:
        return inspecting.inspect(self._path)

    def dead_ids(self, prefix: str, limit: int) -> list[str]:
        return inspecting.dead_ids(self._path, prefix, limit)

    # ------------------------------------------------------------------ in

    async def put(self, envelopes: Sequence[Envelope]) -> list[bool]:
        """Also an envelope whose id is there already is not accepted again."""
        if not envelopes:
            return []
        return await self._attended().put(envelopes)

    # ------------------------------------------------------------------ leases

    async def lease(
        self,
        worker: str,
        *,
        lanes: int,
        duration: float,
        wait: float,
        share: Share | None = None,
        side: bool = False,
    ) -> list[Lease]:
        if lanes < 1:
            return []
        share = share or Share()

        def wanted() -> leasing.Wanted:
            return leasing.Wanted(
                worker=worker, lanes=lanes, side=side, duration=duration, most=share.most, held=dict(share.held)
            )

        return await self._attended().lease(side, wait, wanted)

    async def renew(self, leases: Iterable[Lease], *, duration: float) -> set[str]:
        held = list(leases)
        return await self._writer.write(settling.renew, settling.Renewal(held, duration)) if held else set()

    async def ack(self, lease: Lease, ids: Sequence[str]) -> None:
        await self._settle(lease, settling.ack, (lease, ids), wait=_PATIENT)

    async def bury(self, lease: Lease, ids: Sequence[str], burial: Burial) -> None:
        await self._settle(lease, settling.bury, settling.Burying(lease, ids, burial))

    async def retry(self, lease: Lease, ids: Sequence[str], *, delay: float, attempt: bool) -> None:
        await self._settle(lease, settling.retry, settling.Retrying(lease, ids if attempt else (), delay))

    async def defer(self, lease: Lease, until: float) -> None:
        await self._settle(lease, settling.defer, settling.Deferring(lease, until))

    async def wake(self, tenant: str, instance: str) -> None:
        while not await self._writer.write(freeing.wake, (tenant, instance)):
            self._watched().ring(False, True)
        self._watched().ring(False, True)

    def blame(self, worker: str, envelope_id: str | None) -> None:
        with opened(self._path, busy=self._busy) as connection:
            connection.execute("BEGIN IMMEDIATE")
            freeing.blame(connection, worker, envelope_id)
            connection.execute("COMMIT")

    # ------------------------------------------------------------------ limits

    async def permit(self, key: str, *, most: int, per: float) -> float:
        return await self._writer.write(permits.permit, permits.Place(key, most, per))

    # ------------------------------------------------------------------ looking, and dead letters

    async def stats(self) -> Stats:
        return await self._read(census.count)

    async def dead(self, *, tenant: str | None = None, limit: int = 100, after: str = "") -> list[DeadLetter]:
        return await self._read(lambda connection: letters.find_all(connection, tenant, limit, after))

    async def dead_letter(self, id: str) -> DeadLetter | None:  # noqa: A002
        return await self._read(lambda connection: letters.find(connection, id))

    async def revive(self, ids: Sequence[str]) -> int:
        revived = 0
        for some in _in_batches(ids):
            revived += await self._writer.write(letters.revive, some)
            self._watched().ring(False, True)
        return revived

    async def purge(self, *, ids: Sequence[str] | None = None, before: float | None = None) -> int:
        """:raises ValueError: neither is given."""
        if ids is not None:
            limit = float("inf") if before is None else before
            return sum([await self._writer.write(letters.purge, (some, limit)) for some in _in_batches(ids)])
        if before is None:
            raise ValueError("purge what? name ids, or a time before which they were buried")
        purged = some_purged = await self._writer.write(letters.purge_old, before)
        while some_purged == letters.BATCH:
            some_purged = await self._writer.write(letters.purge_old, before)
            purged += some_purged
        return purged

    # ------------------------------------------------------------------ inside

    def _open(self) -> tuple[sqlite3.Connection, sqlite3.Connection]:
        connection = open_file(self._path, busy=self._busy)
        return connection, connection

    def _watched(self) -> Bell:
        if self._bell is None:
            raise RuntimeError("the queue is not open")
        return self._bell

    def _attended(self) -> Desk:
        if self._desk is None:
            raise RuntimeError("the queue is not open")
        return self._desk

    async def _settle(
        self,
        lease: Lease,
        op: Callable[[sqlite3.Connection, Sequence[A]], Sequence[settling.Settled]],
        arg: A,
        *,
        wait: float = 0.0,
    ) -> None:
        settled = await self._writer.write(op, arg, wait=wait)
        if settled == "lost":
            raise LeaseLost("the lease is lost: its time is over, or the lane went back")
        if settled == "back":
            self._watched().ring(is_side(lease.envelopes[0].kind))

    async def _read(self, look: Callable[[sqlite3.Connection], R]) -> R:
        return await asyncio.to_thread(self._look, look)

    def _look(self, look: Callable[[sqlite3.Connection], R]) -> R:
        """On a connection of its own: readers wait for nobody, and nobody for them."""
        with opened(self._path, busy=self._busy) as connection:
            connection.execute("BEGIN")
            return look(connection)


def _open_only(_: sqlite3.Connection, asked: Sequence[None]) -> Sequence[None]:
    return asked


def _in_batches(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + letters.BATCH] for start in range(0, len(ids), letters.BATCH)]
