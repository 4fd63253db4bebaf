"""Several worker processes on one queue and one database: they share the work, its order and its limits."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.gateway import GatewayProcess, Post
from tests.support.house import House, job, message
from tests.support.workers import ended, until, working

TENANTS = ["t1", "t2", "t3", "t4", "t5"]


@pytest.fixture
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


async def fill(house: House, messages: int, contacts: int, command: str = "!pid") -> None:
    """Each contact, always of one tenant, writes in rounds; the number is the order within the chat."""
    await house.put(
        *(
            job(
                message(f"{command} #{n}", phone=f"5511900000{100 + n % contacts}"),
                tenant=list(house.document["tenants"])[n % contacts % len(house.document["tenants"])],
            )
            for n in range(messages)
        )
    )


@pytest.mark.parametrize("workers", [2, pytest.param(4, marks=pytest.mark.soak)])
async def test_the_processes_share_the_work_and_keep_the_order(
    tmp_path: Path, gateway: GatewayProcess, workers: int
) -> None:
    house = House(tmp_path, gateway.url, tenants=TENANTS, worker={"concurrency": 10})
    await fill(house, 1000, contacts=50, command="!slow-pid")  # too much for one, until the others have started
    processes = [house.start("--drain") for _ in range(workers)]
    with working(*processes):
        assert [await ended(process, within=90) for process in processes] == [0] * workers

    posts = gateway.log()
    assert len(posts) == len({post.key for post in posts}) == 1000
    assert sorted(_number(post) for post in posts) == list(range(1000))
    chats = defaultdict(list)
    for post in posts:
        chats[post.organization, post.to].append(_number(post))
    assert len(chats) == 50
    assert all(order == sorted(order) for order in chats.values())
    shares = Counter(int(post.text.split()[0]) for post in posts)
    assert set(shares) == {process.pid for process in processes}, "each of them worked"
    assert min(shares.values()) > 1000 / workers / 10
    assert house.one("SELECT count(*) FROM auzap_inbox WHERE state = 'done' AND attempts = 1") == 1000
    assert house.one("SELECT count(*) FROM contacts") == house.one("SELECT count(*) FROM conversations") == 50
    assert (await house.stats()).dead == 0


def _number(post: Post) -> int:
    return int(post.text.partition("#")[2])


# ---------------------------------------------------------------------- limits

#: seconds between the place that a send or a turn reserves and its arrival: a few commits and a POST, which take a
#: millisecond each on an idle machine and much longer on a busy one
LATE = 0.25


@pytest.mark.parametrize("of", ["sends of an instance", "turns of all"])
async def test_a_limit_holds_for_all_processes_together(tmp_path: Path, gateway: GatewayProcess, of: str) -> None:
    limit = {"max": 5, "per": "1s"}
    house = House(
        tmp_path,
        gateway.url,
        worker={"concurrency": 9, "rate_limit": limit if of == "turns of all" else None},
        instance={"rate_limit": limit if of == "sends of an instance" else None},
    )
    processes = [house.start() for _ in range(2)]
    with working(*processes):
        await until(lambda: sum(line["event"] == "Worker started" for line in house.log()) == 2)
        await fill(house, 18, contacts=18)
        await until(lambda: gateway.accepted() == 18)
    arrivals = sorted(post.t for post in gateway.log())
    assert arrivals[-1] - arrivals[0] > 3 - LATE, "18 of them are the first five and thirteen later ones"
    assert arrivals[-1] - arrivals[0] < 6, "and no longer than it has to be"
    assert _most_within(arrivals, 1 - LATE) <= 5
    assert len({post.text.split()[0] for post in gateway.log()}) == 2, "both of them sent"


async def test_limits_of_two_instances_do_not_add_up(tmp_path: Path, gateway: GatewayProcess) -> None:
    house = House(tmp_path, gateway.url, worker={"concurrency": 20}, instance={"rate_limit": {"max": 2, "per": "1s"}})
    await house.put(
        *(
            job(message("oi", phone=f"5511900000{100 + n}"), instance=instance)
            for n in range(4)
            for instance in ("main", "other")
        )
    )
    worker = house.start()
    with working(worker):
        await until(lambda: gateway.accepted() == 8)
    arrivals = sorted(post.t for post in gateway.log())
    assert 1 - LATE < arrivals[-1] - arrivals[0] < 2, "each instance has its own"


def _most_within(arrivals: Sequence[float], seconds: float) -> int:
    return max(sum(begin <= other < begin + seconds for other in arrivals) for begin in arrivals)
