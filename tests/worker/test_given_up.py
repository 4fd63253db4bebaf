"""What the worker itself sends to the dead letters: the row in the database says so too, and it can be brought back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from auzap.contract.queue import Stats
from auzap.worker.lanes import GIVE_UP
from tests.support.gateway import Gateway, Mode, Rule
from tests.support.house import House, job, message

REASON = f"{GIVE_UP} workers died, or lost the lease, while they worked on it"


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


def rows(house: House) -> list[dict[str, Any]]:
    return house.rows("SELECT state, reason FROM auzap_inbox ORDER BY id")


def cost_workers(house: House, text: str) -> None:
    """As if so many had died over it."""
    payload = f"%{text}%"
    house.queued("UPDATE envelopes SET lost_leases = ? WHERE payload LIKE ?", GIVE_UP, payload)


async def test_a_turn_that_was_in_its_handler(tmp_path: Path, gateway: Gateway) -> None:
    (tmp_path / "told").touch()
    plugins = {"witness": {"file": str(tmp_path / "told")}, "trouble": {}}
    house = House(tmp_path, gateway.url, plugins=plugins, worker={"timeout": "60s"})
    await house.put(job(message("!hang")), job(message("depois")))
    await house.cut_off_when(lambda: house.has("SELECT 1 FROM auzap_inbox"))
    cost_workers(house, "!hang")
    await house.serve()
    assert rows(house) == [{"state": "dead", "reason": REASON}, {"state": "done", "reason": None}]
    (letter,) = await house.dead()
    assert (letter.stage, letter.reason) == ("lost", REASON)
    assert [post.text for post in gateway.posts] == ["ok: depois"]
    assert (tmp_path / "told").read_text().startswith("dead_letter 5511900000010@s.whatsapp.net")

    house.document["tenants"]["shop"]["plugins"] = {"scribe": {}}
    house.write()
    assert await house.revive() == 1
    await house.serve()
    assert {row["state"] for row in rows(house)} == {"done"}
    assert [post.text for post in gateway.posts][1:] == ["re 0: !hang"]


async def test_a_turn_whose_replies_are_stored(tmp_path: Path, gateway: Gateway) -> None:
    gateway.mode = Mode(rules=(Rule(do="hang", text="part 1"),))
    house = House(tmp_path, gateway.url, instance={"timeout": "60s"})
    await house.put(job(message("!many 3")))
    await house.cut_off_when(lambda: len(gateway.posts) == 2)
    cost_workers(house, "!many")
    await house.serve()
    assert rows(house) == [{"state": "dead", "reason": REASON}]
    assert [row["state"] for row in house.rows("SELECT state FROM auzap_outbox ORDER BY ordinal")] == [
        "sent",
        "cancelled",
        "cancelled",
    ]
    sent = house.rows("SELECT status FROM messages WHERE direction = 'outbound' ORDER BY id")
    assert [row["status"] for row in sent] == ["sent", "failed", "failed"]

    gateway.mode = Mode()
    assert await house.revive() == 1
    await house.serve()
    assert rows(house) == [{"state": "done", "reason": None}]
    first, hung, again, last = gateway.posts
    assert hung.key == again.key
    assert [post.text for post in (first, again, last)] == [f"part {n} of !many 3" for n in range(3)]


async def test_one_of_a_burst_dies_alone(tmp_path: Path, gateway: Gateway) -> None:
    burst = {"window": "100ms", "max": "1s"}
    house = House(tmp_path, gateway.url, tenant={"burst": burst}, worker={"timeout": "60s"})
    await house.put(job(message("!hang")), job(message("depois")))
    await house.cut_off_when(lambda: house.has("SELECT 1 FROM auzap_inbox"))
    assert house.one("SELECT count(DISTINCT turn_id) FROM auzap_inbox") == 1
    cost_workers(house, "!hang")
    await house.serve()
    assert rows(house) == [{"state": "dead", "reason": REASON}, {"state": "done", "reason": None}]
    assert [post.text for post in gateway.posts] == ["ok: depois"]
    assert len(await house.dead()) == 1


async def test_one_that_nobody_could_read(tmp_path: Path, gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    house = House(tmp_path, gateway.url)
    await house.put(job(message("mata")))
    cost_workers(house, "mata")
    await house.serve()
    assert rows(house) == []
    (letter,) = await house.dead()
    assert letter.stage == "lost"
    assert "lease lost" not in capsys.readouterr().out


async def test_events_that_have_cost_workers_hold_up_no_other_event(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url)
    phones = [f"55119000000{number}" for number in (20, 21)]
    await house.put(*({**job({}), "takeover": {"remoteJid": f"{phone}@s.whatsapp.net"}} for phone in phones))
    house.queued("UPDATE envelopes SET lost_leases = 3")
    with anyio.fail_after(20):
        await house.serve()
    assert await house.stats() == Stats(0, 0, 0, 0)


async def test_a_scheduled_reply(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, instance={"timeout": "60s"})
    gateway.mode = Mode(rules=(Rule(do="hang", text="later"),))
    await house.put(job(message("!later 0.1")))
    await house.cut_off_when(lambda: len(gateway.posts) == 1)
    cost_workers(house, "outbox_id")
    await house.serve()
    assert house.rows("SELECT state, reason FROM auzap_outbox") == [{"state": "failed", "reason": REASON}]
    gateway.mode = Mode()
    assert await house.revive() == 1
    await house.serve()
    assert house.one("SELECT state FROM auzap_outbox") == "sent"
    assert len({post.key for post in gateway.posts}) == 1


async def test_an_instance_that_is_not_configured_any_more(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, worker={"timeout": "60s"})
    await house.put(job(message("!hang"), instance="other"), job(message("oi", phone="5511900000011")))
    await house.cut_off_when(lambda: house.has("SELECT 1 FROM auzap_inbox WHERE instance_id = 'other'"))
    instance = house.document["tenants"]["shop"]["instances"].pop("other")
    house.write()
    await house.serve()
    (letter,) = await house.dead()
    assert (letter.stage, letter.reason) == ("tenant", "unknown instance: other")
    assert {"state": "dead", "reason": "unknown instance: other"} in rows(house)
    house.document["tenants"]["shop"] |= {"plugins": {"scribe": {}}}
    house.document["tenants"]["shop"]["instances"]["other"] = instance
    house.write()
    assert await house.revive() == 1
    await house.serve()
    assert sorted({post.key: post.text for post in gateway.posts}.values()) == ["ok: oi", "re 0: !hang"]


async def test_a_tenant_that_is_not_configured_any_more(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, tenants=["shop", "salon"], worker={"timeout": "60s"})
    await house.put(job(message("!hang"), tenant="salon"))
    await house.put(*(job(message("oi", phone=f"55119000000{n}"), tenant="salon") for n in (11, 12)))
    await house.cut_off_when(lambda: len(house.queued("SELECT 1 FROM envelopes")) == 1)
    await house.put(job(message("depois"), tenant="salon"))
    del house.document["tenants"]["salon"]
    house.write()
    await house.serve()
    letters = await house.dead()
    assert {(letter.stage, letter.reason) for letter in letters} == {("tenant", "unknown tenant: salon")}
    assert {letter.payload["message"]["conversation"] for letter in letters} >= {"!hang", "depois"}
    assert {"state": "dead", "reason": "unknown tenant: salon"} in rows(house)


@pytest.mark.parametrize(("text", "raised"), [("!keyboard", "KeyboardInterrupt"), ("!close", "GeneratorExit")])
async def test_what_would_end_a_process_costs_a_plugin_its_attempts(
    tmp_path: Path, gateway: Gateway, text: str, raised: str
) -> None:
    house = House(tmp_path, gateway.url)
    await house.put(job(message(text)), job(message("depois")), job(message("oi", phone="5511900000011")))
    await house.serve()
    (letter,) = await house.dead()
    assert (letter.stage, letter.plugin, letter.attempts) == ("handle", "trouble", 3)
    assert raised in letter.reason
    assert sorted(post.text for post in gateway.posts) == ["ok: depois", "ok: oi"]


async def test_who_does_not_let_go_of_a_transaction_keeps_the_others_no_longer_than_its_deadline(
    tmp_path: Path, gateway: Gateway
) -> None:
    house = House(tmp_path, gateway.url, worker={"attempts": 1, "timeout": "300ms"})
    await house.put(job(message("!deaf-once")), *(job(message("oi", phone=f"55119000000{n}")) for n in range(11, 15)))
    await house.serve()
    (letter,) = await house.dead()
    assert "does not end when it is cancelled" in letter.reason
    assert [post.text for post in gateway.posts] == ["ok: oi"] * 4


async def test_plugins_hear_of_a_dead_letter_though_its_lane_is_over(tmp_path: Path, gateway: Gateway) -> None:
    """The lane went back when the letter was buried: that is no lease that was lost."""
    (tmp_path / "told").touch()
    plugins = {"witness": {"file": str(tmp_path / "told"), "delay": "2s"}, "trouble": {}}
    house = House(tmp_path, gateway.url, plugins=plugins, worker={"lease": "1500ms", "timeout": "60s"})
    await house.put(job(message("!raise")))
    worker = house.start("--drain")
    assert worker.wait(30) == 0
    assert (tmp_path / "told").read_text().startswith("dead_letter")
    assert not any(line["event"] == "lease lost" for line in house.log())
