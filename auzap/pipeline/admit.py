"""Admit: which messages are answered at all."""

from __future__ import annotations

from auzap.model.message import Message
from auzap.model.phones import phone_key
from auzap.tenants.runtime import Tenant

__all__ = ["admit"]


def admit(message: Message, tenant: Tenant, *, accepted_at: float, stale_after: float) -> str | None:
    """Why it is not answered; None when a plugin may be asked.

    :param accepted_at: seconds since 1970.
    :param stale_after: seconds; a message older than that when it was accepted is not answered.
    """
    return _by_content(message, groups=tenant.config.groups) or _by_circumstance(
        message, tenant.only, accepted_at=accepted_at, stale_after=stale_after
    )


def _by_content(message: Message, *, groups: bool) -> str | None:
    if message.event == "undecryptable":
        return "undecryptable"
    if message.from_me:
        return "from_me"
    if message.chat_kind != "direct" and not (groups and message.chat_kind == "group"):
        return "unknown_chat" if message.chat_kind == "unknown" else message.chat_kind
    if message.kind in ("unsupported", "empty"):
        return message.kind
    if message.event != "message":
        return message.event
    if not message.message_id:
        return "no_message_id"
    if message.contact_phone is None and message.contact_lid is None:
        return "unknown_sender"
    return None


def _by_circumstance(
    message: Message, only: frozenset[str] | None, *, accepted_at: float, stale_after: float
) -> str | None:
    if message.timestamp is not None and accepted_at - message.timestamp > stale_after:
        return "stale"
    if only is not None and phone_key(message.contact_phone) not in only:
        return "not_in_pilot"
    return None
