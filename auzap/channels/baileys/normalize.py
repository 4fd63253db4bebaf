"""From a payload (Baileys' ``WebMessageInfo`` as JSON) to a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auzap.channels.baileys.content import MISSING, Content, read
from auzap.channels.baileys.values import clean, flag, integer, is_enum, mapping, text
from auzap.model.errors import BadPayload
from auzap.model.jids import contact_of, split_jid
from auzap.model.message import ChatKind, Message

__all__ = ["candidates", "key_of", "message_id", "normalize", "what"]

#: characters; WhatsApp's own ids have 16 to 32
_LONGEST_ID = 256
#: seconds since 1970 at the end of the year 9999
_LAST_SECOND = 253_402_300_799


def normalize(payload: Any) -> Message:
    """Whatever has a key becomes a message; of what is odd about it, what can be told is told.

    :raises BadPayload: it is no object, or has no key.
    """
    key = key_of(payload)
    content = what(payload)
    chat = split_jid(key.get("remoteJid"))
    chat_kind: ChatKind = chat.kind if chat else "unknown"
    phone, lid = contact_of(candidates(payload, key, chat_kind))
    context = content.context or mapping(payload.get("contextInfo"))  # Evolution puts it beside the content
    return Message(
        kind=content.kind,
        event=content.event,
        text=content.text or "",
        chat_id=chat.normalized if chat else "",
        chat_kind=chat_kind,
        message_id=message_id(key),
        from_me=flag(key.get("fromMe")),
        contact_phone=phone,
        contact_lid=lid,
        push_name=text(payload.get("pushName")),
        timestamp=_seconds(payload.get("messageTimestamp")),
        quoted_id=text(context.get("stanzaId")),
        mentions=_mentions(context.get("mentionedJid")),
        forwarded=flag(context.get("isForwarded")),
        view_once=content.view_once or flag(key.get("isViewOnce")),
        extras=content.extras,
    )


def key_of(payload: Any) -> Mapping[str, Any]:
    """:raises BadPayload: it is no object, or has no key."""
    if not isinstance(payload, dict):
        raise BadPayload(f"no message: expected an object with a key, not {_named(payload)}")
    key = payload.get("key")
    if not isinstance(key, dict):
        raise BadPayload('no message: it has no "key" object')
    return key


def what(payload: Mapping[str, Any]) -> Content:
    """Its content; of a message without any, what its stub says."""
    content = read(payload.get("message"))
    if content is not MISSING:
        return content
    stub = payload.get("messageStubType")
    if is_enum(stub, "CIPHERTEXT", 2):
        return Content("undecryptable", "undecryptable")
    if stub is not None and not is_enum(stub, "UNKNOWN", 0) and stub != "":
        return Content("stub", "system")
    if flag(mapping(payload.get("key")).get("isViewOnce")):
        return Content("view_once_unavailable", "system")
    return MISSING


def candidates(payload: Mapping[str, Any], key: Mapping[str, Any], kind: ChatKind) -> list[object]:
    """Addresses of the other person of a direct chat, or of a group message's author; the surest first."""
    if kind != "direct":
        # of a status or a broadcast, 7.x gives the author's other address as the chat's
        names = ("participantAlt", "participantPn", "participantLid", "remoteJidAlt")
        return [key.get("participant"), payload.get("participant"), *(key.get(name) for name in names)]
    other = [key.get("remoteJid"), key.get("remoteJidAlt")]
    # senderPn and senderLid are the author's: of what left from this number, our own
    return other if flag(key.get("fromMe")) else [*other, key.get("senderPn"), key.get("senderLid")]


def message_id(key: Mapping[str, Any]) -> str | None:
    found = text(key.get("id"))
    return found if found is not None and len(found) <= _LONGEST_ID else None


def _seconds(value: object) -> int | None:
    found = integer(value)
    return found if found is not None and 0 < found <= _LAST_SECOND else None


def _mentions(value: object) -> tuple[str, ...]:
    return tuple(clean(jid) for jid in value if isinstance(jid, str)) if isinstance(value, list) else ()


def _named(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
