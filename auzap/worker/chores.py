"""What a worker does beside turns: scheduled replies into the queue, old rows away."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import anyio

from auzap.config.models import Config
from auzap.contract.queue import Queue
from auzap.logs import get_logger
from auzap.pipeline.accept import outbound
from auzap.pipeline.patience import Patience
from auzap.storage.store import DueReply, Store
from auzap.tenants.tenants import Tenants

__all__ = ["clean_up", "put_due_replies"]

log = get_logger("auzap.worker")

#: seconds between two looks for scheduled replies that are due
_LOOK = 1.0
#: scheduled replies in one look, and seconds until the next one where there are more: the turns come first
_DUE, _PAUSE = 50, 0.05
#: old rows in one removal
_BATCH = 500
#: seconds between two removals of old rows
_CLEAN = 3600.0


async def put_due_replies(tenants: Tenants, queue: Queue, store: Store, patience: Patience) -> None:
    """Give each scheduled reply a job in its chat's lane when its time has come; until cancelled."""
    while True:
        due = await patience(store.due, datetime.now(UTC), limit=_DUE)
        if due:
            envelopes = [outbound(reply, _channel(tenants.config, reply)) for reply in due]
            await patience(queue.put, envelopes)
            await patience(store.note_queued, [reply.id for reply in due])
        await anyio.sleep(_LOOK if len(due) < _DUE else _PAUSE)


def _channel(config: Config, reply: DueReply) -> str:
    tenant = config.tenants.get(reply.organization_id)
    instance = tenant.instances.get(reply.instance_id) if tenant is not None else None
    return instance.channel if instance is not None else ""


async def clean_up(tenants: Tenants, queue: Queue, store: Store, patience: Patience) -> None:
    """Remove what ``retention`` no longer keeps, a batch at a time; until cancelled."""
    while True:
        removed = await patience(queue.purge, before=time.time() - tenants.config.retention.dead)
        cutoffs = _cutoffs(tenants.config)
        while got := await patience(store.remove_old, **cutoffs, limit=_BATCH):
            removed += got
            await anyio.sleep(_PAUSE)
        if removed:
            log.info("Old rows removed", rows=removed)
        await anyio.sleep(_CLEAN)


def _cutoffs(config: Config) -> dict[str, datetime]:
    """Rows of dead turns outlive their dead letters: what is brought back must find what it sent already."""
    now, keep = datetime.now(UTC), config.retention
    ages = {"inbox": keep.inbox, "outbox": keep.outbox, "dead": max(keep.inbox, keep.dead + _CLEAN)}
    ages["traces"] = keep.traces
    return {what: now - timedelta(seconds=age) for what, age in ages.items()}
