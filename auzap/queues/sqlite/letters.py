"""Dead letters: looking at them, bringing them back, removing them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from auzap.contract.queue import DeadLetter
from auzap.queues.sqlite.clock import Clock
from auzap.queues.sqlite.lanes import enlist, promote
from auzap.queues.sqlite.rows import LETTER_COLUMNS, letter_of, stored

__all__ = ["BATCH", "find", "find_all", "purge", "purge_old", "revive"]

#: letters that one transaction changes at the most
BATCH = 500


def find(connection: sqlite3.Connection, letter_id: str) -> DeadLetter | None:
    row = connection.execute(
        f"SELECT {LETTER_COLUMNS} FROM envelopes WHERE id = ? AND state = 'dead'",  # noqa: S608
        (stored(letter_id),),
    ).fetchone()
    return None if row is None else letter_of(row)


def find_all(connection: sqlite3.Connection, tenant: str | None, limit: int, after: str) -> list[DeadLetter]:
    whose = None if tenant is None else stored(tenant)
    rows = connection.execute(
        f"SELECT {LETTER_COLUMNS} FROM envelopes INDEXED BY envelopes_dead"  # noqa: S608
        " WHERE state = 'dead' AND id > ? AND (? IS NULL OR tenant = ?) ORDER BY id LIMIT ?",
        (stored(after), whose, whose, limit),
    )
    return [letter_of(row) for row in rows]


def revive(tx: sqlite3.Connection, groups: Sequence[Sequence[str]]) -> list[int]:
    """How many of each there were."""
    with Clock(tx) as clock:
        promote(clock)  # what is due already stands before what comes back now
        return [sum(_revive(clock, stored(letter_id)) for letter_id in ids) for ids in groups]


def purge(tx: sqlite3.Connection, groups: Sequence[tuple[Sequence[str], float]]) -> list[int]:
    """Remove these, if they were buried before a time; how many of each there were."""
    return [sum(_purge(tx, stored(letter_id), before) for letter_id in ids) for ids, before in groups]


def purge_old(tx: sqlite3.Connection, befores: Sequence[float]) -> list[int]:
    """Remove up to ``BATCH`` of those buried before a time; how many there were."""
    return [
        tx.execute(
            "DELETE FROM envelopes WHERE pos IN (SELECT pos FROM envelopes INDEXED BY envelopes_buried"
            " WHERE state = 'dead' AND buried_at < ? ORDER BY buried_at LIMIT ?)",
            (before, BATCH),
        ).rowcount
        for before in befores
    ]


def _revive(clock: Clock, letter_id: str) -> bool:
    found = clock.tx.execute(
        "SELECT lane, tenant, instance, kind FROM envelopes WHERE id = ? AND state = 'dead'", (letter_id,)
    ).fetchone()
    if found is None:
        return False
    clock.tx.execute(
        "UPDATE envelopes SET state = 'waiting', pos = ?, attempts = 0, lost_leases = 0, revived = revived + 1,"
        " buried_at = NULL, burial = NULL WHERE id = ?",
        (clock.tick(), letter_id),
    )
    enlist(clock, *found)
    return True


def _purge(tx: sqlite3.Connection, letter_id: str, before: float) -> int:
    return tx.execute(
        "DELETE FROM envelopes WHERE id = ? AND state = 'dead' AND buried_at < ?", (letter_id, before)
    ).rowcount
