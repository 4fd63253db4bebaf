"""``auzap normalize``."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from auzap.cli.lines import MAX_LINE
from tests.support.commands import Auzap, Ran
from tests.support.house import environment
from tests.support.whatsapp import CLIENT, GROUP, LID, payload

OI = {"conversation": "Oi"}
KEYS = (
    "kind event text extras chat_id chat_kind contact_phone contact_lid from_me message_id timestamp push_name "
    "quoted_id mentions forwarded view_once dispatch"
)


def encoded(one: Any) -> bytes:
    return one if isinstance(one, bytes) else json.dumps(one).encode()


def normalize(auzap: Auzap, *lines: Any, channel: str = "baileys") -> list[Any]:
    file = auzap.path.parent / "payloads.jsonl"
    file.write_bytes(b"\n".join(map(encoded, lines)))
    ran = auzap("normalize", str(file), "--channel", channel)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.isascii()
    return [json.loads(line) for line in ran.out.splitlines()]


def test_a_message_is_told_whole(auzap: Auzap) -> None:
    context = {"stanzaId": "Q1", "mentionedJid": [LID], "isForwarded": True}
    content = {"viewOnceMessage": {"message": {"imageMessage": {"caption": "Olá", "contextInfo": context}}}}
    [told] = normalize(auzap, payload(content, jid=LID, key={"remoteJidAlt": "5511900000010:3@s.whatsapp.net"}))
    assert told == {
        "kind": "image",
        "event": "message",
        "text": "Olá",
        "extras": {"mimetype": None, "fileLength": None, "mediaUrl": None},
        "chat_id": LID,
        "chat_kind": "direct",
        "contact_phone": "5511900000010",
        "contact_lid": LID,
        "from_me": False,
        "message_id": "3EB0A1",
        "timestamp": 1_790_000_000,
        "push_name": "Cliente",
        "quoted_id": "Q1",
        "mentions": [LID],
        "forwarded": True,
        "view_once": True,
        "dispatch": True,
    }
    assert " ".join(told) == KEYS


def test_what_there_is_none_of_is_null(auzap: Auzap) -> None:
    [told] = normalize(auzap, {"key": {}})
    nothing = (
        "text chat_id contact_phone contact_lid message_id timestamp push_name quoted_id".split()  # noqa: SIM905
    )
    assert {name: told[name] for name in nothing} == dict.fromkeys(nothing)
    assert (told["kind"], told["event"], told["chat_kind"]) == ("empty", "none", "unknown")
    assert (told["extras"], told["mentions"], told["dispatch"]) == ({}, [], False)


@pytest.mark.parametrize(
    ("given", "dispatch"),
    [
        (payload(OI), True),
        (payload(OI, jid=GROUP, key={"participant": LID}), True),
        (payload(OI, key={"fromMe": True}), False),
        (payload(OI, jid="status@broadcast"), False),
        (payload({"reactionMessage": {"text": "👍"}}), False),
        (payload(None, messageStubType=2), False),
    ],
)
def test_only_what_a_handler_may_be_asked_about_is_dispatched(auzap: Auzap, given: Any, dispatch: bool) -> None:
    [told] = normalize(auzap, given)
    assert told["dispatch"] is dispatch


def test_payloads_jobs_and_webhooks_are_told_in_their_order(auzap: Auzap) -> None:
    def said(text: str) -> dict[str, Any]:
        return payload({"conversation": text})

    told = normalize(
        auzap,
        said("payload"),
        {"organizationId": "shop", "instanceId": "main", "message": said("job")},
        {"messages": [said("upsert")], "type": "notify"},
        {"event": "messages.upsert", "instance": "main", "data": said("webhook")},
        {"event": "MESSAGES_UPSERT", "data": [said("one"), said("two")]},
        {"organizationId": "shop", "instanceId": "main", "message": {"event": "send.message", "data": said("both")}},
    )
    assert [one["text"] for one in told] == ["payload", "job", "upsert", "webhook", "one", "two", "both"]


ERRORS: list[tuple[Any, str]] = [
    (b"no json", "no JSON: Expecting value at character 1"),
    (b"\xff", "no JSON: not UTF-8 at byte 1"),
    (b"[" * 100_000, "no JSON: nested too deeply"),
    (b'{"key":' * 100_000, "no JSON: nested too deeply"),
    (b"9" * 5000, "no JSON: a number of more than 4300 digits"),
    (b"null", "no message: expected an object with a key, not null"),
    (b'"oi"', "no message: expected an object with a key, not a text"),
    (b"NaN", "no message: expected an object with a key, not a number"),
    ([], "no message: the list is empty"),
    ({}, 'no message: it has no "key" object'),
    ({"message": OI}, 'no message: it has no "key" object'),
    ({"organizationId": "shop", "instanceId": "main"}, "no message: expected an object with a key, not null"),
    ({"organizationId": "shop", "message": OI}, 'no message: it has no "key" object'),
    ({"event": "connection.update", "data": {}}, "no message: a webhook of the event 'connection.update'"),
    ({"takeover": {"remoteJid": CLIENT}}, 'no message: it has no "key" object'),
    ({"update": {"key": {}, "update": {}}}, "no message: it tells nothing"),
]


@pytest.mark.parametrize(("line", "error"), ERRORS)
def test_a_line_that_holds_no_message_is_told_and_the_others_go_on(auzap: Auzap, line: Any, error: str) -> None:
    before, told, after = normalize(auzap, payload(OI, id="A"), line, payload(OI, id="B"))
    assert (before["message_id"], told, after["message_id"]) == ("A", {"error": error}, "B")


def test_blank_lines_a_byte_order_mark_and_crlf_are_no_mistakes(auzap: Auzap) -> None:
    one = encoded(payload(OI))
    assert len(normalize(auzap, b"\xef\xbb\xbf" + one + b"\r", b"", b" \t\r", one, b"", b"")) == 2
    assert normalize(auzap) == []


def test_text_is_mended_and_cut_as_a_handler_gets_it(auzap: Auzap) -> None:
    texts = ["meia \ud83d carinha", "a\0b", "á" * 1_000_000, "\u2028\x7f🐾"]
    told = normalize(auzap, *(payload({"conversation": text}) for text in texts))
    assert [one["text"] for one in told] == ["meia \ufffd carinha", "ab", "á" * 65_536, "\u2028\x7f🐾"]


def test_a_line_over_the_limit_is_told_without_being_read_whole(auzap: Auzap) -> None:
    told = normalize(auzap, b"x" * (2 * MAX_LINE + 1), payload(OI))
    assert [one.get("error") for one in told] == ["longer than 32 MiB", None]


def test_another_channel_reads_its_own_payloads(auzap: Auzap) -> None:
    posted = {"id": "1", "from": "5511900000010", "text": "pão"}
    job = {"organizationId": "bakery", "instanceId": "main", "message": posted}
    told = normalize(auzap, posted, job, payload(OI), channel="console")
    assert [one.get("text") for one in told] == ["pão", "pão", None]
    assert told[2] == {"error": 'no message: "from" must be the digits of a phone, 5 to 15 of them'}


def test_an_unknown_channel_is_told_with_those_that_are_there(auzap: Auzap) -> None:
    ran: Ran = auzap("normalize", "-", "--channel", "bailey")
    told = "channel 'bailey': not installed; did you mean baileys? installed: baileys, console, demo"
    line = f"auzap: Invalid value for '--channel': {told}; see auzap normalize --help\n"
    assert (ran.code, ran.out, ran.err) == (2, "", line)


def test_its_help_tells_the_exit_code(auzap: Auzap) -> None:
    assert "Exit code 0, whatever the lines hold" in " ".join(auzap.bare("normalize", "--help").out.split())


# ------------------------------------------------------------------ pipes


def running(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "auzap", "normalize", "-"]
    return subprocess.Popen(
        command, cwd=folder, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_an_answer_comes_at_once_and_no_file_is_needed_or_made(tmp_path: Path) -> None:
    with running(tmp_path) as asked:
        assert asked.stdin is not None
        assert asked.stdout is not None
        for text in ("um", "dois"):
            asked.stdin.write(encoded(payload({"conversation": text})) + b"\n")
            asked.stdin.flush()
            assert json.loads(asked.stdout.readline())["text"] == text
        out, err = asked.communicate(timeout=30)
    assert (out, err, asked.returncode) == (b"", b"", 0)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_goes_away_ends_it_quietly(tmp_path: Path) -> None:
    with running(tmp_path) as asked:
        assert asked.stdin is not None
        assert asked.stdout is not None
        asked.stdin.write(encoded(payload(OI)) + b"\n")
        asked.stdin.flush()
        asked.stdout.readline()
        asked.stdout.close()
        asked.stdout = None
        _, err = asked.communicate((encoded(payload(OI)) + b"\n") * 10, timeout=30)
    assert (err, asked.returncode) == (b"", 0)


def peak(folder: Path, lines: Iterable[bytes]) -> int:
    """KiB of memory at the most, until nearly all was read."""
    most = 0
    with running(folder) as asked:
        assert asked.stdin is not None
        assert asked.stdout is not None
        for line in lines:
            asked.stdin.write(line + b"\n")
            asked.stdin.flush()
            assert asked.stdout.readline().startswith(b'{"kind": "text"')
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{asked.pid}/status").read_text())
        assert found is not None
        most = int(found[1])
        asked.communicate(timeout=30)
    return most


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_memory_does_not_grow_with_the_length_of_a_pipe(tmp_path: Path) -> None:
    line = encoded(payload({"conversation": "x" * 10_000}))
    few = peak(tmp_path, (line for _ in range(500)))
    many = peak(tmp_path, (line for _ in range(5_000)))
    assert many - few < 5 * 1024, "KiB more; the texts alone are 45 MB"
