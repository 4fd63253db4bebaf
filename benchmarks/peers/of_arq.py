"""arq on Redis, on asyncio: its own retries, no results stored. A program for ``python -m benchmarks.peers more``."""

from __future__ import annotations

import asyncio
import logging
from importlib import import_module
from typing import Any

from benchmarks.peers.speech import Heard, Meter, heard, job

#: seconds between two looks at the queue; its default of 0.5 would bound what is measured
_LOOK = 0.01


async def _main(told: Heard) -> None:
    connections, worker = import_module("arq.connections"), import_module("arq.worker")
    settings = connections.RedisSettings.from_dsn(told.url)
    if told.what == "work":
        meter = Meter(told.jobs)

        async def handle(_: object, said: dict[str, Any]) -> None:
            meter.handle(said)

        functions = [worker.func(handle, name="handle")]
        await worker.Worker(
            functions, redis_settings=settings, max_jobs=told.lanes, keep_result=0, poll_delay=_LOOK
        ).async_run()
    pool = await connections.create_pool(settings)
    for number in told.numbers:
        await pool.enqueue_job("handle", job(number, told.lanes, timed=told.rate > 0))
        if told.rate:
            await asyncio.sleep(1 / told.rate)
    await pool.aclose()


logging.disable(logging.INFO)
asyncio.run(_main(heard()))
