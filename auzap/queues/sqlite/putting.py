"""Storing envelopes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from auzap.contract.queue import Envelope
from auzap.queues.sqlite.clock import Clock
from auzap.queues.sqlite.lanes import enlist, promote
from auzap.queues.sqlite.rows import COLUMNS, row_of, stored

__all__ = ["put"]

_INSERT = (
    f"INSERT INTO envelopes (pos, state, {COLUMNS}) VALUES (?, ?, {', '.join('?' * 14)})"  # noqa: S608
    " ON CONFLICT DO NOTHING"
)


def put(tx: sqlite3.Connection, batches: Sequence[Sequence[Envelope]]) -> list[list[bool]]:
    """For each envelope of each batch, whether it was accepted."""
    with Clock(tx) as clock:
        promote(clock)  # what is due already stands before what comes now
        touched: set[str] = set()
        return [[_put(clock, envelope, touched) for envelope in batch] for batch in batches]


def _put(clock: Clock, envelope: Envelope, touched: set[str]) -> bool:
    delayed = envelope.not_before is not None and envelope.not_before > clock.now
    state = "delayed" if delayed else "waiting"
    if not clock.tx.execute(_INSERT, (clock.tick(), state, *row_of(envelope))).rowcount:
        return False
    if not delayed and envelope.lane not in touched:
        touched.add(envelope.lane)
        enlist(clock, stored(envelope.lane), stored(envelope.tenant), stored(envelope.instance), envelope.kind)
    return True
