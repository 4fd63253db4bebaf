"""One queue of each backend for every test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from auzap.contract.queue import Queue
from tests.support.bullmq.node import Producer, producer
from tests.support.bullmq.place import Bull
from tests.support.queues import BACKENDS, Place
from tests.support.redis_server import prefix_for, require_redis, shared_server


@pytest.fixture(params=sorted(BACKENDS))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(request.param, tmp_path)


@pytest.fixture
async def queue(place: Place) -> AsyncIterator[Queue]:
    async with place.open() as queue:
        yield queue


@pytest.fixture(scope="session")
def api() -> Iterator[Producer]:
    """The Node program that adds jobs to BullMQ's queues."""
    require_redis()
    with producer() as running:
        yield running


@pytest.fixture
def bull(api: Producer, tmp_path: Path) -> Bull:
    return Bull(api, shared_server(), prefix_for(tmp_path), tmp_path)
