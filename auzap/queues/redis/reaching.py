"""A connection to the server that has the queue: named by the URL, by the sentinels, or by the cluster."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.crc import key_slot
from redis.exceptions import ConnectionError as Away

from auzap.model.errors import ConfigError
from auzap.queues.redis.keys import Keys
from auzap.queues.redis.location import Location, Login, Tls
from auzap.queues.redis.troubles import TROUBLES, told_as
from auzap.queues.redis.wire import Wire

__all__ = ["connect", "connected"]


async def connect(location: Location) -> Wire:
    """A connection of one's own. It has no time limits: whoever reads from it sets one.

    :raises QueueUnavailable: nobody can be reached, or who can be does not have the queue now.
    :raises ConfigError: it will never do: wrong password, no such database.
    """
    try:
        async with asyncio.timeout(location.timeout):
            match location.kind:
                case "server":
                    return await _open(location, *location.hosts[0], location.login, location.db)
                case "sentinel":
                    return await _by_sentinels(location)
                case "cluster":
                    return await _by_cluster(location)
    except TROUBLES as error:
        told = told_as(error, location.name)
        if told is None:
            raise
        raise told from error


@asynccontextmanager
async def connected(location: Location) -> AsyncIterator[Wire]:
    """For a moment.

    :raises QueueUnavailable: it is away. :raises ConfigError: it will never do.
    """
    wire = await connect(location)
    try:
        yield wire
    except TROUBLES as error:
        told = told_as(error, location.name)
        if told is None:
            raise
        raise told from error
    finally:
        await wire.hang_up()


async def _open(location: Location, host: str, port: int, login: Login, db: int = 0) -> Wire:
    trust = None if location.tls is None else _trust(location.tls, location.name)
    _, wire = await asyncio.get_running_loop().create_connection(Wire, host, port, ssl=trust)
    try:
        if login.username is not None:
            await wire.ask("AUTH", login.username, login.password or "")
        elif login.password is not None:
            await wire.ask("AUTH", login.password)
        if db:
            await wire.ask("SELECT", db)
    except BaseException:
        await wire.hang_up()
        raise
    return wire


def _trust(files: Tls, name: str) -> ssl.SSLContext:
    for path in (files.ca_certs, files.certfile, files.keyfile):
        if path is not None and not path.is_file():
            raise ConfigError(f"queue {name}: there is no file {path}")
    try:
        trust = ssl.create_default_context(cafile=files.ca_certs)
        if files.certfile is not None:
            trust.load_cert_chain(files.certfile, files.keyfile)
    except ssl.SSLError as error:
        raise ConfigError(f"queue {name}: a certificate or key cannot be used: {error}") from error
    return trust


# ------------------------------------------------------------------ sentinels


async def _by_sentinels(location: Location) -> Wire:
    met: Exception | None = None
    for host, port in location.hosts:
        try:
            found = await _master(location, host, port)
            if found is not None:
                return await _only_master(location, *found)
            met = Away(f"the sentinels know no {location.service!r}")
        except TROUBLES as error:
            met = error
    assert met is not None  # noqa: S101 - there is at least one host
    raise met


async def _master(location: Location, host: str, port: int) -> tuple[str, int] | None:
    sentinel = await _open(location, host, port, location.sentinel_login)
    try:
        found = await sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", location.service)
    finally:
        await sentinel.hang_up()
    return (found[0].decode(), int(found[1])) if found else None


async def _only_master(location: Location, host: str, port: int) -> Wire:
    """The sentinels may not have noticed yet."""
    wire = await _open(location, host, port, location.login, location.db)
    try:
        role = (await wire.ask("ROLE"))[0]
    except BaseException:
        await wire.hang_up()
        raise
    if role == b"master":
        return wire
    await wire.hang_up()
    raise Away(f"{host}:{port}, which the sentinels name, is no master now")


# ------------------------------------------------------------------ a cluster


async def _by_cluster(location: Location) -> Wire:
    slot = key_slot(Keys(location.prefix).meta)
    met: Exception | None = None
    for host, port in location.hosts:
        try:
            there = await _node(location, host, port, slot)
            if there is not None:
                return await _open(location, *there, location.login)
            met = Away("no node of the cluster has the queue's slot")
        except TROUBLES as error:
            met = error
    assert met is not None  # noqa: S101 - there is at least one host
    raise met


async def _node(location: Location, host: str, port: int, slot: int) -> tuple[str, int] | None:
    """Who has the slot, as this node knows it."""
    wire = await _open(location, host, port, location.login)
    try:
        ranges = await wire.ask("CLUSTER", "SLOTS")
    finally:
        await wire.hang_up()
    for first, last, master, *_ in ranges:
        if first <= slot <= last:
            return (master[0] or b"").decode() or host, int(master[1])
    return None
