"""Record: the inbound message with its contact and conversation."""

from __future__ import annotations

from datetime import UTC, datetime

from auzap.contract.queue import Envelope
from auzap.model.message import Message
from auzap.model.people import OWNER, Sender
from auzap.pipeline.work import Taken
from auzap.storage.store import Inbound, Person

__all__ = ["inbound"]


def inbound(taken: Taken, token: int) -> Inbound:
    """The inbox row of one message. Owners, and what is not answered, never become contacts."""
    envelope, message, sender = taken.envelope, taken.message, taken.sender
    return Inbound(
        organization_id=envelope.tenant,
        instance_id=envelope.instance,
        envelope_id=envelope.id,
        dedupe_key=envelope.dedupe,
        revived=envelope.revived,
        token=token,
        chat_id=message.chat_id,
        message_id=message.message_id,
        message_type=message.kind,
        content=message.text or None,
        sender_role=sender.role if sender is not None else None,
        sender_phone=message.contact_phone or message.contact_lid,
        person=_person(message, sender),
        reason=taken.reason,
        accepted_at=accepted_at(envelope),
    )


def accepted_at(envelope: Envelope) -> datetime:
    return datetime.fromtimestamp(envelope.accepted_at, UTC)


def _person(message: Message, sender: Sender | None) -> Person | None:
    if sender is None or sender.role == OWNER:
        return None
    return Person(phone=message.contact_phone, lid=message.contact_lid, name=sender.name)
