"""What a worker does beside turns: channels that listen, scheduled replies into the queue, old rows away."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio

from auzap.config.models import Config
from auzap.contract.channel import Accept, Channel
from auzap.contract.queue import Queue
from auzap.logs import get_logger
from auzap.pipeline.accept import accept, outbound
from auzap.pipeline.patience import Patience
from auzap.storage.store import DueReply, Store
from auzap.tenants.tenants import TenantBroken, Tenants

__all__ = ["clean_up", "listen", "put_due_replies"]

log = get_logger("auzap.worker")

#: seconds between two looks for scheduled replies that are due
_LOOK = 1.0
_BATCH = 500
#: seconds, the first and the longest, until a channel that failed listens again
_LISTEN_AGAIN = 1.0
_LISTEN_LATEST = 60.0
#: seconds between two removals of old rows
_CLEAN = 3600.0


async def listen(tenants: Tenants, queue: Queue, patience: Patience) -> None:
    """Start the channels that take messages in by themselves; until cancelled."""
    async with anyio.create_task_group() as listening:
        for tenant_id in tenants.listening():
            with suppress(TenantBroken):  # which was logged
                tenant = await patience(tenants.get, tenant_id)
                for channel in tenant.channels.values():
                    listening.start_soon(_listen_to, channel, _acceptor(channel, queue, patience))


async def _listen_to(channel: Channel, put: Accept) -> None:
    """One that fails is started again, and costs nobody else anything."""
    delay = _LISTEN_AGAIN
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
            delay = min(delay * 2, _LISTEN_LATEST)
        else:
            return


def _acceptor(channel: Channel, queue: Queue, patience: Patience) -> Accept:
    async def put(posted: Any) -> None:
        envelopes = accept(channel.tenant, channel.instance, type(channel), posted)
        await patience(queue.put, envelopes)

    return put


async def put_due_replies(config: Config, queue: Queue, store: Store, patience: Patience) -> None:
    """Give each scheduled reply a job in its chat's lane when its time has come; until cancelled."""
    while True:
        due = await patience(store.due, datetime.now(UTC), limit=_BATCH)
        if due:
            envelopes = [outbound(reply, _channel(config, reply)) for reply in due]
            await patience(queue.put, envelopes)
            await patience(store.note_queued, [reply.id for reply in due])
        if len(due) < _BATCH:
            await anyio.sleep(_LOOK)


def _channel(config: Config, reply: DueReply) -> str:
    tenant = config.tenants.get(reply.organization_id)
    instance = tenant.instances.get(reply.instance_id) if tenant is not None else None
    return instance.channel if instance is not None else ""


async def clean_up(config: Config, queue: Queue, store: Store, patience: Patience) -> None:
    """Remove what ``retention`` no longer keeps, a batch at a time; until cancelled."""
    while True:
        removed = await patience(queue.purge, before=time.time() - config.retention.dead)
        cutoffs = _cutoffs(config)
        while got := await patience(store.remove_old, **cutoffs, limit=_BATCH):
            removed += got
            await anyio.sleep(0.05)  # the turns come first
        if removed:
            log.info("Old rows removed", rows=removed)
        await anyio.sleep(_CLEAN)


def _cutoffs(config: Config) -> dict[str, datetime]:
    """Rows of dead turns outlive their dead letters: what is brought back must find what it sent already."""
    now, keep = datetime.now(UTC), config.retention
    ages = {"inbox": keep.inbox, "outbox": keep.outbox, "dead": max(keep.inbox, keep.dead + _CLEAN)}
    return {what: now - timedelta(seconds=age) for what, age in ages.items()}
