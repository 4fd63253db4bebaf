"""Lease tokens: a row takes one only if it is not smaller than its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from auzap.model.errors import LeaseLost
from auzap.storage.steps.tx import Statement, Tx

__all__ = ["TurnRow", "fence_turn", "fence_turns", "look_at_turn", "lost", "state_of"]


class TurnRow(NamedTuple):
    """One message of a turn."""

    state: str
    token: int
    #: of its conversation
    taken_over_at: Any


def lost(what: str, token: int, newer: int) -> LeaseLost:
    return LeaseLost(f"{what} was leased again: token {token} is older than {newer}")


def fence_turns(tx: Tx, turn_ids: Iterable[str]) -> dict[str, list[TurnRow]]:
    """The rows of turns, which nobody else changes until the transaction ends."""
    return _turns(tx, "TURNS", turn_ids)


def _turns(tx: Tx, statement: Statement, turn_ids: Iterable[str]) -> dict[str, list[TurnRow]]:
    turns: dict[str, list[TurnRow]] = {}
    for turn_id, *row in tx.select(statement, [(one,) for one in set(turn_ids)]):
        turns.setdefault(turn_id, []).append(TurnRow(*row))
    return turns


def fence_turn(tx: Tx, turn_id: str, token: int) -> str | LeaseLost:
    """The state of a turn, if its rows take the token.

    A turn that is not there was gathered anew under a later lease.
    """
    return state_of(fence_turns(tx, [turn_id]).get(turn_id), turn_id, token)


def look_at_turn(tx: Tx, turn_id: str, token: int) -> str | LeaseLost:
    """As ``fence_turn``, without holding the rows: to be asked again before the end."""
    return state_of(_turns(tx, "LOOK_AT_TURNS", [turn_id]).get(turn_id), turn_id, token)


def state_of(rows: Sequence[TurnRow] | None, turn_id: str, token: int) -> str | LeaseLost:
    """As ``fence_turn``, of rows that were read."""
    if not rows:
        return LeaseLost(f"turn {turn_id} is not there any more")
    newest = max(row.token for row in rows)
    return rows[0].state if newest <= token else lost(f"turn {turn_id}", token, newest)
