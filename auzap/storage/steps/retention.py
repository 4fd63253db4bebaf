"""Finished rows go when they are old, and what plugins remember when it has expired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from auzap.storage.steps.tx import Tx

__all__ = ["Cutoff", "remove_old"]


@dataclass(frozen=True, slots=True)
class Cutoff:
    """What was last touched before goes."""

    inbox: datetime
    outbox: datetime
    dead: datetime
    limit: int
    #: None: they stay
    traces: datetime | None = None


def remove_old(tx: Tx, cutoffs: Sequence[Cutoff]) -> list[int]:
    return [_remove(tx, cutoff) for cutoff in cutoffs]


def _remove(tx: Tx, cutoff: Cutoff) -> int:
    dead = tx.time(cutoff.dead)
    inbox = tx.execute("OLD_INBOX", (tx.time(cutoff.inbox), dead, cutoff.limit))
    tx.write("DELETE_ONCE", inbox)
    tx.write("DELETE_INBOX", inbox)
    outbox = tx.execute("OLD_OUTBOX", (tx.time(cutoff.outbox), dead, cutoff.limit - len(inbox)))
    tx.write("DELETE_OUTBOX", outbox)
    left = cutoff.limit - len(inbox) - len(outbox)
    traces = tx.execute("OLD_TRACES", (tx.time(cutoff.traces), left)) if cutoff.traces is not None else ()
    tx.write("DELETE_TRACES", traces)
    states = tx.execute("OLD_STATES", (tx.now(), left - len(traces)))
    tx.write("DELETE_STATE", states)
    return len(inbox) + len(outbox) + len(traces) + len(states)
