"""One lane: its turns, one after the other, and what the queue is told of each."""

from __future__ import annotations

import time
from collections.abc import Callable

import anyio

from auzap.config.models import Config
from auzap.contract.queue import Burial, Envelope, Lease, Queue
from auzap.logs import get_logger
from auzap.model.errors import LeaseLost
from auzap.model.event import Event
from auzap.pipeline.verdicts import Ack, Bury, Defer, Retry, Settled, Verdict
from auzap.pipeline.way import Pipeline
from auzap.pipeline.work import Parts, Work
from auzap.tenants.runtime import Tenant
from auzap.tenants.tenants import TenantBroken, Tenants, TenantUnknown
from auzap.worker.bursts import open_until, turns

__all__ = ["GIVE_UP", "Lanes"]

log = get_logger("auzap.worker")

#: workers that an envelope may cost before it goes to the dead letters
GIVE_UP = 10
#: seconds until a lane of a tenant that could not be built is looked at again
_BROKEN = 30.0


class Lanes:
    def __init__(
        self,
        config: Config,
        *,
        queue: Queue,
        tenants: Tenants,
        parts: Parts,
    ) -> None:
        self._config = config
        self._queue = queue
        self._tenants = tenants
        self._pipeline = Pipeline(parts)
        self._patience = parts.patience
        self._settings = parts.settings
        self._reached = parts.reached

    async def work(self, lease: Lease, began: Callable[[Envelope], None]) -> None:
        """All turns of a lease.

        :param began: told the first envelope of each turn.
        :raises LeaseLost: another worker has the lane, or may have it.
        """
        self._reached("after_lease")
        try:
            tenant = await self._patience(self._tenants.get, lease.tenant)
        except TenantBroken:
            await self._settle(lease, Settled((), Defer(time.time() + _BROKEN)))
            return
        except TenantUnknown as error:
            await self._bury_all(lease, str(error))
            return
        burst = tenant.config.burst
        for turn in turns(lease.envelopes, burst):
            until = open_until(turn, burst)
            if until is not None:
                await self._settle(lease, Settled((), Defer(until)))
                return
            began(turn[0])
            await self._wait_for_permit()
            if not await self._turn(lease, tenant, turn):
                return

    async def _wait_for_permit(self) -> None:
        limit = self._config.worker.rate_limit
        if limit is not None:
            await anyio.sleep(await self._patience(self._queue.permit, "turns", most=limit.max, per=limit.per))

    async def _turn(self, lease: Lease, tenant: Tenant, envelopes: tuple[Envelope, ...]) -> bool:
        """Work one turn. False when the lease ended with it."""
        try:
            verdicts = await self._verdicts(lease, tenant, envelopes)
        except LeaseLost:
            raise
        except Exception as error:
            # A mistake of ours must not stop the others: it costs this turn an attempt, like a plugin's.
            log.exception("Turn failed", organization_id=lease.tenant, job_id=envelopes[0].id)
            verdicts = [self._failed(envelopes, error)]
        for settled in verdicts:
            self._reached("before_ack")
            await self._settle(lease, settled)
            if isinstance(settled.verdict, Bury):
                await self._tell_plugins(tenant, settled.verdict.burial, envelopes[0])
            if isinstance(settled.verdict, (Retry, Defer)):
                return False
        return True

    async def _verdicts(self, lease: Lease, tenant: Tenant, envelopes: tuple[Envelope, ...]) -> list[Settled]:
        first = envelopes[0]
        ids = tuple(envelope.id for envelope in envelopes)
        if first.lost_leases >= GIVE_UP:
            reason = f"{first.lost_leases} workers died, or lost the lease, while they worked on it"
            return [Settled((first.id,), _bury("lost", reason, first)), Settled(ids[1:], Defer(0))]
        channel = tenant.channels.get(first.instance)
        if channel is None:
            return [Settled(ids, _bury("tenant", f"unknown instance: {first.instance}", first))]
        work = Work(tenant=tenant, channel=channel, lane=lease.lane, token=lease.token, envelopes=envelopes)
        return await self._pipeline.run(work)

    def _failed(self, envelopes: tuple[Envelope, ...], error: Exception) -> Settled:
        used = max(envelope.attempts for envelope in envelopes) + 1
        verdict: Verdict = Retry(self._settings.backoff(used), attempt=True)
        if used >= self._settings.attempts:
            verdict = Bury(Burial(stage="handle", reason=f"{type(error).__name__}: {error}", attempts=used))
        return Settled(tuple(envelope.id for envelope in envelopes), verdict)

    async def _settle(self, lease: Lease, settled: Settled) -> None:
        ids, verdict = settled.ids, settled.verdict
        await self._patience(_tell, self._queue, lease, ids, verdict)

    async def _bury_all(self, lease: Lease, reason: str) -> None:
        for envelope in lease.envelopes:
            await self._settle(lease, Settled((envelope.id,), _bury("tenant", reason, envelope)))

    async def _tell_plugins(self, tenant: Tenant, burial: Burial, envelope: Envelope) -> None:
        log.error(
            "Dead letter",
            organization_id=envelope.tenant,
            job_id=envelope.id,
            message_id=burial.message_id,
            stage=burial.stage,
            plugin=burial.plugin,
            error=burial.reason,
            attempts=burial.attempts,
        )
        chat = envelope.lane.split("/", 2)[-1]
        extras = {"stage": burial.stage, "plugin": burial.plugin, "reason": burial.reason}
        event = Event(kind="dead_letter", chat_id=chat, message_id=burial.message_id, extras=extras)
        await tenant.hooks.handle_event(event, envelope.instance, tenant.store)


def _bury(stage: str, reason: str, envelope: Envelope) -> Bury:
    return Bury(Burial(stage=stage, reason=reason, attempts=envelope.attempts))


async def _tell(queue: Queue, lease: Lease, ids: tuple[str, ...], verdict: Verdict) -> None:
    match verdict:
        case Ack():
            await queue.ack(lease, ids)
        case Bury(burial):
            await queue.bury(lease, ids, burial)
        case Retry(delay, attempt):
            await queue.retry(lease, ids, delay=delay, attempt=attempt)
        case Defer(until):
            await queue.defer(lease, until)
