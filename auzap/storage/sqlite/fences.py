"""Lease tokens: a row takes one only if it is not smaller than its own."""

from __future__ import annotations

from auzap.model.errors import LeaseLost
from auzap.storage.sqlite import statements as sql
from auzap.storage.sqlite.tx import Tx

__all__ = ["fence_turn", "lost"]


def lost(what: str, token: int, newer: int) -> LeaseLost:
    return LeaseLost(f"{what} was leased again: token {token} is older than {newer}")


def fence_turn(tx: Tx, turn_id: str, token: int) -> str | LeaseLost:
    """The state of a turn, if its rows take the token.

    A turn that is not there was gathered anew under a later lease.
    """
    rows = tx.execute(sql.TURN, (turn_id,))
    if not rows:
        return LeaseLost(f"turn {turn_id} is not there any more")
    newest = max(row[1] for row in rows)
    return str(rows[0][0]) if newest <= token else lost(f"turn {turn_id}", token, newest)
