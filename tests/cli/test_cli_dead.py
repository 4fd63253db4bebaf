"""``auzap dead`` and ``auzap queue stats``."""

from __future__ import annotations

import json
import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest

from auzap.contract.queue import Burial
from auzap.model.nesting import DEEPEST
from auzap.registry import Registry
from auzap.worker.resources import open_queue
from tests.support.commands import Auzap, wait_until
from tests.support.gateway import GatewayProcess, Mode, Rule
from tests.support.house import House, job, message
from tests.support.tty import on_a_terminal

KEYS = [
    "id",
    "organization_id",
    "instance_id",
    "lane",
    "message_id",
    "stage",
    "plugin",
    "reason",
    "attempts",
    "payload",
    "buried_at",
]
OTHER = "5511900000011"


def bury(house: House, auzap: Auzap, *jobs: dict[str, Any]) -> None:
    anyio.run(house.put, *jobs)
    assert auzap("run", "--drain").code == 0


def stats(auzap: Auzap) -> dict[str, int]:
    counts: dict[str, int] = auzap("queue", "stats").json
    return counts


def test_nothing_is_dead_at_first(house: House, auzap: Auzap) -> None:
    ran = auzap("dead", "list")
    assert (ran.code, ran.out, ran.err) == (0, "", "No dead letters.\n")
    assert auzap("dead", "list", "--json").json == []
    assert auzap("dead", "retry", "--all").out == "0 back in the queue\n"
    assert stats(auzap) == {"waiting": 0, "delayed": 0, "leased": 0, "dead": 0}


def test_a_letter_that_is_nested_as_deep_as_can_be_is_shown_too(house: House, auzap: Auzap) -> None:
    payload: Any = "core"
    for _ in range(DEEPEST):
        payload = [payload]
    anyio.run(house.put_payload, payload)
    assert auzap("run", "--drain").code == 0
    [letter] = auzap("dead", "list", "--json").json
    assert letter["payload"] == payload
    for how in ((), ("--json",)):
        ran = auzap("dead", "show", letter["id"], *how)
        assert (ran.code, "core" in ran.out) == (0, True)


def test_a_dead_letter_is_listed_and_shown_whole(house: House, auzap: Auzap) -> None:
    failing = message("!raise então", id="X1")
    bury(house, auzap, job(failing))
    ran = auzap("dead", "list", "--json")
    [letter] = ran.json
    assert ran.out.isascii()
    assert list(letter) == KEYS
    assert (letter["organization_id"], letter["instance_id"]) == ("shop", "main")
    assert letter["lane"] == "shop/main/5511900000010@s.whatsapp.net"
    assert (letter["message_id"], letter["stage"], letter["plugin"]) == ("X1", "handle", "trouble")
    assert letter["reason"].startswith(
        "plugin trouble: handle_message: raised RuntimeError: the plugin is broken (plugins/auzap_trouble.py:"
    )
    assert letter["attempts"] == 3
    assert letter["payload"] == failing
    assert datetime.now(UTC) - datetime.fromisoformat(letter["buried_at"]) < timedelta(minutes=1)

    ran = auzap("dead", "list")
    assert ran.out == f"{letter['id']}  shop/main  handle (trouble)  {letter['reason']}\n"
    ran = auzap("dead", "show", letter["id"])
    assert json.loads(ran.out) == letter
    assert ran.out.startswith(f'{{\n  "id": "{letter["id"]}",\n')
    assert '"conversation": "!raise então"' in ran.out
    ran = auzap("dead", "show", letter["id"], "--json")
    assert ran.json == letter
    assert ran.out.isascii()
    assert ran.out.count("\n") == 1


@pytest.mark.parametrize("command", ["show", "retry"])
def test_an_id_that_no_dead_letter_has_is_said(house: House, auzap: Auzap, command: str) -> None:
    ran = auzap("dead", command, "nope")
    assert ran.code == 1
    out = {"show": "", "retry": "0 back in the queue\n"}
    assert (ran.out, ran.err) == (out[command], "auzap: no dead letter has the id nope\n")


def test_a_dead_letter_that_is_brought_back_is_answered(house: House, auzap: Auzap, gateway: GatewayProcess) -> None:
    gateway.set(Mode(rules=(Rule(do="answer", text="oi", first=1, status=400, body={"error": "no"}),)))
    bury(house, auzap, job(message("oi")))
    [letter] = auzap("dead", "list", "--json").json
    assert (letter["stage"], letter["plugin"]) == ("send", None)

    ran = auzap("dead", "retry", letter["id"], letter["id"])
    assert (ran.code, ran.out) == (0, "1 back in the queue\n")
    assert stats(auzap) == {"waiting": 1, "delayed": 0, "leased": 0, "dead": 0}
    assert auzap("run", "--drain").code == 0
    assert [post.text for post in gateway.log()] == ["ok: oi"] * 2
    assert len({post.key for post in gateway.log()}) == 1
    assert stats(auzap) == {"waiting": 0, "delayed": 0, "leased": 0, "dead": 0}


def test_some_that_are_known_come_back_and_the_exit_code_tells_of_the_others(house: House, auzap: Auzap) -> None:
    bury(house, auzap, job(message("!raise")))
    [letter] = auzap("dead", "list", "--json").json
    ran = auzap("dead", "retry", letter["id"], "nope", "--json")
    assert (ran.code, ran.json) == (1, {"retried": 1})
    assert ran.err == "auzap: no dead letter has the id nope\n"


def test_all_or_all_of_a_tenant_come_back(house: House, auzap: Auzap) -> None:
    house.document["tenants"]["salon"] = house.document["tenants"]["shop"]
    house.write()
    bury(
        house,
        auzap,
        *(job(message("!raise", phone=f"55119000000{i}"), tenant=t) for t in ("shop", "salon") for i in (11, 12)),
    )
    assert {letter["organization_id"] for letter in auzap("dead", "list", "--json").json} == {"shop", "salon"}
    [one, _] = auzap("dead", "list", "--json", "--tenant", "salon").json
    assert one["organization_id"] == "salon"
    ran = auzap("dead", "retry", "--all", "--tenant", "salon", "--json")
    assert (ran.code, ran.json) == (0, {"retried": 2})
    assert stats(auzap) == {"waiting": 2, "delayed": 0, "leased": 0, "dead": 2}
    assert auzap("dead", "list", "--tenant", "salon").err == "No dead letters.\n"
    ran = auzap("dead", "retry", "--all")
    assert (ran.code, ran.out) == (0, "2 back in the queue\n")


def test_a_list_that_is_cut_says_so(house: House, auzap: Auzap) -> None:
    bury(house, auzap, *(job(message("!raise", phone=f"55119000000{i}")) for i in range(11, 14)))
    ran = auzap("dead", "list", "--limit", "2")
    assert len(ran.out.splitlines()) == 2
    assert ran.err == "There are more than 2: --limit shows more.\n"
    ran = auzap("dead", "list", "--limit", "3")
    assert len(ran.out.splitlines()) == 3
    assert ran.err == ""


def test_what_a_stranger_wrote_does_not_reach_the_terminal_raw(house: House, auzap: Auzap) -> None:
    odd = "\x1b[2J one\ntwo \x9b \ud800"

    async def bury_raw() -> None:
        await house.put_payload({"text": odd})
        async with open_queue(house.config, Registry()) as queue:
            [lease] = await queue.lease("test", lanes=1, duration=30, wait=5)
            await queue.bury(lease, [lease.envelopes[0].id], Burial(stage="handle", reason=odd))

    anyio.run(bury_raw)
    [letter] = auzap("dead", "list", "--json").json
    assert letter["payload"]["text"] == letter["reason"] == odd
    listed = auzap("dead", "list").out
    assert listed == f"{letter['id']}  shop/main  handle  \\x1b[2J one\\ntwo \\x9b \\ud800\n"
    shown = auzap("dead", "show", letter["id"]).out
    assert all(one.isprintable() or one == "\n" for one in shown)
    shown.encode()


def test_delayed_and_leased_envelopes_are_counted_until_the_worker_gives_them_back(house: House, auzap: Auzap) -> None:
    house.document["worker"] |= {"backoff": {"delay": "1h"}, "timeout": "30s", "drain": "100ms"}
    house.write()
    anyio.run(house.put, job(message("!raise")), job(message("!slow 20", phone=OTHER)))
    worker = house.start()
    try:
        wait_until(lambda: stats(auzap) == {"waiting": 0, "delayed": 1, "leased": 1, "dead": 0})
        anyio.run(house.put, job(message("waits", phone=OTHER)))
        assert stats(auzap) == {"waiting": 1, "delayed": 1, "leased": 1, "dead": 0}
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=20) == 0
    finally:
        worker.kill()
        worker.wait()
    assert stats(auzap) == {"waiting": 2, "delayed": 1, "leased": 0, "dead": 0}


# ------------------------------------------------------------------ purge


def bury_four(house: House, auzap: Auzap) -> list[str]:
    """Two of ``shop``, two of ``salon``; their ids."""
    house.document["tenants"]["salon"] = house.document["tenants"]["shop"]
    house.write()
    phones = ("5511900000011", "5511900000012")
    bury(house, auzap, *(job(message("!raise", phone=one), tenant=t) for t in ("shop", "salon") for one in phones))
    letters = auzap("dead", "list", "--json").json
    return [letter["id"] for letter in sorted(letters, key=lambda letter: str(letter["organization_id"] != "shop"))]


def test_dead_letters_are_deleted_by_their_ids(house: House, auzap: Auzap) -> None:
    first, second, third, fourth = bury_four(house, auzap)
    ran = auzap("dead", "purge", first, first)
    assert (ran.code, ran.out, ran.err) == (0, "deleted 1 dead letter\n", "")
    ran = auzap("dead", "purge", second, first, "--json", "--yes")
    assert (ran.code, ran.json) == (1, {"purged": 1})
    assert ran.err == f"auzap: no dead letter has the id {first}\n"
    assert {letter["id"] for letter in auzap("dead", "list", "--json").json} == {third, fourth}
    assert stats(auzap) == {"waiting": 0, "delayed": 0, "leased": 0, "dead": 2}


@pytest.mark.parametrize(("options", "left"), [("--all", 0), ("--tenant salon", 2), ("--all --tenant salon", 2)])
def test_all_or_all_of_a_tenant_are_deleted(house: House, auzap: Auzap, options: str, left: int) -> None:
    bury_four(house, auzap)
    ran = auzap("dead", "purge", *options.split())
    whose = " of tenant salon" if "salon" in options else ""
    assert (ran.code, ran.out) == (0, f"deleted {4 - left} dead letters{whose}\n")
    assert stats(auzap)["dead"] == left


def test_only_those_before_a_time_are_deleted(house: House, auzap: Auzap) -> None:
    first, *_ = bury_four(house, auzap)
    with closing(sqlite3.connect(house.folder / "queue.db")) as queue, queue:
        queue.execute("UPDATE envelopes SET buried_at = buried_at - 40 * 86400 WHERE id = ?", (first,))
    assert auzap("dead", "purge", "--before", "60d", "--json").json == {"purged": 0}
    assert auzap("dead", "purge", "--before", "30d", "--tenant", "salon", "--json").json == {"purged": 0}
    assert auzap("dead", "purge", "--before", "30d", "--json").json == {"purged": 1}
    yesterday, tomorrow = (f"{datetime.now().astimezone() + timedelta(days=days):%Y-%m-%d}" for days in (-1, 1))
    assert auzap("dead", "purge", "--before", yesterday, "--json").json == {"purged": 0}
    assert auzap("dead", "purge", "--before", tomorrow).out.startswith("deleted 3 dead letters from before ")


@pytest.mark.parametrize(("answer", "code", "left"), [("n", 1, 4), ("", 1, 4), ("y", 0, 2)])
def test_on_a_terminal_it_asks_how_many_may_go(house: House, auzap: Auzap, answer: str, code: int, left: int) -> None:
    bury_four(house, auzap)
    arguments = ("dead", "purge", "--tenant", "salon", "-c", str(house.path))
    with on_a_terminal(*arguments, folder=house.folder) as screen:
        screen.wait_for("Delete 2 dead letters of tenant salon for good? [y/N]: ")
        assert stats(auzap)["dead"] == 4
        screen.type(f"{answer}\n")
        assert screen.end() == code
    assert ("Nothing was deleted." in screen.text, "deleted 2 dead letters" in screen.text) == (code == 1, code == 0)
    assert stats(auzap)["dead"] == left


def test_it_does_not_ask_with_yes_or_about_nothing(house: House, auzap: Auzap) -> None:
    bury_four(house, auzap)
    for expected in ("deleted 4 dead letters", "deleted 0 dead letters"):
        options = ["--yes"] if expected.startswith("deleted 4") else []
        with on_a_terminal("dead", "purge", "--all", *options, "-c", str(house.path), folder=house.folder) as screen:
            assert screen.end() == 0
        assert screen.text == f"{expected}\n"


# ------------------------------------------------------------------ on a terminal


def test_a_list_on_a_terminal_keeps_ids_whole_and_fits(house: House, auzap: Auzap) -> None:
    first, *_ = bury_four(house, auzap)
    with on_a_terminal("dead", "list", "-c", str(house.path), folder=house.folder, columns=80) as screen:
        assert screen.end() == 0
    lines = screen.text.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["Dead", "letter", "Reason"]
    assert any(line.startswith(f"{first} ") and "handle (trouble), 3 attempts" in line for line in lines)
    assert any(line.startswith("shop/main  ") for line in lines)


def test_the_counts_on_a_terminal_are_a_table(house: House, auzap: Auzap) -> None:
    bury_four(house, auzap)
    with on_a_terminal("queue", "stats", "-c", str(house.path), folder=house.folder, columns=80) as screen:
        assert screen.end() == 0
    assert [line.split()[:2] for line in screen.text.splitlines()[2:]] == [
        ["waiting", "0"],
        ["delayed", "0"],
        ["leased", "0"],
        ["dead", "4"],
    ]
    with on_a_terminal("queue", "stats", "--json", "-c", str(house.path), folder=house.folder) as screen:
        assert screen.end() == 0
    assert json.loads(screen.text)["dead"] == 4
