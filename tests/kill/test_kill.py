"""A worker that dies, at every point of a turn and at random: nothing is lost, doubled or out of order."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import GatewayProcess, Mode, Post
from tests.support.house import ROOT, House, job, message

POINTS = (
    "after_lease",
    "after_record",
    "in_handler",
    "before_persist",
    "after_persist",
    "after_claim",
    "after_accepted",
    "after_note",
    "before_ack",
)
CONTACTS = 200


@pytest.fixture
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


async def _fill(house: House, messages: int) -> None:
    """Each contact writes in rounds; the number in the text is the order within the chat."""
    for start in range(0, messages, 500):
        await house.put(
            *(
                job(message(f"#{i} oi", phone=f"55119{10 + i % CONTACTS:08d}", id=f"M{i}"))
                for i in range(start, min(start + 500, messages))
            )
        )


class Witness:
    """Compares what the gateway took with what the database knew of it at each kill."""

    def __init__(self, house: House, gateway: GatewayProcess) -> None:
        self._house = house
        self._gateway = gateway
        #: accepted by the gateway, and not noted when the worker died: posting it again is right
        self.may_repeat: Counter[str] = Counter()
        self._excused: set[tuple[str, int]] = set()

    def after_kill(self) -> None:
        time.sleep(0.1)  # what was on its way to the gateway arrives
        if not (self._house.folder / "auzap.db").exists():
            return
        noted = {row["id"] for row in self._house.rows("SELECT id FROM auzap_outbox WHERE state = 'sent'")}
        accepted = Counter(post.key for post in self._gateway.log() if post.outcome == "accepted")
        for key, times in accepted.items():
            if key not in noted and (key, times) not in self._excused:
                self._excused.add((key, times))
                self.may_repeat[key] += 1

    def check(self, messages: int) -> None:
        posts = self._gateway.log()
        accepted = Counter(post.key for post in posts if post.outcome == "accepted")
        refused = Counter(post.key for post in posts if post.outcome == "refused")
        dead = {row["id"] for row in self._house.rows("SELECT id FROM auzap_outbox WHERE state = 'failed'")}
        rows = self._house.rows

        assert rows("SELECT count(*) n FROM auzap_inbox")[0]["n"] == messages
        assert rows("SELECT count(DISTINCT message_id) n FROM auzap_inbox")[0]["n"] == messages
        for table, column in (
            ("messages WHERE direction = 'inbound'", "whatsapp_message_id"),
            ("trouble_notes", "message_id"),
            ("trouble_bookings", "turn_id"),
            ("ai_interactions", "message_id"),
            ("auzap_outbox", "turn_id"),
        ):
            [counted] = rows(f"SELECT count(*) n, count(DISTINCT {column}) d FROM {table}")
            assert (table, counted["n"], counted["d"]) == (table, messages, messages)
        assert rows("SELECT count(*) n FROM contacts")[0]["n"] == min(CONTACTS, messages)
        assert rows("SELECT count(*) n FROM conversations")[0]["n"] == min(CONTACTS, messages)
        states = Counter(row["state"] for row in rows("SELECT state FROM auzap_outbox"))
        assert set(states) <= {"sent", "failed"}
        assert {key for key, times in refused.items() if times >= 3} >= dead, "dead only what was refused three times"

        assert len(accepted) == messages - len(dead), "lost, or answered twice under another key"
        outcomes: dict[str, list[str]] = defaultdict(list)
        for post in posts:
            outcomes[post.key].append(post.outcome)
        for key, told in outcomes.items():
            again = sum(before == "accepted" for before in told[:-1])  # a refused one is rightly repeated
            assert again <= self.may_repeat[key], f"{key} was posted again though its answer was noted"
        self._check_order(posts)

    @staticmethod
    def _check_order(posts: list[Post]) -> None:
        seen: dict[str, list[int]] = defaultdict(list)
        known: set[str] = set()
        for post in posts:
            if post.outcome == "accepted" and post.key not in known:
                known.add(post.key)
                found = re.search(r"#(\d+) ", post.text)
                assert found is not None
                seen[post.to].append(int(found[1]))
        wrong = {chat: order for chat, order in seen.items() if order != sorted(order)}
        assert not wrong


def _kill_at(house: House, point: str, nth: int) -> None:
    worker = house.start(point, str(nth), script=ROOT / "tests" / "support" / "doomed.py")
    try:
        assert worker.wait(timeout=60) == -signal.SIGKILL, f"the worker never passed {point}"
    finally:
        _end(worker)


def _kill_at_random(house: House, gateway: GatewayProcess, chance: random.Random) -> None:
    """After it has begun to answer, so that it is never idle."""
    before = gateway.accepted()
    worker = house.start()
    try:
        deadline = time.monotonic() + 30
        while gateway.accepted() < before + chance.randrange(5, 40):
            assert time.monotonic() < deadline, "the worker answers nobody"
            assert worker.poll() is None, "the worker ended by itself"
            time.sleep(0.005)
        time.sleep(chance.random() * 0.05)
        os.kill(worker.pid, signal.SIGKILL)
    finally:
        _end(worker)


def _end(worker: subprocess.Popen[bytes]) -> None:
    if worker.poll() is None:
        worker.kill()
    worker.wait()


async def _run(folder: Path, gateway: GatewayProcess, messages: int, random_kills: int, seed: int) -> None:
    chance = random.Random(seed)
    gateway.set(Mode(delay=(0.0, 0.03), refuse=0.05, seed=seed))
    house = House(
        folder,
        gateway.url,
        plugins={"scribe": {"delay": "2ms"}},
        worker={"concurrency": 20, "lease": "1s", "backoff": {"delay": "20ms"}},
    )
    await _fill(house, messages)
    witness = Witness(house, gateway)
    for point in POINTS:
        _kill_at(house, point, chance.randrange(20, 40))
        witness.after_kill()
    for _ in range(random_kills):
        _kill_at_random(house, gateway, chance)
        witness.after_kill()
    assert (await house.stats()).waiting > 0, "it was killed while there was work"
    last = house.start("--drain")
    try:
        assert last.wait(timeout=120) == 0
    finally:
        _end(last)
    witness.check(messages)
    refused_thrice = house.rows("SELECT id FROM auzap_outbox WHERE state = 'failed'")
    assert len(await house.dead()) == len(refused_thrice)


async def test_nothing_is_lost_doubled_or_out_of_order_when_the_worker_is_killed(
    tmp_path: Path, gateway: GatewayProcess
) -> None:
    await _run(tmp_path, gateway, messages=1000, random_kills=4, seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 8))
async def test_the_same_again_and_again(tmp_path: Path, gateway: GatewayProcess, seed: int) -> None:
    await _run(tmp_path, gateway, messages=6000, random_kills=10, seed=seed)
