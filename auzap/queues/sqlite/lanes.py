"""What becomes of lanes: they get ready, wait for a time, or are gone."""

from __future__ import annotations

from auzap.queues.sqlite.clock import Clock

__all__ = ["enlist", "is_side", "next_due", "promote", "put_off", "release", "remove"]

#: what one transaction makes ready at the most: bounds how long it takes when very much is due at once
_BATCH = 500


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
        _take_turns(clock, lane)


def release(clock: Clock, lane: str) -> None:
    """To the tail of its tenant's ready lanes."""
    clock.tx.execute(
        "UPDATE lanes SET state = 'ready', place = ?, due = NULL, token = NULL, worker = NULL, upto = NULL"
        " WHERE lane = ?",
        (clock.tick(), lane),
    )
    _take_turns(clock, lane)


def put_off(clock: Clock, lane: str, *, state: str, due: float) -> None:
    """``held`` or ``deferred`` until then."""
    if due <= clock.now:
        release(clock, lane)
        return
    clock.tx.execute(
        "UPDATE lanes SET state = ?, due = ?, token = NULL, worker = NULL, upto = NULL WHERE lane = ?",
        (state, due, lane),
    )


def remove(clock: Clock, lane: str) -> None:
    clock.tx.execute("DELETE FROM lanes WHERE lane = ?", (lane,))


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


def _take_turns(clock: Clock, lane: str) -> None:
    """Its tenant has a lane ready: it comes last among those who wait, unless it waits already."""
    clock.tx.execute(
        "INSERT INTO tenants SELECT tenant, side, ? FROM lanes WHERE lane = ? ON CONFLICT DO NOTHING",
        (clock.tick(), lane),
    )
