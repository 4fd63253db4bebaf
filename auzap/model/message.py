"""What arrived, in the same shape for every channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["MAX_TEXT", "ChatKind", "Message"]

#: characters of one text; WhatsApp itself allows no more
MAX_TEXT = 65_536

ChatKind = Literal["direct", "group", "status", "broadcast", "newsletter", "bot", "system", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message as a plugin sees it."""

    #: what it is: ``text``, ``image``, ``audio``, ``button_reply``, ``reaction``, ``unsupported``, ``empty`` …
    kind: str
    #: what it does: ``message``, ``reaction``, ``poll_vote``, ``revoke``, ``edit``, ``status``, ``system``,
    #: ``undecryptable``, ``unsupported`` or ``none``
    event: str
    #: what was written (or the caption); "" when there is none
    text: str
    #: the chat's JID without device, ``c.us`` as ``s.whatsapp.net``; a LID stays a LID
    chat_id: str
    #: a chat of two, a group, or one of those that are not answered
    chat_kind: ChatKind
    #: the provider's id; None only for what is no message
    message_id: str | None
    #: it left from the business's own number
    from_me: bool = False
    #: the other person: digits without a plus sign, 5 to 15 of them
    contact_phone: str | None = None
    #: the other person's hidden address, ``<digits>@lid``
    contact_lid: str | None = None
    #: how the person calls themselves
    push_name: str | None = None
    #: when the sender's server took it: whole seconds since 1970, UTC
    timestamp: int | None = None
    #: the provider's id of the message that it answers
    quoted_id: str | None = None
    #: the JIDs of those that it names
    mentions: tuple[str, ...] = ()
    #: it was passed on from another chat
    forwarded: bool = False
    #: a picture or video that may be looked at once
    view_once: bool = False
    #: what only this kind has (``mimetype``, ``selectedId``, ``latitude`` …)
    extras: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dispatch(self) -> bool:
        """Whether a plugin may be asked to answer it: a new message of somebody else, in a chat of people."""
        return (
            self.event == "message"
            and not self.from_me
            and self.chat_kind in ("direct", "group")
            and bool(self.message_id)
        )
