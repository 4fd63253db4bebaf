"""Rows of the outbox, as the sender needs them."""

from __future__ import annotations

from typing import Any

from auzap.storage.steps.times import moment
from auzap.storage.steps.tx import Tx
from auzap.storage.store import StoredReply

__all__ = ["replies_of", "stored_reply"]


def replies_of(tx: Tx, turn_id: str) -> tuple[StoredReply, ...]:
    """A turn's replies for now, in order, whatever became of them."""
    return tuple(stored_reply(row) for row in tx.execute("REPLIES_OF_TURN", (turn_id,)))


def stored_reply(row: Any) -> StoredReply:
    id_, turn_id, organization_id, instance_id, chat_id, text, state, attempts, not_before, reason = row
    return StoredReply(
        id=id_,
        turn_id=turn_id,
        organization_id=organization_id,
        instance_id=instance_id,
        chat_id=chat_id,
        text=text,
        state=state,
        attempts=attempts,
        not_before=moment(not_before) if not_before is not None else None,
        reason=reason,
    )
