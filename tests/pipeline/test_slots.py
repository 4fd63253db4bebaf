"""How many turns are in hand at a time: of one worker, of one tenant, of the lanes of events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from tests.support.gateway import Gateway
from tests.support.house import House, job, message
from tests.support.workers import begun, ended, until, working


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


@pytest.mark.parametrize(
    ("tenants", "concurrency", "in_hand"),
    [(["shop"], 3, 3), (["shop", "salon"], 6, 3), (["shop", "salon"], 5, 2)],
    ids=["as many as are configured", "of one tenant among several, half", "and never more than half"],
)
async def test_no_more_turns_than_slots(
    tmp_path: Path, gateway: Gateway, tenants: list[str], concurrency: int, in_hand: int
) -> None:
    """Also while no other tenant waits."""
    house = House(tmp_path, gateway.url, tenants=tenants, worker={"concurrency": concurrency, "timeout": "60s"})
    await house.put(*(job(message("!gate", phone=f"55119000000{number}")) for number in range(10, 20)))
    worker = house.start("--drain")
    with working(worker):
        await until(begun(house, in_hand))
        await anyio.sleep(0.4)
        assert not begun(house, in_hand + 1)()
        assert (await house.stats()).leased == in_hand

        if len(tenants) > 1:  # the other half is free for the others, at once
            await house.put(job(message("oi"), tenant="salon"))
            await gateway.wait_for(1)
            assert gateway.accepted[0].organization == "salon"
        (tmp_path / "gate").touch()
        assert await ended(worker) == 0
    assert sum(post.organization == "shop" for post in gateway.accepted) == 10
