"""Giving back what a worker holds, from any thread, while its event loop stands still."""

from __future__ import annotations

import asyncio
import threading

from auzap.queues.redis.bodies import raw
from auzap.queues.redis.exchange import Exchange, Memory
from auzap.queues.redis.location import Location
from auzap.queues.redis.script import Script

__all__ = ["blame"]


def blame(location: Location, script: Script, worker: str, envelope_id: str | None) -> None:
    """:raises QueueUnavailable: the server is away."""
    failed: list[Exception] = []

    def run() -> None:
        try:
            asyncio.run(_blame(location, script, worker, envelope_id))
        except Exception as error:  # noqa: BLE001 - raised below, in the caller's thread
            failed.append(error)

    # in a thread of its own: the caller's may have an event loop already, and two do not go together
    thread = threading.Thread(target=run, name="blame", daemon=True)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


async def _blame(location: Location, script: Script, worker: str, envelope_id: str | None) -> None:
    exchange = Exchange(location, script, Memory(location.name))
    blamed = [] if envelope_id is None else [raw(envelope_id)]
    try:
        await exchange.ask([(b"freeing.blame", [raw(worker), *blamed])])
    finally:
        await exchange.hang_up()
