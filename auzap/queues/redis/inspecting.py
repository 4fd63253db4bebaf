"""A queue seen from outside: nothing is opened."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from auzap.contract.queue import Inspection
from auzap.queues.redis.bodies import plain, raw
from auzap.queues.redis.keys import Keys
from auzap.queues.redis.location import Location
from auzap.queues.redis.reaching import connected

__all__ = ["dead_ids", "inspect"]

#: seconds that a shell's completion may take
_SHORT = 1.0


def inspect(location: Location) -> Inspection:
    """The server is not asked: whether it is there, opening it tells."""
    files = (location.tls.ca_certs, location.tls.certfile, location.tls.keyfile) if location.tls else ()
    missing = [path for path in files if path is not None and not path.is_file()]
    return Inspection(
        location.name, there=True, mistakes=tuple(f"queue {location.name}: there is no file {path}" for path in missing)
    )


def dead_ids(location: Location, prefix: str, limit: int) -> list[str]:
    """:raises QueueUnavailable: the server is away, or does not answer at once."""
    return asyncio.run(_dead_ids(replace(location, timeout=min(location.timeout, _SHORT)), prefix, limit))


async def _dead_ids(location: Location, prefix: str, limit: int) -> list[str]:
    async with connected(location) as wire, asyncio.timeout(location.timeout):
        key, begun = Keys(location.prefix).dead, raw(prefix)
        found = await wire.ask("ZRANGEBYLEX", key, b"[" + begun, "+", "LIMIT", 0, limit)
    return [plain(one) for one in found if one.startswith(begun)]
