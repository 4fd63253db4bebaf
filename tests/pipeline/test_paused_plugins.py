"""A plugin that keeps failing is left alone: turns wait unharmed, and nothing is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import Gateway
from tests.support.house import House, job, message

OTHER = "5511900000011"


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


def shaky(folder: Path, *, fails: int, failures: int = 2, pause: str = "300ms") -> dict[str, Any]:
    return {"calls": str(folder / "calls"), "fails": fails, "breaker": {"failures": failures, "pause": pause}}


def calls(folder: Path) -> int:
    return (folder / "calls").stat().st_size


async def test_turns_wait_until_it_works_again_and_use_no_attempt(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, plugins={"shaky": shaky(tmp_path, fails=2)})
    await house.put(*(job(message("oi", phone=f"55119000000{n}")) for n in range(20, 30)))
    await house.serve()

    assert sorted(post.to[:13] for post in gateway.accepted) == [f"55119000000{n}" for n in range(20, 30)]
    assert await house.dead() == []
    assert calls(tmp_path) == 12, "two failures opened it; nobody else was made to fail"
    assert house.one("SELECT SUM(attempts) FROM auzap_inbox") == 12
    assert house.one("SELECT COUNT(*) FROM auzap_traces WHERE outcome = 'failed'") == 2


async def test_who_does_not_need_it_does_not_wait(tmp_path: Path, gateway: Gateway) -> None:
    roles = {**shaky(tmp_path, fails=1000, failures=1, pause="1h"), "roles": ["vip"]}
    house = House(tmp_path, gateway.url, plugins={"doorman": {}, "shaky": roles, "trouble": {}}, tenants=["shop"])
    await house.put(job(message("!vip")), job(message("oi", phone=OTHER)))
    await house.serve_until(lambda: house.has("SELECT 1 FROM auzap_traces WHERE outcome = 'waits'"))
    await house.put(job(message("de novo", phone=OTHER)))
    await house.serve_until(lambda: house.one("SELECT COUNT(*) FROM auzap_inbox WHERE state = 'done'") == 2)
    assert [post.text for post in gateway.accepted] == ["ok: oi", "ok: de novo"]
    assert house.one("SELECT state FROM auzap_inbox WHERE sender_role = 'vip'") == "received"
    assert await house.dead() == []


async def test_those_that_waited_too_long_are_dead_letters(tmp_path: Path, gateway: Gateway) -> None:
    house = House(
        tmp_path,
        gateway.url,
        plugins={"shaky": shaky(tmp_path, fails=1000, failures=1, pause="1h")},
        worker={"attempts": 5},
        give_up_after="600ms",
    )
    await house.put(job(message("oi")), job(message("olá", phone=OTHER)))
    await house.serve()

    letters = await house.dead()
    assert [letter.stage for letter in letters] == ["handle"] * 2
    assert {letter.plugin for letter in letters} == {"shaky"}
    for letter in letters:
        assert letter.reason.startswith("given up: plugin shaky: handle_message: failed 1 times in a row; the plugin")
    assert calls(tmp_path) <= 2, "who was in hand already may have failed too"
    assert house.rows("SELECT DISTINCT state FROM auzap_inbox") == [{"state": "dead"}]
    assert gateway.posts == []


async def test_so_do_replies_that_it_was_to_send(tmp_path: Path, gateway: Gateway) -> None:
    courier = shaky(tmp_path, fails=1, failures=1)
    house = House(tmp_path, gateway.url, plugins={"courier": courier, "trouble": {}})
    await house.put(job(message("oi")), job(message("tchau")))
    await house.serve()

    assert [post.text for post in gateway.accepted] == ["ok: oi", "ok: tchau"]
    assert calls(tmp_path) == 3
    rows = house.rows("SELECT state, attempts FROM auzap_outbox ORDER BY created_at")
    assert [tuple(row.values()) for row in rows] == [("sent", 1), ("sent", 0)]
    assert await house.dead() == []


async def test_a_reply_that_waited_too_long_is_a_dead_letter(tmp_path: Path, gateway: Gateway) -> None:
    courier = shaky(tmp_path, fails=1000, failures=1, pause="1h")
    house = House(tmp_path, gateway.url, plugins={"courier": courier, "trouble": {}}, give_up_after="400ms")
    await house.put(job(message("oi")))
    await house.serve()

    [letter] = await house.dead()
    assert letter.stage == "send"
    assert letter.reason.startswith("given up: plugin courier: send_reply: failed 1 times in a row")
    assert house.one("SELECT state FROM auzap_outbox") == "failed"
    assert calls(tmp_path) == 1
