"""One message after the other through the whole pipeline: what is stored, what leaves, what is not answered."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import Gateway
from tests.support.house import House, job, message


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


async def test_a_customer_is_answered_and_everything_is_stored(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, plugins={"aurora": {}, "client_ai": {}})
    await house.put(job(message("Oi! Tem horário amanhã?", id="WA1")))
    await house.serve()

    [post] = gateway.posts
    assert post.to == "5511900000010@s.whatsapp.net"
    assert post.text == 'Olá! Recebi sua mensagem: "Oi! Tem horário amanhã?". Em breve um atendente irá responder! 🐾'
    [contact] = house.rows("SELECT * FROM contacts")
    assert (contact["organization_id"], contact["phone"], contact["status"]) == ("shop", "5511900000010", "active")
    [conversation] = house.rows("SELECT * FROM conversations")
    assert (conversation["contact_id"], conversation["status"], conversation["ai_enabled"]) == (
        contact["id"],
        "active",
        1,
    )
    inbound, outbound = house.rows("SELECT * FROM messages ORDER BY id")
    assert (inbound["direction"], inbound["whatsapp_message_id"], inbound["status"]) == ("inbound", "WA1", "delivered")
    assert (inbound["sender_phone"], inbound["content"]) == ("5511900000010", "Oi! Tem horário amanhã?")
    assert (outbound["direction"], outbound["status"], outbound["content"]) == ("outbound", "sent", post.text)
    assert (outbound["id"], outbound["whatsapp_message_id"]) == (post.key, post.message_id)
    [interaction] = house.rows("SELECT * FROM ai_interactions")
    assert (interaction["message_id"], interaction["model_used"], interaction["intent"]) == ("WA1", "rules", "general")
    assert house.one("SELECT state FROM auzap_inbox") == "done"
    assert house.one("SELECT answered_by FROM auzap_inbox") == "client_ai"


async def test_an_owner_is_answered_by_aurora_and_becomes_no_contact(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, plugins={"aurora": {}, "client_ai": {}})
    await house.put(job(message("ajuda", phone="5511900000001")))
    await house.serve()

    [post] = gateway.posts
    assert "resumo" in post.text
    assert house.rows("SELECT * FROM contacts") == []
    assert house.rows("SELECT * FROM messages") == []
    [proactive] = house.rows("SELECT * FROM aurora_proactive_messages")
    [owner] = house.rows("SELECT * FROM owner_numbers")
    assert (proactive["owner_number_id"], proactive["message_type"], proactive["status"]) == (
        owner["id"],
        "tip",
        "sent",
    )
    [row] = house.rows("SELECT * FROM auzap_inbox")
    assert (row["sender_role"], row["content"], row["state"]) == ("owner", "ajuda", "done")


@pytest.mark.parametrize(
    ("reason", "given"),
    [
        ("from_me", message("oi", fromMe=True)),
        ("group", message("oi", jid="120363021234567890@g.us", participant="5511900000011@s.whatsapp.net")),
        ("status", message("oi", jid="status@broadcast", participant="5511900000011@s.whatsapp.net")),
        ("newsletter", message("oi", jid="120363199999999999@newsletter")),
        ("reaction", message(content={"reactionMessage": {"text": "👍", "key": {"id": "X"}}})),
        ("stale", {**message("oi"), "messageTimestamp": int(time.time()) - 2 * 86400}),
        ("nobody_answered", message("!pass")),
        ("answered_with_silence", message("!silence")),
        ("undecryptable", {**message(content={}), "message": None, "messageStubType": "CIPHERTEXT"}),
        ("empty", message("   ")),
        ("unsupported", message(content={"somethingNewMessage": {"a": 1}})),
    ],
)
async def test_what_is_not_answered_has_its_reason_on_its_row(
    tmp_path: Path, gateway: Gateway, reason: str, given: dict[str, object]
) -> None:
    house = House(tmp_path, gateway.url)
    await house.put(job(given))
    await house.serve()

    assert gateway.posts == []
    assert house.rows("SELECT state, reason FROM auzap_inbox") == [{"state": "done", "reason": reason}]
    assert (await house.stats()).dead == 0


async def test_a_stub_does_not_shadow_the_real_message(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url)
    stub = {**message(id="SAME"), "message": None, "messageStubType": 2}
    await house.put(job(stub))
    await house.serve()
    await house.put(job(message("agora sim", id="SAME")))
    await house.serve()
    assert [post.text for post in gateway.posts] == ["ok: agora sim"]


async def test_a_message_delivered_twice_is_answered_once(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url)
    same = job(message("oi", id="SAME"))
    assert await house.put(same, same) == [True, False]
    await house.serve()
    assert await house.put(same) == [True], "the queue has forgotten what is finished"
    await house.serve()
    assert len(gateway.posts) == 1
    assert house.one("SELECT count(*) FROM messages WHERE direction = 'inbound'") == 1


@pytest.mark.parametrize("payload", [None, 17, "oi", [], {}, {"key": None}, {"message": {"conversation": "oi"}}])
async def test_what_is_no_message_is_a_dead_letter(tmp_path: Path, gateway: Gateway, payload: object) -> None:
    house = House(tmp_path, gateway.url)
    await house.put_payload(payload)
    await house.put(job(message("oi")))
    await house.serve()
    [letter] = await house.dead()
    assert (letter.stage, letter.payload) == ("normalize", payload)
    assert len(gateway.posts) == 1


async def test_replies_leave_in_order_and_reviewed(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, plugins={"trouble": {}, "reviewer": {}})
    await house.put(job(message("!many 3")), job(message("depois")))
    await house.serve()
    assert [post.text for post in gateway.posts] == [
        "part 0 of !many 3 — assinado",
        "part 1 of !many 3 — assinado",
        "part 2 of !many 3 — assinado",
        "ok: depois — assinado",
    ]


async def test_a_scheduled_reply_leaves_when_it_is_due(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url)
    await house.put(job(message("!later 0.2")))
    await house.serve()
    assert gateway.posts == []
    assert house.one("SELECT state FROM auzap_inbox") == "done"
    await house.serve_until(lambda: len(gateway.posts) == 1)
    assert gateway.posts[0].text == "later"
    assert house.one("SELECT state FROM auzap_outbox") == "sent"
    assert house.one("SELECT status FROM messages WHERE direction = 'outbound'") == "sent"


async def test_a_burst_is_answered_once(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, tenant={"burst": {"window": "200ms", "max": "2s"}})
    await house.put(*(job(message(text)) for text in ("oi", "quero um banho", "amanhã")))
    await house.put(job(message("outro", phone="5511900000011")))
    await house.serve()
    assert sorted(post.text for post in gateway.posts) == ["ok: oi\nquero um banho\namanhã", "ok: outro"]
    turns = house.rows("SELECT turn_id, count(*) n FROM auzap_inbox GROUP BY turn_id ORDER BY n")
    assert [row["n"] for row in turns] == [1, 3]
    assert {row["state"] for row in house.rows("SELECT state FROM auzap_inbox")} == {"done"}


async def test_ai_off_keeps_the_bot_silent(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url)
    await house.put(job(message("oi")))
    await house.serve()
    await house.put({**job({}), "takeover": {"remoteJid": "5511900000010@s.whatsapp.net"}})
    await house.serve()
    await house.put(job(message("ainda aí?")))
    await house.serve()
    assert len(gateway.posts) == 1
    assert house.rows("SELECT reason FROM auzap_inbox ORDER BY id DESC LIMIT 1") == [{"reason": "ai_off"}]


async def test_the_persist_hook_writes_in_the_transaction_of_the_outcome(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, plugins={"trouble": {}, "ledger": {}})
    await house.put(job(message("!many 2")), job(message("!unbookable", phone="5511900000011")))
    await house.serve()
    assert len(gateway.posts) == 2
    assert house.rows("SELECT replies FROM trouble_entries") == [{"replies": 2}]
    [letter] = await house.dead()
    assert (letter.stage, letter.plugin, letter.attempts) == ("handle", "ledger", 3)


async def test_ten_first_messages_of_one_person_make_one_contact(tmp_path: Path, gateway: Gateway) -> None:
    """By phone and by LID, on two instances, with and without the ninth digit."""
    house = House(tmp_path, gateway.url)
    jobs = []
    for number in range(10):
        key: dict[str, Any] = {
            0: {"jid": "553199990001@s.whatsapp.net"},
            1: {"jid": "5531999990001@s.whatsapp.net"},
            2: {"jid": "123456789012345@lid", "remoteJidAlt": "5531999990001@s.whatsapp.net"},
            3: {"jid": "123456789012345:7@lid", "senderPn": "553199990001@s.whatsapp.net"},
            4: {"jid": "5531999990001@c.us"},
        }[number % 5]
        jobs.append(job(message(f"oi {number}", **key), instance="main" if number < 5 else "other"))
    await house.put(*jobs)
    await house.serve()
    assert len(gateway.posts) == 10
    assert len(house.rows("SELECT * FROM contacts")) == 1
    assert len(house.rows("SELECT * FROM conversations")) == 1


async def test_a_pilot_answers_nobody_else(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, tenant={"only": ["+55 31 99999-0001"]})
    await house.put(job(message("oi", phone="553199990001")), job(message("oi")))
    await house.serve()
    assert [post.to for post in gateway.posts] == ["553199990001@s.whatsapp.net"]
    assert house.rows("SELECT reason FROM auzap_inbox WHERE reason IS NOT NULL") == [{"reason": "not_in_pilot"}]


async def test_in_a_group_each_message_is_answered_by_itself(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, tenant={"groups": True, "burst": {"window": "200ms", "max": "2s"}})
    group = "120363021234567890@g.us"
    await house.put(
        job(message("a", jid=group, participant="5511900000011@s.whatsapp.net")),
        job(message("b", jid=group, participant="5511900000012@s.whatsapp.net")),
    )
    await house.serve()
    assert [(post.to, post.text) for post in gateway.posts] == [(group, "ok: a"), (group, "ok: b")]
    assert len(house.rows("SELECT * FROM contacts")) == 2
