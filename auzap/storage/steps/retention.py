"""Finished rows go when they are old."""

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


def remove_old(tx: Tx, cutoffs: Sequence[Cutoff]) -> list[int]:
    return [_remove(tx, cutoff) for cutoff in cutoffs]


def _remove(tx: Tx, cutoff: Cutoff) -> int:
    dead = tx.time(cutoff.dead)
    inbox = tx.execute("OLD_INBOX", (tx.time(cutoff.inbox), dead, cutoff.limit))
    tx.write("DELETE_ONCE", inbox)
    tx.write("DELETE_INBOX", inbox)
    outbox = tx.execute("OLD_OUTBOX", (tx.time(cutoff.outbox), dead, cutoff.limit - len(inbox)))
    tx.write("DELETE_OUTBOX", outbox)
    return len(inbox) + len(outbox)
