"""One queue of each backend for every test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from auzap.contract.queue import Queue
from tests.support.queues import BACKENDS, Place


@pytest.fixture(params=sorted(BACKENDS))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(request.param, tmp_path)


@pytest.fixture
async def queue(place: Place) -> AsyncIterator[Queue]:
    async with place.open() as queue:
        yield queue
