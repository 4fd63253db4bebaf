"""What a payload that is no new message tells: receipts, takeovers, echoes, edits, revokes, reactions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auzap.channels.baileys.normalize import candidates, key_of, message_id, normalize
from auzap.channels.baileys.values import is_enum, mapping
from auzap.model.errors import BadPayload
from auzap.model.event import Event, EventKind
from auzap.model.jids import chat_kind, contact_of, normalize_jid
from auzap.model.message import Message

__all__ = ["event", "receipt_status", "turned_over"]

#: Baileys' status of a message that left; PENDING and SERVER_ACK tell nothing new
_STATUSES = (
    ("ERROR", 0, "failed"),
    ("DELIVERY_ACK", 3, "delivered"),
    ("READ", 4, "read"),
    ("PLAYED", 5, "read"),
)
_ABOUT_ANOTHER: Mapping[str, EventKind] = {"edit": "edit", "revoke": "revoke", "reaction": "reaction"}


def event(payload: Any) -> Event | None:
    """:raises BadPayload: it is none of these, nor a message."""
    turned = turned_over(payload)
    if turned is not None:
        kind, chat_id = turned
        return Event(kind=kind, chat_id=chat_id, extras=_person(mapping(payload[kind])))
    if isinstance(payload, dict) and "key" not in payload and isinstance(payload.get("update"), dict):
        return _receipt(payload["update"])
    return _of_message(normalize(payload))


def turned_over(payload: Any) -> tuple[EventKind, str] | None:
    """``takeover`` or ``handback``, and of which chat; None when it is neither.

    :raises BadPayload: it is one, but of no chat.
    """
    if not isinstance(payload, dict) or "key" in payload:
        return None
    kinds: tuple[EventKind, ...] = ("takeover", "handback")
    for kind in kinds:
        if kind in payload:
            chat_id = normalize_jid(mapping(payload[kind]).get("remoteJid"))
            if chat_id is None:
                raise BadPayload(f'"{kind}" names no chat: write {{"{kind}": {{"remoteJid": "<jid>"}}}}')
            return kind, chat_id
    return None


def receipt_status(update: Mapping[str, Any]) -> str | None:
    """``delivered``, ``read`` or ``failed``; None when it tells nothing of a message that left from here."""
    if mapping(update.get("key")).get("fromMe") is False:
        return None
    status = mapping(update.get("update")).get("status")
    return next((told for name, number, told in _STATUSES if is_enum(status, name, number)), None)


def _receipt(update: Mapping[str, Any]) -> Event | None:
    key, status = key_of(update), receipt_status(update)
    if status is None:
        return None
    chat_id = normalize_jid(key.get("remoteJid")) or ""
    return Event(kind="receipt", chat_id=chat_id, message_id=message_id(key), status=status, extras=_person(key))


def _of_message(message: Message) -> Event | None:
    extras = {
        **message.extras,
        "fromMe": message.from_me,
        "contactPhone": message.contact_phone,
        "contactLid": message.contact_lid,
    }
    kind = _ABOUT_ANOTHER.get(message.event)
    if kind is not None:
        about = message.extras.get("targetId") or message.message_id
        return Event(kind=kind, chat_id=message.chat_id, message_id=about, text=message.text or None, extras=extras)
    if message.from_me and message.event in ("message", "unsupported"):
        return Event(
            kind="echo",
            chat_id=message.chat_id,
            message_id=message.message_id,
            text=message.text or None,
            extras=extras,
        )
    return None


def _person(key: Mapping[str, Any]) -> dict[str, Any]:
    phone, lid = contact_of(candidates({}, key, chat_kind(key.get("remoteJid"))))
    return {"contactPhone": phone, "contactLid": lid}
