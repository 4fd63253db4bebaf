"""What waits at the same time is written together: one transaction, a few statements.

Two connections write: while a group waits for the disk, or for a row that somebody has locked, the other takes the next
one. More of them would make groups smaller and dearer.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import asyncpg
from sqlalchemy.util.concurrency import greenlet_spawn

from auzap.model.errors import ConfigError, StoreUnavailable
from auzap.storage.postgres.errors import is_locked, is_refused, passes, said, told
from auzap.storage.postgres.link import Base, Link
from auzap.storage.postgres.swift import LEFT, SWIFT, Plan
from auzap.storage.postgres.tx import ServerTx
from auzap.storage.steps.tx import Tx

__all__ = ["Writer"]

A = TypeVar("A")
R = TypeVar("R")

_CONNECTIONS: Final = 2
#: arguments in one transaction at the most: bounds how long the first of them waits
_GROUP: Final = 256
#: how often a transaction is begun anew because others were quicker
_ATTEMPTS: Final = 6
#: seconds between two of them at the most
_PAUSE: Final = 0.05
#: seconds that a group waits for a locked row; whoever is alone waits longer, and holds nobody up
_SHORT: Final = 0.5
#: seconds beside that for all statements of a transaction
_SLOW: Final = 20.0


class Writer:
    """
    :param busy: seconds to wait for what others have locked.
    :param before_commit: called before every commit.
    """

    def __init__(self, base: Base, *, busy: float, before_commit: Callable[[], None]) -> None:
        self._base = base
        self._busy = busy
        self._before_commit = before_commit
        self._links = [Link(base, wait=min(busy, _SHORT)) for _ in range(_CONNECTIONS)]
        self._items: deque[_Waiting] = deque()
        self._idle: list[asyncio.Future[None]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = True

    def start(self) -> None:
        """Begin; from now on this belongs to the running event loop."""
        self._closed = False
        self._tasks = [asyncio.create_task(self._run(link), name="postgres writer") for link in self._links]

    async def write(self, op: Callable[[Tx, Sequence[A]], Sequence[R | Exception]], arg: A) -> R:
        """Durable when it returns.

        An exception among the results is raised to its own caller alone; what the others wrote stands.
        Once begun it is finished, also when the caller is cancelled.

        :raises StoreUnavailable: the server is away. If it went during the commit, it may be written nevertheless.
        """
        if self._closed:
            raise RuntimeError("the writer is not running")
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._items.append(_Waiting(op, arg, future))
        self._wake()
        return await future

    async def close(self) -> None:
        """Write what waits, then end."""
        self._closed = True
        while self._idle:
            self._wake()
        await asyncio.gather(*self._tasks)
        for link in self._links:
            await link.close()

    def _wake(self) -> None:
        if self._idle:
            waker = self._idle.pop()
            if not waker.done():
                waker.set_result(None)

    async def _run(self, link: Link) -> None:
        while True:
            if self._items:
                group = self._next()
                if self._items:
                    self._wake()
                await self._write(link, group)
            elif self._closed:
                return
            else:
                waker = asyncio.get_running_loop().create_future()
                self._idle.append(waker)
                await waker

    def _next(self) -> list[_Waiting]:
        """Those that wait; where the first of them has a short way, those of its step, and the other connection takes
        the rest: a statement for each step costs less than a transaction around several.
        """
        op = self._items[0].op
        if self._base.server.pooled or op not in SWIFT:
            return [self._items.popleft() for _ in range(min(len(self._items), _GROUP))]
        group = [item for item in self._items if item.op is op][:_GROUP]
        rest = [item for item in self._items if item.op is not op]
        self._items.clear()
        self._items.extend(rest)
        return group

    async def _write(self, link: Link, group: list[_Waiting]) -> None:
        """First in the short way; then what was left, or all of it if that failed."""
        rest = await self._write_swiftly(link, group)
        if rest:
            await self._write_together(link, rest)

    async def _write_swiftly(self, link: Link, group: list[_Waiting]) -> list[_Waiting]:
        """All that is one step, in one statement, which is a transaction by itself.

        :return: what was not written.
        """
        op = group[0].op
        if self._base.server.pooled or op not in SWIFT or any(item.op is not op for item in group):
            return group
        try:
            async with asyncio.timeout(self._busy + _SLOW):
                results = await self._swiftly(link, SWIFT[op]([item.arg for item in group], self._base.clock.now()))
        except Exception as error:  # noqa: BLE001 - told to whoever waits for it
            if isinstance(said(error), asyncpg.InvalidCachedStatementError):
                link.forget()
            # because of one of them: on the long way that one is told
            if is_locked(error) or is_refused(error) or passes(error):
                return group
            known = self._told(error)
            await link.undo()
            _deliver([(item, None, known) for item in group])
            return []
        done, rest = _parted(group, results)
        _deliver(done)
        return rest

    async def _swiftly(self, link: Link, plan: Plan) -> list[Any]:
        connection = await link.open()
        text = (await link.texts()).of(plan.statement)
        self._before_commit()
        return plan.results(await connection.fetch(text, *plan.parameters))

    async def _write_together(self, link: Link, group: list[_Waiting]) -> None:
        try:
            results = await self._attempt(link, group)
        except Exception as error:  # noqa: BLE001 - told to whoever waits for it
            known = self._told(error)
            # where the server is away, each of them alone would only wait for it again
            away = known is not error and not (is_locked(error) or is_refused(error) or passes(error))
            if len(group) > 1 and not away:
                for item in group:
                    await self._write_together(link, [item])
                return
            results = [(item, None, known) for item in group]
        _deliver(results)

    async def _attempt(self, link: Link, group: list[_Waiting]) -> list[_Result]:
        """Begin anew as long as others were quicker: alone more often than together."""
        alone = len(group) == 1
        patience = self._busy if alone and self._busy > _SHORT else None
        for attempt in range(1, _ATTEMPTS if alone else _ATTEMPTS // 2):
            try:
                return await self._in_time(link, group, patience)
            except Exception as error:
                if not passes(error):
                    raise
                if isinstance(said(error), asyncpg.InvalidCachedStatementError):
                    link.forget()
            await asyncio.sleep(random.random() * _PAUSE * attempt / _ATTEMPTS)  # noqa: S311 - not a secret
        return await self._in_time(link, group, patience)

    async def _in_time(self, link: Link, group: list[_Waiting], patience: float | None) -> list[_Result]:
        async with asyncio.timeout(self._busy + _SLOW):
            return await self._transaction(link, group, patience)

    def _told(self, error: Exception) -> Exception:
        place = self._base.server.place
        known = told(error, place)
        if passes(error):
            known = StoreUnavailable(f"{place}: others kept changing the same rows")
        elif isinstance(error, asyncpg.InvalidTextRepresentationError):  # of ids: those of our own making are right
            known = ConfigError(f"{place}: {error}: name tenants and instances as this database's columns want it")
        if known is not error:
            known.__cause__ = error
        assert isinstance(known, Exception)  # noqa: S101 - made of one
        return known

    async def _transaction(self, link: Link, group: list[_Waiting], patience: float | None) -> list[_Result]:
        connection = await link.open()
        try:
            tx = await link.begin(patience=patience)
            results = await greenlet_spawn(_apply, tx, group)
            self._before_commit()
            await connection.execute("COMMIT")
        except BaseException:
            await link.undo()
            raise
        return results


class _Waiting:
    """One argument on its way to the database."""

    __slots__ = ("arg", "future", "op")

    def __init__(self, op: Any, arg: Any, future: asyncio.Future[Any]) -> None:
        self.op = op
        self.arg = arg
        self.future = future


_Result = tuple[_Waiting, Any, Exception | None]


def _apply(tx: ServerTx, group: Sequence[_Waiting]) -> list[_Result]:
    by_op: dict[Any, list[_Waiting]] = {}
    for item in group:
        by_op.setdefault(item.op, []).append(item)
    results: list[_Result] = []
    for op, items in by_op.items():
        rest = items
        if len(by_op) > 1 and op in SWIFT:
            got = tx.swiftly(SWIFT[op]([item.arg for item in items], tx.now()))
            done, rest = _parted(items, got)
            results += done
        if rest:
            got = op(tx, [item.arg for item in rest])
            results += [_told_apart(item, one) for item, one in zip(rest, got, strict=True)]
    tx.flush()
    return results


def _parted(items: Sequence[_Waiting], results: Sequence[Any]) -> tuple[list[_Result], list[_Waiting]]:
    """What is done, and what is left."""
    pairs = list(zip(items, results, strict=True))
    return [(item, one, None) for item, one in pairs if one is not LEFT], [item for item, one in pairs if one is LEFT]


def _told_apart(item: _Waiting, result: Any) -> _Result:
    return (item, None, result) if isinstance(result, Exception) else (item, result, None)


def _deliver(results: Sequence[_Result]) -> None:
    for item, result, error in results:
        if item.future.done():
            continue
        if error is None:
            item.future.set_result(result)
        else:
            item.future.set_exception(error)
