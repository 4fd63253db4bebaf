"""A worker that dies with one message in hand: each point is where its name says, and nothing comes twice after it."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import Gateway
from tests.support.house import ROOT, House, job, message
from tests.support.workers import ended, working

#: point -> the state of the inbox row, of the outbox row, how many bookings there are, and what the gateway accepted
POINTS: dict[str, tuple[str | None, str | None, int | None, int]] = {
    "after_lease": (None, None, 0, 0),
    "after_record": ("received", None, 0, 0),
    "in_handler": ("received", None, None, 0),
    "before_persist": ("received", None, 1, 0),
    "after_persist": ("handled", "sending", 1, 0),
    "after_claim": ("handled", "sending", 1, 0),
    "after_accepted": ("handled", "sending", 1, 1),
    "after_note": ("done", "sent", 1, 1),
    "before_ack": ("done", "sent", 1, 1),
}


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


def state(house: House, table: str) -> Any:
    return next((row["state"] for row in house.rows(f"SELECT state FROM {table}")), None)


@pytest.mark.parametrize("point", POINTS)
async def test_each_point_is_where_its_name_says(tmp_path: Path, gateway: Gateway, point: str) -> None:
    house = House(tmp_path, gateway.url, plugins={"scribe": {"delay": "50ms"}}, worker={"lease": "700ms"})
    await house.put(job(message("oi", id="WA1")))
    worker = house.start(point, "1", script=ROOT / "tests" / "support" / "doomed.py")
    with working(worker):
        assert await ended(worker) == -signal.SIGKILL
    inbox, outbox, bookings, accepted = POINTS[point]
    assert (state(house, "auzap_inbox"), state(house, "auzap_outbox")) == (inbox, outbox)
    assert bookings is None or house.one("SELECT count(*) FROM trouble_bookings") == bookings
    assert house.one("SELECT count(*) FROM trouble_notes") == (1 if outbox else 0), "records come with the replies"
    assert len(gateway.accepted) == accepted
    assert (await house.stats()).leased == 1

    await house.serve()
    tables = ("auzap_inbox", "trouble_notes", "trouble_bookings", "ai_interactions", "auzap_outbox", "contacts")
    assert {table: house.one(f"SELECT count(*) FROM {table}") for table in tables} == dict.fromkeys(tables, 1)
    directions = house.rows("SELECT direction, status FROM messages ORDER BY id")
    assert [tuple(row.values()) for row in directions] == [("inbound", "delivered"), ("outbound", "sent")]
    assert (state(house, "auzap_inbox"), state(house, "auzap_outbox")) == ("done", "sent")
    assert len(gateway.posts) == len(gateway.accepted) == (2 if point == "after_accepted" else 1)
    assert len({post.key for post in gateway.posts}) == 1
    assert house.queued("SELECT * FROM envelopes") == house.queued("SELECT * FROM lanes") == []
