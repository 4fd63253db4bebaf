"""What becomes of lanes: they get ready, wait for a time, or are gone."""

from __future__ import annotations

from auzap.queues.sqlite.clock import Clock

__all__ = ["enlist", "is_side", "next_due", "promote", "put_off", "release", "remove"]

#: what one transaction makes ready at the most: bounds how long it takes when very much is due at once
_BATCH = 500

_RELEASE = """
    WITH new (place, lane) AS (VALUES (?, ?))
    UPDATE lanes SET state = 'ready', place = new.place, due = NULL, token = NULL, worker = NULL, upto = NULL
    FROM new WHERE lanes.lane = new.lane"""
#: their tenants have a lane ready: they come last among those who wait, unless they wait already
_TAKE_TURNS = """
    WITH new (turn, lane) AS (VALUES (?, ?))
    INSERT INTO tenants SELECT lanes.tenant, lanes.side, new.turn FROM new CROSS JOIN lanes USING (lane) WHERE true
    ON CONFLICT DO NOTHING"""


def is_side(kind: str) -> bool:
    """Whether envelopes of a kind have lanes of their own: those of events."""
    return kind == "event"


def enlist(clock: Clock, lane: str, tenant: str, instance: str, kind: str) -> None:
    """An envelope has come into the lane: it is ready, unless it is in whatever state already."""
    added = clock.tx.execute(
        "INSERT INTO lanes (lane, tenant, instance, side, state, place) VALUES (?, ?, ?, ?, 'ready', ?)"
        " ON CONFLICT DO NOTHING",
        (lane, tenant, instance, is_side(kind), clock.tick()),
    )
    if added.rowcount:
        clock.execute(_TAKE_TURNS, [(clock.tick(), lane)])


def release(clock: Clock, *lanes: str) -> None:
    """To the tail of their tenants' ready lanes."""
    clock.execute(_RELEASE, [(clock.tick(), lane) for lane in lanes])
    clock.execute(_TAKE_TURNS, [(clock.tick(), lane) for lane in lanes])


def put_off(clock: Clock, lane: str, *, state: str, due: float) -> None:
    """``held`` or ``deferred`` until then."""
    if due <= clock.now:
        release(clock, lane)
        return
    clock.tx.execute(
        "UPDATE lanes SET state = ?, due = ?, token = NULL, worker = NULL, upto = NULL WHERE lane = ?",
        (state, due, lane),
    )


def remove(clock: Clock, *lanes: str) -> None:
    clock.execute("DELETE FROM lanes WHERE lane IN (VALUES (?))", [(lane,) for lane in lanes])


def promote(clock: Clock) -> None:
    """Make ready what is due: lanes held, deferred or lost by their worker, and delayed envelopes."""
    due = clock.tx.execute(
        "SELECT lane, state FROM lanes WHERE due <= ? ORDER BY due LIMIT ?", (clock.now, _BATCH)
    ).fetchall()
    for lane, state in due:
        if state == "leased":
            _count_lost(clock, lane)
        release(clock, lane)
    delayed = clock.tx.execute(
        "SELECT pos, lane, tenant, instance, kind FROM envelopes WHERE state = 'delayed' AND not_before <= ?"
        " ORDER BY not_before, pos LIMIT ?",
        (clock.now, _BATCH),
    ).fetchall()
    for pos, lane, tenant, instance, kind in delayed:
        clock.tx.execute("UPDATE envelopes SET state = 'waiting', pos = ? WHERE pos = ?", (clock.tick(), pos))
        enlist(clock, lane, tenant, instance, kind)


def next_due(clock: Clock) -> float | None:
    """When ``promote`` has something to do; None: nothing waits for a time."""
    (lane,) = clock.tx.execute("SELECT min(due) FROM lanes WHERE due IS NOT NULL").fetchone()
    (envelope,) = clock.tx.execute("SELECT min(not_before) FROM envelopes WHERE state = 'delayed'").fetchone()
    return min((due for due in (lane, envelope) if due is not None), default=None)


def _count_lost(clock: Clock, lane: str) -> None:
    """Its first envelope's turn was under way."""
    clock.tx.execute(
        "UPDATE envelopes SET lost_leases = lost_leases + 1 WHERE pos = ("
        "SELECT pos FROM envelopes WHERE lane = ? AND state = 'waiting' ORDER BY pos LIMIT 1)",
        (lane,),
    )
