"""One lane: its turns, one after the other, and what the queue is told of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import anyio

from auzap.contract.queue import Burial, Envelope, Lease, Queue
from auzap.logs import get_logger
from auzap.model.errors import LeaseLost
from auzap.model.event import Event
from auzap.pipeline.give_up import give_up
from auzap.pipeline.verdicts import Ack, Bury, Defer, Retry, Settled, Verdict
from auzap.pipeline.way import Pipeline
from auzap.pipeline.work import Parts, Work
from auzap.tenants.away import TenantAway, TenantUnknown
from auzap.tenants.runtime import Tenant
from auzap.tenants.tenants import Tenants
from auzap.worker.bursts import open_until, turns
from auzap.worker.slots import Slot

__all__ = ["GIVE_UP", "Lanes"]

log = get_logger("auzap.worker")

#: workers that an envelope may cost before it goes to the dead letters
GIVE_UP = 10


class Lanes:
    def __init__(self, *, queue: Queue, tenants: Tenants, parts: Parts) -> None:
        self._queue = queue
        self._tenants = tenants
        self._pipeline = Pipeline(parts)
        self._parts = parts
        self._patience = parts.patience
        self._settings = parts.settings
        self._reached = parts.reached

    async def work(
        self, lease: Lease, under_way: Callable[[Envelope | None], None], slot: Slot, finished: Callable[[], None]
    ) -> None:
        """All turns of a lease.

        :param finished: told when nothing is left to do but to note and to tell what was done.
        :param under_way: told the first envelope of each turn that begins; None when it is decided.
        :raises LeaseLost: another worker has the lane, or may have it.
        """
        self._reached("after_lease")
        rest = lease.envelopes
        while rest:
            try:
                # each turn takes the tenant as it is when it begins, and keeps it to its end
                version = await self._patience(self._tenants.take, lease.tenant)
            except TenantAway as away:
                await self._settle(lease, Settled((), Defer(away.until)))
                return
            except TenantUnknown as error:
                await self._bury_all(lease, rest, str(error))
                return
            try:
                worked = await self._turn(lease, version.tenant, rest, under_way, slot, finished)
            finally:
                version.leave()
            rest = rest[worked:]
            if not worked:
                return

    async def _turn(
        self,
        lease: Lease,
        tenant: Tenant,
        rest: Sequence[Envelope],
        under_way: Callable[[Envelope | None], None],
        slot: Slot,
        finished: Callable[[], None],
    ) -> int:
        """The next one of a lease.

        :return: of how many envelopes it was; 0 when the lease ended with it.
        """
        burst = tenant.config.burst
        turn, *others = turns(rest, burst)
        if burst is not None and not others and len(rest) < len(lease.envelopes):
            # the lease may have cut it: what belongs to it comes with the next one
            await self._settle(lease, Settled((), Defer(0)))
            return 0
        until = open_until(turn, burst, now=self._parts.tell().timestamp())
        if until is not None:
            await self._settle(lease, Settled((), Defer(until)))
            return 0
        under_way(turn[0])
        await self._wait_for_permit()
        verdicts = await self._decide(lease, tenant, turn, slot, slot.give_back if others else finished)
        slot.give_back()
        under_way(None)
        return len(turn) if await self._tell(lease, tenant, turn, verdicts) else 0

    async def _wait_for_permit(self) -> None:
        limit = self._tenants.config.worker.rate_limit
        if limit is not None:
            await anyio.sleep(await self._patience(self._queue.permit, "turns", most=limit.max, per=limit.per))

    # ------------------------------------------------------------------ what is to become of a turn

    async def _decide(
        self, lease: Lease, tenant: Tenant, envelopes: tuple[Envelope, ...], slot: Slot, finished: Callable[[], None]
    ) -> list[Settled]:
        try:
            return await self._verdicts(lease, tenant, envelopes, slot, finished)
        except LeaseLost:
            raise
        except Exception as error:
            # A mistake of ours must not stop the others: it costs this turn an attempt, like a plugin's.
            log.exception("Turn failed", organization_id=lease.tenant, job_id=envelopes[0].id)
            return [await self._failed(lease, envelopes, error)]

    async def _verdicts(
        self, lease: Lease, tenant: Tenant, envelopes: tuple[Envelope, ...], slot: Slot, finished: Callable[[], None]
    ) -> list[Settled]:
        first, *rest = envelopes
        if first.lost_leases >= GIVE_UP:
            reason = f"{first.lost_leases} workers died, or lost the lease, while they worked on it"
            lost = await self._give_up(lease, [first], Burial(stage="lost", reason=reason, attempts=first.attempts))
            return [lost, Settled(_ids(rest), Defer(0))] if rest else [lost]
        channel = tenant.channels.get(first.instance)
        if channel is None:
            reason = f"unknown instance: {first.instance}"
            return [await self._give_up(lease, envelopes, Burial(stage="tenant", reason=reason))]
        work = Work(
            tenant=tenant,
            channel=channel,
            lane=lease.lane,
            token=lease.token,
            envelopes=envelopes,
            begin=slot.take,
            pause=slot.give_back,
            finished=finished,
        )
        return await self._pipeline.run(work)

    async def _failed(self, lease: Lease, envelopes: tuple[Envelope, ...], error: Exception) -> Settled:
        used = max(envelope.attempts for envelope in envelopes) + 1
        if used < self._settings.attempts:
            return Settled(_ids(envelopes), Retry(self._settings.backoff(used), attempt=True))
        reason = f"{type(error).__name__}: {error}"
        return await self._give_up(lease, envelopes, Burial(stage="handle", reason=reason, attempts=used))

    async def _give_up(self, lease: Lease, envelopes: Sequence[Envelope], burial: Burial) -> Settled:
        for envelope in envelopes:
            await give_up(self._parts, envelope, token=lease.token, reason=burial.reason)
        return Settled(_ids(envelopes), Bury(burial))

    # ------------------------------------------------------------------ who is told

    async def _tell(
        self, lease: Lease, tenant: Tenant, envelopes: Sequence[Envelope], verdicts: Sequence[Settled]
    ) -> bool:
        """Tell the queue, then the plugins of dead letters. False when the lease ended with it."""
        for settled in verdicts:
            self._reached("before_ack")
            await self._settle(lease, settled)
        for settled in verdicts:
            if isinstance(settled.verdict, Bury):
                envelope = next(one for one in envelopes if one.id in settled.ids)
                _log_dead(envelope, settled.verdict.burial)
                await _tell_plugins(tenant, envelope, settled.verdict.burial)
        return not any(isinstance(settled.verdict, (Retry, Defer)) for settled in verdicts)

    async def _bury_all(self, lease: Lease, envelopes: Sequence[Envelope], reason: str) -> None:
        for envelope in envelopes:
            burial = Burial(stage="tenant", reason=reason, attempts=envelope.attempts)
            await self._settle(lease, await self._give_up(lease, [envelope], burial))
            _log_dead(envelope, burial)

    async def _settle(self, lease: Lease, settled: Settled) -> None:
        await self._patience(_tell_queue, self._queue, lease, settled.ids, settled.verdict)


def _ids(envelopes: Sequence[Envelope]) -> tuple[str, ...]:
    return tuple(envelope.id for envelope in envelopes)


def _log_dead(envelope: Envelope, burial: Burial) -> None:
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


async def _tell_plugins(tenant: Tenant, envelope: Envelope, burial: Burial) -> None:
    chat = envelope.lane.split("/", 2)[-1]
    extras = {"stage": burial.stage, "plugin": burial.plugin, "reason": burial.reason}
    event = Event(kind="dead_letter", chat_id=chat, message_id=burial.message_id, extras=extras)
    await tenant.hooks.handle_event(event, envelope.instance, tenant.store)


async def _tell_queue(queue: Queue, lease: Lease, ids: tuple[str, ...], verdict: Verdict) -> None:
    match verdict:
        case Ack():
            await queue.ack(lease, ids)
        case Bury(burial):
            await queue.bury(lease, ids, burial)
        case Retry(delay, attempt):
            await queue.retry(lease, ids, delay=delay, attempt=attempt)
        case Defer(until):
            await queue.defer(lease, until)
