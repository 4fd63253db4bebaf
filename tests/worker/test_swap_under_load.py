"""Swaps while messages come in all the time: none is lost or doubled, and each is answered by one version."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest

from auzap.channels.baileys import Baileys
from auzap.pipeline.accept import accept
from auzap.registry import Registry
from auzap.worker.control import running
from auzap.worker.resources import open_queue
from tests.support.gateway import Gateway, Post
from tests.support.house import House, message
from tests.support.workers import until, working

TENANTS = [f"t{number}" for number in range(50)]
RATE = 100
#: seconds between two swaps
PAUSE = 0.1


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as one:
        yield one


@dataclass
class Valid:
    """A mark, from when on a turn may have got it, and until when."""

    mark: str
    since: float
    until: float = math.inf


@dataclass
class Course:
    """What was done when; on the clock of ``time.monotonic()``."""

    house: House
    #: tenant -> its marks, one after the other
    marks: dict[str, list[Valid]]
    #: text -> tenant, when it was put
    put: dict[str, tuple[str, float]] = field(default_factory=dict)
    refused: int = 0
    ended: float = math.inf

    async def send(self) -> None:
        """Until half a second after the last swap."""
        async with open_queue(self.house.config, Registry()) as queue:
            began, number = time.monotonic(), -1
            while time.monotonic() < self.ended + 0.5:
                number += 1
                await anyio.sleep(max(began + number / RATE - time.monotonic(), 0))
                tenant, text = TENANTS[number % len(TENANTS)], f"#{number}"
                posted = message(text, phone=f"5511{900000000 + number % 200}", id=text)
                self.put[text] = (tenant, time.monotonic())
                await queue.put(accept(tenant, "main", Baileys, posted))

    async def swap(self, times: int) -> None:
        for number in range(1, times + 1):
            await anyio.sleep(PAUSE)
            await (self._swap_badly(number) if number % 5 == 0 else self._swap_well(number))
        self.ended = time.monotonic()

    async def _swap_well(self, number: int) -> None:
        """A fifth of the tenants."""
        some, since = TENANTS[number % 5 :: 5], time.monotonic()
        for tenant in some:
            self._mark(tenant, f"m{number}")
        self.house.write()
        told = await self._reload()
        assert sorted(told["changed"]) == sorted(some)
        assert not told["refused"]
        for tenant in some:
            self.marks[tenant][-1].until = time.monotonic()
            self.marks[tenant].append(Valid(f"m{number}", since))

    async def _swap_badly(self, number: int) -> None:
        """By turns the top is broken, and the options of some tenants."""
        good = self.house.path.read_text()
        if number % 2:
            self.house.path.write_text(good[: len(good) // 2] + "\n  : [")
        else:
            for tenant in TENANTS[::7]:
                self._mark(tenant, f"bad{number}")
            self.house.write()
            for tenant in TENANTS[::7]:
                self._mark(tenant, self.marks[tenant][-1].mark)
        told = await self._reload()
        assert told["changed"] == []
        assert told["refused"]
        self.refused += 1
        self.house.path.write_text(good)

    def _mark(self, tenant: str, mark: str) -> None:
        self.house.document["tenants"][tenant]["plugins"] = {"stamp": {"mark": mark, "delay": "20ms"}}

    async def _reload(self) -> dict[str, list[str]]:
        [process] = running(self.house.path)
        told = await process.reload(30)
        assert told is not None
        return told

    def answered_rightly(self, post: Post) -> bool:
        """By one version, which was valid while the turn was open."""
        marks, _, text = post.text.partition(" ")
        before, _, after = marks.partition("/")
        tenant, put = self.put[text]
        [valid] = [one for one in self.marks[tenant] if one.mark == before]
        return before == after and valid.since <= post.t and put <= valid.until and post.organization == tenant


@pytest.mark.parametrize("swaps", [10, pytest.param(100, marks=pytest.mark.soak)])
async def test_none_is_lost_or_doubled_and_each_is_answered_by_one_version(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    gateway: Gateway,
    swaps: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    plugins = {"stamp": {"mark": "m0", "delay": "20ms"}}
    house = House(tmp_path, gateway.url, tenants=TENANTS, plugins=plugins, worker={"concurrency": 20})
    course = Course(house, {tenant: [Valid("m0", 0.0)] for tenant in TENANTS})
    worker = house.start("--no-watch")
    with working(worker):
        await until(lambda: bool(running(house.path)))
        async with anyio.create_task_group() as both:
            both.start_soon(course.send)
            both.start_soon(course.swap, swaps)
        await until(lambda: len(gateway.posts) >= len(course.put))
        worker.terminate()
        await until(lambda: worker.poll() is not None)
    assert worker.returncode == 0
    assert Counter(post.text.partition(" ")[2] for post in gateway.posts) == dict.fromkeys(course.put, 1)
    assert [post.text for post in gateway.posts if not course.answered_rightly(post)] == []
    assert course.refused == swaps // 5
    assert (await house.stats()).dead == 0
    assert len({post.text.partition("/")[0] for post in gateway.posts}) > swaps // 3
    assert house.rows("SELECT 1 FROM auzap_inbox WHERE attempts > 1") == []
