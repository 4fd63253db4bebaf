"""Workers killed while they answer: nothing is lost, doubled or given up."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.gateway import GatewayProcess, Mode
from tests.support.house import House
from tests.support.killing import Kill, kill, kill_after, needless_posts
from tests.support.servers import EVERYWHERE, ON_FILES, Standing
from tests.support.tally import assert_no_fault, people_faults, replies_by_chat
from tests.support.workers import until
from tests.support.writing import OWNER, SHIPPED, client, number_of, put_all, written

#: seconds; the lanes of a killed worker wait as long
_LEASE = "1s"


async def _kill_five_times(
    folder: Path,
    standing: Standing,
    gateway: GatewayProcess,
    *,
    concurrency: int,
    messages: int,
    contacts: int,
    apart: int,
) -> None:
    """Every twentieth message is the owner's; each worker is killed ``apart`` replies after it began."""
    house = House(
        folder, gateway.url, plugins=SHIPPED, worker={"concurrency": concurrency, "lease": _LEASE}, **standing
    )
    owners = {number for number in range(contacts, contacts + messages) if number % 20 == 7}
    await put_all(house, (written(number, client(number)) for number in range(contacts)))
    await house.serve()
    await put_all(
        house,
        (
            written(number, OWNER if number in owners else client(number % contacts))
            for number in range(contacts, contacts + messages)
        ),
    )
    kills = [kill_after(house, gateway, apart) for _ in range(5)]
    left = await house.stats()
    assert left.waiting + left.leased > 0, "it was killed while there was work"
    await house.serve()

    posts = gateway.log()
    clients = [f"M{number}" for number in range(contacts + messages) if number not in owners]
    assert_no_fault(house, posts, clients=clients, owners=[f"M{number}" for number in sorted(owners)])
    assert people_faults(house, contacts) == {}
    assert needless_posts(posts, kills) == 0
    assert await house.dead() == []
    for chat, texts in replies_by_chat(posts).items():
        if not chat.startswith(OWNER):
            numbers = [number_of(text) for text in texts]
            assert numbers == sorted(numbers)


@ON_FILES
@pytest.mark.parametrize("concurrency", [5, pytest.param(50, marks=pytest.mark.soak)])
async def test_five_kills_lose_and_double_nothing(
    tmp_path: Path, standing: Standing, gateway: GatewayProcess, concurrency: int
) -> None:
    await _kill_five_times(tmp_path, standing, gateway, concurrency=concurrency, messages=250, contacts=60, apart=25)


@EVERYWHERE
@pytest.mark.soak
@pytest.mark.parametrize("concurrency", [5, 50])
async def test_five_kills_with_more_work(
    tmp_path: Path, standing: Standing, gateway: GatewayProcess, concurrency: int
) -> None:
    await _kill_five_times(tmp_path, standing, gateway, concurrency=concurrency, messages=2000, contacts=500, apart=150)


@ON_FILES
async def test_messages_in_hand_at_two_kills_are_not_given_up(
    tmp_path: Path, standing: Standing, gateway: GatewayProcess
) -> None:
    gateway.set(Mode(delay=(300, 300)))
    house = House(
        tmp_path, gateway.url, plugins=SHIPPED, worker={"lease": _LEASE}, instance={"timeout": "300s"}, **standing
    )
    await put_all(house, (written(number, client(number)) for number in range(5)))
    kills: list[Kill] = []
    for in_hand in (5, 10):
        worker = house.start()
        try:
            await until(lambda: len(gateway.log()) >= in_hand, what="all five to be in hand")  # noqa: B023 - asked now
        finally:
            kills.append(kill(house, worker))
    gateway.set(Mode())
    await house.serve()

    posts = gateway.log()
    assert_no_fault(house, posts, clients=[f"M{number}" for number in range(5)])
    assert needless_posts(posts, kills) == 0
    assert len(posts) == 15
    assert len({post.key for post in posts}) == 5
    assert await house.dead() == []
