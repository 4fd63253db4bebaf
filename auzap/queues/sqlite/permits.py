"""Places under limits that all processes share."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from auzap.queues.sqlite.clock import Clock
from auzap.queues.sqlite.rows import stored

__all__ = ["Place", "permit"]


@dataclass(frozen=True, slots=True)
class Place:
    """The next one is wanted under a limit of ``most`` in any ``per`` seconds."""

    key: str
    most: int
    per: float


def permit(tx: sqlite3.Connection, places: Sequence[Place]) -> list[float]:
    """The seconds until each may go ahead."""
    with Clock(tx) as clock:
        # Of any key: a place that does not count any more holds nobody back, so no row of it is needed.
        tx.execute("DELETE FROM permits WHERE until <= ?", (clock.now,))
        return [_reserve(clock, place) - clock.now for place in places]


def _reserve(clock: Clock, place: Place) -> float:
    """The n-th goes no earlier than ``per`` after the (n - most)-th, and never before the one ahead of it."""
    key = stored(place.key)
    n, at = clock.tx.execute("SELECT n, at FROM permits WHERE key = ? ORDER BY n DESC LIMIT 1", (key,)).fetchone() or (
        0,
        clock.now,
    )
    bound = clock.tx.execute("SELECT at FROM permits WHERE key = ? AND n = ?", (key, n + 1 - place.most)).fetchone()
    at = max(at, clock.now, bound[0] + place.per if bound else clock.now)
    clock.tx.execute("INSERT INTO permits VALUES (?, ?, ?, ?)", (key, n + 1, at, at + place.per))
    return at
