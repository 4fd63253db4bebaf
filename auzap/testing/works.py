"""A worker that works what is there, and then stops: the real queue, store, tenants, lanes and schedules."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

import anyio

from auzap.config import Config
from auzap.contract.queue import Lease, Queue
from auzap.hooks import Calls
from auzap.logs import get_logger
from auzap.model.errors import LeaseLost, StoreUnavailable
from auzap.pipeline.accept import outbound
from auzap.pipeline.patience import Patience
from auzap.registry import Registry
from auzap.storage.sqlite import SqliteStore
from auzap.storage.urls import sqlite_path
from auzap.tenants.tenants import Tenants
from auzap.testing.clock import Clock
from auzap.testing.crashes import Crashes, Cut
from auzap.worker.lanes import Lanes
from auzap.worker.schedules import Schedules
from auzap.worker.serve import parts_of
from auzap.worker.slots import Slot, Slots

__all__ = ["Works"]

log = get_logger("auzap.worker")

#: lanes that are worked at the same time, of each side
_LANES = 20
#: seconds; nobody renews the leases
_LEASE = 3600.0
_BATCH = 500
_NEXT = """
    SELECT min(at) FROM (
        SELECT due_at AS at FROM auzap_schedules WHERE due_at > ?1
        UNION ALL SELECT not_before FROM auzap_outbox
            WHERE not_before > ?1 AND queued_at IS NULL AND state = 'pending')
    WHERE at <= ?2"""

Work = Callable[[], Coroutine[Any, Any, None]]


class Works:
    """:param queue: open; it outlives the workers that die."""

    store: SqliteStore
    tenants: Tenants
    _lanes: Lanes
    _schedules: Schedules

    def __init__(self, config: Config, registry: Registry, queue: Queue, clock: Clock) -> None:
        self.crashes = Crashes()
        #: the hook calls that are going on
        self.calls = Calls()
        self._config = config
        self._registry = registry
        self._queue = queue
        self._clock = clock
        self._name = ""
        self._slots = Slots(_LANES * 2)
        self._open = AsyncExitStack()
        self._at_work = anyio.Lock()
        self._scope: anyio.CancelScope | None = None

    async def start(self) -> None:
        """Begin with nothing in memory."""
        loop, config, patience, tell = asyncio.get_running_loop(), self._config, Patience(), self._clock.tell
        self._name = f"worker-{self.crashes.count + 1}"
        self._slots = Slots(_LANES * 2)
        self.crashes.begin(partial(_soon, loop, self._cut_off))
        file = sqlite_path(config.database.dsn, config.base)
        async with AsyncExitStack() as stack:
            self.store = SqliteStore(file, before_commit=partial(self.crashes.reached, "before_commit"), tell=tell)
            await stack.enter_async_context(self.store)
            tenants = Tenants(config, registry=self._registry, store=self.store, calls=self.calls, tell=tell)
            self.tenants = await stack.enter_async_context(tenants)
            queue = cast("Queue", _Shifted(self._queue, self._clock))
            parts = parts_of(config, queue, self.store, patience, self.crashes.reached, tell=tell)
            self._traces = parts.traces
            self._lanes = Lanes(queue=queue, tenants=tenants, parts=parts)
            self._schedules = Schedules(
                tenants, registry=self._registry, store=self.store, patience=patience, tell=tell
            )
            for tenant in config.tenants:  # what is wrong with one is told at once
                (await tenants.take(tenant)).leave()
            await self._schedules.ensure()
            self._open = stack.pop_all()

    async def stop(self) -> None:
        await self._open.aclose()
        self._open = AsyncExitStack()

    async def restart(self) -> None:
        """End in peace, and begin with nothing in memory."""
        async with self._at_work:
            await self._traces.flush()
            await self.stop()
            await self.start()

    async def run(self) -> None:
        """Until nothing is ready. Lanes are worked at the same time; a worker that dies is followed by the next."""
        async with self._at_work:
            await self._run()
            await self._send_due()

    async def do_due(self) -> None:
        """What is due by the clock: methods of plugins, scheduled replies, lanes that were deferred."""
        async with self._at_work:
            await self._alive([self._schedules.run_due])
            await self._send_due()
            await self._run()

    def next_due(self, *, before: datetime) -> datetime | None:
        """When something is due next, after now; None: nothing until then."""
        with closing(sqlite3.connect(self._config.base / "auzap.db")) as connection:
            (found,) = connection.execute(_NEXT, (_text(self._clock.tell()), _text(before))).fetchone()
        return datetime.fromisoformat(found).replace(tzinfo=UTC) if found is not None else None

    async def write_traces(self) -> None:
        await self._traces.flush()

    # ------------------------------------------------------------------ lanes

    async def _send_due(self) -> None:
        """What plugins have put into the outbox, and scheduled replies: all that may leave by now."""
        while due := await self.store.due(self._clock.tell(), limit=_BATCH):
            await self._queue.put([outbound(reply, "baileys") for reply in due])
            await self.store.note_queued([reply.id for reply in due])
            await self._run()

    async def _run(self) -> None:
        await self._wake()
        while leases := await self._lease():
            await self._alive([partial(self._work, lease) for lease in leases], leases)

    async def _wake(self) -> None:
        """What was deferred is looked at again: the clock may have been put forward."""
        for tenant in self._config.tenants.values():
            for instance in tenant.instances:
                await self._queue.wake(tenant.id, instance)

    async def _lease(self) -> list[Lease]:
        sides = [
            await self._queue.lease(self._name, lanes=_LANES, duration=_LEASE, wait=0, side=side)
            for side in (False, True)
        ]
        return [lease for leases in sides for lease in leases]

    async def _work(self, lease: Lease) -> None:
        try:
            await self._lanes.work(lease, _nobody, Slot(self._slots, lease.tenant), lambda: None)
        except Cut:
            self._cut_off()
        except LeaseLost:
            log.warning("lease lost", lane=lease.lane, organization_id=lease.tenant)

    # ------------------------------------------------------------------ life and death

    async def _alive(self, works: Sequence[Work], leases: Sequence[Lease] = ()) -> None:
        """Do this at the same time. Who dies over it is followed by a new worker, to whom what it held comes back."""
        try:
            async with anyio.create_task_group() as group:
                self._scope = group.cancel_scope
                for work in works:
                    group.start_soon(work)
        except* StoreUnavailable:
            if not self.crashes.dead:
                raise
        finally:
            self._scope = None
        if self.crashes.dead:
            await self.stop()
            self._queue.blame(self._name, leases[0].envelopes[0].id if leases else None)
            await self.start()

    def _cut_off(self) -> None:
        if self._scope is not None:
            self._scope.cancel()


class _Shifted:
    """The queue, whose clock is the real one: times until which lanes are deferred are the bot's."""

    def __init__(self, queue: Queue, clock: Clock) -> None:
        self._queue = queue
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    async def defer(self, lease: Lease, until: float) -> None:
        await self._queue.defer(lease, until - self._clock.ahead.total_seconds() if until else 0)


def _nobody(_: object) -> None:
    """Nobody wants to know whose turn it is."""


def _soon(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    loop.call_soon_threadsafe(function)


def _text(time: datetime) -> str:
    """As SQLite has it."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
