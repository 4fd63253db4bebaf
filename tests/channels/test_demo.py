"""The demo: plays its script, says what to try next, and stays open for typing where there is a terminal."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

import anyio
import pytest
from pydantic import ValidationError

from auzap.channels.console import Demo
from auzap.model.reply import Delivery
from tests.support.talking import CLIENT, OWNER, lines_of, talk, terminal

QUICK = '{"pause": "10ms", "wait": "20s"}'
LAST_ANSWER = "você disse: Tá bom"
LAST_HINT = "(channel: baileys)."


def check_the_play(lines: list[str], *, hinted: bool = False) -> None:
    """Each line is followed by its answer; on a terminal two lines say what to try next."""
    said = [tuple(part.strip() for part in line.split(" | ", 1)) for line in lines if " | " in line]
    assert [who for who, _ in said[::2]] == ["customer", "owner", "customer"]
    assert said[2] == ("owner", "resumo")
    for (who, text), answer in zip(said[::2], said[1::2], strict=True):
        assert answer == (f"bot to {who}", f"você disse: {text}")
    hints = [line for line in lines if " | " not in line]
    if not hinted:
        assert hints == []
        return
    assert hints == lines[-2:]
    assert hints[0].startswith("Try next: ")
    assert "config.yaml" in hints[1]


async def test_it_plays_as_soon_as_it_listens(capsys: pytest.CaptureFixture[str]) -> None:
    demo = Demo("abc123", "main", Demo.Options.model_validate({"channel": "demo", "pause": "0s"}))

    async def accept(posted: Any) -> None:
        (arrival,) = demo.receive(posted)
        text = f"você disse: {demo.normalize(posted).text}"
        await demo.send(
            Delivery(organization_id="abc123", instance_id="main", to=arrival.chat_id, text=text, key=posted["id"])
        )

    with anyio.move_on_after(0.3) as waiting:
        await demo.listen(accept)
    assert waiting.cancelled_caught
    check_the_play(capsys.readouterr().out.splitlines())


@pytest.mark.parametrize("stdin", [subprocess.PIPE, subprocess.DEVNULL])
def test_without_a_terminal_it_plays_and_then_waits(stdin: int) -> None:
    with talk("demo", QUICK, stdin=stdin) as talking:
        lines = talking.wait_for(LAST_ANSWER)
        time.sleep(0.3)
        assert talking.process.poll() is None
        posted = talking.end()
        assert talking.rest() == []
    check_the_play(lines_of("".join(lines)))
    assert [one["from"] for one in posted] == [CLIENT, OWNER, CLIENT]


def test_on_a_terminal_it_plays_and_stays_open_for_typing() -> None:
    with terminal("demo", QUICK) as opened:
        opened.wait_for(f"{LAST_HINT}\r\n")
        check_the_play(lines_of(opened.shown), hinted=True)
        opened.type("E no domingo?\n")
        opened.wait_for("você disse: E no domingo?")
        assert len(opened.end()) == 4


def test_it_ends_cleanly_while_it_plays() -> None:
    with terminal("demo", '{"pause": "10ms", "wait": "20s"}', "--silent") as opened:
        opened.wait_for("customer")
        assert len(opened.end()) == 1


def test_every_start_is_a_new_conversation() -> None:
    ids: set[str] = set()
    for _ in range(2):
        with talk("demo", QUICK, stdin=subprocess.DEVNULL) as talking:
            talking.wait_for(LAST_ANSWER)
            ids |= {one["id"] for one in talking.end()}
    assert len(ids) == 6


def test_it_waits_only_a_while_for_an_answer() -> None:
    with talk("demo", '{"pause": "10ms", "wait": "50ms"}', "--silent", stdin=subprocess.DEVNULL) as talking:
        talking.wait_for("fico no aguardo")
        assert len(talking.end()) == 3


def test_it_plays_a_script_of_ones_own() -> None:
    options = {"pause": "0s", "script": [{"owner": "ajuda"}, {"client": "Oi"}], "client": "11 90000-0020"}
    with talk("demo", json.dumps(options), stdin=subprocess.DEVNULL) as talking:
        talking.wait_for("você disse: Oi")
        posted = talking.end()
    assert [(one["from"], one["text"]) for one in posted] == [(OWNER, "ajuda"), ("5511900000020", "Oi")]


@pytest.mark.parametrize("line", [{}, {"client": "Oi", "owner": "Oi"}, {"customer": "Oi"}, "Oi", {"client": None}])
def test_a_line_of_a_script_is_one_persons(line: Any) -> None:
    with pytest.raises(ValidationError):
        Demo.Options.model_validate({"channel": "demo", "script": [line]})


def test_the_name_alone_is_enough() -> None:
    demo = Demo("abc123", "main", Demo.Options.model_validate({"channel": "demo"}))
    assert (demo.name, demo.options.client, demo.options.owner) == ("demo", CLIENT, OWNER)
