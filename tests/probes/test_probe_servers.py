"""Redis and Postgres fall, one at a time, under a worker that goes on: each message is answered once, in order."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from anyio.to_thread import run_sync

from tests.support.gateway import GatewayProcess
from tests.support.house import House
from tests.support.servers import own_servers
from tests.support.tally import accepted, assert_no_fault, people_faults, replies_by_chat
from tests.support.workers import ended, until, working
from tests.support.writing import OWNER, SHIPPED, client, number_of, put_all, written

_MESSAGES, _CONTACTS = 2000, 500

pytestmark = pytest.mark.soak


async def _fall(
    house: House, gateway: GatewayProcess, fall: Callable[[], None], rise: Callable[[], None], away: float
) -> None:
    """Every twentieth message is the owner's. What falls does so after 600 answers."""
    owners = {number for number in range(_CONTACTS, _MESSAGES) if number % 20 == 7}
    await put_all(
        house,
        (written(number, OWNER if number in owners else client(number % _CONTACTS)) for number in range(_MESSAGES)),
    )
    worker = house.start()
    with working(worker):
        await until(lambda: gateway.accepted() >= 600, what="600 answers")
        await run_sync(fall)
        await anyio.sleep(away)
        await run_sync(rise)
        back = time.monotonic()
        before = gateway.accepted()
        await until(lambda: gateway.accepted() > before + 20, within=20, what="it to work again")
        print(f"at work again after {time.monotonic() - back:.1f} s")
        await until(lambda: _done(house) == _MESSAGES, within=120, what="all to be done")
        worker.terminate()
        assert await ended(worker) == 0

    posts = gateway.log()
    clients = [f"M{number}" for number in range(_MESSAGES) if number not in owners]
    assert_no_fault(house, posts, clients=clients, owners=[f"M{number}" for number in sorted(owners)])
    assert people_faults(house, _CONTACTS) == {}
    assert {len(same) for same in accepted(posts).values()} == {1}, "nobody died with an answer in hand"
    assert house.one("SELECT max(attempts) FROM auzap_outbox") == 0
    assert house.one("SELECT max(attempts) FROM auzap_inbox") == 1
    assert await house.dead() == []
    for chat, texts in replies_by_chat(posts).items():
        if not chat.startswith(OWNER):
            numbers = [number_of(text) for text in texts]
            assert numbers == sorted(numbers)


def _done(house: House) -> int:
    done: int = house.one("SELECT count(*) FROM auzap_inbox WHERE state = 'done'")
    return done


@pytest.mark.parametrize("how", ["stopped", "killed"])
@pytest.mark.parametrize(("what", "away"), [("redis", 0), ("redis", 3), ("postgres", 0), ("postgres", 12)])
async def test_a_server_is_restarted_under_load_and_away(
    tmp_path: Path, run_folder: Path, gateway: GatewayProcess, what: str, how: str, away: float
) -> None:
    with own_servers(tmp_path, run_folder) as own:
        house = House(tmp_path, gateway.url, plugins=SHIPPED, **own.standing)
        server = own.redis if what == "redis" else own.postgres
        await _fall(house, gateway, server.kill if how == "killed" else server.stop, server.start, away)
