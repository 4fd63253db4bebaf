"""The console: what it posts, and how it talks on a pipe, on a file and on a real terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from auzap.channels.console import Console, Demo
from auzap.channels.console.console import ConsoleOptions
from auzap.contract.channel import Arrival
from auzap.model.errors import BadPayload
from auzap.model.message import Message
from auzap.model.reply import Delivery
from tests.support.talking import CLIENT, OWNER, talk, terminal

POSTED = {"id": "a1", "from": CLIENT, "name": "Cliente", "text": "Oi", "timestamp": 1_790_000_000}


def console(**options: Any) -> Console:
    return Console("abc123", "main", ConsoleOptions.model_validate({"channel": "console", **options}))


# ------------------------------------------------------------------ what it posts


def test_a_message_arrives_in_the_chat_of_who_wrote_it() -> None:
    chat = f"{CLIENT}@s.whatsapp.net"
    assert list(Console.receive(POSTED)) == [
        Arrival(kind="message", chat_id=chat, identity=(chat, "a1", "message"), payload=POSTED)
    ]
    assert [arrival.payload for arrival in Demo.receive([POSTED, POSTED])] == [POSTED, POSTED]


def test_a_message_is_normalized() -> None:
    assert Console.normalize(POSTED) == Message(
        kind="text",
        event="message",
        text="Oi",
        chat_id=f"{CLIENT}@s.whatsapp.net",
        chat_kind="direct",
        message_id="a1",
        contact_phone=CLIENT,
        push_name="Cliente",
        timestamp=1_790_000_000,
    )
    assert Console.event(POSTED) is None


def test_a_message_without_words_is_empty() -> None:
    message = Console.normalize({"id": "a1", "from": CLIENT, "text": " \0"})
    assert (message.kind, message.text, message.push_name, message.timestamp) == ("empty", "", None, None)
    assert not message.dispatch


def test_text_can_be_stored() -> None:
    assert Console.normalize({**POSTED, "text": "a\0b\ud800"}).text == "ab\ufffd"


@pytest.mark.parametrize(
    "posted",
    [
        None,
        5,
        [5],
        {},
        {**POSTED, "from": "+55 11 90000-0010"},
        {**POSTED, "from": None},
        {**POSTED, "id": ""},
        {**POSTED, "id": 5},
        {**POSTED, "text": None},
    ],
)
def test_what_is_no_message(posted: Any) -> None:
    with pytest.raises(BadPayload, match="no message"):
        Console.receive(posted)


def test_numbers_are_written_as_people_write_them() -> None:
    options = console(client="(11) 90000-0020", owner="+55 11 90000-0021").options
    assert (options.client, options.owner) == ("5511900000020", "5511900000021")
    with pytest.raises(ValidationError, match="expected a phone number"):
        console(client="Nome")


async def test_a_reply_is_shown_under_the_name_of_who_gets_it(capsys: pytest.CaptureFixture[str]) -> None:
    channel, receipts = console(client="5511990000010"), []
    for to in ("551190000010@s.whatsapp.net", f"{OWNER}@s.whatsapp.net", "100000000000010@lid"):
        delivery = Delivery(organization_id="abc123", instance_id="main", to=to, text="Olá!\nTchau \x1b[2J", key="k")
        receipts.append(await channel.send(delivery))
    assert capsys.readouterr().out.splitlines() == [
        "bot to customer | Olá!",
        "                | Tchau �[2J",
        "   bot to owner | Olá!",
        "                | Tchau �[2J",
        "bot to 100000000000010@lid | Olá!",
        "                | Tchau �[2J",
    ]
    assert len({receipt.message_id for receipt in receipts}) == 3


# ------------------------------------------------------------------ a pipe, a file


def test_lines_of_a_pipe_are_written_by_the_customer_and_the_owner() -> None:
    with talk("console") as talking:
        talking.type("Oi, tudo bem?\r\n\n  \n/dono resumo\n/owner ajuda\n/dono\n/outra coisa\nsem fim de linha")
        talking.wait_for("você disse: sem fim de linha")
        posted = talking.end()
    assert [(one["from"], one["text"]) for one in posted] == [
        (CLIENT, "Oi, tudo bem?"),
        (OWNER, "resumo"),
        (OWNER, "ajuda"),
        (CLIENT, "/outra coisa"),
        (CLIENT, "sem fim de linha"),
    ]
    assert len({one["id"] for one in posted}) == 5
    assert all(abs(one["timestamp"] - time.time()) < 60 for one in posted)


def test_lines_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "linhas.txt"
    file.write_bytes("Olá\n".encode() + b"\xff\n")
    with file.open("rb") as lines, talk("console", stdin=lines) as talking:
        talking.wait_for("você disse: \ufffd")
        posted = talking.end()
    assert [one["text"] for one in posted] == ["Olá", "\ufffd"]


def test_a_letter_that_comes_in_two_pieces_is_one() -> None:
    reading, writing = os.pipe()
    with talk("console", stdin=reading) as talking:
        os.close(reading)
        for piece in (b"Ol", "á".encode()[:1], "á".encode()[1:], b"\n"):
            os.write(writing, piece)
            time.sleep(0.02)
        talking.wait_for("você disse: Olá")
        os.close(writing)
        talking.end()


def test_without_any_input_it_waits_to_be_told_to_end() -> None:
    with talk("console", stdin=subprocess.DEVNULL) as talking:
        time.sleep(0.5)
        assert talking.process.poll() is None
        assert (talking.end(), talking.rest()) == ([], [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_while_it_waits_for_a_line(number: signal.Signals) -> None:
    with talk("console") as talking:
        started = time.monotonic()
        talking.end(number)
        assert time.monotonic() - started < 5


def test_what_cannot_be_shown_is_replaced() -> None:
    with talk("console", PYTHONIOENCODING="ascii") as talking:
        talking.type("Oi\n")
        talking.wait_for("voc? disse: Oi")
        assert len(talking.end()) == 1


def test_it_goes_on_when_nobody_looks_any_more() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with talk("console", stdout=writing) as talking:
        os.close(writing)
        talking.type("um\ndois\n")
        talking.note('{"id"')
        talking.note('{"id"')
        assert [one["text"] for one in talking.end()] == ["um", "dois"]


def test_two_consoles_in_one_process_share_one_keyboard() -> None:
    with talk("console", "--twice") as talking:
        talking.wait_for("abc123/second: another console has the keyboard.")
        talking.type("Oi\n")
        talking.wait_for("você disse: Oi")
        assert len(talking.end()) == 1


# ------------------------------------------------------------------ a terminal


def test_on_a_terminal_one_types_and_reads_the_replies() -> None:
    with terminal("console") as opened:
        opened.wait_for("Ctrl-C ends.")
        opened.type("Oi\n")
        opened.wait_for("bot to customer")
        opened.wait_for("você disse: Oi")
        opened.type("/dono resumo\n")
        opened.wait_for("você disse: resumo")
        posted = opened.end()
    assert [(one["from"], one["text"]) for one in posted] == [(CLIENT, "Oi"), (OWNER, "resumo")]
    assert "customer | Oi" not in opened.shown, "the terminal shows what is typed by itself"


@pytest.mark.parametrize(("env", "colourful"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colour_is_for_terminals_and_those_who_want_it(env: dict[str, str], colourful: bool) -> None:
    with terminal("console", **{"NO_COLOR": "", **env}) as opened:
        opened.type("Oi\n")
        opened.wait_for("você disse: Oi")
        opened.end()
    assert ("\x1b[32mbot to customer\x1b[0m" in opened.shown) == colourful


def test_after_the_end_of_typing_it_still_answers_and_ends_cleanly() -> None:
    with terminal("console") as opened:
        opened.wait_for("Ctrl-C ends.")
        opened.type("Oi\n\x04")
        opened.wait_for("você disse: Oi")
        time.sleep(0.2)
        assert len(opened.end()) == 1


def test_a_job_in_the_background_is_not_stopped_by_what_is_typed() -> None:
    with terminal("console", "--background") as opened:
        opened.wait_for("Ctrl-C ends.")
        opened.type("Oi\n")
        time.sleep(0.5)
        os.kill(opened.talk.pid, signal.SIGTERM)
        opened.talk.note("ended")
        opened.talk.note("exit 0")
