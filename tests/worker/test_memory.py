"""A long backlog stays on disk."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.gateway import Gateway
from tests.support.house import House, job, message
from tests.support.workers import until, working

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

#: MiB that a backlog may cost; the caches of two SQLite files are 32 of them when they are full
ENOUGH = 45


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


def folder(parent: Path, name: str) -> Path:
    path = parent / name
    path.mkdir()
    return path


def most(worker: subprocess.Popen[bytes]) -> float:
    """The MiB that the process had at its peak."""
    status = Path(f"/proc/{worker.pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


async def _peak(place: Path, gateway: Gateway, backlog: int, worked: int) -> float:
    house = House(place, gateway.url, worker={"concurrency": 20})
    text = "x" * 5000
    envelopes = house.envelopes(
        *(job(message(text, phone=f"5511{900000000 + n % 1000}", fromMe=True)) for n in range(backlog))
    )
    await house.put_envelopes(envelopes)
    worker = house.start()
    with working(worker):
        await until(lambda: house.has("SELECT 1 FROM auzap_inbox LIMIT 1 OFFSET ?", worked - 1), within=300)
        return most(worker)


async def test_a_long_backlog_costs_no_memory(tmp_path: Path, gateway: Gateway) -> None:
    short = await _peak(folder(tmp_path, "short"), gateway, backlog=500, worked=500)
    long = await _peak(folder(tmp_path, "long"), gateway, backlog=10_000, worked=1000)
    assert long - short < ENOUGH, f"{short:.0f} MiB with 500 of them, {long:.0f} MiB with 10,000"


@pytest.mark.soak
async def test_nor_does_working_it_off(tmp_path: Path, gateway: Gateway) -> None:
    short = await _peak(folder(tmp_path, "short"), gateway, backlog=1000, worked=1000)
    long = await _peak(folder(tmp_path, "long"), gateway, backlog=20_000, worked=20_000)
    assert long - short < ENOUGH
