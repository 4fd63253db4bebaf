"""Told to stop, a worker finishes or gives back what it has, and ends with exit code 0."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from auzap.worker.loop import Worker
from auzap.worker.serve import serve
from tests.support.gateway import Gateway
from tests.support.house import House, job, message
from tests.support.workers import Everything, begun, ended, until, working


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_what_is_not_finished_in_time_is_given_back_unharmed(
    tmp_path: Path, gateway: Gateway, number: signal.Signals
) -> None:
    house = House(tmp_path, gateway.url, worker=Everything.worker(drain="300ms"), instance={"timeout": "60s"})
    everything = Everything(house, gateway)
    worker = await everything.begin()
    with working(worker):
        began = time.monotonic()
        worker.send_signal(number)
        assert await ended(worker) == 0
    assert time.monotonic() - began < 20
    assert everything.lanes("leased") == 0
    assert {row["lost_leases"] for row in house.queued("SELECT lost_leases FROM envelopes")} == {0}
    tried = house.queued("SELECT attempts FROM envelopes WHERE attempts > 0")
    assert len(tried) == 1, "only that of the one that failed by itself"
    states = Counter(row["state"] for row in house.queued("SELECT state FROM envelopes"))
    assert (states["delayed"], states["dead"]) == (1, 1)
    assert house.rows("SELECT state, attempts FROM auzap_outbox WHERE instance_id = 'main'") == [
        {"state": "sending", "attempts": 0}
    ]
    assert sum(line["event"] == "Lane given back" for line in house.log()) >= 4
    assert not any(line["event"] == "lease lost" for line in house.log())
    everything.open()
    await everything.finish()


async def test_what_can_be_finished_is_and_nothing_new_is_begun(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, worker={"concurrency": 2, "drain": "30s", "timeout": "60s"})
    await house.put(*(job(message("!gate", phone=f"55119000000{n}")) for n in range(10, 14)))
    worker = house.start()
    with working(worker):
        await until(begun(house, 2))
        worker.send_signal(signal.SIGTERM)
        await until(lambda: any(line["event"] == "Stopping" for line in house.log()))
        (tmp_path / "gate").touch()
        assert await ended(worker) == 0
    assert len(gateway.accepted) == 2
    stats = await house.stats()
    assert (stats.waiting, stats.leased) == (2, 0)


async def test_a_second_signal_gives_back_at_once(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, worker={"drain": "60s", "timeout": "60s"})
    await house.put(job(message("!gate")))
    worker = house.start()
    with working(worker):
        await until(begun(house, 1))
        worker.send_signal(signal.SIGTERM)
        await until(lambda: any(line["event"] == "Stopping" for line in house.log()))
        assert worker.poll() is None
        began = time.monotonic()
        worker.send_signal(signal.SIGINT)
        assert await ended(worker) == 0
    assert time.monotonic() - began < 20
    assert house.queued("SELECT state, attempts, lost_leases FROM envelopes") == [
        {"state": "waiting", "attempts": 0, "lost_leases": 0}
    ]
    assert house.queued("SELECT state FROM lanes") == [{"state": "ready"}]


STUBBORN = ["!swallow", "!deaf", "!open-session", "!slow 3000"]


async def test_plugins_that_do_not_end_when_cancelled_do_not_keep_the_process(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, tenants=["shop", "salon"], worker={"concurrency": 10, "drain": "300ms"})
    house.document["worker"]["timeout"] = "10m"
    house.document["tenants"]["salon"]["plugins"] = {"threaded": {}}
    house.write()
    await house.put(
        job(message("!hang"), tenant="salon"),
        *(job(message(text, phone=f"55119000000{n}")) for n, text in enumerate(STUBBORN, 10)),
    )
    worker = house.start()
    with working(worker):
        await until(begun(house, 5))
        began = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        assert await ended(worker) == 0
    assert time.monotonic() - began < 20
    assert not any("force" in line["event"] for line in house.log())
    rows = house.queued("SELECT DISTINCT state, attempts, lost_leases FROM envelopes")
    assert rows == [{"state": "waiting", "attempts": 0, "lost_leases": 0}]
    assert {row["state"] for row in house.queued("SELECT state FROM lanes")} == {"ready"}
    assert gateway.posts == []


async def test_nor_does_one_that_does_not_let_go_of_a_transaction(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, worker={"drain": "100ms", "timeout": "10m"})
    await house.put(job(message("!deaf-once")))
    worker = house.start()
    with working(worker):
        await until(begun(house, 1))
        await anyio.sleep(0.3)  # it is in the middle of it
        worker.send_signal(signal.SIGTERM)
        assert await ended(worker) == 0
    assert not any("force" in line["event"] for line in house.log())
    assert house.queued("SELECT attempts, lost_leases FROM envelopes") == [{"attempts": 0, "lost_leases": 0}]
    assert house.queued("SELECT state FROM lanes") == [{"state": "ready"}]


@pytest.mark.soak
@pytest.mark.parametrize("text", ["!shield", "!background"])
async def test_what_nothing_ends_ends_with_the_process(tmp_path: Path, gateway: Gateway, text: str) -> None:
    house = House(tmp_path, gateway.url, worker={"drain": "100ms", "timeout": "10m"})
    await house.put(job(message(text)))
    worker = house.start()
    with working(worker):
        await until(begun(house, 1))
        await anyio.sleep(0.3)  # it is in the middle of it
        worker.send_signal(signal.SIGTERM)
        assert await ended(worker) == 0
    assert any("force" in line["event"] for line in house.log())
    assert house.queued("SELECT state, lost_leases FROM envelopes") == [{"state": "waiting", "lost_leases": 0}]
    assert house.queued("SELECT state FROM lanes") == [{"state": "ready"}]


async def test_what_is_leased_in_the_moment_of_a_cancellation_is_given_back(
    tmp_path: Path, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is a task that waits for its next lane then, and is being cancelled too."""
    house = House(tmp_path, gateway.url)
    async with anyio.create_task_group() as working:
        take, cancelled = Worker._take, False

        async def taking(worker: Worker, free: int, side: bool) -> Any:
            nonlocal cancelled
            leases = await take(worker, free, side)
            if leases and gateway.accepted:
                cancelled = True
                working.cancel_scope.cancel()
            return leases

        monkeypatch.setattr(Worker, "_take", taking)
        working.start_soon(serve, house.config)
        await house.put(job(message("um")))
        await until(lambda: len(gateway.accepted) == 1 and not house.queued("SELECT 1 FROM envelopes"))
        await house.put(job(message("dois")))
        await anyio.sleep_forever()
    assert cancelled
    monkeypatch.undo()
    assert house.queued("SELECT state, lost_leases FROM envelopes") == [{"state": "waiting", "lost_leases": 0}]
    assert (await house.stats()).leased == 0
    await house.serve()
    assert len(gateway.accepted) == 2
