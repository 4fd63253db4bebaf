"""taskiq on a stream of Redis, acknowledged after the handler, on uvloop."""

from __future__ import annotations

import asyncio
import logging
from importlib import import_module
from typing import Any

from benchmarks.peers.speech import Heard, Meter, heard, job

#: calls of it that put jobs at a time
_WIDTH = 100


async def _main(told: Heard) -> None:
    broker = import_module("taskiq_redis").RedisStreamBroker(told.url, consumer_id="0")
    meter = Meter(told.jobs)

    async def one(said: dict[str, Any]) -> None:
        meter.handle(said)

    handle = broker.register_task(one, task_name="handle")
    await broker.startup()
    if told.what == "work":
        await import_module("taskiq.api").run_receiver_task(broker, max_async_tasks=told.lanes)
    elif told.rate:
        for number in told.numbers:
            await handle.kiq(job(number, told.lanes, timed=True))
            await asyncio.sleep(1 / told.rate)
    else:
        numbers = iter(range(told.jobs))

        async def put() -> None:
            for number in numbers:
                await handle.kiq(job(number, told.lanes))

        await asyncio.gather(*(put() for _ in range(_WIDTH)))
    await broker.shutdown()


logging.disable(logging.INFO)
import_module("uvloop").run(_main(heard()))
