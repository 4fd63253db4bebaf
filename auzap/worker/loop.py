"""The worker: one task group over signals, leases, chores, channels and lanes."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from auzap.config.models import WorkerConfig
from auzap.contract.queue import Envelope, Feeding, Lease, Queue, Share
from auzap.hooks import Calls
from auzap.logs import get_logger
from auzap.model.errors import LeaseLost
from auzap.model.keys import new_id
from auzap.pipeline.patience import Patience
from auzap.storage.store import Store
from auzap.tenants.tenants import Tenants
from auzap.worker.chores import clean_up, put_due_replies
from auzap.worker.ending import end_after
from auzap.worker.lanes import Lanes
from auzap.worker.listening import listen
from auzap.worker.orders import Orders, Signals
from auzap.worker.schedules import Schedules
from auzap.worker.slots import Slot, Slots
from auzap.worker.watchdog import END, Watchdog

__all__ = ["Worker"]

log = get_logger("auzap.worker")

#: seconds that one wait for work lasts; a longer one would only change how often an idle loop turns
_WAIT = 5.0
#: the same when the worker is to stop as soon as the queue is empty
_WAIT_UNTIL_EMPTY = 0.05
#: seconds granted for giving a lane back when it is cancelled
_GIVE_BACK = 5.0
#: seconds granted for closing what is open, before the process is ended by force
_CLOSE = 3.0
#: envelopes that have cost so many workers are worked with nothing beside them
_ALONE = 3
#: lanes of events in hand at a time, beside ``worker.concurrency`` others: an event never waits behind a handler
_EVENTS = 4


@dataclass(eq=False, slots=True)
class _Held:
    """A lane in hand."""

    lease: Lease
    side: bool
    scope: anyio.CancelScope
    slot: Slot
    #: the first envelope of the turn that is under way; None: it is decided, and no other has begun
    turn: Envelope | None
    begun: bool = False
    #: nothing is left to do but to note what was done: it takes no slot any more
    finished: bool = False
    task: asyncio.Task[Any] | None = None
    lost: bool = False


class Worker:
    """Leases lanes and works their turns until it is told to stop.

    :param accept: the envelopes of a job that another program left in the queue; without it they are left there.
    :param until_empty: stop when nothing is waiting, delayed or leased by anybody.
    :param end_when_blocked: seconds for which the event loop may stand still before the process ends.
    :param orders: who tells it to stop; by default whoever sends signals.
    :param schedules: what plugins do by the clock.
    :param reload: has the configuration read again, when it is told to; without it that is ignored.
    """

    def __init__(
        self,
        *,
        queue: Queue,
        store: Store,
        tenants: Tenants,
        lanes: Lanes,
        patience: Patience,
        calls: Calls,
        accept: Callable[[Any], Sequence[Envelope]] | None = None,
        until_empty: bool = False,
        end_when_blocked: float = END,
        orders: Orders | None = None,
        schedules: Schedules | None = None,
        reload: Callable[[], None] | None = None,
    ) -> None:
        self._queue = queue
        self._store = store
        self._tenants = tenants
        self._lanes = lanes
        self._patience = patience
        self._calls = calls
        self._accept = accept
        self._until_empty = until_empty
        self._end_when_blocked = end_when_blocked
        self._orders = orders if orders is not None else Signals()
        self._schedules = schedules
        self._reload = reload if reload is not None else _ignore
        self._name = f"{socket.gethostname()}-{os.getpid()}-{new_id()[-6:]}"
        self._held: dict[str, _Held] = {}
        #: tasks that wait for a lane to work; to make a new one takes longer
        self._spare: dict[asyncio.Future[_Held | None], None] = {}
        self._drained = False
        self._suspects: list[_Held] = []
        self._freed = anyio.Event()
        self._leasing = anyio.CancelScope()
        #: waits for work, by side; cancelled when something else is to be asked for
        self._waits: dict[bool, anyio.CancelScope] = {}
        #: what each of them has asked for
        self._asked: dict[bool, Share] = {}
        self._draining = anyio.CancelScope()
        self._slots = Slots(self._settings.concurrency, shared=self._is_shared)
        self._last_resort: threading.Timer | None = None

    async def run(self) -> None:
        log.info("Worker started", worker=self._name, concurrency=self._settings.concurrency)
        async with anyio.create_task_group() as beside:
            beside.start_soon(self._orders.obey, self._stop_as_told, self._reload)
            beside.start_soon(self._renew_leases)
            beside.start_soon(put_due_replies, self._tenants, self._queue, self._store, self._patience)
            beside.start_soon(clean_up, self._tenants, self._queue, self._store, self._patience)
            beside.start_soon(self._tenants.drop_idle)
            if self._schedules is not None:
                beside.start_soon(self._schedules.run)
            if self._orders.listens:
                beside.start_soon(listen, self._tenants, self._queue, self._patience)
            with Watchdog(self._calls, self._blame, end=self._end_when_blocked):
                async with anyio.create_task_group() as lanes:
                    with self._leasing:
                        await self._lease(lanes)
                    await self._drain(lanes)
            beside.cancel_scope.cancel()
        log.info("Worker stopped", worker=self._name)

    def stop(self) -> None:
        """Lease no more; finish what is in hand, within ``worker.drain``. Asked again: give it back at once."""
        if self._leasing.cancel_called:
            self._draining.cancel()
        self._leasing.cancel()

    def reconfigured(self) -> None:
        """Another configuration holds: what of it concerns slots takes effect now."""
        self._slots.change(self._settings.concurrency, shared=self._is_shared)
        for wait in self._waits.values():  # they asked for shares of before
            wait.cancel()
        self._changed()

    @property
    def _settings(self) -> WorkerConfig:
        return self._tenants.config.worker

    @property
    def _is_shared(self) -> bool:
        """Between several tenants."""
        return len(self._tenants.config.tenants) > 1

    # ------------------------------------------------------------------ leasing

    async def _lease(self, lanes: TaskGroup) -> None:
        async with anyio.create_task_group() as events:
            if self._accept is not None and isinstance(self._queue, Feeding):
                events.start_soon(self._queue.feed, self._accept)
            events.start_soon(self._lease_lanes, lanes, True)
            await self._lease_lanes(lanes, False)
            events.cancel_scope.cancel()

    async def _lease_lanes(self, lanes: TaskGroup, side: bool) -> None:
        while True:
            most = _EVENTS if side else self._slots.lanes
            free = most - sum(held.side == side and not held.finished for held in self._held.values())
            if self._suspects and not side:
                await self._work_suspects(lanes)
            elif free < (1 if side else self._slots.lot) or self._suspects:
                await self._wait_for_a_change()
            else:
                leases = await self._take(free, side)
                for lease in leases:
                    self._begin(lanes, lease, side)
                if leases:
                    await anyio.lowlevel.checkpoint()  # they begin before the next ones are asked for
                if self._until_empty and not (side or leases) and await self._is_empty():
                    return

    async def _take(self, free: int, side: bool) -> list[Lease]:
        share = self._asked[side] = self._share(side)
        with anyio.CancelScope() as self._waits[side]:
            return await self._patience(
                self._queue.lease,
                self._name,
                lanes=free,
                duration=self._settings.lease,
                wait=_WAIT_UNTIL_EMPTY if self._until_empty else _WAIT,
                share=share,
                side=side,
            )
        return []

    def _begin(self, lanes: TaskGroup, lease: Lease, side: bool) -> None:
        held = _Held(lease, side, anyio.CancelScope(), Slot(self._slots, lease.tenant), lease.envelopes[0])
        suspect = lease.envelopes[0].lost_leases >= _ALONE
        if suspect and self._suspects:  # in hand, it would be blamed with the one that kills
            lanes.start_soon(self._give_back, held)
            return
        self._held[lease.lane] = held
        if suspect:
            self._suspects.append(held)
            for wait in self._waits.values():
                wait.cancel()
        else:
            self._begin_work(lanes, held)

    async def _work_suspects(self, lanes: TaskGroup) -> None:
        """Turns that have cost workers run alone, so that they cannot take others with them."""
        while len(self._held) > len(self._suspects):
            await self._wait_for_a_change()
        if not self._suspects:
            return
        held = self._suspects[0]
        log.warning("Working alone", lane=held.lease.lane, lost_leases=held.lease.envelopes[0].lost_leases)
        self._begin_work(lanes, held)
        while held.lease.lane in self._held:
            await self._wait_for_a_change()
        self._suspects.remove(held)
        self._changed()  # who leases events may have looked before

    def _share(self, side: bool) -> Share:
        """Of one tenant: half of the lanes, or, if it is slow, what it has slots for."""
        if not self._is_shared:
            return Share()
        most = max((_EVENTS if side else self._slots.lanes) // 2, 1)
        held = Counter(held.lease.tenant for held in self._held.values() if held.side == side and not held.finished)
        if not side:
            held.update(self._slots.refused(most))
        return Share(most, held)

    def _finish(self, held: _Held) -> None:
        """It gives its slot back. If its tenant held all that it may, the wait for work is asked anew."""
        held.slot.give_back()
        asked = self._asked.get(held.side)
        if asked is not None and asked.most is not None and asked.held.get(held.lease.tenant, 0) >= asked.most:
            self._waits[held.side].cancel()
        held.finished = True
        self._changed()

    def _changed(self) -> None:
        self._freed.set()
        self._freed = anyio.Event()

    def _free(self, held: _Held) -> None:
        """The lane is out of hand."""
        if self._held.get(held.lease.lane) is held:
            del self._held[held.lease.lane]
        self._finish(held)

    async def _wait_for_a_change(self) -> None:
        """Of what is in hand."""
        await self._freed.wait()

    async def _is_empty(self) -> bool:
        stats = await self._patience(self._queue.stats)
        return not self._held and stats.waiting == stats.delayed == stats.leased == 0

    # ------------------------------------------------------------------ one lane

    def _begin_work(self, lanes: TaskGroup, held: _Held) -> None:
        held.begun = True
        while self._spare:
            waiting, _ = self._spare.popitem()
            if not waiting.done():  # else its task is being cancelled
                waiting.set_result(held)
                return
        lanes.start_soon(self._work_on, held)

    async def _work_on(self, held: _Held | None) -> None:
        """One lane after the other, as long as no plugin has left a context variable set: the next may be another
        tenant's."""
        clean = copy_context()
        while held is not None:
            await self._work(held)
            held = None if self._drained or copy_context() != clean else await self._next_lane()

    async def _next_lane(self) -> _Held | None:
        """None: there is none any more."""
        waiting: asyncio.Future[_Held | None] = asyncio.get_running_loop().create_future()
        self._spare[waiting] = None
        try:
            return await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled() and (held := waiting.result()) is not None:
                await self._give_back(held)
                self._free(held)
            raise
        finally:
            self._spare.pop(waiting, None)

    async def _work(self, held: _Held) -> None:
        held.task = asyncio.current_task()

        def under_way(envelope: Envelope | None) -> None:
            held.turn = envelope

        try:
            with held.scope:
                await self._lanes.work(held.lease, under_way, held.slot, partial(self._finish, held))
                return
            await self._give_back(held)
        except LeaseLost:
            self._log_lost(held)
        except asyncio.CancelledError:
            await self._give_back(held)
            raise
        except Exception:
            # A mistake of ours. The lease ends by itself, which counts as a worker that died: so it is not for ever.
            log.exception("Lane failed", lane=held.lease.lane, organization_id=held.lease.tenant)
        finally:
            self._free(held)

    async def _give_back(self, held: _Held) -> None:
        """Cancelled: by the drain, which gives the lane back with no attempt used, or because it is lost."""
        if held.lost:
            self._log_lost(held)
            return
        try:
            with anyio.move_on_after(_GIVE_BACK, shield=True) as limit:
                await self._patience(self._queue.defer, held.lease, 0)
        except LeaseLost:
            if held.turn is not None:  # else it went back by itself, with the turn's end
                self._log_lost(held)
            return
        if limit.cancelled_caught:
            log.warning("Lane not given back: it is free when its lease ends", lane=held.lease.lane)
        else:
            log.info("Lane given back", lane=held.lease.lane)

    def _log_lost(self, held: _Held) -> None:
        log.warning("lease lost", lane=held.lease.lane, organization_id=held.lease.tenant)

    # ------------------------------------------------------------------ beside the lanes

    def _stop_as_told(self, signal: str) -> None:
        log.info("Stopping", signal=signal)
        self.stop()
        self._end_at_last()

    async def _renew_leases(self) -> None:
        duration = self._settings.lease
        while True:
            await anyio.sleep(duration / 3)
            leases = [held.lease for held in self._held.values()]
            if not leases:
                continue
            lost = await self._patience(self._queue.renew, leases, duration=duration)
            for lease in leases:
                held = self._held.get(lease.lane)
                if lease.lane in lost and held is not None and held.lease is lease and held.turn is not None:
                    self._lose(held)

    def _lose(self, held: _Held) -> None:
        held.lost = True
        if held.begun:
            held.scope.cancel()
        else:
            self._suspects.remove(held)
            self._log_lost(held)
            self._free(held)

    # ------------------------------------------------------------------ the end

    async def _drain(self, lanes: TaskGroup) -> None:
        """Finish within ``worker.drain`` seconds; cancel the rest, which give their lanes back."""
        self._slots.close()
        with self._draining, anyio.move_on_after(self._settings.drain):
            while any(held.begun for held in self._held.values()):
                await self._wait_for_a_change()
            if self._schedules is not None:
                await self._schedules.drain()
        for held in list(self._held.values()):
            if held.begun:
                held.scope.cancel()
            else:
                lanes.start_soon(self._give_back, held)
        self._drained = True
        for waiting in self._spare:
            if not waiting.done():
                waiting.set_result(None)

    def _end_at_last(self) -> None:
        drain = 0.0 if self._draining.cancel_called else self._settings.drain
        self.ended()
        self._last_resort = end_after(
            drain + _GIVE_BACK + _CLOSE, lambda: self._queue.blame(self._name, None), self._plugins_at_work
        )

    def ended(self) -> None:
        """All is closed: the process need not be ended by force."""
        if self._last_resort is not None:
            self._last_resort.cancel()

    def _plugins_at_work(self) -> list[str]:
        calls = [self._calls.current(held.task) for held in list(self._held.values()) if held.task is not None]
        return [call.plugin for call in calls if call is not None]

    def _blame(self, task: asyncio.Task[Any] | None) -> None:
        """Give the leases back; called in the watchdog's thread, before the process ends.

        If it is in no turn that the loop stands still, nobody knows whose fault it is: then the leases end by
        themselves, which counts for all turns that are under way. But if it is in a run by the clock, no turn is to
        blame.
        """
        if task is None:
            return
        if self._schedules is not None and self._schedules.is_run(task):
            self._queue.blame(self._name, None)
        for held in list(self._held.values()):
            if held.begun and held.task is task:
                self._queue.blame(self._name, held.turn.id if held.turn is not None else None)


def _ignore() -> None:
    log.info("SIGHUP ignored: a new configuration needs a restart")
