"""What happened beside messages: receipts, echoes, edits, takeovers, dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Event", "EventKind"]

EventKind = Literal[
    #: A message that left reached the state in ``status``: ``delivered``, ``read`` or ``failed``.
    "receipt",
    #: A message left from the business's own number, not from here.
    "echo",
    #: A message got the new text in ``text``.
    "edit",
    #: A message was deleted for everybody.
    "revoke",
    #: Somebody reacted to a message.
    "reaction",
    #: A person answers in this chat from now on.
    "takeover",
    #: The bot does again.
    "handback",
    #: A message was given up; ``extras`` has ``stage``, ``plugin`` and ``reason``.
    "dead_letter",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a chat or to a message in it."""

    #: what happened
    kind: EventKind
    #: the chat's normalized JID
    chat_id: str
    #: the provider's id of the message that it is about
    message_id: str | None = None
    #: of a receipt: ``delivered``, ``read`` or ``failed``
    status: str | None = None
    #: the new text of an edit
    text: str | None = None
    #: a dead letter's ``stage``, ``plugin`` and ``reason``; the others' ``contactPhone`` and ``contactLid``, the other
    #: person's addresses
    extras: Mapping[str, Any] = field(default_factory=dict)
