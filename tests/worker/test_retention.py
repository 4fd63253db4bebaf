"""Old rows and old dead letters go, fresh ones stay, and a dead letter never outlives what it needs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.gateway import Gateway, Mode, Rule
from tests.support.house import House, job, message

KEEP = {"inbox": "1h", "outbox": "1h", "dead": "3h", "traces": "1h"}


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


def age(house: House, hours: float) -> None:
    """All that there is gets older."""
    for table in ("auzap_inbox", "auzap_outbox"):
        house.rows(
            f"UPDATE {table} SET updated_at = strftime('%Y-%m-%d %H:%M:%f000', updated_at, ?)",
            f"-{hours * 3600} seconds",
        )
    house.queued("UPDATE envelopes SET buried_at = buried_at - ?", hours * 3600)


def put_traces_and_states(house: House) -> None:
    """Of each an old one and a new one."""
    now = "strftime('%Y-%m-%d %H:%M:%f000', 'now', ?)"
    for name, age in (("velha", "-61 minutes"), ("nova", "-59 minutes")):
        house.rows(
            "INSERT INTO auzap_traces (id, organization_id, instance_id, turn_id, attempt, config_version, outcome, ms,"
            f" steps, created_at) VALUES (?, 'shop', 'main', 'x', 1, 'v', 'answered', 1.0, '[]', {now})",
            name,
            age,
        )
    for name, expires in (("velha", "-1 seconds"), ("nova", "+1 hour"), ("sempre", None)):
        house.rows(
            "INSERT INTO auzap_state (organization_id, instance_id, chat_id, plugin, name, value, expires_at,"
            f" updated_at) VALUES ('shop', 'main', 'x', 'trouble', ?, '1', {now}, '2026-01-01 00:00:00.000000')",
            name,
            expires,
        )


async def look(house: House) -> None:
    """A worker starts, cleans up, and ends. A trace from long ago is what goes last in a batch."""
    house.rows(
        "INSERT INTO auzap_traces (id, organization_id, instance_id, turn_id, attempt, config_version, outcome, ms,"
        " steps, created_at) VALUES ('last', 'shop', 'main', 'x', 1, 'v', 'answered', 1.0, '[]', '2000-01-01 00:00:00')"
    )
    await house.serve_until(lambda: not house.has("SELECT 1 FROM auzap_traces WHERE id = 'last'"))


def texts(house: House, table: str = "auzap_inbox") -> set[str]:
    return {row["content"] for row in house.rows(f"SELECT m.content FROM {table} t JOIN messages m ON m.id = t.id")}


async def test_old_rows_go_and_fresh_ones_stay(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, plugins={"scribe": {}}, retention=KEEP)
    await house.put(job(message("velha")), job(message("eco", fromMe=True)))
    await house.serve()
    age(house, 1.1)
    await house.put(job(message("nova")))
    await house.serve()
    put_traces_and_states(house)
    await look(house)
    assert house.rows("SELECT id FROM auzap_traces WHERE turn_id = 'x'") == [{"id": "nova"}]
    assert house.rows("SELECT name FROM auzap_state ORDER BY name") == [{"name": "nova"}, {"name": "sempre"}]
    assert texts(house) == {"nova"}
    assert house.one("SELECT count(*) FROM auzap_inbox") == 1
    assert texts(house, "auzap_outbox") == {"re 0: nova"}
    assert house.one("SELECT count(*) FROM auzap_once") == 1
    assert house.one("SELECT count(*) FROM messages WHERE direction = 'inbound'") == 2, "what was said is kept"
    assert house.one("SELECT count(*) FROM trouble_notes") == 2


async def test_a_dead_letter_and_what_it_needs_stay_together(tmp_path: Path, gateway: Gateway) -> None:
    gateway.mode = Mode(rules=(Rule(do="answer", status=400, body={}, text="part 1"),))
    house = House(tmp_path, gateway.url, retention=KEEP)
    await house.put(job(message("!many 3")))
    await house.put_payload(17)
    await house.serve()
    age(house, 2)
    await look(house)
    assert len(await house.dead()) == 2
    gateway.mode = Mode()
    assert await house.revive() == 2
    await house.serve()
    assert [post.text for post in gateway.accepted] == [f"part {n} of !many 3" for n in range(3)], "none said twice"
    assert [letter.stage for letter in await house.dead()] == ["normalize"]

    age(house, 3.1)
    await house.put_payload(18)
    await look(house)
    assert [letter.payload for letter in await house.dead()] == [18]
    assert house.one("SELECT count(*) FROM auzap_inbox") == 0


async def test_what_is_not_finished_never_goes(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, retention=KEEP)
    await house.put(job(message("!later 3600")), job(message("!hang", phone="5511900000011")))
    await house.cut_off_when(  # the first is answered and gone from the queue, the second is recorded
        lambda: (
            house.has("SELECT 1 FROM auzap_outbox")
            and house.one("SELECT count(*) FROM auzap_inbox") == 2
            and len(house.queued("SELECT id FROM envelopes")) == 1
        )
    )
    age(house, 1000)
    await look(house)
    assert house.one("SELECT state FROM auzap_inbox") == "received"
    assert house.one("SELECT state FROM auzap_outbox") == "pending"
