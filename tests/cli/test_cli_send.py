"""``auzap send``: one message to a customer, through the outbox."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import anyio
import pytest

from auzap.storage import open_store
from auzap.storage.store import Outgoing, Person
from tests.support.commands import Auzap, wait_until
from tests.support.gateway import GatewayProcess, Mode, Rule
from tests.support.house import ROOT, House, job, message
from tests.support.tty import on_a_terminal

TO = "+55 11 90000-0010"
JID = "5511900000010@s.whatsapp.net"


def send(auzap: Auzap, text: str, *options: str, to: str = TO) -> Any:
    ran = auzap("send", "--tenant", "shop", "--instance", "main", "--to", to, text, "--json", *options)
    assert (ran.code, ran.lines) == (0 if ran.json["state"] in ("sent", "pending", "sending") else 1, [])
    return ran.json


def queued(auzap: Auzap, text: str, *options: str, to: str = TO) -> Any:
    """Nobody is there to send it."""
    told = send(auzap, text, "--wait", "0s", *options, to=to)
    assert told["state"] == "pending"
    return told


# ------------------------------------------------------------------ with and without a worker


def test_a_running_worker_sends_it_at_once(house: House, auzap: Auzap, gateway: GatewayProcess) -> None:
    worker = house.start()
    try:
        told = send(auzap, "Seu pedido chegou!", "--wait", "20s")
    finally:
        worker.terminate()
        assert worker.wait(timeout=20) == 0
    [post] = gateway.log()
    assert told == {
        "id": post.key,
        "state": "sent",
        "to": JID,
        "provider_id": post.message_id,
        "attempts": 0,
        "reason": None,
    }
    assert (post.to, post.text, post.instance) == (JID, "Seu pedido chegou!", "main")


def test_without_a_worker_it_waits_in_the_queue_and_says_so(
    house: House, auzap: Auzap, gateway: GatewayProcess
) -> None:
    ran = auzap("send", "--tenant", "shop", "--instance", "main", "--to", TO, "oi", "--wait", "100ms")
    assert (ran.code, ran.out) == (0, "pending: `auzap run` sends it; none has taken it yet\n")
    assert gateway.log() == []
    assert auzap("queue", "stats").json["waiting"] == 1
    assert auzap("run", "--drain").code == 0
    assert [post.text for post in gateway.log()] == ["oi"]


def test_it_stands_among_the_customers_messages(house: House, auzap: Auzap) -> None:
    told = queued(auzap, "oi")
    house.auzap("run", "--drain")
    assert house.rows("SELECT phone, name FROM contacts") == [{"phone": "5511900000010", "name": "5511900000010"}]
    [row] = house.rows("SELECT id, direction, content, status, ai_response, conversation_id FROM messages")
    assert row["conversation_id"] == house.one("SELECT id FROM conversations")
    del row["conversation_id"]
    assert row == {"id": told["id"], "direction": "outbound", "content": "oi", "status": "sent", "ai_response": 0}


def test_what_a_command_that_died_has_stored_is_sent(house: House, auzap: Auzap, gateway: GatewayProcess) -> None:
    assert auzap("db", "upgrade").code == 0

    async def store_only() -> None:
        async with open_store("sqlite:///auzap.db", house.folder) as store:
            person = Person(phone="5511900000010", lid=None, name=None)
            one = "019a0000-0000-7000-8000-000000000001"
            await store.put_outgoing(
                Outgoing(id=one, organization_id="shop", instance_id="main", chat_id=JID, text="oi", person=person)
            )

    anyio.run(store_only)
    anyio.run(house.serve_until, lambda: gateway.accepted() == 1)
    assert [post.text for post in gateway.log()] == ["oi"]


@pytest.mark.parametrize(
    ("point", "posts"), [("after_claim", 1), ("after_accepted", 2), ("after_note", 1), ("before_ack", 1)]
)
def test_a_worker_that_is_killed_sends_it_once(
    tmp_path: Path, auzap: Auzap, gateway: GatewayProcess, point: str, posts: int
) -> None:
    """Twice only where the answer was not noted, and then with the same key."""
    house = House(tmp_path, gateway.url, worker={"lease": "500ms"})
    told = queued(auzap, "oi")
    worker = house.start(point, "1", script=ROOT / "tests" / "support" / "doomed.py")
    assert worker.wait(timeout=30) == -signal.SIGKILL
    assert auzap("run", "--drain").code == 0
    assert [post.key for post in gateway.log()] == [told["id"]] * posts
    assert house.rows("SELECT state, attempts FROM auzap_outbox") == [{"state": "sent", "attempts": 0}]
    assert auzap("queue", "stats").json == {"waiting": 0, "delayed": 0, "leased": 0, "dead": 0}


# ------------------------------------------------------------------ which chat


def test_it_takes_its_place_behind_what_is_being_answered(house: House, auzap: Auzap, gateway: GatewayProcess) -> None:
    anyio.run(house.put, job(message("!slow 0.2")), job(message("depois")))
    queued(auzap, "por último")
    assert auzap("run", "--drain").code == 0
    assert [post.text for post in gateway.log()] == ["ok: !slow 0.2", "ok: depois", "por último"]


def test_a_customer_who_wrote_from_a_hidden_address_is_answered_there(
    house: House, auzap: Auzap, gateway: GatewayProcess
) -> None:
    anyio.run(house.put, job(message("oi", jid="200000000000011@lid", senderPn=JID)))
    assert auzap("run", "--drain").code == 0
    assert queued(auzap, "até já")["to"] == "200000000000011@lid"
    assert house.one("SELECT count(*) FROM contacts") == 1


@pytest.mark.parametrize(
    ("typed", "jid"),
    [
        ("(11) 90000-0010", "5511900000010@s.whatsapp.net"),
        ("5511900000010", "5511900000010@s.whatsapp.net"),
        ("+55 31 98000-0010", "553180000010@s.whatsapp.net"),
        ("553180000010", "553180000010@s.whatsapp.net"),
        ("551180000010", "5511980000010@s.whatsapp.net"),
        ("+55 11 3000-0010", "551130000010@s.whatsapp.net"),
        ("+351 900 000 010", "351900000010@s.whatsapp.net"),
    ],
)
def test_a_number_never_heard_of_is_tried_in_its_likelier_form(
    house: House, auzap: Auzap, typed: str, jid: str
) -> None:
    assert queued(auzap, "oi", to=typed)["to"] == jid


def test_with_or_without_the_ninth_digit_it_is_one_customer(house: House, auzap: Auzap) -> None:
    anyio.run(house.put, job(message("oi", phone="551180000010")))
    assert auzap("run", "--drain").code == 0
    assert queued(auzap, "olá", to="+55 11 98000-0010")["to"] == "551180000010@s.whatsapp.net"
    assert house.one("SELECT count(*) FROM contacts") == house.one("SELECT count(*) FROM conversations") == 1


def test_an_owner_becomes_no_contact(house: House, auzap: Auzap, gateway: GatewayProcess) -> None:
    queued(auzap, "oi, chefe", to="+55 11 90000-0001")
    assert auzap("run", "--drain").code == 0
    assert [post.to for post in gateway.log()] == ["5511900000001@s.whatsapp.net"]
    assert house.one("SELECT count(*) FROM contacts") == house.one("SELECT count(*) FROM messages") == 0


# ------------------------------------------------------------------ once


def test_the_same_key_sends_once_to_each_number(house: House, auzap: Auzap, gateway: GatewayProcess) -> None:
    first = queued(auzap, "lembrete", "--key", "visita-17")
    assert queued(auzap, "lembrete", "--key", "visita-17") == first
    queued(auzap, "lembrete", "--key", "visita-17", to="+55 11 90000-0011")
    assert auzap("run", "--drain").code == 0
    assert send(auzap, "lembrete", "--key", "visita-17")["state"] == "sent"
    assert auzap("run", "--drain").code == 0
    assert len(gateway.log()) == 2
    house.rows("DELETE FROM auzap_outbox")
    assert send(auzap, "lembrete", "--key", "visita-17")["state"] == "sent", "the row in messages tells"


def test_a_key_stands_for_one_text(house: House, auzap: Auzap) -> None:
    queued(auzap, "um", "--key", "k")
    ran = auzap("send", "--to", TO, "--tenant", "shop", "--instance", "main", "dois", "--key", "k")
    assert (ran.code, ran.err) == (1, "auzap: the key 'k' was used for another text to this number\n")


def test_without_a_key_each_command_is_a_message(house: House, auzap: Auzap) -> None:
    assert queued(auzap, "oi")["id"] != queued(auzap, "oi")["id"]


# ------------------------------------------------------------------ what does not go well


def test_a_refusal_is_told(house: House, auzap: Auzap, gateway: GatewayProcess) -> None:
    body = {"success": False, "error": "no such account", "code": "not_on_whatsapp"}
    gateway.set(Mode(rules=(Rule(do="answer", status=200, body=body),)))
    worker = house.start()
    try:
        ran = auzap("send", "--tenant", "shop", "--instance", "main", "--to", TO, "oi", "--wait", "20s")
        wait_until(lambda: bool(house.queued("SELECT 1 FROM envelopes WHERE state = 'dead'")))
    finally:
        worker.kill()
        worker.wait()
    assert ran.code == 1
    assert ran.out.startswith("refused: ")
    assert "no such account" in ran.out
    assert auzap("dead", "list", "--json").json[0]["stage"] == "send"


def test_a_gateway_that_is_away_is_told(house: House, auzap: Auzap, gateway: GatewayProcess) -> None:
    gateway.set(Mode(rules=(Rule(do="answer", status=503, body={}),)))
    worker = house.start()
    try:
        queued_id = send(auzap, "oi", "--wait", "0s")["id"]
        wait_until(lambda: house.has("SELECT 1 FROM auzap_outbox WHERE id = ? AND reason IS NOT NULL", queued_id))
        ran = auzap("send", "--tenant", "shop", "--instance", "main", "--to", TO, "oi", "--key", "x", "--wait", "0s")
        assert ran.code == 0
        assert ran.out.startswith("pending")
    finally:
        worker.kill()
        worker.wait()


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (
            ["--to", "12", "oi"],
            2,
            "Invalid value for '--to': '12' is no phone number; write it like +55 11 90000-0010; see auzap send --help",
        ),
        (["--to", TO, "oi", "--tenant", "nobody"], 1, "unknown tenant 'nobody': there is shop"),
        (
            ["--to", TO, "oi", "--instance", "nothing"],
            1,
            "unknown instance 'nothing' of tenant 'shop': there is main, other",
        ),
        (["--to", TO, "oi"], 2, "say which --instance of tenant 'shop': there is main, other; see auzap send --help"),
        (["--to", TO, " ", "--instance", "main"], 2, "there is no text to send; see auzap send --help"),
        (
            ["--to", TO, "x" * 65_537, "--instance", "main"],
            2,
            "the text has 65537 characters; WhatsApp takes 65536; see auzap send --help",
        ),
        (
            ["--to", TO, "oi", "--wait", "5"],
            2,
            "Invalid value for '--wait': a duration needs a unit: write 5s, 5m or 5h; see auzap send --help",
        ),
        (["oi"], 2, "Missing option '--to'; see auzap send --help"),
    ],
)
def test_wrong_use_is_one_line(house: House, auzap: Auzap, arguments: list[str], code: int, line: str) -> None:
    ran = auzap("send", *arguments)
    assert (ran.code, ran.out, ran.err) == (code, "", f"auzap: {line}\n")
    assert not (house.folder / "queue.db").exists()


def test_a_text_may_come_from_standard_input(house: House) -> None:
    sent = house.auzap("send", "--instance", "main", "--to", TO, "-", "--wait", "0s", "--json", stdin="Olá!\nTudo?\n")
    assert sent.returncode == 0
    assert house.one("SELECT content FROM auzap_outbox WHERE id = ?", json.loads(sent.stdout)["id"]) == "Olá!\nTudo?"
    refused = house.auzap("send", "--instance", "main", "--to", TO, "-", stdin=b"ol\xe1")
    assert (refused.returncode, refused.stderr) == (
        2,
        "auzap: standard input is not UTF-8 at byte 3; see auzap send --help\n",
    )


def test_on_a_terminal_a_longer_wait_shows_that_it_waits(house: House) -> None:
    arguments = ("send", "--instance", "main", "--to", TO, "oi", "--wait", "2s", "-c", str(house.path))
    with on_a_terminal(*arguments, folder=house.folder) as screen:
        screen.wait_for("Waiting for a worker to send it")
        assert screen.end() == 0
    assert "pending: `auzap run` sends it" in screen.text
