"""The lines of one turn are found by its job: when it begins, when an attempt fails, when it was answered."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from auzap.logs import configure
from tests.support.gateway import Gateway, Mode, Rule
from tests.support.house import House, job, message


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure(json=True, stream=stream)
    yield stream
    configure()


def lines(log: io.StringIO, event: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, log.getvalue().splitlines()) if line["event"] == event]


async def test_each_line_names_the_job(tmp_path: Path, gateway: Gateway, log: io.StringIO) -> None:
    gateway.mode = Mode(rules=(Rule(do="refuse", first=1),))
    house = House(tmp_path, gateway.url)
    (envelope,) = house.envelopes(job(message("!once-fails 1")))
    await house.put_envelopes([envelope])
    await house.serve()
    for event, times in {
        "Processing message": 3,
        "Attempt failed": 1,
        "Send refused, to be repeated": 1,
        "Message processed and response sent": 1,
    }.items():
        told = [(line["job_id"], line["organization_id"]) for line in lines(log, event)]
        assert (event, told) == (event, [(envelope.id, "shop")] * times)
    (sent,) = lines(log, "Message processed and response sent")
    assert (sent["message_id"], sent["is_owner"]) == (gateway.accepted[0].message_id, False)


async def test_so_does_that_of_a_scheduled_send(tmp_path: Path, gateway: Gateway, log: io.StringIO) -> None:
    house = House(tmp_path, gateway.url)
    await house.put(job(message("!later 0.1")))
    await house.serve_until(lambda: len(lines(log, "Message processed and response sent")) == 1)
    (begun,) = lines(log, "Processing message")
    (sent,) = lines(log, "Message processed and response sent")
    assert sent["job_id"] != begun["job_id"], "it is a job of its own"
