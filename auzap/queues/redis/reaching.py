"""A connection to the server that has the queue: named by the URL, by the sentinels, or by the cluster."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from redis.asyncio.connection import Connection, SSLConnection
from redis.crc import key_slot
from redis.exceptions import ConnectionError as Away

from auzap.model.errors import ConfigError
from auzap.queues.redis.keys import Keys
from auzap.queues.redis.location import Location, Login
from auzap.queues.redis.troubles import TROUBLES, told_as

__all__ = ["ask", "connect", "connected", "hang_up"]

#: seconds that a server may take to say good-bye
_GOODBYE = 1.0


async def connect(location: Location) -> Connection:
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
async def connected(location: Location) -> AsyncIterator[Connection]:
    """For a moment.

    :raises QueueUnavailable: it is away. :raises ConfigError: it will never do.
    """
    connection = await connect(location)
    try:
        yield connection
    except TROUBLES as error:
        told = told_as(error, location.name)
        if told is None:
            raise
        raise told from error
    finally:
        await hang_up(connection)


async def ask(connection: Connection, *command: bytes | str | int) -> Any:
    await connection.send_command(*command)
    return await connection.read_response()


async def hang_up(connection: Connection) -> None:
    """Wait until it is closed: over TLS both sides say so. One that does not answer any more is left behind."""
    with suppress(*TROUBLES):
        async with asyncio.timeout(_GOODBYE):
            await connection.disconnect()


async def _open(location: Location, host: str, port: int, login: Login, db: int = 0) -> Connection:
    # redis-py's own limit of five seconds would end every longer blocking read
    common: dict[str, Any] = {
        "host": host,
        "port": port,
        "db": db,
        "username": login.username,
        "password": login.password,
        "socket_timeout": None,
        "socket_connect_timeout": location.timeout,
        "protocol": 2,
        "driver_info": None,
    }
    connection = Connection(**common) if location.tls is None else _with_tls(location, common)
    try:
        await connection.connect()  # type: ignore[no-untyped-call]
    except BaseException:
        await hang_up(connection)
        raise
    return connection


def _with_tls(location: Location, common: dict[str, Any]) -> Connection:
    files = location.tls
    assert files is not None  # noqa: S101 - the caller looked
    named = {"ssl_ca_certs": files.ca_certs, "ssl_certfile": files.certfile, "ssl_keyfile": files.keyfile}
    for path in named.values():
        if path is not None and not path.is_file():
            raise ConfigError(f"queue {location.name}: there is no file {path}")
    given: dict[str, Any] = {key: str(path) for key, path in named.items() if path is not None}
    try:
        return SSLConnection(**common, **given)
    except ssl.SSLError as error:
        raise ConfigError(f"queue {location.name}: a certificate or key cannot be used: {error}") from error


# ------------------------------------------------------------------ sentinels


async def _by_sentinels(location: Location) -> Connection:
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
        found = await ask(sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", location.service)
    finally:
        await hang_up(sentinel)
    return (found[0].decode(), int(found[1])) if found else None


async def _only_master(location: Location, host: str, port: int) -> Connection:
    """The sentinels may not have noticed yet."""
    connection = await _open(location, host, port, location.login, location.db)
    try:
        role = (await ask(connection, "ROLE"))[0]
    except BaseException:
        await hang_up(connection)
        raise
    if role == b"master":
        return connection
    await hang_up(connection)
    raise Away(f"{host}:{port}, which the sentinels name, is no master now")


# ------------------------------------------------------------------ a cluster


async def _by_cluster(location: Location) -> Connection:
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
    connection = await _open(location, host, port, location.login)
    try:
        ranges = await ask(connection, "CLUSTER", "SLOTS")
    finally:
        await hang_up(connection)
    for first, last, master, *_ in ranges:
        if first <= slot <= last:
            return (master[0] or b"").decode() or host, int(master[1])
    return None
