"""The clock that plugins ask."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from auzap.services import Kit
from tests.support.services import Ahead, services_of


def test_it_tells_the_time_of_the_tenant() -> None:
    at = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    kit = Kit(None, tell=lambda: at)
    here, there = (services_of(kit, timezone=zone).clock.now() for zone in ("America/Sao_Paulo", "Asia/Tokyo"))
    assert here == there == at
    assert (here.isoformat(), there.isoformat()) == ("2026-01-31T20:30:00-03:00", "2026-02-01T08:30:00+09:00")


def test_it_can_be_put_forward() -> None:
    tell = Ahead()
    clock = services_of(Kit(None, tell=tell)).clock
    before = clock.now()
    tell.by = timedelta(days=3)
    assert timedelta(days=3) <= clock.now() - before < timedelta(days=3, minutes=1)
