"""What a console posts: ``{"id", "from", "name", "text", "timestamp"}``, ``from`` being a phone's digits."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from auzap.contract.channel import Arrival, Channel
from auzap.model.errors import BadPayload
from auzap.model.event import Event
from auzap.model.keys import new_id
from auzap.model.message import Message
from auzap.model.phones import phone_key

__all__ = ["PostedChannel", "chat_of", "compose", "normalize", "receive"]


def compose(phone: str, name: str, text: str) -> dict[str, Any]:
    """A new message of somebody."""
    return {"id": new_id(), "from": phone, "name": name, "text": text, "timestamp": int(time.time())}


def chat_of(phone: str) -> str:
    return f"{phone}@s.whatsapp.net"


def receive(posted: Any) -> Sequence[Arrival]:
    """:raises BadPayload: it is not the form above, nor a list of such."""
    return [_arrival(item) for item in (posted if isinstance(posted, list) else [posted])]


def _arrival(payload: Any) -> Arrival:
    message = normalize(payload)
    identity = (message.chat_id, message.message_id, message.event)
    return Arrival(kind="message", chat_id=message.chat_id, identity=identity, payload=payload)


def normalize(payload: Any) -> Message:
    """:raises BadPayload: it is not the form above."""
    if not isinstance(payload, dict):
        raise BadPayload("no message: expected an object with id, from and text")
    phone, name, timestamp = payload.get("from"), payload.get("name"), payload.get("timestamp")
    if not isinstance(phone, str) or phone_key(phone) is None:
        raise BadPayload('no message: "from" must be the digits of a phone, 5 to 15 of them')
    text = _text(payload, "text")
    return Message(
        kind="text" if text.strip() else "empty",
        event="message" if text.strip() else "none",
        text=text if text.strip() else "",
        chat_id=chat_of(phone),
        chat_kind="direct",
        message_id=_text(payload, "id"),
        contact_phone=phone,
        push_name=name if isinstance(name, str) and name.strip() else None,
        timestamp=timestamp if isinstance(timestamp, int) and not isinstance(timestamp, bool) else None,
    )


def _text(payload: Mapping[str, Any], name: str) -> str:
    """A text that can be stored: no NUL, no half of a surrogate pair."""
    value = payload.get(name)
    if not isinstance(value, str) or (name == "id" and not value):
        raise BadPayload(f'no message: "{name}" must be a text')
    return value.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class PostedChannel(Channel):
    """What all channels of a terminal have in common."""

    @classmethod
    def receive(cls, posted: Any) -> Sequence[Arrival]:
        return receive(posted)

    @classmethod
    def normalize(cls, payload: Any) -> Message:
        return normalize(payload)

    @classmethod
    def event(cls, payload: Any) -> Event | None:
        """There is none."""
        return None
