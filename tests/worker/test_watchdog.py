"""A plugin that blocks the event loop: named, and after the limit the process ends; only the blamed turn counts it."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from auzap.worker.watchdog import EXIT_BLOCKED
from tests.support.gateway import Gateway
from tests.support.house import House, job, message
from tests.support.workers import WATCHED, begun, end_leases, ended, until, working


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


def phone(contact: int) -> str:
    return f"55119000000{contact}"


async def test_who_blocks_the_loop_for_a_while_is_named_and_work_goes_on(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url)
    await house.put(job(message("!block 1.5")), job(message("oi", phone=phone(11))))
    worker = house.start("--drain")
    with working(worker):
        assert await ended(worker) == 0
    (line,) = [line for line in house.log() if line["event"] == "Event loop blocked"]
    assert (line["organization_id"], line["plugin"], line["hook"]) == ("shop", "trouble", "handle_message")
    assert "auzap_trouble.py" in line["stack"]
    assert "time.sleep(float(seconds))" in line["stack"]
    assert sorted(post.text for post in gateway.accepted) == ["ok: !block 1.5", "ok: oi"]


async def test_who_blocks_the_loop_for_ever_ends_the_process_and_alone_is_blamed(
    tmp_path: Path, gateway: Gateway
) -> None:
    house = House(tmp_path, gateway.url, worker={"timeout": "60s"})
    await house.put(*(job(message("!gate", phone=phone(contact))) for contact in (11, 12)))
    worker = house.start("1.5", script=WATCHED)
    with working(worker):
        await until(begun(house, 2))
        await house.put(job(message("!block 600")), job(message("depois")))
        assert await ended(worker) == EXIT_BLOCKED
    last = [line for line in house.log() if "ending the process" in line["event"]]
    assert [(line["organization_id"], line["plugin"], line["hook"]) for line in last] == [
        ("shop", "trouble", "handle_message")
    ]
    rows = house.queued("SELECT payload, lost_leases, attempts FROM envelopes ORDER BY lost_leases")
    assert [(row["lost_leases"], row["attempts"]) for row in rows] == [(0, 0), (0, 0), (0, 0), (1, 0)]
    assert "!block" in rows[-1]["payload"]
    assert {row["state"] for row in house.queued("SELECT state FROM lanes")} == {"ready"}, "at once, for the next one"


async def test_what_a_plugin_does_behind_our_back_counts_for_all_that_are_under_way(
    tmp_path: Path, gateway: Gateway
) -> None:
    house = House(tmp_path, gateway.url, worker={"timeout": "60s"})
    await house.put(job(message("!gate", phone=phone(11))))
    worker = house.start("1.5", script=WATCHED)
    with working(worker):
        await until(begun(house, 1))
        await house.put(job(message("!block-behind 600")))
        assert await ended(worker) == EXIT_BLOCKED
    end_leases(house)
    await house.notice()
    rows = house.queued("SELECT lost_leases FROM envelopes")
    assert [row["lost_leases"] for row in rows] == [1, 1], "else it would be repeated for ever"


async def test_a_process_that_stood_still_as_a_whole_blames_nobody(tmp_path: Path, gateway: Gateway) -> None:
    """SIGSTOP, a frozen container: here while a plugin has the loop for a moment."""
    house = House(tmp_path, gateway.url)
    await house.put(job(message("!block-gate")))
    worker = house.start("3", script=WATCHED)
    with working(worker):
        await until(begun(house, 1))
        await anyio.sleep(0.4)
        worker.send_signal(signal.SIGSTOP)
        await anyio.sleep(3)
        worker.send_signal(signal.SIGCONT)
        await anyio.sleep(0.4)  # the watchdog looks, and the loop still stands
        (tmp_path / "gate").touch()
        await until(lambda: bool(gateway.accepted) or worker.poll() is not None)
        assert worker.poll() is None
    assert len(gateway.accepted) == 1


# ---------------------------------------------------------------------- turns that cost workers


async def test_a_turn_that_cost_three_workers_runs_alone(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, worker={"timeout": "60s"})
    (suspect,) = house.envelopes(job(message("!gate")))
    await house.put(*(job(message("!slow 0.5", phone=phone(contact))) for contact in (11, 12)))
    await house.put_envelopes([replace(suspect, lost_leases=3)])
    worker = house.start("--drain")
    with working(worker):
        await until(lambda: any(line["event"] == "Working alone" for line in house.log()))
        assert len(gateway.accepted) == 2, "those that were in hand are finished first"
        await house.put(*(job(message("oi", phone=phone(contact))) for contact in (13, 14)))
        await house.put({**job({}), "takeover": {"remoteJid": f"{phone(11)}@s.whatsapp.net"}})
        await anyio.sleep(0.7)
        assert len(gateway.accepted) == 2
        assert house.one("SELECT count(*) FROM auzap_inbox") == 3
        assert not any(line["event"] == "Conversation taken over" for line in house.log())
        (tmp_path / "gate").touch()
        assert await ended(worker) == 0
    assert [post.text for post in gateway.accepted][2:] == ["ok: !gate", "ok: oi", "ok: oi"]


async def test_from_the_third_worker_on_it_takes_no_other_with_it_and_the_tenth_is_the_last(
    tmp_path: Path, gateway: Gateway
) -> None:
    house = House(tmp_path, gateway.url)
    (suspect,) = house.envelopes(job(message("!block 600")))
    await house.put_envelopes([replace(suspect, lost_leases=9)])
    await house.put(job(message("depois")), job(message("oi", phone=phone(11))))
    worker = house.start("1.5", script=WATCHED)
    with working(worker):
        assert await ended(worker) == EXIT_BLOCKED
    assert [post.text for post in gateway.accepted] == ["ok: oi"], "it was not in the way of the others"
    worker = house.start("--drain")
    with working(worker):
        assert await ended(worker) == 0
    (letter,) = await house.dead()
    assert letter.stage == "lost"
    assert letter.payload["message"]["conversation"] == "!block 600"
    assert "10 workers" in letter.reason
    assert [post.text for post in gateway.accepted] == ["ok: oi", "ok: depois"]
    (row,) = house.rows("SELECT state, reason FROM auzap_inbox WHERE state <> 'done'")
    assert row == {"state": "dead", "reason": letter.reason}
    (told,) = [line for line in house.log() if line["event"] == "Dead letter"]
    assert told["stage"] == "lost"
    assert not any(line["event"] == "lease lost" for line in house.log())
