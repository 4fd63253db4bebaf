"""Finished rows go when they are old."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auzap.storage.sqlite import statements as sql
from auzap.storage.sqlite.tx import Tx

__all__ = ["Cutoff", "remove_old"]


@dataclass(frozen=True, slots=True)
class Cutoff:
    """Times as text: what was last touched before goes."""

    inbox: str
    outbox: str
    dead: str
    limit: int


def remove_old(tx: Tx, cutoffs: Sequence[Cutoff]) -> list[int]:
    return [_remove(tx, cutoff) for cutoff in cutoffs]


def _remove(tx: Tx, cutoff: Cutoff) -> int:
    inbox = tx.execute(sql.OLD_INBOX, (cutoff.inbox, cutoff.dead, cutoff.limit))
    tx.executemany(sql.DELETE_ONCE, inbox)
    tx.executemany(sql.DELETE_INBOX, inbox)
    outbox = tx.execute(sql.OLD_OUTBOX, (cutoff.outbox, cutoff.dead, cutoff.limit - len(inbox)))
    tx.executemany(sql.DELETE_OUTBOX, outbox)
    return len(inbox) + len(outbox)
