"""Where a ``House`` keeps its queue and its database: two files, or a Redis and a Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.postgres import Cluster, private_cluster
from tests.support.redis_server import RedisServer, redis_server, url_for

__all__ = ["EVERYWHERE", "ON_FILES", "Own", "Standing", "on", "own_servers", "standing_on"]

#: what ``House`` is given of it
Standing = dict[str, Any]

#: for the fixture ``standing``
EVERYWHERE = pytest.mark.parametrize("standing", ["sqlite", "servers"], indirect=True)
#: on servers only in the long form
ON_FILES = pytest.mark.parametrize(
    "standing", ["sqlite", pytest.param("servers", marks=pytest.mark.soak)], indirect=True
)


@contextmanager
def standing_on(kind: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[Standing]:
    """A queue and a database of a test's own."""
    if kind == "sqlite":
        yield {}
        return
    queue = url_for(folder)
    cluster: Cluster = request.getfixturevalue("postgres")
    with cluster.database(folder) as database:
        yield on(queue, database.url)


def on(queue: str, database: str) -> Standing:
    return {"queue": queue, "database": {"url": database, "migrate": "auto"}}


@dataclass(frozen=True, slots=True)
class Own:
    """Servers that a test may let fall: nobody else uses them."""

    redis: RedisServer
    postgres: Cluster
    standing: Standing


@contextmanager
def own_servers(folder: Path, run_folder: Path) -> Iterator[Own]:
    """Both write to the disk before they confirm."""
    with (
        redis_server(folder / "redis", appendonly="yes", appendfsync="always") as redis,
        private_cluster(run_folder) as postgres,
        postgres.database(folder) as database,
    ):
        yield Own(redis, postgres, on(redis.url, database.url))
