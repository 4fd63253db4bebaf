"""Counting envelopes by state."""

from __future__ import annotations

import sqlite3
import time

from auzap.contract.queue import Stats

__all__ = ["count"]

_WAITING = "SELECT count(*) FROM envelopes INDEXED BY envelopes_waiting WHERE state = 'waiting'"
_DUE = "SELECT count(*) FROM envelopes WHERE state = 'delayed' AND not_before <= ?"
_DELAYED = "SELECT count(*) FROM envelopes WHERE state = 'delayed' AND not_before > ?"
_DEAD = "SELECT count(*) FROM envelopes INDEXED BY envelopes_dead WHERE state = 'dead'"
#: envelopes of lanes that are held or leased: what is due is so no more, whether it was noticed or not
_OF_LANES = """
    SELECT count(*) FROM lanes INDEXED BY lanes_due CROSS JOIN envelopes
    WHERE lanes.due > ? AND lanes.state = ? AND envelopes.lane = lanes.lane AND envelopes.state = 'waiting'
    AND (lanes.upto IS NULL OR envelopes.pos <= lanes.upto)
"""


def count(connection: sqlite3.Connection) -> Stats:
    now = time.time()

    def number(statement: str, *values: float | str) -> int:
        return int(connection.execute(statement, values).fetchone()[0])

    held = number(_OF_LANES, now, "held")
    leased = number(_OF_LANES, now, "leased")
    return Stats(
        waiting=number(_WAITING) + number(_DUE, now) - held - leased,
        delayed=number(_DELAYED, now) + held,
        leased=leased,
        dead=number(_DEAD),
    )
