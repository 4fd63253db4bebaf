"""A gateway that is down for a while costs no message, and does not hold up the other instance."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import anyio
import pytest

from auzap.worker.serve import serve
from tests.support.gateway import Gateway
from tests.support.house import House, job
from tests.support.servers import EVERYWHERE, ON_FILES, Standing
from tests.support.tally import accepted, assert_no_fault, people_faults, replies_by_chat
from tests.support.writing import SHIPPED, client, number_of, written

#: seconds between two messages of an instance
_APART = 0.1
_CONTACTS = 20
#: an instance's clients
_FIRST = {"main": 0, "other": 100}


@dataclass(frozen=True, slots=True)
class _Written:
    instance: str
    number: int
    #: on the clock of ``time.monotonic()``
    at: float


@pytest.fixture
async def gateways() -> AsyncIterator[tuple[Gateway, Gateway]]:
    async with Gateway() as main, Gateway() as other:
        yield main, other


def _house(folder: Path, standing: Standing, main: Gateway, other: Gateway) -> House:
    house = House(folder, main.url, plugins=SHIPPED, **standing)
    house.document["tenants"]["shop"]["instances"]["other"] = {
        **house.document["tenants"]["shop"]["instances"]["main"],
        "url": other.url,
    }
    house.write()
    return house


async def _go_down_for(seconds: float, folder: Path, standing: Standing, main: Gateway, other: Gateway) -> None:
    house = _house(folder, standing, main, other)
    wrote: list[_Written] = []
    pen, enough = anyio.Lock(), anyio.Event()
    async with anyio.create_task_group() as running:
        running.start_soon(serve, house.config)
        running.start_soon(_write, house, wrote, pen, enough)
        await main.wait_for(1)
        await anyio.sleep(1)
        async with pen:  # a POST whose answer is lost would be an attempt
            await _wait_for_all(house, wrote, within=20)
            await main.down()
        down_at = time.monotonic()
        await anyio.sleep(seconds)
        held_back = len(main.accepted)
        await main.up()
        up_at = time.monotonic()
        await anyio.sleep(1)
        enough.set()
        # it is probed at the latest after as long again as it was away
        await _wait_for_all(house, wrote, within=seconds + 15)
        running.cancel_scope.cancel()

    posts = [*main.posts, *other.posts]
    assert_no_fault(house, posts, clients=[f"M{one.number}" for one in wrote])
    assert people_faults(house, 2 * _CONTACTS) == {}
    assert {len(same) for same in accepted(posts).values()} == {1}
    assert await house.dead() == []
    assert house.one("SELECT max(attempts) FROM auzap_outbox") == 0
    assert house.one("SELECT max(attempts) FROM auzap_inbox") == 1
    for texts in replies_by_chat(posts).values():
        numbers = [number_of(text) for text in texts]
        assert numbers == sorted(numbers)
    meanwhile = [one for one in wrote if down_at < one.at < up_at]
    assert len([one for one in meanwhile if one.instance == "main"]) > held_back > 0
    _check_not_held_up(other, [one for one in meanwhile if one.instance == "other"])


def _check_not_held_up(gateway: Gateway, meanwhile: list[_Written]) -> None:
    answered = {number_of(post.text): post.t for post in gateway.accepted}
    waited = [answered[one.number] - one.at for one in meanwhile]
    assert len(waited) > 10
    assert max(waited) < 2


async def _wait_for_all(house: House, wrote: list[_Written], *, within: float) -> None:
    with anyio.fail_after(within):
        while house.one("SELECT count(*) FROM auzap_inbox WHERE state = 'done'") < len(wrote):  # noqa: ASYNC110 - it is seen from outside
            await anyio.sleep(0.02)


async def _write(house: House, wrote: list[_Written], pen: anyio.Lock, enough: anyio.Event) -> None:
    numbers = count()
    while not enough.is_set():
        async with pen:
            for instance, first in _FIRST.items():
                number = next(numbers)
                wrote.append(_Written(instance, number, time.monotonic()))
                await house.put(job(written(number, client(first + number // 2 % _CONTACTS)), instance=instance))
        await anyio.sleep(_APART)


@ON_FILES
async def test_a_gateway_that_is_down_for_some_seconds_costs_no_message(
    tmp_path: Path, standing: Standing, gateways: tuple[Gateway, Gateway]
) -> None:
    await _go_down_for(6, tmp_path, standing, *gateways)


@EVERYWHERE
@pytest.mark.soak
async def test_a_gateway_that_is_down_for_a_minute_costs_no_message(
    tmp_path: Path, standing: Standing, gateways: tuple[Gateway, Gateway]
) -> None:
    await _go_down_for(60, tmp_path, standing, *gateways)
