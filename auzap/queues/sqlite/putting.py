"""Storing envelopes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from auzap.contract.queue import Envelope
from auzap.queues.sqlite.clock import Clock
from auzap.queues.sqlite.lanes import enlist, promote
from auzap.queues.sqlite.leasing import Taken, Wanted, lease_in
from auzap.queues.sqlite.rows import COLUMNS, row_of, stored

__all__ = ["put"]

_INSERT = (
    f"INSERT INTO envelopes (pos, state, {COLUMNS}) VALUES (?, ?, {', '.join('?' * 14)})"  # noqa: S608
    " ON CONFLICT DO NOTHING"
)


def put(
    tx: sqlite3.Connection, asked: Sequence[tuple[Sequence[Envelope], Sequence[Wanted]]]
) -> list[tuple[list[bool], list[Taken]]]:
    """For each envelope of each batch, whether it was accepted; and what those get who wait for something to lease:
    in the transaction that stores it, and not in one of its own.
    """
    with Clock(tx) as clock:
        promote(clock)  # what is due already stands before what comes now
        touched: set[str] = set()
        accepted = [[_put(clock, envelope, touched) for envelope in batch] for batch, _ in asked]
        taken = iter(lease_in(clock, [want for _, wanted in asked for want in wanted]))
        return [(new, [next(taken) for _ in wanted]) for new, (_, wanted) in zip(accepted, asked, strict=True)]


def _put(clock: Clock, envelope: Envelope, touched: set[str]) -> bool:
    delayed = envelope.not_before is not None and envelope.not_before > clock.now
    state = "delayed" if delayed else "waiting"
    if not clock.tx.execute(_INSERT, (clock.tick(), state, *row_of(envelope))).rowcount:
        return False
    if not delayed and envelope.lane not in touched:
        touched.add(envelope.lane)
        enlist(clock, stored(envelope.lane), stored(envelope.tenant), stored(envelope.instance), envelope.kind)
    return True
