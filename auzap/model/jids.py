"""WhatsApp's addresses: ``user[_agent][:device]@server``.

The digits of a LID (``…@lid``) are never a phone number, so users are compared only together with their servers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from auzap.model.message import ChatKind

__all__ = ["chat_kind", "contact_lid", "contact_phone", "normalize_jid", "split_jid"]

#: WhatsApp's own are shorter than 60; longer ones, or ones with spaces or control characters, are not addresses
_FORM = re.compile(r"(?P<user>[!-9;-?A-^`-~]{1,128})(?:_[^@:]{0,16})?(?::[^@]{0,16})?@(?P<server>[a-z.]{1,32})")
_PHONE = re.compile(r"[0-9]{5,15}")
_META_AI = re.compile(r"1313555[0-9]{4}|131655500[0-9]{2}")

_PHONE_SERVERS = frozenset({"s.whatsapp.net", "c.us", "hosted"})
_LID_SERVERS = frozenset({"lid", "hosted.lid"})
_SAME_AS = {"c.us": "s.whatsapp.net", "hosted": "s.whatsapp.net", "hosted.lid": "lid"}
_KINDS: dict[str, ChatKind] = {"g.us": "group", "broadcast": "broadcast", "newsletter": "newsletter", "bot": "bot"}


def split_jid(jid: object) -> tuple[str, str] | None:
    """User and server, agent and device dropped; None when it is no JID. Servers are lower case."""
    found = _FORM.fullmatch(jid) if isinstance(jid, str) else None
    return (found["user"], found["server"]) if found else None


def normalize_jid(jid: object) -> str | None:
    """The address that stays the same whatever device it came from; None when it is no JID.

    ``c.us`` and ``hosted`` become ``s.whatsapp.net``, ``hosted.lid`` becomes ``lid``; a LID stays a LID.
    """
    parts = split_jid(jid)
    if parts is None:
        return None
    user, server = parts
    return f"{user}@{_SAME_AS.get(server, server)}"


def chat_kind(jid: object) -> ChatKind:
    """What kind of chat an address names."""
    parts = split_jid(jid)
    if parts is None:
        return "unknown"
    user, server = parts
    if server in _LID_SERVERS:
        return "direct"
    if server in _PHONE_SERVERS:
        return _kind_of_phone(user)
    if (user, server) == ("status", "broadcast"):
        return "status"
    return _KINDS.get(server, "unknown")


def contact_phone(candidates: Iterable[object]) -> str | None:
    """The digits of the first phone address among them."""
    users = _users(candidates, _PHONE_SERVERS)
    return next((user for user in users if _PHONE.fullmatch(user)), None)


def contact_lid(candidates: Iterable[object]) -> str | None:
    """The first hidden address among them, as ``<digits>@lid``."""
    return next((f"{user}@lid" for user in _users(candidates, _LID_SERVERS)), None)


def _kind_of_phone(user: str) -> ChatKind:
    if user in ("0", "server"):  # WhatsApp itself
        return "system"
    return "bot" if _META_AI.fullmatch(user) else "direct"


def _users(candidates: Iterable[object], servers: frozenset[str]) -> Iterable[str]:
    for candidate in candidates:
        parts = split_jid(candidate)
        if parts is not None and parts[1] in servers:
            yield parts[0]
