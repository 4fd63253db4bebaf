"""The one task that opens and closes what other people's code keeps open: a lifespan may hold a task group, which only
the task that entered it can leave.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from auzap.logs import get_logger
from auzap.model.errors import AuzapError

__all__ = ["GRACE", "Held", "LifespanFailed", "Owner"]

log = get_logger("auzap.tenants")

#: seconds between two cancellations of what does not end by itself
GRACE = 1.0
#: after so many it is left behind
_STRIKES = 3


class LifespanFailed(AuzapError):
    """It raised, or did not come to its ``yield`` in time."""


@dataclass(frozen=True, slots=True)
class Held:
    """Something to be kept open.

    :param whose: in words: ``plugin vendas``.
    :param make: gives the context manager; called in the owner's task.
    :param limit: seconds that entering it may take.
    """

    whose: str
    make: Callable[[], AbstractAsyncContextManager[object]]
    limit: float


class Owner:
    """Enters all of them, one after the other, waits, and leaves them in the opposite order: in one task.

    :param tenant: for the log.
    :param died: told why when one of them ends by itself, such as a task group one of whose tasks has failed.
    """

    def __init__(
        self, tenant: str, things: Sequence[Held], died: Callable[[Owner, str], None], *, grace: float = GRACE
    ) -> None:
        self.tenant = tenant
        self._things = things
        self._died = died
        self._grace = grace
        self._told_to_close = asyncio.Event()
        #: why it failed to open; None: it is open
        self._outcome: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        #: what did not come to its ``yield`` in time
        self._late: Held | None = None
        #: whose it is, and what it raised
        self._failures: list[str] = []

    async def open(self) -> None:
        """:raises LifespanFailed: one of them failed; those before it are closed again."""
        self._task = asyncio.create_task(self._live(), name=f"auzap lifespan of {self.tenant}")
        try:
            why = await asyncio.shield(self._outcome)
        except asyncio.CancelledError:
            self._told_to_close.set()
            self._task.cancel()
            raise
        if why is not None:
            raise LifespanFailed(why)
        self._things = ()

    async def close(self, limit: float) -> None:
        """Leave them. What does not end within ``limit`` seconds is cancelled, then left behind; both are logged."""
        if self._task is None:
            return
        self._told_to_close.set()
        if await self._ended_within(limit):
            return
        log.error("Lifespan does not end, cancelled", organization_id=self.tenant, seconds=limit)
        for _ in range(_STRIKES):
            self._task.cancel()
            if await self._ended_within(self._grace):
                return
        log.error("Lifespan left behind: it does not end when it is cancelled", organization_id=self.tenant)

    async def _ended_within(self, seconds: float) -> bool:
        assert self._task is not None  # noqa: S101 - see above
        done, _ = await asyncio.wait([self._task], timeout=seconds)
        return bool(done)

    # ------------------------------------------------------------------ in the task

    async def _live(self) -> None:
        inside: list[tuple[Held, AbstractAsyncContextManager[object]]] = []
        cancelled: asyncio.CancelledError | None = None
        try:
            if await self._enter_all(inside):
                self._outcome.set_result(None)
                await self._told_to_close.wait()
        except asyncio.CancelledError as error:  # of a task group inside, of the limit, of the loop's end
            cancelled = error
        cancelled = await self._leave_all(inside, cancelled)
        self._tell()
        if cancelled is not None and not self._told_to_close.is_set() and self._late is None:
            raise cancelled

    async def _enter_all(self, inside: list[tuple[Held, AbstractAsyncContextManager[object]]]) -> bool:
        for thing in self._things:
            self._timer = asyncio.get_running_loop().call_later(thing.limit, self._too_late, thing, 1)
            try:
                manager = thing.make()
                await manager.__aenter__()
            except asyncio.CancelledError:
                if self._late is not thing:
                    raise
                self._failures.append(f"{thing.whose}: did not start within {thing.limit:g} s")
                return False
            except BaseException as error:  # noqa: BLE001 - SystemExit, too, stops only this tenant
                self._failures.append(f"{thing.whose} does not start: {_told(error)}")
                return False
            finally:
                self._timer.cancel()
            inside.append((thing, manager))
            if self._late is thing:  # it swallowed the cancellation, and came through all the same
                self._failures.append(f"{thing.whose}: did not start within {thing.limit:g} s")
                return False
        return True

    async def _leave_all(
        self,
        inside: Sequence[tuple[Held, AbstractAsyncContextManager[object]]],
        cancelled: asyncio.CancelledError | None,
    ) -> asyncio.CancelledError | None:
        """A cancellation passes through all; what one of them raises is nobody else's.

        :return: a cancellation that none of them had asked for.
        """
        for thing, manager in reversed(inside):
            try:
                if cancelled is None:
                    await manager.__aexit__(None, None, None)
                elif await manager.__aexit__(type(cancelled), cancelled, cancelled.__traceback__):
                    cancelled = None
            except asyncio.CancelledError as error:
                cancelled = error
            except BaseException as error:  # noqa: BLE001 - as above
                self._failures.append(f"{thing.whose}: {_told(error)}")
                cancelled = None
        return cancelled

    def _tell(self) -> None:
        why = "; ".join(self._failures)
        if not self._outcome.done():
            self._outcome.set_result(why or "cancelled")
        elif not self._told_to_close.is_set():
            self._died(self, why or "its lifespan ended by itself")
        elif why:
            log.warning("Lifespan failed at its end", organization_id=self.tenant, error=why)

    # ------------------------------------------------------------------ the limit

    def _too_late(self, thing: Held, strike: int) -> None:
        self._late = thing
        assert self._task is not None  # noqa: S101 - it set the timer
        if strike > _STRIKES:
            self._told_to_close.set()
            if not self._outcome.done():
                self._outcome.set_result(f"{thing.whose}: hangs, and does not end when it is cancelled")
            return
        self._task.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._grace, self._too_late, thing, strike + 1)


def _told(error: BaseException) -> str:
    """In a line; of a group that a task group makes of errors, the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return " ".join(f"{type(error).__name__}: {error}".split())
