"""Channels that take messages in by themselves (a terminal): each listens as long as its instance stays the same."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import anyio
from anyio.abc import TaskGroup

from auzap.contract.channel import Accept, Channel
from auzap.contract.queue import Queue
from auzap.logs import get_logger
from auzap.pipeline.accept import accept
from auzap.pipeline.patience import Patience
from auzap.tenants.away import TenantAway, TenantUnknown
from auzap.tenants.channels import Connection
from auzap.tenants.tenants import Tenants

__all__ = ["listen"]

log = get_logger("auzap.worker")

#: seconds, the first and the longest, until a channel that failed listens again
_AGAIN = 1.0
_LATEST = 60.0


async def listen(tenants: Tenants, queue: Queue, patience: Patience) -> None:
    """Start them, and see after each swap which are others now; until cancelled."""
    async with anyio.create_task_group() as listening:
        listeners = _Listeners(tenants, queue, patience, listening)
        while True:
            swapped = tenants.swapped
            again = await listeners.look()
            with anyio.move_on_after(again):
                await swapped.wait()


@dataclass(eq=False, slots=True)
class _Listener:
    connection: Connection
    scope: anyio.CancelScope


class _Listeners:
    def __init__(self, tenants: Tenants, queue: Queue, patience: Patience, group: TaskGroup) -> None:
        self._tenants = tenants
        self._queue = queue
        self._patience = patience
        self._group = group
        #: tenant -> its
        self._going: dict[str, list[_Listener]] = {}

    async def look(self) -> float | None:
        """
        :return: in how many seconds to look again, if no swap comes before.
        """
        wanted = self._tenants.listening()
        for tenant_id in self._going.keys() - set(wanted):
            self._stop(self._going.pop(tenant_id))
        return min([again for one in wanted if (again := await self._look_at(one)) is not None], default=None)

    async def _look_at(self, tenant_id: str) -> float | None:
        try:
            held = await self._patience(self._tenants.hold_listening, tenant_id)
        except TenantAway as away:  # which was logged
            self._stop(self._going.pop(tenant_id, []))
            return max(away.until - time.time(), 0.1)
        except TenantUnknown:  # since a moment ago
            return None
        before = {one.connection: one for one in self._going.get(tenant_id, [])}
        self._going[tenant_id] = [self._kept(before.pop(one, None), one) for one in held]
        self._stop(before.values())
        return None

    def _kept(self, before: _Listener | None, held: Connection) -> _Listener:
        if before is not None:
            self._tenants.let_go(held)  # it is held already
            return before
        one = _Listener(held, anyio.CancelScope())
        self._group.start_soon(self._listen, one)
        return one

    def _stop(self, listeners: Iterable[_Listener]) -> None:
        for one in listeners:
            one.scope.cancel()

    async def _listen(self, one: _Listener) -> None:
        channel = one.connection.channel
        try:
            with one.scope:
                await _listen_to(channel, _acceptor(channel, self._queue, self._patience))
                await anyio.sleep_forever()
        finally:
            self._tenants.let_go(one.connection)


async def _listen_to(channel: Channel, put: Accept) -> None:
    """One that fails is started again, and costs nobody else anything."""
    delay = _AGAIN
    while True:
        try:
            await channel.listen(put)
        except Exception as error:
            log.exception(
                "Channel stopped listening",
                organization_id=channel.tenant,
                instance_id=channel.instance,
                channel=channel.name,
                error=f"{type(error).__name__}: {error}",
            )
            await anyio.sleep(delay)
            delay = min(delay * 2, _LATEST)
        else:
            return


def _acceptor(channel: Channel, queue: Queue, patience: Patience) -> Accept:
    async def put(posted: Any) -> None:
        envelopes = accept(channel.tenant, channel.instance, type(channel), posted)
        await patience(queue.put, envelopes)

    return put
