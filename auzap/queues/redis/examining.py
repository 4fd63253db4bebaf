"""What a server promises for what lies in it: asked of itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from redis.exceptions import ResponseError

from auzap.contract.queue import Examination
from auzap.queues.redis.location import Location
from auzap.queues.redis.reaching import connected
from auzap.queues.redis.wire import Wire

__all__ = ["examine"]

_SETTINGS = ("appendonly", "appendfsync", "save", "maxmemory", "maxmemory-policy")


async def examine(location: Location) -> Examination:
    """:raises QueueUnavailable: it is away. :raises ConfigError: it cannot be opened."""
    async with connected(location) as wire, asyncio.timeout(location.timeout):
        info = _info(await wire.ask("INFO"))
        settings = await _settings(wire)
    replicas = int(info.get("connected_slaves", "0"))
    facts = [
        f"Redis {info.get('redis_version', '?')}",
        _written(info, settings),
        f"{replicas} {'replica' if replicas == 1 else 'replicas'}, waits for {location.wait_replicas} of them",
    ]
    return Examination(tuple(facts), tuple(_warnings(location, info, settings, replicas)))


def _info(text: bytes) -> dict[str, str]:
    lines = [line.partition(":") for line in text.decode().splitlines() if not line.startswith("#")]
    return {key: value for key, _, value in lines if key}


async def _settings(wire: Wire) -> dict[str, str]:
    """Those that it tells: some providers keep them to themselves."""
    found: dict[str, str] = {}
    for name in _SETTINGS:
        try:
            told = await wire.ask("CONFIG", "GET", name)
        except ResponseError:
            return {}
        if told:
            found[name] = told[1].decode()
    return found


def _written(info: Mapping[str, str], settings: Mapping[str, str]) -> str:
    if info.get("aof_enabled") == "1":
        match settings.get("appendfsync"):
            case "always":
                return "every change is on disk before it is confirmed (appendonly, appendfsync always)"
            case "everysec":
                return "changes are on disk within a second (appendonly, appendfsync everysec)"
            case "no":
                return "changes are on disk when its system writes them (appendonly, appendfsync no)"
            case _:
                return "changes are written to a file (appendonly), how soon it does not tell"
    if settings.get("save"):
        return f"snapshots on disk now and then (save {settings['save']}), no appendonly"
    return "no file on disk" if settings else "how it writes to disk, it does not tell"


def _warnings(location: Location, info: Mapping[str, str], settings: Mapping[str, str], replicas: int) -> Iterator[str]:
    if info.get("aof_enabled") != "1" and settings:
        lost = "loses what came after the last snapshot" if settings.get("save") else "loses all"
        yield f"a restart of Redis {lost}: set appendonly yes"
    elif info.get("aof_enabled") == "1" and settings.get("appendfsync") in ("everysec", "no"):
        yield "a crash of Redis's machine loses what came last: set appendfsync always"
    policy = settings.get("maxmemory-policy", info.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        yield f"Redis throws keys away when its memory is full ({policy}): set maxmemory-policy noeviction"
    if info.get("role", "master") != "master":
        yield "this Redis is a replica, and takes nothing"
    if replicas < location.wait_replicas:
        yield f"wait_replicas={location.wait_replicas}, but there are {replicas}: nothing will be accepted"
