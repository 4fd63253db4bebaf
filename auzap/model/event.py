"""What happened beside messages: receipts, echoes, edits, takeovers, dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Event", "EventKind"]

EventKind = Literal["receipt", "echo", "edit", "revoke", "reaction", "takeover", "handback", "dead_letter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a chat or to a message in it.

    ``receipt``: ``status`` is ``delivered``, ``read`` or ``failed``. ``echo``: a message that left from the
    business's own number. ``takeover``: a person answers from now on; ``handback``: the bot does again.
    ``dead_letter``: ``extras`` has ``stage``, ``plugin`` and ``reason``; the others' have ``contactPhone`` and
    ``contactLid``, the other person's addresses.
    """

    kind: EventKind
    chat_id: str
    #: the provider's id of the message that it is about
    message_id: str | None = None
    status: str | None = None
    #: the new text of an edit
    text: str | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)
