"""The worker: one task group over signals, leases, chores, channels and lanes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import anyio
from anyio.abc import TaskGroup

from auzap.config.models import Config
from auzap.contract.channel import Accept, Channel
from auzap.contract.queue import Envelope, Lease, Queue, Share
from auzap.hooks import Calls
from auzap.logs import get_logger
from auzap.model.errors import LeaseLost
from auzap.model.keys import new_id
from auzap.pipeline.accept import accept
from auzap.pipeline.patience import Patience
from auzap.storage.store import Store
from auzap.tenants.tenants import TenantBroken, Tenants
from auzap.worker.chores import clean_up, put_due_replies
from auzap.worker.lanes import Lanes
from auzap.worker.watchdog import Watchdog

__all__ = ["Worker"]

log = get_logger("auzap.worker")

#: seconds that one wait for work lasts; a longer one would only change how often an idle loop turns
_WAIT = 5.0
#: the same when the worker is to stop as soon as the queue is empty
_WAIT_UNTIL_EMPTY = 0.05
#: seconds granted for giving a lane back when it is cancelled
_GIVE_BACK = 5.0
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
    envelope: Envelope
    begun: bool = False
    task: asyncio.Task[Any] | None = None
    lost: bool = False


class Worker:
    """Leases lanes and works their turns until it is told to stop.

    :param until_empty: stop when nothing is waiting, delayed or leased by anybody.
    """

    def __init__(
        self,
        config: Config,
        *,
        queue: Queue,
        store: Store,
        tenants: Tenants,
        lanes: Lanes,
        patience: Patience,
        calls: Calls,
        until_empty: bool = False,
    ) -> None:
        self._config = config
        self._queue = queue
        self._store = store
        self._tenants = tenants
        self._lanes = lanes
        self._patience = patience
        self._calls = calls
        self._until_empty = until_empty
        self._name = f"{socket.gethostname()}-{os.getpid()}-{new_id()[-6:]}"
        self._held: dict[str, _Held] = {}
        self._suspects: list[_Held] = []
        self._freed = anyio.Event()
        self._leasing = anyio.CancelScope()
        #: waits for work, by side; cancelled when something else is to be asked for
        self._waits: dict[bool, anyio.CancelScope] = {}
        self._draining = anyio.CancelScope()
        concurrency = config.worker.concurrency
        self._most = concurrency // 2 if len(config.tenants) > 1 else None

    async def run(self) -> None:
        log.info("Worker started", worker=self._name, concurrency=self._config.worker.concurrency)
        async with anyio.create_task_group() as beside:
            beside.start_soon(self._obey_signals)
            beside.start_soon(self._renew_leases)
            beside.start_soon(put_due_replies, self._config, self._queue, self._store, self._patience)
            beside.start_soon(clean_up, self._config, self._queue, self._store, self._patience)
            beside.start_soon(self._listen)
            with Watchdog(self._calls, self._blame):
                async with anyio.create_task_group() as lanes:
                    with self._leasing:
                        await self._lease(lanes)
                    await self._drain()
            beside.cancel_scope.cancel()
        log.info("Worker stopped", worker=self._name)

    def stop(self) -> None:
        """Lease no more; finish what is in hand, within ``worker.drain``. Asked again: give it back at once."""
        if self._leasing.cancel_called:
            self._draining.cancel()
        self._leasing.cancel()

    # ------------------------------------------------------------------ leasing

    async def _lease(self, lanes: TaskGroup) -> None:
        async with anyio.create_task_group() as events:
            events.start_soon(self._lease_lanes, lanes, True)
            await self._lease_lanes(lanes, False)
            events.cancel_scope.cancel()

    async def _lease_lanes(self, lanes: TaskGroup, side: bool) -> None:
        slots = _EVENTS if side else self._config.worker.concurrency
        while True:
            free = slots - sum(held.side == side for held in self._held.values())
            if self._suspects and not side:
                await self._work_suspects(lanes)
            elif free <= 0 or self._suspects:
                await self._wait_for_a_change()
            else:
                leases = await self._take(free, side)
                for lease in leases:
                    self._begin(lanes, lease, side)
                if self._until_empty and not (side or leases) and await self._is_empty():
                    return

    async def _take(self, free: int, side: bool) -> list[Lease]:
        share = None if side else Share(self._most, self._by_tenant())
        with anyio.CancelScope() as self._waits[side]:
            return await self._patience(
                self._queue.lease,
                self._name,
                lanes=free,
                duration=self._config.worker.lease,
                wait=_WAIT_UNTIL_EMPTY if self._until_empty else _WAIT,
                share=share,
                side=side,
            )
        return []

    def _begin(self, lanes: TaskGroup, lease: Lease, side: bool) -> None:
        held = self._held[lease.lane] = _Held(lease, side, anyio.CancelScope(), lease.envelopes[0])
        if lease.envelopes[0].lost_leases >= _ALONE:
            self._suspects.append(held)
            for wait in self._waits.values():
                wait.cancel()
        else:
            held.begun = True
            lanes.start_soon(self._work, held)

    async def _work_suspects(self, lanes: TaskGroup) -> None:
        """Turns that have cost workers run alone, so that they cannot take others with them."""
        while len(self._held) > len(self._suspects):
            await self._wait_for_a_change()
        held = self._suspects[0]
        log.warning("Working alone", lane=held.lease.lane, lost_leases=held.envelope.lost_leases)
        held.begun = True
        lanes.start_soon(self._work, held)
        while held.lease.lane in self._held:
            await self._wait_for_a_change()
        self._suspects.remove(held)

    def _by_tenant(self) -> Counter[str]:
        return Counter(held.lease.tenant for held in self._held.values() if not held.side)

    def _free(self, held: _Held) -> None:
        """The lane is out of hand. If its tenant held all that it may, the wait for work is asked anew."""
        if self._most is not None and self._by_tenant()[held.lease.tenant] >= self._most and False in self._waits:
            self._waits[False].cancel()
        if self._held.get(held.lease.lane) is held:
            del self._held[held.lease.lane]
        self._freed.set()
        self._freed = anyio.Event()

    async def _wait_for_a_change(self) -> None:
        """Of what is in hand."""
        await self._freed.wait()

    async def _is_empty(self) -> bool:
        stats = await self._patience(self._queue.stats)
        return not self._held and stats.waiting == stats.delayed == stats.leased == 0

    # ------------------------------------------------------------------ one lane

    async def _work(self, held: _Held) -> None:
        held.task = asyncio.current_task()

        def began(envelope: Envelope) -> None:
            held.envelope = envelope

        try:
            with held.scope:
                await self._lanes.work(held.lease, began)
                return
            await self._give_back(held)
        except LeaseLost:
            self._log_lost(held)
        finally:
            self._free(held)

    async def _give_back(self, held: _Held) -> None:
        """Cancelled: by the drain, which gives the lane back with no attempt used, or because it is lost."""
        if held.lost:
            self._log_lost(held)
            return
        with anyio.move_on_after(_GIVE_BACK, shield=True):
            await self._queue.defer(held.lease, 0)
        log.info("Lane given back", lane=held.lease.lane)

    def _log_lost(self, held: _Held) -> None:
        log.warning("lease lost", lane=held.lease.lane, organization_id=held.lease.tenant)

    # ------------------------------------------------------------------ beside the lanes

    async def _obey_signals(self) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            async for number in signals:
                if number == signal.SIGHUP:
                    log.info("SIGHUP ignored: a new configuration needs a restart")
                    continue
                log.info("Stopping", signal=signal.Signals(number).name)
                self.stop()

    async def _renew_leases(self) -> None:
        duration = self._config.worker.lease
        while True:
            await anyio.sleep(duration / 3)
            leases = [held.lease for held in self._held.values()]
            if not leases:
                continue
            lost = await self._patience(self._queue.renew, leases, duration=duration)
            for lease in leases:
                held = self._held.get(lease.lane)
                if lease.lane in lost and held is not None and held.lease is lease:
                    held.lost = True
                    held.scope.cancel()

    async def _listen(self) -> None:
        """Start the channels that take messages in by themselves."""
        async with anyio.create_task_group() as listening:
            for tenant_id in self._tenants.listening():
                with suppress(TenantBroken):  # which was logged
                    tenant = await self._patience(self._tenants.get, tenant_id)
                    for channel in tenant.channels.values():
                        listening.start_soon(channel.listen, self._acceptor(channel))

    def _acceptor(self, channel: Channel) -> Accept:
        async def put(posted: Any) -> None:
            envelopes = accept(channel.tenant, channel.instance, type(channel), posted)
            await self._patience(self._queue.put, envelopes)

        return put

    # ------------------------------------------------------------------ the end

    async def _drain(self) -> None:
        """Finish within ``worker.drain`` seconds; cancel the rest, which give their lanes back."""
        with self._draining, anyio.move_on_after(self._config.worker.drain):
            while any(held.begun for held in self._held.values()):
                await self._wait_for_a_change()
        for held in list(self._held.values()):
            if held.begun:
                held.scope.cancel()
            else:
                await self._give_back(held)

    def _blame(self, task: asyncio.Task[Any] | None) -> None:
        """Called in the watchdog's thread."""
        blamed = next((held.envelope.id for held in list(self._held.values()) if held.task is task), None)
        self._queue.blame(self._name, blamed)
