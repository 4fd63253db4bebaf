"""A customer's contact and active conversation are made once, however many lanes and processes they write in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import GatewayProcess
from tests.support.house import House, job, message
from tests.support.tally import accepted, assert_no_fault, people_faults
from tests.support.workers import ended, working
from tests.support.writing import SHIPPED

_EACH = 10
_PROCESSES = 3


def _address(person: int, number: int) -> dict[str, Any]:
    """How the person's message ``number`` is addressed: with the ninth digit and without, by LID, from devices."""
    without, with_ninth = f"5531{9999_0000 + person}", f"55319{9999_0000 + person}"
    lid = f"{700_000_000_000_000 + person}"
    forms: tuple[dict[str, Any], ...] = (
        {"jid": f"{without}@s.whatsapp.net"},
        {"jid": f"{with_ninth}@s.whatsapp.net"},
        {"jid": f"{lid}@lid", "remoteJidAlt": f"{with_ninth}@s.whatsapp.net"},
        {"jid": f"{lid}:7@lid", "senderPn": f"{without}:7@s.whatsapp.net"},
        {"jid": f"{with_ninth}:12@c.us"},
    )
    return forms[number % len(forms)]


def _first_messages(people: int) -> list[dict[str, Any]]:
    """The first of everybody, then the second, and so on: half of them on the one instance, half on the other."""
    return [
        job(
            message("oi", id=f"P{person}N{number}", **_address(person, number)),
            instance="main" if number < _EACH // 2 else "other",
        )
        for number in range(_EACH)
        for person in range(people)
    ]


async def _meet(folder: Path, *, people: int) -> None:
    with GatewayProcess() as gateway:
        house = House(folder, gateway.url, plugins=SHIPPED, worker={"concurrency": 10})
        jobs = _first_messages(people)
        await house.put(*jobs)
        workers = [house.start("--drain") for _ in range(_PROCESSES)]
        with working(*workers):
            assert [await ended(worker, within=120) for worker in workers] == [0] * _PROCESSES
        await _check(house, gateway, people)

        # a LID that was seen beside the number is known without it
        await house.put(
            *(job(message("oi", id=f"L{person}", jid=_lid(person)), instance="other") for person in range(people))
        )
        await house.serve()
        assert people_faults(house, people) == {}


def _lid(person: int) -> str:
    return f"{700_000_000_000_000 + person}@lid"


async def _check(house: House, gateway: GatewayProcess, people: int) -> None:
    ids = [f"P{person}N{number}" for person in range(people) for number in range(_EACH)]
    posts = gateway.log()
    assert_no_fault(house, posts, clients=ids)
    assert {len(same) for same in accepted(posts).values()} == {1}
    assert people_faults(house, people) == {}
    assert await house.dead() == []
    conversations = house.rows(
        "SELECT substr(whatsapp_message_id, 1, instr(whatsapp_message_id, 'N')) person,"
        " count(DISTINCT conversation_id) conversations, count(*) messages"
        " FROM messages WHERE direction = 'inbound' GROUP BY person"
    )
    assert len(conversations) == people
    assert {(row["conversations"], row["messages"]) for row in conversations} == {(1, _EACH)}
    identities = house.rows(
        "SELECT count(*) n, group_concat(kind) kinds FROM (SELECT * FROM contact_identities ORDER BY kind)"
        " GROUP BY contact_id"
    )
    assert {(row["n"], row["kinds"]) for row in identities} == {(2, "lid,phone")}
    workers = {line["worker"] for line in house.log() if line["event"] == "Worker started"}
    assert len(workers) == _PROCESSES


async def test_ten_first_messages_of_each_worked_by_three_processes_make_one_contact_each(tmp_path: Path) -> None:
    await _meet(tmp_path, people=30)


@pytest.mark.soak
@pytest.mark.parametrize("round_", range(5))
async def test_the_same_with_many_people(tmp_path: Path, round_: int) -> None:
    await _meet(tmp_path, people=200)
