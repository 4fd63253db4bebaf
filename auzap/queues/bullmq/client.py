"""A client of BullMQ's Redis."""

from __future__ import annotations

from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from auzap.queues.redis.location import Location

__all__ = ["BLOCK", "client_of"]

#: the longest blocking read, in seconds
BLOCK: Final = 2.0


def client_of(location: Location) -> Redis:
    """Not connected yet.

    It gives an answer longer than any blocking read lasts: with redis-py's own limit, a longer one fails every time.
    And it repeats nothing by itself: what the answer was lost of may have been done.
    """
    (host, port), login, tls = location.hosts[0], location.login, location.tls
    files = {
        "ssl_ca_certs": tls and tls.ca_certs,
        "ssl_certfile": tls and tls.certfile,
        "ssl_keyfile": tls and tls.keyfile,
    }
    named: dict[str, Any] = {key: str(path) for key, path in files.items() if path}
    return Redis(
        host=host,
        port=port,
        db=location.db,
        username=login.username,
        password=login.password,
        decode_responses=True,
        encoding_errors="replace",
        socket_timeout=BLOCK + location.timeout,
        socket_connect_timeout=location.timeout,
        retry=Retry(NoBackoff(), 0),
        ssl=tls is not None,
        **named,
    )
