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


@dataclass(eq=False, slots=True)
class _Held:
    """A lane in hand."""

    lease: Lease
    scope: anyio.CancelScope
    envelope: Envelope
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
        self._waiting = anyio.CancelScope()
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
                        await self._lease_lanes(lanes)
                    await self._drain()
            beside.cancel_scope.cancel()
        log.info("Worker stopped", worker=self._name)

    def stop(self) -> None:
        """Lease no more; finish what is in hand, within ``worker.drain``. Asked again: give it back at once."""
        if self._leasing.cancel_called:
            self._draining.cancel()
        self._leasing.cancel()

    # ------------------------------------------------------------------ leasing

    async def _lease_lanes(self, lanes: TaskGroup) -> None:
        worker = self._config.worker
        wait = _WAIT_UNTIL_EMPTY if self._until_empty else _WAIT
        while True:
            await self._work_suspects(lanes)
            free = worker.concurrency - len(self._held)
            if free <= 0:
                await self._wait_for_a_slot()
                continue
            share = Share(self._most, self._by_tenant())
            leases: list[Lease] = []
            with anyio.CancelScope() as self._waiting:
                leases = await self._patience(
                    self._queue.lease, self._name, lanes=free, duration=worker.lease, wait=wait, share=share
                )
            for lease in leases:
                self._take(lanes, lease)
            if not leases and self._until_empty and await self._is_empty():
                return

    def _take(self, lanes: TaskGroup, lease: Lease) -> None:
        held = self._held[lease.lane] = _Held(lease, anyio.CancelScope(), lease.envelopes[0])
        if lease.envelopes[0].lost_leases >= _ALONE:
            self._suspects.append(held)
        else:
            lanes.start_soon(self._work, held)

    async def _work_suspects(self, lanes: TaskGroup) -> None:
        """Turns that have cost workers run alone, so that they cannot take others with them."""
        while self._suspects:
            while len(self._held) > len(self._suspects):
                await self._wait_for_a_slot()
            held = self._suspects.pop(0)
            log.warning("Working alone", lane=held.lease.lane, lost_leases=held.envelope.lost_leases)
            lanes.start_soon(self._work, held)
            while held.lease.lane in self._held:
                await self._wait_for_a_slot()

    def _by_tenant(self) -> Counter[str]:
        return Counter(held.lease.tenant for held in self._held.values())

    def _free(self, held: _Held) -> None:
        """The lane is out of hand. If its tenant held all that it may, the wait for work is asked anew."""
        tenant = held.lease.tenant
        if self._most is not None and self._by_tenant()[tenant] >= self._most:
            self._waiting.cancel()
        if self._held.get(held.lease.lane) is held:
            del self._held[held.lease.lane]
        self._freed.set()

    async def _wait_for_a_slot(self) -> None:
        self._freed = anyio.Event()
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
            while len(self._held) > len(self._suspects):
                await self._wait_for_a_slot()
        for held in self._suspects:
            await self._give_back(held)
        for held in list(self._held.values()):
            held.scope.cancel()

    def _blame(self, task: asyncio.Task[Any] | None) -> None:
        """Called in the watchdog's thread."""
        blamed = next((held.envelope.id for held in list(self._held.values()) if held.task is task), None)
        self._queue.blame(self._name, blamed)
