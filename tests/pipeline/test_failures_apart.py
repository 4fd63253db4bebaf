"""What a failing send, or an instance that is away, does to the other lanes and the other tenants: nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from auzap.pipeline.instances import Instances
from auzap.pipeline.work import Settings
from tests.support.gateway import Gateway, Mode, Post, Rule
from tests.support.house import House, job, message

PHONE, OTHER = "5511900000010", "5511900000011"


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


def of(gateway: Gateway, tenant: str, phone: str = PHONE) -> list[Post]:
    return [post for post in gateway.accepted if post.organization == tenant and post.to.startswith(phone)]


# ---------------------------------------------------------------------- refused, to be repeated


def test_the_schedule_is_the_old_workers() -> None:
    """At once, after 2 s, after 4 s."""

    def settings(*, exponential: bool) -> Settings:
        return Settings(
            attempts=3, backoff_delay=2, backoff_exponential=exponential, stale_after=86400, give_up_after=3600
        )

    assert [settings(exponential=True).backoff(used) for used in (1, 2)] == [2, 4]
    assert [settings(exponential=False).backoff(used) for used in (1, 2)] == [2, 2]


@pytest.mark.parametrize("text", ["!raise", "ruim"], ids=["a hook raises", "a send is refused"])
async def test_only_its_own_lane_waits_for_a_retry(tmp_path: Path, gateway: Gateway, text: str) -> None:
    gateway.mode = Mode(rules=(Rule(do="refuse", text="ruim"),))
    house = House(tmp_path, gateway.url, tenants=["shop", "salon"], worker={"backoff": {"delay": "300ms"}})
    await house.put(job(message(text)), job(message("depois")))
    await house.put(job(message("outra", phone=OTHER)), job(message("salão"), tenant="salon"))
    await house.serve()

    [letter] = await house.dead()
    assert (letter.attempts, letter.organization_id) == (3, "shop")
    [after], [other], [salon] = of(gateway, "shop"), of(gateway, "shop", OTHER), of(gateway, "salon")
    assert after.text == "ok: depois"
    assert max(other.t, salon.t) < after.t - 0.3, "they did not wait for the one that is tried again"
    tries = [post.t for post in gateway.posts if post.outcome == "refused"]
    if tries:
        first, second, third = tries
        assert second - first >= 0.3
        assert third - second >= 0.6


# ---------------------------------------------------------------------- refused for good


async def test_a_final_refusal_frees_the_lane_at_once_and_keeps_its_key(tmp_path: Path, gateway: Gateway) -> None:
    gateway.mode = Mode(rules=(Rule(do="answer", status=400, body={}, text="part 1"),))
    house = House(tmp_path, gateway.url, tenants=["shop", "salon"])
    await house.put(job(message("!many 3")), job(message("depois")))
    await house.put(job(message("outra", phone=OTHER)), job(message("salão"), tenant="salon"))
    await house.serve()

    refused = [post for post in gateway.posts if post.outcome == "400"]
    assert len(refused) == 1, "it is not repeated"
    assert [post.text for post in of(gateway, "shop")] == ["part 0 of !many 3", "ok: depois"]
    assert [post.text for post in [*of(gateway, "shop", OTHER), *of(gateway, "salon")]] == ["ok: outra", "ok: salão"]
    [letter] = await house.dead()
    assert (letter.stage, letter.payload["message"]["conversation"]) == ("send", "!many 3")
    states = {row["state"] for row in house.rows("SELECT state FROM auzap_inbox WHERE content <> '!many 3'")}
    assert states <= {"done"}
    keys = {row["content"]: row["id"] for row in house.rows("SELECT id, content FROM auzap_outbox")}

    gateway.mode = Mode()
    assert await house.revive() == 1
    await house.serve()
    again = of(gateway, "shop")[2:]
    assert [post.text for post in again] == ["part 1 of !many 3", "part 2 of !many 3"]
    assert [post.key for post in again] == [keys[post.text] for post in again]
    assert again[0].key == refused[0].key
    assert await house.dead() == []


# ---------------------------------------------------------------------- unreachable


async def test_an_instance_that_is_away_holds_up_no_other_and_no_other_tenant(tmp_path: Path, gateway: Gateway) -> None:
    away = True

    def decide(post: Post) -> Rule | None:
        is_away = away and (post.organization, post.instance) == ("shop", "main")
        return Rule(do="answer", status=503, body={}) if is_away else None

    gateway.decide = decide
    house = House(tmp_path, gateway.url, tenants=["shop", "salon"], plugins={"scribe": {}})
    phones = [f"55119000000{number}" for number in range(20, 40)]
    for phone in phones:
        await house.put(
            job(message("um", phone=phone)),
            job(message("dois", phone=phone)),
            job(message("três", phone=phone), instance="other"),
            job(message("quatro", phone=phone), tenant="salon"),
        )
    await house.serve_until(lambda: len(gateway.accepted) == 40)
    assert {(post.organization, post.instance) for post in gateway.accepted} == {("shop", "other"), ("salon", "main")}
    assert len([post for post in gateway.posts if post.outcome == "503"]) < 20, "one probes; the others wait"
    assert house.one("SELECT max(attempts) FROM auzap_outbox") == 0
    assert await house.dead() == []

    away = False
    await house.serve()
    assert len(gateway.accepted) == 80
    assert len({post.key for post in gateway.accepted}) == 80
    for phone in phones:
        texts = [post.text for post in of(gateway, "shop", phone) if post.instance == "main"]
        assert texts == ["re 0: um", "re 0: dois"]
    assert house.one("SELECT count(*) FROM trouble_notes") == 80
    assert house.one("SELECT max(attempts) FROM auzap_outbox") == 0
    assert await house.dead() == []


async def test_a_paused_instance_is_probed_every_1_to_60_seconds() -> None:
    woken: list[tuple[str, str]] = []

    async def wake(tenant: str, instance: str) -> None:
        woken.append((tenant, instance))

    instances = Instances(wake)

    def fails() -> float:
        """Seconds until the next probe."""
        before = instances.unreachable_since("shop", "main")
        until = instances.failed("shop", "main", "away")
        since = instances.unreachable_since("shop", "main")
        assert since is not None
        assert before in (None, since), "the first failure counts"
        return until - since

    assert fails() == 1
    assert fails() == 1, "those that were under way tell nothing new"
    delays = []
    for _ in range(8):
        instances.probe("shop", "main")
        closed = instances.closed_until("shop", "main")
        assert closed is not None
        assert closed > 0
        delays.append(round(fails()))
    assert delays == [2, 4, 8, 16, 32, 60, 60, 60]
    assert instances.closed_until("shop", "other") is instances.closed_until("salon", "main") is None

    await instances.reached("shop", "main")
    await instances.reached("shop", "main")
    assert woken == [("shop", "main")]
    assert instances.closed_until("shop", "main") is None
    assert fails() == 1


# ---------------------------------------------------------------------- nobody answers


async def test_what_has_no_text_is_left_to_somebody_else_and_the_row_says_so(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, plugins={"aurora": {}, "client_ai": {}})
    photo = message(content={"imageMessage": {"mimetype": "image/jpeg"}})
    await house.put(job(photo), job(message("oi")))
    await house.serve()

    assert len(gateway.posts) == 1
    assert house.rows("SELECT state, reason, answered_by FROM auzap_inbox ORDER BY id") == [
        {"state": "done", "reason": "nobody_answered", "answered_by": None},
        {"state": "done", "reason": None, "answered_by": "client_ai"},
    ]
    assert house.one("SELECT count(*) FROM ai_interactions") == 1
    assert house.one("SELECT message_type FROM messages WHERE direction = 'inbound' ORDER BY id LIMIT 1") == "image"
    assert (await house.stats()).dead == 0
