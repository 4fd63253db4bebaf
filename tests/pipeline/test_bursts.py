"""Which envelopes of a lane are one turn, and until when it stays open."""

from __future__ import annotations

import time
from typing import Any

import pytest

from auzap.config.models import Burst
from auzap.worker.bursts import open_until, turns
from tests.support.queues import an_envelope

BURST = Burst(window=3, max=15)
NOW = time.time()


def at(*seconds: float, **more: Any) -> list[Any]:
    """Envelopes that were accepted so many seconds from now; their payload is the number."""
    return [an_envelope(number=second, accepted_at=NOW + second, **more) for second in seconds]


def seconds_of(found: list[tuple[Any, ...]]) -> list[list[float]]:
    return [[envelope.payload for envelope in turn] for turn in found]


def test_without_a_burst_each_is_a_turn_of_its_own() -> None:
    assert seconds_of(turns(at(0, 0, 1), None)) == [[0], [0], [1]]
    assert open_until(at(0), None) is None


def test_what_came_within_the_window_is_one_turn() -> None:
    assert seconds_of(turns(at(0, 2, 5, 8.5, 9), BURST)) == [[0, 2, 5], [8.5, 9]]


def test_who_never_stops_writing_is_answered_after_the_longest_time() -> None:
    assert seconds_of(turns(at(*range(0, 34, 2)), BURST)) == [
        [0, 2, 4, 6, 8, 10, 12, 14],
        [16, 18, 20, 22, 24, 26, 28, 30],
        [32],
    ]


def test_each_message_keeps_the_window_open_but_not_for_ever() -> None:
    long = Burst(window=3600, max=18000)
    assert open_until(at(-10), long) == NOW + 3590
    assert open_until(at(-2000, -500), long) == NOW + 3100
    assert open_until(at(*range(-1000, 1)), Burst(window=3600, max=5000)) == NOW + 3600
    assert open_until(at(*range(-1000, 1)), Burst(window=3600, max=4000)) == NOW + 3000
    assert open_until(at(-4), BURST) is None
    assert open_until(at(-16, -0.5), BURST) is None


@pytest.mark.parametrize("more", [{"attempts": 1}, {"lost_leases": 1}, {"kind": "outbound"}, {"kind": "event"}])
def test_what_was_tried_before_or_is_no_message_waits_for_nobody(more: dict[str, Any]) -> None:
    assert open_until(at(0, **more), BURST) is None


def test_a_scheduled_send_stands_for_itself() -> None:
    mixed = [*at(0), *at(1, kind="outbound"), *at(1.5, 2)]
    assert seconds_of(turns(mixed, BURST)) == [[0], [1], [1.5, 2]]


def test_in_a_group_each_is_a_turn_of_its_own() -> None:
    group = at(0, 1, lane="shop/main/120363021234567890@g.us")
    assert seconds_of(turns(group, BURST)) == [[0], [1]]
