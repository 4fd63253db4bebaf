"""Lanes that somebody else than their worker makes ready."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from auzap.queues.sqlite.clock import Clock
from auzap.queues.sqlite.lanes import release
from auzap.queues.sqlite.rows import stored
from auzap.queues.sqlite.settling import LEASED

__all__ = ["blame", "wake"]

#: lanes that one transaction wakes at the most
_BATCH = 500


def wake(tx: sqlite3.Connection, instances: Sequence[tuple[str, str]]) -> list[bool]:
    """Make deferred lanes of each tenant's instance ready; False: there may be more of them."""
    with Clock(tx) as clock:
        return [_wake(clock, stored(tenant), stored(instance)) for tenant, instance in instances]


def blame(tx: sqlite3.Connection, worker: str, envelope_id: str | None) -> None:
    """Give back what the worker holds; ``envelope_id``, if it is among it, has cost it the lease."""
    with Clock(tx) as clock:
        held = tx.execute(
            "SELECT lane, upto FROM lanes INDEXED BY lanes_due"
            " WHERE due IS NOT NULL AND state = 'leased' AND worker = ?",
            (stored(worker),),
        ).fetchall()
        for lane, upto in held:
            if envelope_id is not None:
                tx.execute(
                    f"UPDATE envelopes SET lost_leases = lost_leases + 1 {LEASED}",  # noqa: S608
                    (stored(envelope_id), lane, upto),
                )
            release(clock, lane)


def _wake(clock: Clock, tenant: str, instance: str) -> bool:
    lanes = clock.tx.execute(
        "SELECT lane FROM lanes WHERE state = 'deferred' AND tenant = ? AND instance = ? ORDER BY due LIMIT ?",
        (tenant, instance, _BATCH),
    ).fetchall()
    for (lane,) in lanes:
        release(clock, lane)
    return len(lanes) < _BATCH
