"""Messages that answer nothing: into the outbox, each once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from auzap.model.errors import OutboxFull
from auzap.model.phones import same_person
from auzap.storage.steps.outbox_rows import stored_reply
from auzap.storage.steps.people import People
from auzap.storage.steps.tx import Tx
from auzap.storage.store import Outgoing, StoredReply
from auzap.storage.texts import storable

__all__ = ["put_outgoing"]

#: ``messages.status`` -> the state that its row in the outbox had
_STATES = {"pending": "pending", "failed": "failed"}


def put_outgoing(tx: Tx, messages: Sequence[Outgoing]) -> list[StoredReply | Exception]:
    # whoever counts a tenant's waiting messages, or makes people of them, is alone in it
    tx.alone({one.organization_id for one in messages})
    now = tx.now()
    return [_put(tx, one, now) for one in messages]


def _put(tx: Tx, one: Outgoing, now: Any) -> StoredReply | Exception:
    known = _known(tx, one)
    if known is not None:
        return known
    if one.most is not None and tx.execute("WAITING", (one.organization_id, one.most))[0][0] >= one.most:
        return OutboxFull(f"tenant {one.organization_id} has {one.most} messages waiting to leave")
    try:
        when = tx.time(one.not_before) if one.not_before is not None else now
    except ValueError as error:
        return error
    return _new(tx, one, now, max(when, now))


def _known(tx: Tx, one: Outgoing) -> StoredReply | None:
    """What was put before. The row in ``messages`` outlives the one in the outbox."""
    for row in tx.execute("REPLY", (one.id,)):
        return stored_reply(row)
    for status, text in tx.execute("OUTGOING", (one.id,)):
        return _stored(one, one.chat_id, text, _STATES.get(status, "sent"))
    return None


def _new(tx: Tx, one: Outgoing, now: Any, when: Any) -> StoredReply:
    text, chat_id, conversation_id = storable(one.text), one.chat_id, None
    people = People(tx)
    if one.person is not None:
        people.look_up([(one.organization_id, one.person)])
    contact_id = people.contact(one.organization_id, one.person, now) if one.person is not None else None
    if contact_id is not None:
        conversation_id = people.conversation(one.organization_id, contact_id, one.instance_id, now).id
        if not one.to_chat:
            chat_id = _chat(tx, one, contact_id, conversation_id)
        message = (one.id, one.organization_id, conversation_id, one.instance_id, text, now)
        tx.write("INSERT_OUTGOING", [message])
        tx.confirm("TOUCH_CONVERSATION", [(now, conversation_id)])
    stored = _stored(one, chat_id, text, "pending")
    place = (None, 0, chat_id, text, conversation_id)
    row = (one.id, one.organization_id, one.instance_id, *place, stored.state, 0, when, now, now, one.config_version)
    tx.write("INSERT_REPLY", [row])
    return stored


def _chat(tx: Tx, one: Outgoing, contact_id: str, conversation_id: str) -> str:
    """Where the person is written to: as WhatsApp told it, if it ever did."""
    for (last,) in tx.execute("LAST_CHAT", (conversation_id, one.instance_id)):
        return str(last)
    for (phone,) in tx.execute("CONTACT_PHONE", (contact_id,)):
        if str(phone).endswith("@lid"):
            return str(phone)
        if one.person is not None and same_person(phone, one.person.phone):
            return f"{phone}@s.whatsapp.net"
    return one.chat_id


def _stored(one: Outgoing, chat_id: str, text: str, state: str) -> StoredReply:
    return StoredReply(
        id=one.id,
        turn_id=None,
        organization_id=one.organization_id,
        instance_id=one.instance_id,
        chat_id=chat_id,
        text=text,
        state=state,
        attempts=0,
        not_before=one.not_before,
        reason=None,
    )
