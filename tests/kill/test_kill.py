"""A worker that dies, at every point of a turn and at random: nothing is lost, doubled or out of order."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import GatewayProcess, Mode
from tests.support.house import ROOT, House, job, message
from tests.support.servers import EVERYWHERE, Standing, standing_on
from tests.support.witness import Witness

POINTS = (
    "after_lease",
    "after_record",
    "in_handler",
    "before_persist",
    "after_persist",
    "after_claim",
    "after_accepted",
    "after_note",
    "before_ack",
)
CONTACTS = 200


@pytest.fixture
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


@pytest.fixture
def standing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Standing]:
    with standing_on(request.param, tmp_path, request) as given:
        yield given


async def _fill(house: House, messages: int) -> None:
    """Each contact writes in rounds; the number in the text is the order within the chat."""
    for start in range(0, messages, 500):
        await house.put(
            *(
                job(message(f"#{i} oi", phone=f"55119{10 + i % CONTACTS:08d}", id=f"M{i}"))
                for i in range(start, min(start + 500, messages))
            )
        )


def _kill_at(house: House, point: str, nth: int) -> None:
    worker = house.start(point, str(nth), script=ROOT / "tests" / "support" / "doomed.py")
    try:
        assert worker.wait(timeout=60) == -signal.SIGKILL, f"the worker never passed {point}"
    finally:
        _end(worker)


def _kill_at_random(house: House, gateway: GatewayProcess, chance: random.Random) -> None:
    """After it has begun to answer, so that it is never idle."""
    before = gateway.accepted()
    worker = house.start()
    try:
        deadline = time.monotonic() + 30
        while gateway.accepted() < before + chance.randrange(5, 40):
            assert time.monotonic() < deadline, "the worker answers nobody"
            assert worker.poll() is None, "the worker ended by itself"
            time.sleep(0.005)
        time.sleep(chance.random() * 0.05)
        os.kill(worker.pid, signal.SIGKILL)
    finally:
        _end(worker)


def _end(worker: subprocess.Popen[bytes]) -> None:
    if worker.poll() is None:
        worker.kill()
    worker.wait()


async def _run(
    folder: Path, standing: Standing, gateway: GatewayProcess, *, messages: int, random_kills: int, seed: int
) -> None:
    chance = random.Random(seed)
    gateway.set(Mode(delay=(0.0, 0.03), refuse=0.05, seed=seed))
    house = House(
        folder,
        gateway.url,
        plugins={"scribe": {"delay": "2ms"}},
        worker={"concurrency": 20, "lease": "1s", "backoff": {"delay": "20ms"}},
        **standing,
    )
    await _fill(house, messages)
    witness = Witness(house, gateway)
    for point in POINTS:
        _kill_at(house, point, chance.randrange(20, 40))
        witness.upset()
        witness.look()
    for _ in range(random_kills):
        _kill_at_random(house, gateway, chance)
        witness.upset()
        witness.look()
    assert (await house.stats()).waiting > 0, "it was killed while there was work"
    last = house.start("--drain")
    try:
        assert last.wait(timeout=120) == 0
    finally:
        _end(last)
    witness.check(messages, min(CONTACTS, messages))
    refused_thrice = house.rows("SELECT id FROM auzap_outbox WHERE state = 'failed'")
    assert len(await house.dead()) == len(refused_thrice)


async def test_nothing_is_lost_doubled_or_out_of_order_when_the_worker_is_killed(
    tmp_path: Path, gateway: GatewayProcess
) -> None:
    await _run(tmp_path, {}, gateway, messages=1000, random_kills=4, seed=1)


@pytest.mark.soak
@EVERYWHERE
@pytest.mark.parametrize("seed", range(2, 8))
async def test_the_same_again_and_again(tmp_path: Path, standing: Standing, gateway: GatewayProcess, seed: int) -> None:
    await _run(tmp_path, standing, gateway, messages=6000, random_kills=10, seed=seed)
