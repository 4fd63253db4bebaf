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
    chat_kind: ChatKind
    message_id: str | None
    from_me: bool = False
    #: the other person: digits without a plus sign, 5 to 15 of them
    contact_phone: str | None = None
    #: the other person's hidden address, ``<digits>@lid``
    contact_lid: str | None = None
    push_name: str | None = None
    #: when the sender's server took it: whole seconds since 1970, UTC
    timestamp: int | None = None
    quoted_id: str | None = None
    mentions: tuple[str, ...] = ()
    forwarded: bool = False
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
