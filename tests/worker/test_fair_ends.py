"""What one tenant, plugin or channel does costs the others nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from auzap.config.models import Burst
from auzap.worker.bursts import turns
from tests.support.gateway import Gateway
from tests.support.house import House, job, message
from tests.support.queues import an_envelope
from tests.support.workers import ended, working


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


async def test_suspects_that_wait_are_not_blamed_with_the_one_that_kills(tmp_path: Path, gateway: Gateway) -> None:
    """Only one of them is in hand at a time."""
    house = House(tmp_path, gateway.url, worker={"lease": "1s"})
    await house.put(job(message("!kill", phone="5511900000020")))
    await house.put(*(job(message("oi", phone=f"55119000000{n}")) for n in range(21, 25)))
    house.queued("UPDATE envelopes SET lost_leases = 8")
    for _ in range(3):
        worker = house.start("--drain")
        with working(worker):
            code = await ended(worker)
    assert code == 0
    [letter] = await house.dead()
    assert letter.stage == "lost"
    assert letter.payload["message"]["conversation"] == "!kill"
    assert sorted(post.text for post in gateway.posts) == ["ok: oi"] * 4


async def test_a_transaction_that_takes_too_long_is_the_plugins_failure(tmp_path: Path, gateway: Gateway) -> None:
    house = House(
        tmp_path,
        gateway.url,
        plugins={"slowbook": {}},
        tenants=["slow", "quick"],
        worker={"timeout": "30s", "attempts": 1},
    )
    house.document["tenants"]["quick"]["plugins"] = {"trouble": {}}
    house.write()
    await house.put(job(message("oi"), tenant="slow"))
    began = time.monotonic()
    await house.serve()
    assert time.monotonic() - began < 20, "not the thirty seconds of its deadline"
    [letter] = await house.dead()
    assert "took longer than 5 s" in letter.reason


def test_what_was_brought_back_joins_no_burst() -> None:
    burst = Burst(window=3.0, max=15.0)
    newer, older = an_envelope(accepted_at=1000.0), an_envelope(accepted_at=900.0)
    assert turns([newer, older], burst) == [(newer,), (older,)]


async def test_a_burst_longer_than_a_lease_is_cut_nowhere_but_at_its_own_twentieth(
    tmp_path: Path, gateway: Gateway
) -> None:
    house = House(tmp_path, gateway.url, tenant={"burst": {"window": "300ms", "max": "5s"}})
    await house.put(job(message("antes")))
    await house.put(*(job(message(f"{n}")) for n in range(25)))
    house.queued("UPDATE envelopes SET accepted_at = accepted_at - 60 WHERE pos = (SELECT min(pos) FROM envelopes)")
    await house.serve()
    texts = [post.text for post in gateway.posts]
    assert texts[0] == "ok: antes"
    assert texts[1] == "ok: " + "\n".join(str(n) for n in range(20)), "the lease brings twenty"
