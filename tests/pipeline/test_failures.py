"""Each row of the failure table, provoked: attempts, dead letters, the other lanes, the other tenants."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from tests.support.gateway import Gateway, Mode, Rule
from tests.support.house import House, job, message

OTHER = "5511900000011"


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


# ---------------------------------------------------------------------- a hook fails


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("!raise", "the plugin is broken"),
        ("!exit", "SystemExit"),
        ("!nonsense", "int"),
        ("!hang", "0.2"),
        ("!record", "cannot be stored"),
        ("!other-tenant", "other"),
        ("!who", "nobody knows"),
    ],
)
async def test_a_failing_plugin_costs_three_attempts_then_its_lane_goes_on(
    tmp_path: Path, gateway: Gateway, text: str, reason: str
) -> None:
    house = House(
        tmp_path,
        gateway.url,
        plugins={"trouble": {"timeout": "200ms"}, "doorman": {}, "scribe": {}},
        tenants=["shop", "salon"],
    )
    await house.put(job(message("antes")), job(message(text)), job(message("depois")))
    await house.put(job(message("outra", phone=OTHER)), job(message("salão"), tenant="salon"))
    await house.serve()

    [letter] = await house.dead()
    assert letter.payload["message"]["conversation"] == text
    assert (letter.stage, letter.attempts, letter.organization_id) == ("handle", 3, "shop")
    assert letter.plugin in ("trouble", "doorman")
    assert reason in letter.reason
    texts = Counter(post.text for post in gateway.posts)
    assert texts["ok: antes"] == texts["ok: depois"] == texts["ok: outra"] == texts["ok: salão"] == 1
    assert [
        post.text for post in gateway.posts if post.to.startswith("5511900000010") and post.organization == "shop"
    ] == [
        "ok: antes",
        "ok: depois",
    ]


async def test_a_handler_that_fails_once_is_asked_again(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url)
    await house.put(job(message("!once-fails 2")))
    await house.serve()
    assert [post.text for post in gateway.posts] == ["ok: !once-fails 2"]
    assert house.one("SELECT attempts FROM auzap_inbox") == 3
    assert await house.dead() == []


async def test_a_dead_letter_of_a_handler_is_asked_again_when_it_is_brought_back(
    tmp_path: Path, gateway: Gateway
) -> None:
    house = House(tmp_path, gateway.url)
    await house.put(job(message("!once-fails 3", id="WA")))
    await house.serve()
    assert house.one("SELECT state FROM auzap_inbox") == "dead"
    house.document["worker"]["attempts"] = 5
    house.write()
    assert await house.revive() == 1
    await house.serve()
    assert house.one("SELECT state FROM auzap_inbox") == "done"
    assert len(gateway.posts) == 1


# ---------------------------------------------------------------------- the store or the queue is away


@pytest.mark.parametrize("file", ["auzap.db", "queue.db"])
async def test_a_locked_file_costs_no_attempt_and_no_message(tmp_path: Path, gateway: Gateway, file: str) -> None:
    house = House(tmp_path, gateway.url)
    await house.put(job(message("primeira")))
    await house.serve()
    await house.put(*(job(message(f"oi {n}", phone=f"55119000000{n:02d}")) for n in range(20, 40)))
    locked, release = threading.Event(), threading.Event()

    def lock() -> None:
        connection = sqlite3.connect(tmp_path / file, isolation_level=None, timeout=10)
        connection.execute("BEGIN EXCLUSIVE")
        locked.set()
        release.wait(20)
        connection.execute("ROLLBACK")
        connection.close()

    thread = threading.Thread(target=lock)
    thread.start()
    locked.wait(10)
    threading.Timer(7, release.set).start()  # longer than a write waits for the file
    began = time.monotonic()
    await house.serve()
    thread.join()
    assert time.monotonic() - began > 5
    assert len(gateway.posts) == 21
    assert await house.dead() == []
    assert house.one("SELECT max(attempts) FROM auzap_inbox") == 1


# ---------------------------------------------------------------------- the channel is unreachable


async def test_a_gateway_that_is_down_costs_no_attempt_and_no_message(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, plugins={"scribe": {}})
    await gateway.down()
    await house.put(*(job(message(f"oi {n}", phone=f"55119000000{n:02d}")) for n in range(20, 40)))

    async def come_back() -> None:
        await anyio.sleep(2.5)
        await gateway.up()

    async with anyio.create_task_group() as later:
        later.start_soon(come_back)
        await house.serve()
    assert len(gateway.posts) == 20
    assert len({post.key for post in gateway.posts}) == 20
    assert house.one("SELECT max(attempts) FROM auzap_outbox") == 0
    assert house.one("SELECT max(attempts) FROM auzap_inbox") == 1
    assert house.one("SELECT count(*) FROM trouble_notes") == 20


@pytest.mark.parametrize(
    "rule",
    [
        Rule(do="answer", status=503, body={}, first=1, instance="main"),
        Rule(do="answer", status=401, body={}, first=1, instance="main"),
        Rule(do="answer", body={"success": False, "code": "not_connected"}, first=1, instance="main"),
    ],
)
async def test_an_instance_that_is_not_connected_is_paused_and_the_other_is_not(
    tmp_path: Path, gateway: Gateway, rule: Rule
) -> None:
    gateway.mode = Mode(rules=(rule,))
    house = House(tmp_path, gateway.url)
    await house.put(job(message("a")), job(message("b", phone=OTHER), instance="other"))
    await house.serve()
    texts = [post.text for post in gateway.accepted]
    assert sorted(texts) == ["ok: a", "ok: b"]
    assert texts[0] == "ok: b", "the other instance was not held up"
    assert house.one("SELECT max(attempts) FROM auzap_outbox") == 0


async def test_turns_older_than_give_up_after_become_dead_letters(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, give_up_after="1s")
    await gateway.down()
    await house.put(job(message("a")), job(message("b", phone=OTHER)))
    await house.serve()
    letters = await house.dead()
    assert [letter.stage for letter in letters] == ["send", "send"]
    assert all("given up" in letter.reason for letter in letters)
    await gateway.up()
    await house.revive()
    await house.serve()
    assert sorted(post.text for post in gateway.posts) == ["ok: a", "ok: b"]


# ---------------------------------------------------------------------- a send is refused


@pytest.mark.parametrize(
    "rule",
    [
        Rule(do="refuse", first=2),
        Rule(do="close", first=2),
        Rule(do="answer", status=429, body={}, first=2),
        Rule(do="answer", status=500, body={}, first=2),
        Rule(do="hang", first=1),
    ],
)
async def test_a_refused_send_is_repeated_with_its_key_and_the_handler_is_not_asked_again(
    tmp_path: Path, gateway: Gateway, rule: Rule
) -> None:
    gateway.mode = Mode(rules=(rule,))
    house = House(tmp_path, gateway.url, plugins={"scribe": {}}, instance={"timeout": "300ms"})
    await house.put(job(message("antes")), job(message("depois")))
    await house.serve()
    first = [post for post in gateway.posts if "antes" in post.text]
    assert len(first) == (rule.first or 0) + 1
    assert len({post.key for post in first}) == 1
    assert [post.text for post in gateway.accepted] == ["re 0: antes", "re 0: depois"]
    assert house.one("SELECT count(*) FROM trouble_notes") == 2
    assert house.one("SELECT max(attempts) FROM auzap_inbox") == 1


async def test_a_send_refused_three_times_is_a_dead_letter_and_its_lane_goes_on(
    tmp_path: Path, gateway: Gateway
) -> None:
    gateway.mode = Mode(rules=(Rule(do="refuse", text="part 1"),))
    house = House(tmp_path, gateway.url)
    await house.put(job(message("!many 3")), job(message("depois")))
    await house.serve()
    assert [post.text for post in gateway.accepted] == ["part 0 of !many 3", "ok: depois"]
    assert [post.text for post in gateway.posts].count("part 1 of !many 3") == 3
    states = house.rows("SELECT state FROM auzap_outbox ORDER BY id")
    assert [row["state"] for row in states] == ["sent", "failed", "cancelled", "sent"]
    [letter] = await house.dead()
    assert (letter.stage, letter.attempts) == ("send", 3)

    gateway.mode = Mode()
    before = {post.key for post in gateway.posts}
    await house.revive()
    await house.serve()
    last = [post.text for post in gateway.accepted][2:]
    assert last == ["part 1 of !many 3", "part 2 of !many 3"], "what was sent is not sent again"
    assert gateway.accepted[2].key in before, "with the same key"
    assert house.one("SELECT state FROM auzap_inbox ORDER BY id LIMIT 1") == "done"


@pytest.mark.parametrize(
    "rule",
    [
        Rule(do="answer", status=400, body={}),
        Rule(do="answer", status=404, body={}),
        Rule(do="answer", body={"success": False, "code": "not_on_whatsapp"}),
        Rule(do="answer", body={"success": False, "code": "invalid"}),
    ],
)
async def test_a_send_refused_for_good_is_a_dead_letter_at_once(tmp_path: Path, gateway: Gateway, rule: Rule) -> None:
    gateway.mode = Mode(rules=(rule,))
    house = House(tmp_path, gateway.url)
    await house.put(job(message("!many 2")))
    await house.serve()
    assert len(gateway.posts) == 1
    assert [row["state"] for row in house.rows("SELECT state FROM auzap_outbox ORDER BY id")] == ["failed", "cancelled"]
    assert {row["status"] for row in house.rows("SELECT status FROM messages WHERE direction='outbound'")} == {"failed"}
    [letter] = await house.dead()
    assert letter.stage == "send"


# ---------------------------------------------------------------------- a person takes over


async def test_a_takeover_stops_the_replies_of_the_turn_under_way(tmp_path: Path, gateway: Gateway) -> None:
    """Also while the handler has every slot: events have slots of their own."""
    house = House(tmp_path, gateway.url, worker={"concurrency": 1})
    await house.put(job(message("oi")))
    await house.serve()
    await house.put(job(message("!slow 1")))

    async def take_over() -> None:
        await anyio.sleep(0.5)
        await house.put({**job({}), "takeover": {"remoteJid": "5511900000010@s.whatsapp.net"}})

    async with anyio.create_task_group() as later:
        later.start_soon(take_over)
        await house.serve()
    assert [post.text for post in gateway.posts] == ["ok: oi"]
    assert [row["state"] for row in house.rows("SELECT state FROM auzap_outbox ORDER BY id")] == ["sent", "cancelled"]
    assert house.rows("SELECT reason FROM auzap_inbox ORDER BY id DESC LIMIT 1") == [{"reason": "taken_over"}]
    assert await house.dead() == []


# ---------------------------------------------------------------------- tenants


async def test_a_hanging_tenant_never_holds_more_than_half_of_the_slots(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, tenants=["slow", "quick"], worker={"concurrency": 4, "timeout": "30s"})
    await house.put(*(job(message("!slow 25", phone=f"55119000000{n:02d}"), tenant="slow") for n in range(20, 40)))
    await house.put(*(job(message("oi", phone=f"55119000000{n:02d}"), tenant="quick") for n in range(20, 40)))
    await house.cut_off_when(lambda: len(gateway.posts) == 20)
    assert {post.organization for post in gateway.posts} == {"quick"}, "while the slow ones hold their half"


async def test_a_tenant_whose_plugin_will_not_load_stops_alone(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, tenants=["shop", "salon"])
    house.document["tenants"]["salon"] = {**house.document["tenants"]["salon"], "plugins": {"not_installed": {}}}
    house.write()
    await house.put(job(message("oi")), job(message("oi"), tenant="salon"))
    await house.serve_until(lambda: len(gateway.posts) == 1)
    assert (await house.stats()).dead == 0
    house.document["tenants"]["salon"]["plugins"] = {"trouble": {}}
    house.write()


async def test_a_scheduled_reply_that_was_refused_for_good_is_sent_when_it_is_brought_back(
    tmp_path: Path, gateway: Gateway
) -> None:
    gateway.mode = Mode(rules=(Rule(do="answer", status=400, body={}),))
    house = House(tmp_path, gateway.url)
    await house.put(job(message("!later 0.05")))
    await house.serve()
    await house.serve_until(lambda: len(house.queued("SELECT 1 FROM envelopes WHERE state = 'dead'")) == 1)
    assert len(house.rows("SELECT 1 FROM auzap_outbox WHERE state = 'failed'")) == len(gateway.posts) == 1
    assert [letter.stage for letter in await house.dead()] == ["send"]
    assert house.one("SELECT state FROM auzap_inbox") == "done", "the turn itself was answered"

    gateway.mode = Mode()
    await house.revive()
    await house.serve()
    assert [post.key for post in gateway.accepted] == [gateway.posts[0].key]
    assert house.one("SELECT state FROM auzap_outbox") == "sent"
