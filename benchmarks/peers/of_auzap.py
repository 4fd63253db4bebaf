"""auzap's queue: the worker as it is, with leases, lanes, retries and renewals; only what is done with a message is
nothing at all. A folder for its database is made beside it: nothing is stored there.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import yaml

from auzap.config import load
from auzap.config.models import Config
from auzap.contract.queue import Envelope, Lease, Queue
from auzap.hooks import Calls
from auzap.logs import configure
from auzap.model.errors import LeaseLost
from auzap.model.keys import lane_key, new_id
from auzap.pipeline.patience import Patience
from auzap.registry import Registry
from auzap.storage import open_store
from auzap.tenants.tenants import Tenants
from auzap.worker.lanes import Lanes
from auzap.worker.loop import Worker
from auzap.worker.resources import open_queue, prepare_database
from auzap.worker.slots import Slot
from benchmarks.peers.speech import Heard, Meter, heard, job

#: jobs that are made durable together
_BATCH = 500


class _Handling(Lanes):
    """As the lanes of a worker, with another handler: each envelope is handled, then acknowledged."""

    def __init__(self, queue: Queue, patience: Patience, handler: Callable[[Any], None]) -> None:
        self._queue = queue
        self._patience = patience
        self._handler = handler

    async def work(
        self, lease: Lease, under_way: Callable[[Envelope | None], None], slot: Slot, finished: Callable[[], None]
    ) -> None:
        for envelope in lease.envelopes:
            under_way(envelope)
            if not await slot.take():
                await self._patience(self._queue.defer, lease, 0)
                return
            try:
                self._handler(envelope.payload)
            except LeaseLost:
                raise
            except Exception:  # noqa: BLE001 - whatever a handler raises
                await self._patience(self._queue.retry, lease, [envelope.id], delay=2, attempt=True)
                return
            finally:
                slot.give_back()
            under_way(None)
            if envelope is lease.envelopes[-1]:
                finished()
            await self._patience(self._queue.ack, lease, [envelope.id])


async def _put(config: Config, told: Heard) -> None:
    async with open_queue(config, Registry()) as queue:
        if told.rate:
            for number in told.numbers:
                await queue.put([_envelope(job(number, told.lanes, timed=True))])
                await asyncio.sleep(1 / told.rate)
            return
        for start in range(0, told.jobs, _BATCH):
            some = range(start, min(start + _BATCH, told.jobs))
            await queue.put([_envelope(job(number, told.lanes)) for number in some])


def _envelope(said: dict[str, Any]) -> Envelope:
    key = said["message"]["key"]
    return Envelope(
        id=new_id(),
        tenant="shop",
        instance="main",
        channel="console",
        kind="message",
        lane=lane_key("shop", "main", key["remoteJid"]),
        dedupe=f"shop/main/{key['remoteJid']}/{key['id']}",
        payload=said,
        accepted_at=time.time(),
    )


async def _work(config: Config, told: Heard) -> None:
    registry, patience, calls = Registry(), Patience(), Calls()
    prepare_database(config, registry)
    async with AsyncExitStack() as stack:
        queue = await stack.enter_async_context(open_queue(config, registry))
        store = await stack.enter_async_context(open_store(config.database.dsn, config.base))
        tenants = await stack.enter_async_context(Tenants(config, registry=registry, store=store, calls=calls))
        lanes = _Handling(queue, patience, Meter(told.jobs).handle)
        worker = Worker(queue=queue, store=store, tenants=tenants, lanes=lanes, patience=patience, calls=calls)
        await worker.run()


def _config(folder: Path, told: Heard) -> Config:
    file = folder / "config.yaml"
    document = {
        "queue": told.url,
        "database": "sqlite:///auzap.db",
        "worker": {"concurrency": told.lanes if told.what == "work" else 1, "rate_limit": None},
        "tenants": {"shop": {"name": "Loja", "instances": {"main": {"channel": "console"}}}},
    }
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return load(file)


def main() -> None:
    configure(level="warning")
    told = heard()
    with tempfile.TemporaryDirectory() as folder:
        config = _config(Path(folder), told)
        asyncio.run(_work(config, told) if told.what == "work" else _put(config, told))


if __name__ == "__main__":
    main()
