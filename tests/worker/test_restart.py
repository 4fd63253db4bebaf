"""A worker that is killed with everything in hand: each thing is where it belongs, and the next worker goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.gateway import Gateway
from tests.support.house import House
from tests.support.workers import Everything, end_leases, working


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


async def test_nothing_moves_when_a_worker_is_killed(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, worker=Everything.worker(), instance={"timeout": "60s"})
    everything = Everything(house, gateway)
    worker = await everything.begin()
    with working(worker):
        worker.kill()
        worker.wait()
    assert everything.lanes("leased") == 4
    assert everything.lanes("held") == 1
    stats = await house.stats()
    assert (stats.leased, stats.dead) == (7, 1), "four heads, and those behind them that the leases cover"
    assert stats.delayed >= 2, "the delayed one and the one that retries"

    end_leases(house)
    await house.notice()
    lost = house.queued("SELECT payload, lost_leases FROM envelopes WHERE lost_leases > 0")
    assert len(lost) == 4
    assert all("!gate" in row["payload"] or "hangs" in row["payload"] for row in lost), "only whose turns had begun"
    assert {row["lost_leases"] for row in lost} == {1}
    assert everything.lanes("leased") == 0
    assert {row["attempts"] for row in house.queued("SELECT attempts FROM envelopes")} == {0, 1}

    everything.open()
    await everything.finish()
