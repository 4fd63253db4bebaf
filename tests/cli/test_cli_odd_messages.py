"""Messages that nobody writes on purpose: accepted, stored and answered all the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.support.commands import Auzap, Ran
from tests.support.gateway import GatewayProcess
from tests.support.house import House, job, message


@pytest.fixture
def house(tmp_path: Path, gateway: GatewayProcess) -> House:
    return House(tmp_path, gateway.url, plugins={"aurora": {}, "client_ai": {}})


def work(house: House, auzap: Auzap, *lines: str) -> Ran:
    (house.folder / "jobs.jsonl").write_text("\n".join(lines))
    ran = auzap("enqueue", str(house.folder / "jobs.jsonl"))
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["accepted"] == len(lines)
    ran = auzap("run", "--drain")
    assert (ran.code, ran.lines) == (0, [])
    assert auzap("queue", "stats").json == {"waiting": 0, "delayed": 0, "leased": 0, "dead": 0}
    return ran


def stored(house: House) -> str:
    content: str = house.one("SELECT content FROM messages WHERE direction = 'inbound'")
    return content


def test_a_text_of_ten_megabytes_is_cut_with_one_warning_and_answered(
    house: House, auzap: Auzap, gateway: GatewayProcess
) -> None:
    ran = work(house, auzap, json.dumps(job(message("á" * 5_000_000, id="LONG"))))
    [warning] = [line for line in ran.log if line["level"] != "info"]
    assert {key: warning[key] for key in list(warning)[1:]} == {
        "level": "warning",
        "event": "Text cut to the longest that WhatsApp allows",
        "logger": "auzap.pipeline",
        "organization_id": "shop",
        "instance_id": "main",
        "message_id": "LONG",
        "characters": 5_000_000,
        "kept": 65_536,
    }
    assert stored(house) == "á" * 65_536
    [post] = gateway.log()
    assert post.text.startswith('Olá! Recebi sua mensagem: "áááá')


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("meio\0texto", "meiotexto"),
        ("meia \ud83d carinha", "meia \ufffd carinha"),
        ("\udc00\ud800", "\ufffd\ufffd"),
        ("carinha \U0001f436 inteira", "carinha \U0001f436 inteira"),
        ("\x1b[2J\u202eolá\r\n", "\x1b[2J\u202eolá\r\n"),
    ],
)
def test_a_text_that_is_no_text_is_mended_stored_and_answered(
    house: House, auzap: Auzap, gateway: GatewayProcess, text: str, kept: str
) -> None:
    ran = work(house, auzap, json.dumps(job(message(text))))
    assert stored(house) == kept
    [post] = gateway.log()
    assert kept.strip() in post.text
    assert all(one.isprintable() or one == "\n" for one in ran.err)


def test_a_lone_surrogate_in_the_files_own_bytes_is_accepted_too(house: House, auzap: Auzap) -> None:
    line = json.dumps(job(message("meia X carinha"))).encode().replace(b"X", b"\xed\xa0\xbd")
    (house.folder / "jobs.jsonl").write_bytes(line)
    assert auzap("enqueue", str(house.folder / "jobs.jsonl")).json["accepted"] == 1
    assert auzap("run", "--drain").code == 0
    assert stored(house) == "meia \ufffd carinha"


def test_what_is_nested_as_deep_as_json_is_read_is_answered(
    house: House, auzap: Auzap, gateway: GatewayProcess
) -> None:
    deep = "[" * 800 + "]" * 800
    odd: dict[str, Any] = {"extendedTextMessage": {"text": "oi", "contextInfo": "DEEP"}}
    work(house, auzap, json.dumps(job(message(content=odd))).replace('"DEEP"', deep))
    assert stored(house) == "oi"
    assert len(gateway.log()) == 1


def test_a_number_that_is_none_is_answered(house: House, auzap: Auzap, gateway: GatewayProcess) -> None:
    odd = job({**message("oi"), "messageTimestamp": "WHEN"})
    work(
        house, auzap, *(json.dumps(odd).replace('"WHEN"', when).replace("ID", f"{when}ID") for when in ("NaN", "1e999"))
    )
    assert len(gateway.log()) == 2


def test_what_is_no_message_at_all_lies_in_the_dead_letters_with_its_reason(
    house: House, auzap: Auzap, gateway: GatewayProcess
) -> None:
    anyio.run(house.put_payload, ["no", "message"])
    ran = auzap("run", "--drain")
    [told] = [line for line in ran.log if line["level"] != "info"]
    assert (told["level"], told["event"], told["stage"]) == ("error", "Dead letter", "normalize")
    [letter] = auzap("dead", "list", "--json").json
    assert letter["payload"] == ["no", "message"]
    assert letter["reason"] == told["error"] == "no message: expected an object with a key, not a list"
    assert gateway.log() == []
