"""``auzap trace``."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest

from tests.support.commands import Auzap
from tests.support.gateway import GatewayProcess
from tests.support.house import House, job, message
from tests.support.tty import on_a_terminal

KEYS = [
    "organization_id",
    "instance_id",
    "turn_id",
    "message_id",
    "attempt",
    "at",
    "config_version",
    "outcome",
    "answered_by",
    "sender_role",
    "ms",
    "steps",
    "replies",
]


@pytest.fixture
def house(house: House) -> House:
    for tenant in house.document["tenants"].values():
        tenant["plugins"] = {"doorman": {}, "trouble": {}}
    house.write()
    return house


def work(house: House, *jobs: dict[str, Any]) -> None:
    anyio.run(house.put, *jobs)
    anyio.run(house.serve)


def test_it_tells_who_was_asked_who_answered_and_what_was_sent(
    house: House, auzap: Auzap, gateway: GatewayProcess
) -> None:
    work(house, job(message("!vip oi", id="WA")))
    ran = auzap("trace", "WA")
    assert (ran.code, ran.lines) == (0, [])
    heading, classified, handled, reply = ran.out.splitlines()
    turn, version = house.one("SELECT turn_id FROM auzap_inbox"), house.config.tenants["shop"].version
    parts = heading.split("  ")
    assert parts[1:4] == ["shop/main", "attempt 1", "answered by trouble"]
    assert parts[4].endswith(" ms")
    assert parts[5:] == [f"config {version}", "from vip (said doorman)", f"turn {turn}"]
    assert classified.split()[:3] == ["classify_sender", "doorman", "answered"]
    assert handled.split()[:3] == ["handle_message", "trouble", "answered"]
    assert reply == f"  reply {house.one('SELECT id FROM auzap_outbox')}  sent"


@pytest.mark.parametrize("by", ["id", "turn_id"])
def test_the_row_and_the_turn_find_it_too(house: House, auzap: Auzap, by: str) -> None:
    work(house, job(message("oi", id="WA")))
    found = house.one(f"SELECT {by} FROM auzap_inbox")
    assert auzap("trace", found).out == auzap("trace", "WA").out != ""


def test_json_is_an_array_of_attempts_without_anybodys_text(house: House, auzap: Auzap) -> None:
    work(house, job(message("!once-fails 1 segredo", id="WA")))
    ran = auzap("trace", "WA", "--json")
    first, second = ran.json
    assert list(first) == list(second) == KEYS
    assert [(one["attempt"], one["outcome"], one["sender_role"]) for one in (first, second)] == [
        (1, "failed", "client"),
        (2, "answered", "client"),
    ]
    failed = first["steps"][-1]
    assert list(failed) == ["hook", "plugin", "ms", "said", "error"]
    assert failed["error"].startswith("raised RuntimeError (plugins/auzap_trouble.py:")
    [reply] = second["replies"]
    assert list(reply) == ["id", "state", "attempts", "reason", "provider_id", "not_before", "config_version"]
    assert (reply["state"], reply["config_version"]) == ("sent", second["config_version"])
    assert "segredo" not in ran.out


def test_a_failure_stands_behind_its_step(house: House, auzap: Auzap) -> None:
    work(house, job(message("!once-fails 1", id="WA")))
    lines = auzap("trace", "WA").out.splitlines()
    assert [line.split("  ")[2:4] for line in lines if not line.startswith(" ")] == [
        ["attempt 1", "failed"],
        ["attempt 2", "answered by trouble"],
    ]
    assert "raised RuntimeError (plugins/auzap_trouble.py:" in lines[2]
    assert [line.startswith("  reply ") for line in lines] == [False] * 6 + [True], "once, at the end of the turn"


def test_one_of_several_tenants_may_be_asked_for(house: House, auzap: Auzap) -> None:
    house.document["tenants"]["salon"] = {**house.document["tenants"]["shop"], "name": "salon"}
    house.write()
    work(house, job(message("oi", id="WA")), job(message("oi", id="WA"), tenant="salon"))
    assert {one["organization_id"] for one in auzap("trace", "WA", "--json").json} == {"shop", "salon"}
    [found] = auzap("trace", "WA", "--tenant", "salon", "--json").json
    assert found["organization_id"] == "salon"
    assert auzap("trace", "WA", "--tenant", "nobody").code == 1


def test_of_what_is_unknown_one_line_is_said(house: House, auzap: Auzap) -> None:
    ran = auzap("trace", "WA")
    assert (ran.code, ran.out, ran.err) == (1, "", "auzap: nothing is known of WA\n")
    assert not (house.folder / "auzap.db").exists(), "to look is no reason to make it"
    work(house, job(message("oi")))
    ran = auzap("trace", "WA\x1b", "--json")
    assert (ran.code, ran.json) == (1, [])
    assert len(ran.lines) == 1
    assert "\x1b" not in ran.err


def test_on_a_terminal_it_is_a_table(house: House, auzap: Auzap) -> None:
    work(house, job(message("!once-fails 1", id="WA")))
    with on_a_terminal("trace", "WA", "--config", str(house.path), folder=house.folder) as screen:
        assert screen.end() == 0
    assert screen.text.count("Hook") == 2
    assert "attempt 2  answered by trouble" in screen.text
    assert "raised RuntimeError" in screen.text
    assert screen.text.count("  reply ") == 1
    assert "\x1b[" in screen.raw


def test_a_schema_that_is_behind_is_told(house: House, auzap: Auzap) -> None:
    work(house, job(message("oi", id="WA")))
    house.rows("UPDATE alembic_version_auzap SET version_num = '0001'")
    ran = auzap("trace", "WA")
    assert (ran.code, ran.out) == (2, "")
    assert ran.lines == ["auzap: the schema is behind: run `auzap db upgrade` first"]
    assert json.loads(auzap("dead", "list", "--json").out) == []
