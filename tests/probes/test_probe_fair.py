"""A tenant whose handler hangs, with a long backlog: the others' messages are answered as if it were not there."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from auzap.worker.serve import serve
from tests.support.gateway import Gateway
from tests.support.house import House, job, message
from tests.support.servers import Standing
from tests.support.writing import client

_CONTACTS = 1000


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


async def _put_backlog(house: House, messages: int) -> None:
    for start in range(0, messages, 2000):
        await house.put(
            *(
                job(message("!slow 30", phone=client(number % _CONTACTS), id=f"B{number}"), tenant="busy")
                for number in range(start, min(start + 2000, messages))
            )
        )


@pytest.mark.parametrize("standing", ["servers"], indirect=True)
@pytest.mark.parametrize(
    ("backlog", "asked", "within"),
    [(2_000, 10, 5.0), pytest.param(100_000, 60, 1.0, marks=pytest.mark.soak)],
    ids=["short", "long"],
)
async def test_a_tenant_that_hangs_with_a_long_backlog_does_not_hold_up_another(
    tmp_path: Path, standing: Standing, gateway: Gateway, backlog: int, asked: int, within: float
) -> None:
    house = House(
        tmp_path, gateway.url, tenants=("busy", "calm"), worker={"concurrency": 10, "timeout": "60s"}, **standing
    )
    await _put_backlog(house, backlog)
    waited: list[float] = []
    async with anyio.create_task_group() as working:
        working.start_soon(serve, house.config)
        # the first one shows that all is built and started
        await house.put(job(message("first", phone=client(_CONTACTS), id="C"), tenant="calm"))
        await gateway.wait_for(1)
        for number in range(asked):
            began = time.monotonic()
            await house.put(job(message("oi", phone=client(_CONTACTS + number % 5), id=f"C{number}"), tenant="calm"))
            await gateway.wait_for(2 + number)
            waited.append(gateway.accepted[-1].t - began)
        working.cancel_scope.cancel()

    print(f"{backlog} waiting: answered within {min(waited):.3f} to {max(waited):.3f} s")
    assert max(waited) < within, "the others hang for 30"
    assert {post.organization for post in gateway.posts} == {"calm"}
    assert house.rows("SELECT DISTINCT state FROM auzap_inbox WHERE organization_id = 'busy'") == [
        {"state": "received"}
    ]
    stats = await house.stats()
    assert stats.waiting + stats.delayed >= backlog, "all was given back"
    assert await house.dead() == []
