"""``auzap enqueue``."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from auzap.cli.lines import MAX_LINE
from tests.support.commands import Auzap, Ran
from tests.support.house import House, environment, job, message

FORM = "a job is an object with organizationId, instanceId and message"
CHAT = "5511900000010@s.whatsapp.net"


def encoded(one: Mapping[str, Any] | str | bytes) -> bytes:
    text = json.dumps(one) if isinstance(one, Mapping) else one
    return text.encode() if isinstance(text, str) else text


def enqueue(auzap: Auzap, *lines: Mapping[str, Any] | str | bytes) -> Ran:
    file = auzap.path.parent / "jobs.jsonl"
    file.write_bytes(b"\n".join(map(encoded, lines)))
    return auzap("enqueue", str(file))


def counted(accepted: int, duplicates: int = 0, refused: int = 0) -> dict[str, int]:
    return {"accepted": accepted, "duplicates": duplicates, "refused": refused}


def test_a_files_jobs_are_counted_and_wait_in_the_queue(house: House, auzap: Auzap) -> None:
    ran = enqueue(auzap, job(message("a")), job(message("b")), job(message("c"), instance="other"))
    assert (ran.code, ran.json, ran.err) == (0, counted(3), "")
    assert auzap("queue", "stats").json == {"waiting": 3, "delayed": 0, "leased": 0, "dead": 0}


def test_a_pipe_is_read_to_its_end(house: House) -> None:
    done = house.auzap("enqueue", "-", stdin=b"\n".join(map(encoded, [job(message("a")), job(message("b"))])))
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, counted(2), "")


def test_what_the_queue_holds_already_is_a_duplicate(house: House, auzap: Auzap) -> None:
    once = job(message("a", id="X"))
    ran = enqueue(auzap, once, once, job(message("a", id="X"), instance="other"))
    assert (ran.code, ran.json) == (0, counted(2, duplicates=1))
    assert enqueue(auzap, once).json == counted(0, duplicates=1)


def test_blank_lines_a_byte_order_mark_and_crlf_are_no_mistakes(house: House, auzap: Auzap) -> None:
    lines = [b"\xef\xbb\xbf" + encoded(job(message("a"))) + b"\r", b"", b" \t\r", encoded(job(message("b"))), b"", b""]
    ran = enqueue(auzap, *lines)
    assert (ran.code, ran.json, ran.err) == (0, counted(2), "")


def test_an_empty_file_has_no_jobs(house: House, auzap: Auzap) -> None:
    ran = enqueue(auzap)
    assert (ran.code, ran.json, ran.err) == (0, counted(0), "")


def test_one_job_may_bring_several_messages(house: House, auzap: Auzap) -> None:
    several = {**job({}), "message": [message("a"), message("b")]}
    upsert = {**job({}), "message": {"messages": [message("c")], "type": "notify"}}
    assert enqueue(auzap, several, upsert).json == counted(3)


# ------------------------------------------------------------------ lines that are no jobs

REFUSED: list[tuple[Any, str]] = [
    ("no json", "no JSON: Expecting value at character 1"),
    ('{"organizationId": "shop",}', "no JSON: Expecting property name enclosed in double quotes at character 27"),
    (b'{"organizationId": "\xe9"}', "no JSON: not UTF-8 at byte 21"),
    ("[" * 100_000, "no JSON: nested too deeply"),
    ('{"organizationId": ' + "9" * 5000 + "}", "no JSON: a number of more than 4300 digits"),
    ("42", f"no object: {FORM}"),
    ("[]", f"no object: {FORM}"),
    ({}, f"no organizationId: {FORM}"),
    ({"organizationId": ["shop"]}, f"no organizationId: {FORM}"),
    ({"organizationId": "shop", "instanceId": ""}, f"no instanceId: {FORM}"),
    ({"organizationId": "shop", "instanceId": "main"}, f"no message: {FORM}"),
    (job(message("a"), tenant="nobody"), "unknown tenant 'nobody'"),
    (job(message("a"), tenant="\x1b[2J" + "x" * 100), f"unknown tenant '\\\\x1b[2J{'x' * 56}…'"),
    (job(message("a"), instance="second"), "unknown instance 'second' of tenant 'shop'"),
    ({**job({}), "message": None}, "no message: expected an object with a key, not null"),
    ({**job({}), "message": "oi"}, "no message: expected an object with a key, not a text"),
    (job({}), 'no message: it has no "key" object'),
    ({**job({}), "message": []}, "no message: the list is empty"),
    (
        {"organizationId": "shop", "instanceId": "main", "takeover": {}},
        '"takeover" names no chat: write {"takeover": {"remoteJid": "<jid>"}}',
    ),
]


@pytest.mark.parametrize(("line", "why"), REFUSED)
def test_what_is_no_job_is_refused_with_line_and_reason_and_the_others_go_on(
    house: House, auzap: Auzap, line: Any, why: str
) -> None:
    ran = enqueue(auzap, job(message("before")), line, job(message("after")))
    assert (ran.code, ran.json, ran.err) == (1, counted(2, refused=1), f"line 2: refused: {why}\n")


def test_a_line_over_the_limit_is_refused_without_being_read_whole(house: House, auzap: Auzap) -> None:
    before, after = encoded(job(message("before"))), encoded(job(message("after")))
    ran = enqueue(auzap, before, b"x" * (2 * MAX_LINE + 1), after)
    assert (ran.code, ran.json) == (1, counted(2, refused=1))
    assert ran.err == "line 2: refused: longer than 32 MiB\n"


def test_a_broken_file_of_tenants_does_not_stop_the_others(house: House, auzap: Auzap) -> None:
    (house.folder / "tenants").mkdir()
    (house.folder / "tenants" / "bakery.yaml").write_text("bakery: {instances: {main: {channel: console}}}\n")
    (house.folder / "tenants" / "salon.yaml").write_text("salon: [\n")
    house.document["tenants_from"] = "tenants/*.yaml"
    house.write()
    bread = {"id": "1", "from": "5511900000010", "text": "pão"}
    ran = enqueue(
        auzap, job(message("a")), job(bread, tenant="bakery", instance="main"), job(message("a"), tenant="salon")
    )
    assert (ran.code, ran.json) == (1, counted(2, refused=1))
    file = house.folder / "tenants" / "salon.yaml"
    assert ran.err.splitlines() == [
        f"left out {file}: {file}:2:1: not YAML: did not find expected node content",
        "line 3: refused: unknown tenant 'salon'",
    ]


# ------------------------------------------------------------------ jobs that are no messages


def test_a_takeover_silences_the_bot_until_a_handback(house: House, auzap: Auzap) -> None:
    def after(*jobs: dict[str, Any]) -> list[Any]:
        assert enqueue(auzap, *jobs).code == 0
        assert auzap("run", "--drain").code == 0
        return [row["reason"] for row in house.rows("SELECT reason FROM auzap_inbox ORDER BY id")]

    chat = {"organizationId": "shop", "instanceId": "main"}
    assert after(job(message("a"))) == [None]
    after({**chat, "takeover": {"remoteJid": CHAT}})
    assert after(job(message("b"))) == [None, "ai_off"]
    after({**chat, "handback": {"remoteJid": CHAT}})
    assert after(job(message("c"))) == [None, "ai_off", None]


def test_an_update_is_a_receipt_of_what_was_sent(house: House, auzap: Auzap) -> None:
    enqueue(auzap, job(message("a")))
    assert auzap("run", "--drain").code == 0
    sent = house.one("SELECT whatsapp_message_id FROM messages WHERE direction = 'outbound'")
    update = {"key": {"remoteJid": CHAT, "fromMe": True, "id": sent}, "update": {"status": 4}}
    ran = enqueue(auzap, {"organizationId": "shop", "instanceId": "main", "update": update})
    assert ran.json == counted(1)
    assert auzap("run", "--drain").code == 0
    assert house.one("SELECT status FROM messages WHERE direction = 'outbound'") == "read"


# ------------------------------------------------------------------ long pipes

in_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")


def peak(house: House, jobs: Iterable[bytes]) -> tuple[dict[str, int], int]:
    """What was counted, and the most memory that it took until nearly all was read, in KiB."""
    enqueueing = subprocess.Popen(
        [sys.executable, "-m", "auzap", "enqueue", "-", "--config", str(house.path)],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert enqueueing.stdin is not None
    for one in jobs:
        enqueueing.stdin.write(one + b"\n")
    enqueueing.stdin.flush()
    status = Path(f"/proc/{enqueueing.pid}/status").read_text()
    told, _ = enqueueing.communicate(timeout=60)
    assert enqueueing.returncode == 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return json.loads(told), int(found[1])


@in_proc
@pytest.mark.parametrize("lines", [20_000, pytest.param(200_000, marks=pytest.mark.soak)])
def test_memory_does_not_grow_with_the_length_of_a_pipe(house: House, lines: int) -> None:
    text = "x" * 1000

    def jobs(numbers: range) -> Iterable[bytes]:
        return (encoded(job(message(text, phone=f"55119{i % 500:08d}", id=f"M{i}"))) for i in numbers)

    counts, before = peak(house, jobs(range(2_000)))
    assert counts == counted(2_000)
    counts, after = peak(house, jobs(range(2_000, lines)))
    assert counts == counted(lines - 2_000)
    assert after - before < 20 * 1024, "KiB more; the texts alone are as many as there are lines"


@in_proc
def test_jobs_of_many_megabytes_do_not_wait_for_each_other_in_memory(house: House) -> None:
    """Five hundred jobs are made durable together, but no more than some megabytes of them."""
    counts, most = peak(house, (encoded(job(message("x" * 4_000_000, id=f"L{i}"))) for i in range(30)))
    assert counts == counted(30)
    assert most < 160 * 1024
