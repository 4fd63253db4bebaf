"""Give up: what is not worked any more is dead in the database too."""

from __future__ import annotations

from auzap.contract.queue import Envelope
from auzap.pipeline.work import Parts

__all__ = ["give_up"]


async def give_up(parts: Parts, envelope: Envelope, *, token: int, reason: str) -> None:
    """Note it on the rows of an envelope that goes to the dead letters unread.

    :raises LeaseLost: another worker has the lane.
    """
    if envelope.kind == "outbound":
        reply_id = str(envelope.payload["outbox_id"])
        await parts.patience(parts.store.note_refused, reply_id, token=token, reason=reason)
        return
    await parts.patience(
        parts.store.note_buried,
        envelope.tenant,
        envelope_id=envelope.id,
        dedupe_key=envelope.dedupe,
        token=token,
        reason=reason,
    )
