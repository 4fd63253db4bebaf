"""A worker that stood still for longer than its lease: another one has the lane, and the first changes nothing more."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.support.gateway import Gateway, Mode, Rule
from tests.support.house import House, job, message
from tests.support.workers import begun, end_leases, until, working

TABLES = ("auzap_inbox", "auzap_outbox", "messages", "contacts", "conversations")


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


def everything(house: House) -> list[Any]:
    return [house.rows(f"SELECT * FROM {table} ORDER BY id") for table in TABLES]


def lost(house: House) -> int:
    return sum(line["event"] == "lease lost" for line in house.log())


async def test_in_a_handler(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, worker={"timeout": "60s"})
    await house.put(job(message("!gate")), job(message("depois")))
    first = house.start()
    with working(first):
        await until(begun(house, 1))
        first.send_signal(signal.SIGSTOP)
        end_leases(house)
        second = house.start()
        with working(second):
            await until(begun(house, 2), what="another worker to take the lane over")
            before = everything(house)
            (tmp_path / f"gate-{first.pid}").touch()
            first.send_signal(signal.SIGCONT)
            await until(lambda: lost(house) == 1, what="the first one to notice")
            await anyio.sleep(0.3)
            assert everything(house) == before
            assert gateway.posts == []
            (tmp_path / "gate").touch()
            await gateway.wait_for(2)
            assert (first.poll(), second.poll()) == (None, None)
    assert [post.text for post in gateway.posts] == ["ok: !gate", "ok: depois"]
    assert lost(house) == 1


async def test_while_a_reply_is_on_its_way(tmp_path: Path, gateway: Gateway) -> None:
    gateway.mode = Mode(rules=(Rule(do="hang", text="part 0", first=1),))
    house = House(tmp_path, gateway.url, instance={"timeout": "1500ms"})
    await house.put(job(message("!many 2")))
    first = house.start()
    with working(first):
        await until(lambda: len(gateway.posts) == 1)
        first.send_signal(signal.SIGSTOP)
        end_leases(house)
        second = house.start()
        with working(second):
            await gateway.wait_for(2)
            await until(lambda: not house.queued("SELECT * FROM lanes"))
            before = everything(house)
            first.send_signal(signal.SIGCONT)
            await until(lambda: lost(house) == 1, what="the first one to notice")
            await anyio.sleep(0.3)
    hung, *posts = gateway.posts
    assert [post.text for post in posts] == ["part 0 of !many 2", "part 1 of !many 2"]
    assert hung.key == posts[0].key
    assert everything(house) == before


async def test_nobody_else_took_it_and_yet_it_is_over(tmp_path: Path, gateway: Gateway) -> None:
    """What it decided without a lease is not stored; the turn is leased again, by whomever."""
    house = House(
        tmp_path, gateway.url, plugins={"scribe": {"delay": "400ms"}}, worker={"lease": "700ms", "timeout": "60s"}
    )
    await house.put(job(message("oi")))
    worker = house.start()
    with working(worker):
        await until(begun(house, 1))
        worker.send_signal(signal.SIGSTOP)
        await anyio.sleep(0.9)
        worker.send_signal(signal.SIGCONT)
        await until(lambda: not house.queued("SELECT * FROM lanes"))
    assert len({post.key for post in gateway.accepted}) == 1
    for table in ("trouble_notes", "trouble_bookings", "auzap_outbox", "ai_interactions"):
        assert (table, house.one(f"SELECT count(*) FROM {table}")) == (table, 1)
    assert house.one("SELECT state FROM auzap_inbox") == "done"
