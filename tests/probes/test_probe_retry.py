"""A refused send is repeated alone: no row and no call of the handler comes twice, and nothing gets lost."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.support.gateway import GatewayProcess, Mode, Rule
from tests.support.house import House
from tests.support.servers import ON_FILES, Standing
from tests.support.tally import accepted, assert_no_fault, people_faults
from tests.support.writing import SHIPPED, client, put_all, written

_MESSAGES = 100
_IDS = [f"M{number}" for number in range(_MESSAGES)]


@ON_FILES
async def test_a_send_refused_once_doubles_nothing(tmp_path: Path, standing: Standing, gateway: GatewayProcess) -> None:
    gateway.set(Mode(rules=(Rule(do="refuse", first=1),)))
    house = House(tmp_path, gateway.url, plugins=SHIPPED, **standing)
    await put_all(house, (written(number, client(number)) for number in range(_MESSAGES)))
    await house.serve()

    posts = gateway.log()
    assert_no_fault(house, posts, clients=_IDS)
    assert people_faults(house, _MESSAGES) == {}
    assert set(Counter(post.key for post in posts).values()) == {2}
    assert house.one("SELECT max(attempts) FROM auzap_inbox") == 1, "the handler was not asked again"
    assert await house.dead() == []


@ON_FILES
async def test_a_send_refused_three_times_is_a_dead_letter_that_says_why(
    tmp_path: Path, standing: Standing, gateway: GatewayProcess
) -> None:
    gateway.set(Mode(rules=(Rule(do="refuse"),)))
    house = House(tmp_path, gateway.url, plugins={"scribe": {}}, **standing)
    await put_all(house, (written(number, client(number)) for number in range(_MESSAGES)))
    worker = house.start("--drain")
    assert worker.wait(timeout=60) == 0

    posts = gateway.log()
    assert set(Counter(post.key for post in posts).values()) == {3}
    assert accepted(posts) == {}
    letters = await house.dead()
    assert sorted(letter.payload["key"]["id"] for letter in letters) == sorted(_IDS)
    assert {(letter.stage, letter.attempts) for letter in letters} == {("send", 3)}
    assert all("refused by the test" in letter.reason for letter in letters)
    for table in ("auzap_inbox", "trouble_notes", "trouble_bookings", "ai_interactions", "auzap_outbox"):
        assert house.one(f"SELECT count(*) FROM {table}") == _MESSAGES, table
    failures = [line for line in house.log() if line["level"] in ("warning", "error")]
    assert len(failures) == 3 * _MESSAGES
    assert all("refused by the test" in line["error"] for line in failures)

    gateway.set(Mode())
    await house.revive()
    await house.serve()
    assert_no_fault(house, gateway.log(), clients=_IDS)
    assert {len(same) for same in accepted(gateway.log()).values()} == {1}
    assert {post.key for post in gateway.log()} == {post.key for post in posts}, "with the same keys"
    assert house.one("SELECT count(*) FROM trouble_notes") == _MESSAGES
