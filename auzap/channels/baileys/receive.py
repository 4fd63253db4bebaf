"""What is posted, split into one arrival a message or event.

Posted is Baileys' message, a list of them, or its ``messages.upsert`` (``{"messages": […]}``); an entry of its
``messages.update`` (``{"update": {"key": …, "update": {"status": …}}}``, or a list of entries there); or
``{"takeover": {"remoteJid": …}}`` and ``{"handback": {"remoteJid": …}}`` from whoever knows that a person answers.
Evolution's webhooks (``{"event": "messages.upsert", "data": …}``) are opened where they hold messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from auzap.channels.baileys.events import receipt_status, turned_over
from auzap.channels.baileys.normalize import key_of, message_id, what
from auzap.channels.baileys.values import flag
from auzap.contract.channel import Arrival
from auzap.model.errors import BadPayload
from auzap.model.jids import normalize_jid

__all__ = ["receive"]

_EVENTS = frozenset({"reaction", "poll_vote", "edit", "revoke"})
_WEBHOOKS = frozenset({"messages.upsert", "messages.set", "send.message"})


def receive(posted: Any) -> Sequence[Arrival]:
    """:raises BadPayload: something in it has no key; nothing of it is taken."""
    posted = _opened(posted)
    if not isinstance(posted, list):
        return list(_arrivals(posted))
    if not posted:
        raise BadPayload("no message: the list is empty")
    return [arrival for number, item in enumerate(posted) for arrival in _numbered(number, item)]


def _opened(posted: Any) -> Any:
    """A message, or a list, without what it was sent in."""
    if not isinstance(posted, dict) or "key" in posted:
        return posted
    told = posted.get("event")
    if isinstance(told, str) and "data" in posted:
        if told.lower().replace("_", ".") not in _WEBHOOKS:
            raise BadPayload(f"no message: a webhook of the event {told[:40]!a}")
        posted = posted["data"]
    if isinstance(posted, dict) and "key" not in posted and isinstance(posted.get("messages"), list):
        return posted["messages"]
    return posted


def _numbered(number: int, item: Any) -> list[Arrival]:
    try:
        return list(_arrivals(item))
    except BadPayload as error:
        raise BadPayload(f"item {number}: {error}") from None


def _arrivals(posted: Any) -> Iterator[Arrival]:
    turned = turned_over(posted)
    if turned is not None:
        _, chat_id = turned
        yield Arrival(kind="event", chat_id=chat_id, identity=None, payload=posted)
    elif isinstance(posted, dict) and "message" not in posted and isinstance(posted.get("update"), (dict, list)):
        updates = posted if "key" in posted else posted["update"]
        for update in updates if isinstance(updates, list) else [updates]:
            yield from _receipts(update)
    else:
        yield _message(posted)


def _message(payload: Any) -> Arrival:
    key = key_of(payload)
    content = what(payload)
    from_me = flag(key.get("fromMe"))
    return Arrival(
        kind="event" if from_me or content.event in _EVENTS else "message",
        chat_id=_chat_id(key),
        # the real message comes later with the same id: nothing may be in its way
        identity=None if content.event == "undecryptable" else _identity(key, content.event),
        payload=payload,
    )


def _receipts(update: Any) -> Iterator[Arrival]:
    """What tells no receipt (a star, a label, "sent") is left out: the edit and the revoke also come as messages."""
    key = key_of(update)
    status = receipt_status(update)
    if status is not None:
        identity = _identity(key, f"receipt {status}")
        yield Arrival(kind="event", chat_id=_chat_id(key), identity=identity, payload={"update": update})


def _chat_id(key: Any) -> str:
    return normalize_jid(key.get("remoteJid")) or ""


def _identity(key: Any, event: str) -> tuple[Any, ...] | None:
    found = message_id(key)
    if found is None:
        return None
    return (_chat_id(key), flag(key.get("fromMe")), found, normalize_jid(key.get("participant")) or "", event)
