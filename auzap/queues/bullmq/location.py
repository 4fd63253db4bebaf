"""Where the queue is: ``bullmq+redis://[user:password@]host[:port]/number/name[?options]``, or ``bullmq+rediss://``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from auzap.model.errors import ConfigError
from auzap.queues.redis.location import Location as RedisLocation
from auzap.queues.redis.location import location_of as redis_location_of

__all__ = ["Location", "location_of"]

_FORM: Final = "write bullmq+redis://host:6379/0/NAME, the name as in new Queue(NAME)"
_PREFIX: Final = "bullmq_prefix"


@dataclass(frozen=True, slots=True)
class Location:
    """A BullMQ queue on a Redis that auzap's own queue shares with it."""

    redis: RedisLocation
    #: the same, as a URL with everything in it
    redis_url: str
    name: str
    #: what BullMQ's keys begin with
    prefix: str = "bull"

    @property
    def seat(self) -> str:
        """The key that says which process takes its jobs over."""
        return f"auzap:bullmq:{self.prefix}:{self.name}"

    def key(self, name: str) -> str:
        return f"{self.prefix}:{self.name}:{name}"


def location_of(url: str, base: Path) -> Location:
    """:param base: what the paths of certificates are relative to. :raises ConfigError: it names no BullMQ queue."""
    parts = urlsplit(url)
    shown = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    path, _, last = parts.path.rpartition("/")
    name = unquote(last)
    if not parts.netloc:
        raise ConfigError(f"queue {shown!r}: no host; {_FORM}")
    if not path.strip("/"):
        raise ConfigError(f"queue {shown!r}: no number of a database, or no name of a BullMQ queue; {_FORM}")
    if not name or ":" in name:
        told = f"{name!r} is no name of a BullMQ queue" if name else "no name of a BullMQ queue at its end"
        raise ConfigError(f"queue {shown!r}: {told}; {_FORM}")
    query = parse_qsl(parts.query, keep_blank_values=True)
    prefixes = [value for key, value in query if key == _PREFIX]
    if len(prefixes) > 1 or "" in prefixes:
        raise ConfigError(f"queue {shown!r}: {_PREFIX} is one word, as in new Queue(name, {{ prefix }})")
    rest = urlencode([pair for pair in query if pair[0] != _PREFIX])
    redis = parts._replace(scheme=parts.scheme.removeprefix("bullmq+"), path=path, query=rest).geturl()
    return Location(redis_location_of(redis, base), redis, name, *prefixes)
