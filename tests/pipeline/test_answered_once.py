"""An outage asks no handler again and kills nobody who is not answered; what dies later is dead in its rows too."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from auzap.worker.serve import serve
from tests.support.gateway import Gateway, Mode, Rule
from tests.support.house import House, job, message


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


@pytest.mark.parametrize("plugins", [["trouble"], ["trouble", "ledger"]], ids=["in the group", "by a plugin"])
async def test_a_store_that_is_away_when_the_outcome_is_stored_asks_no_handler_again(
    tmp_path: Path, gateway: Gateway, plugins: list[str]
) -> None:
    house = House(tmp_path, gateway.url, plugins={name: {} for name in plugins})
    await house.put(job(message("oi")))
    points: list[str] = []

    def reached(point: str) -> None:
        points.append(point)
        if points.count("before_persist") == 1 and point == "before_persist":
            locked = sqlite3.connect(tmp_path / "auzap.db", isolation_level=None, check_same_thread=False)
            locked.execute("BEGIN IMMEDIATE")
            threading.Timer(6, locked.close).start()  # longer than a write waits for the file

    await serve(house.config, until_empty=True, reached=reached)
    assert points.count("in_handler") == 1
    assert [post.text for post in gateway.posts] == ["ok: oi"]
    assert house.one("SELECT attempts FROM auzap_inbox") == 1
    if "ledger" in plugins:
        assert house.one("SELECT count(*) FROM trouble_entries") == 1


async def test_a_turn_whose_sender_is_not_known_any_more_dies_whole_and_is_sent_when_it_is_brought_back(
    tmp_path: Path, gateway: Gateway
) -> None:
    gateway.mode = Mode(rules=(Rule(do="refuse"),))
    house = House(tmp_path, gateway.url, plugins={"trouble": {}}, worker={"backoff": {"delay": "1s"}})
    await house.put(job(message("!who é")))
    await house.serve_until(lambda: house.has("SELECT 1 FROM auzap_outbox WHERE attempts = 1"))

    gateway.mode = Mode()
    house.document["tenants"]["shop"]["plugins"] = {"trouble": {}, "doorman": {}}
    house.write()
    await house.serve()
    [letter] = await house.dead()
    assert (letter.stage, letter.plugin) == ("handle", "doorman")
    assert house.rows("SELECT state, reason FROM auzap_inbox") == [{"state": "dead", "reason": letter.reason}]
    assert house.one("SELECT state FROM auzap_outbox") == "cancelled"

    house.document["tenants"]["shop"]["plugins"] = {"trouble": {}}
    house.write()
    await house.revive()
    await house.serve()
    refused, sent = gateway.posts
    assert (sent.outcome, sent.key, sent.text) == ("accepted", refused.key, "ok: !who é")
    assert house.one("SELECT state FROM auzap_inbox") == "done"
    assert house.one("SELECT state FROM auzap_outbox") == "sent"


async def test_who_is_not_answered_does_not_wait_for_an_instance_that_is_away(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, give_up_after="1s")
    quiet = "5511900000011"
    await house.put(job(message("oi", phone=quiet)))
    await house.serve()
    await house.put({**job({}), "takeover": {"remoteJid": f"{quiet}@s.whatsapp.net"}})
    await house.serve()
    await gateway.down()
    await house.put(job(message("a")))

    async def write() -> None:
        paused = "SELECT 1 FROM auzap_outbox WHERE state = 'pending' AND reason IS NOT NULL"
        while not house.has(paused):  # noqa: ASYNC110 - it is seen from outside
            await anyio.sleep(0.02)
        await house.put(job(message("b", phone=quiet)), job(message("c", phone=quiet)))

    async with anyio.create_task_group() as beside:
        beside.start_soon(write)
        await house.serve()
    assert [letter.payload["message"]["conversation"] for letter in await house.dead()] == ["a"]
    rows = house.rows("SELECT state, reason FROM auzap_inbox WHERE sender_phone = ? ORDER BY id", quiet)
    assert rows == [{"state": "done", "reason": reason} for reason in (None, "ai_off", "ai_off")]
