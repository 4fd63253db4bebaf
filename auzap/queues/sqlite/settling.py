"""What is done under a lease; under one that is lost, nothing of it happens."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from auzap.contract.queue import Burial, Lease
from auzap.queues.sqlite.clock import Clock
from auzap.queues.sqlite.lanes import put_off, release, remove
from auzap.queues.sqlite.rows import burial_text, stored

__all__ = ["LEASED", "Burying", "Deferring", "Renewal", "Retrying", "Settled", "ack", "bury", "defer", "renew", "retry"]

#: ``lost``: nothing was done; ``kept``: the lease goes on; ``back``: the lane went back; ``gone``: nothing is in it
Settled = Literal["lost", "kept", "back", "gone"]

#: the envelopes of a lease that are not settled yet; completed by id, lane and ``upto``
LEASED = "WHERE id = ? AND lane = ? AND state = 'waiting' AND pos <= ?"
#: lanes and tokens -> up to where the leases go
_HOLDING = """
    WITH wanted (lane, token, now) AS (VALUES (?, ?, ?))
    SELECT json_group_array(json_array(w.lane, w.token, l.upto)) FROM wanted w CROSS JOIN lanes l
        ON l.lane = w.lane AND l.state = 'leased' AND l.token = w.token AND l.due > w.now"""
_DELETE = """
    WITH wanted (id, lane, upto) AS (VALUES (?, ?, ?))
    DELETE FROM envelopes WHERE pos IN (
        SELECT e.pos FROM wanted w CROSS JOIN envelopes e
            ON e.id = w.id AND e.lane = w.lane AND e.state = 'waiting' AND e.pos <= w.upto)"""
#: lanes -> the position of the first envelope that waits
_HEADS = """
    WITH wanted (lane) AS (VALUES (?))
    SELECT json_group_array(json_array(w.lane, (
        SELECT pos FROM envelopes WHERE lane = w.lane AND state = 'waiting' ORDER BY pos LIMIT 1))) FROM wanted w"""


@dataclass(frozen=True, slots=True)
class Burying:
    lease: Lease
    ids: Sequence[str]
    burial: Burial


@dataclass(frozen=True, slots=True)
class Retrying:
    lease: Lease
    #: whose attempt is counted
    ids: Sequence[str]
    delay: float


@dataclass(frozen=True, slots=True)
class Deferring:
    lease: Lease
    until: float


@dataclass(frozen=True, slots=True)
class Renewal:
    leases: Sequence[Lease]
    duration: float


def ack(tx: sqlite3.Connection, done: Sequence[tuple[Lease, Sequence[str]]]) -> list[Settled]:
    """All together: a lane is leased to one at a time, so that each is there once, but for those that are lost."""
    with Clock(tx) as clock:
        wanted = [(stored(lease.lane), lease.token) for lease, _ in done]
        held = {
            (lane, token): upto for lane, token, upto in clock.found(_HOLDING, [(*one, clock.now) for one in wanted])
        }
        gone = [
            (stored(id_), key[0], held[key])
            for key, (_, ids) in zip(wanted, done, strict=True)
            if key in held
            for id_ in ids
        ]
        clock.execute(_DELETE, gone)
        heads: dict[str, int | None] = dict(clock.found(_HEADS, [(lane,) for lane, _ in held]))
        remove(clock, *(lane for lane, _ in held if heads[lane] is None))
        release(clock, *(lane for (lane, _), upto in held.items() if (head := heads[lane]) is not None and head > upto))
        return [_became(held.get(key), heads.get(key[0])) for key in wanted]


def _became(upto: int | None, head: int | None) -> Settled:
    if upto is None:
        return "lost"
    if head is None:
        return "gone"
    return "kept" if head <= upto else "back"


def bury(tx: sqlite3.Connection, buryings: Sequence[Burying]) -> list[Settled]:
    statement = f"UPDATE envelopes SET state = 'dead', buried_at = ?, burial = ? {LEASED}"  # noqa: S608
    with Clock(tx) as clock:
        return [
            _settle(clock, item.lease, statement, (clock.now, burial_text(item.burial)), item.ids) for item in buryings
        ]


def retry(tx: sqlite3.Connection, retries: Sequence[Retrying]) -> list[Settled]:
    with Clock(tx) as clock:
        return [_retry(clock, item) for item in retries]


def defer(tx: sqlite3.Connection, deferrals: Sequence[Deferring]) -> list[Settled]:
    with Clock(tx) as clock:
        return [_defer(clock, item) for item in deferrals]


def renew(tx: sqlite3.Connection, renewals: Sequence[Renewal]) -> list[set[str]]:
    """For each, the lanes that are lost."""
    with Clock(tx) as clock:
        return [{lease.lane for lease in item.leases if not _renew(clock, lease, item.duration)} for item in renewals]


def _holding(clock: Clock, lease: Lease) -> int | None:
    """Up to where the lease goes; None: it is lost."""
    row = clock.tx.execute(
        "SELECT upto FROM lanes WHERE lane = ? AND state = 'leased' AND token = ? AND due > ?",
        (stored(lease.lane), lease.token, clock.now),
    ).fetchone()
    return None if row is None else int(row[0])


def _settle(clock: Clock, lease: Lease, statement: str, values: tuple[float | str, ...], ids: Sequence[str]) -> Settled:
    """Take these envelopes out of the lane; it goes back when none of the lease is left."""
    upto = _holding(clock, lease)
    if upto is None:
        return "lost"
    lane = stored(lease.lane)
    clock.tx.executemany(statement, [(*values, stored(id_), lane, upto) for id_ in ids])
    head = clock.tx.execute(
        "SELECT pos FROM envelopes WHERE lane = ? AND state = 'waiting' ORDER BY pos LIMIT 1", (lane,)
    ).fetchone()
    if head is None:
        remove(clock, lane)
        return "gone"
    if head[0] <= upto:
        return "kept"
    release(clock, lane)
    return "back"


def _retry(clock: Clock, item: Retrying) -> Settled:
    upto = _holding(clock, item.lease)
    if upto is None:
        return "lost"
    lane = stored(item.lease.lane)
    clock.tx.executemany(
        f"UPDATE envelopes SET attempts = attempts + 1 {LEASED}",  # noqa: S608
        [(stored(id_), lane, upto) for id_ in item.ids],
    )
    put_off(clock, lane, state="held", due=clock.now + item.delay)
    return "back"


def _defer(clock: Clock, item: Deferring) -> Settled:
    if _holding(clock, item.lease) is None:
        return "lost"
    put_off(clock, stored(item.lease.lane), state="deferred", due=item.until)
    return "back"


def _renew(clock: Clock, lease: Lease, duration: float) -> bool:
    renewed = clock.tx.execute(
        "UPDATE lanes SET due = ? WHERE lane = ? AND state = 'leased' AND token = ? AND due > ?",
        (clock.now + duration, stored(lease.lane), lease.token, clock.now),
    )
    return renewed.rowcount > 0
