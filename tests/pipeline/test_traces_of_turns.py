"""Who was asked about a turn at each attempt, what each said, and what came of it."""

from __future__ import annotations

import json
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


def traces(house: House) -> list[dict[str, Any]]:
    rows = house.rows("SELECT * FROM auzap_traces ORDER BY id")
    return [{**row, "steps": json.loads(row["steps"])} for row in rows]


def said(trace: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(step["hook"], step["plugin"], step["said"]) for step in trace["steps"]]


async def test_an_answer_is_traced_through_all_its_hooks(tmp_path: Path, gateway: Gateway) -> None:
    plugins: dict[str, Any] = {"doorman": {}, "courier": {"calls": "calls"}, "trouble": {}, "reviewer": {}}
    plugins["courier"]["calls"] = str(tmp_path / "calls")
    house = House(tmp_path, gateway.url, plugins={**plugins, "ledger": {}})
    await house.put(job(message("!vip oi", id="WA")))
    await house.serve()

    [trace] = traces(house)
    assert said(trace) == [
        ("classify_sender", "doorman", "answered"),
        ("handle_message", "courier", "passed"),
        ("handle_message", "trouble", "answered"),
        ("review_replies", "reviewer", "answered"),
        ("persist", "ledger", "passed"),
        ("send_reply", "courier", "passed"),
    ]
    assert (trace["organization_id"], trace["instance_id"], trace["message_id"]) == ("shop", "main", "WA")
    assert (trace["outcome"], trace["answered_by"], trace["attempt"]) == ("answered", "trouble", 1)
    assert trace["config_version"] == house.config.tenants["shop"].version
    assert trace["turn_id"] == house.one("SELECT turn_id FROM auzap_inbox")
    assert 0 < sum(step["ms"] for step in trace["steps"][:5]) < trace["ms"] < 60_000


async def test_each_attempt_has_its_own_and_nobodys_text_is_in_it(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url)
    await house.put(job(message("!once-fails 2 meu CPF é 000.000.000-00")))
    await house.serve()

    found = traces(house)
    assert [(trace["attempt"], trace["outcome"]) for trace in found] == [
        (1, "failed"),
        (2, "failed"),
        (3, "answered"),
    ]
    assert len({trace["turn_id"] for trace in found}) == 1
    for trace in found[:2]:
        [step] = trace["steps"]
        assert (step["plugin"], step["said"]) == ("trouble", "failed")
        assert step["error"].startswith("raised RuntimeError (plugins/auzap_trouble.py:")
    assert not any(word in json.dumps(found) for word in ("CPF", "fails", "attempt 1", "ok:"))


@pytest.mark.parametrize(
    ("text", "outcome"), [("!pass", "nobody_answered"), ("!silence", "answered_with_silence"), ("oi", "answered")]
)
async def test_the_outcome_is_the_reason_where_there_is_no_reply(
    tmp_path: Path, gateway: Gateway, text: str, outcome: str
) -> None:
    house = House(tmp_path, gateway.url)
    await house.put(job(message(text)))
    await house.serve()
    [trace] = traces(house)
    assert trace["outcome"] == outcome


async def test_what_is_not_answered_at_all_has_one_too(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url)
    await house.put(job(message("oi", jid="120363000000000000@g.us", participant="5511900000010@s.whatsapp.net")))
    await house.serve()
    [trace] = traces(house)
    assert (trace["outcome"], trace["steps"]) == ("group", [])
    assert trace["turn_id"] == house.one("SELECT turn_id FROM auzap_inbox")


async def test_what_fails_before_there_is_a_row_is_found_by_its_job(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, plugins={"doorman": {}, "trouble": {}}, worker={"attempts": 1})
    (envelope,) = house.envelopes(job(message("!who", id="WA")))
    await house.put_envelopes([envelope])
    await house.serve()
    [trace] = traces(house)
    assert (trace["turn_id"], trace["message_id"], trace["outcome"]) == (envelope.id, "WA", "failed")
    assert said(trace) == [("classify_sender", "doorman", "failed")]


async def test_records_that_cannot_be_stored_are_told_without_their_text(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, plugins={"trouble": {}, "scribe": {}}, worker={"attempts": 1})
    await house.put(job(message("!record")))
    await house.serve()
    [trace] = traces(house)
    assert said(trace) == [("handle_message", "trouble", "answered"), ("handle_message", "trouble", "failed")]
    assert trace["steps"][1]["error"] == "what it returned cannot be stored"


async def test_a_tenant_may_want_none(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, tenant={"trace": "false"}, plugins={"doorman": {}, "trouble": {}})
    await house.put(job(message("oi")), job(message("!raise")))
    await house.serve()
    assert traces(house) == []
