"""WhatsApp's addresses: ``user[_agent][:device]@server``.

The digits of a LID (``…@lid``) are never a phone number, so users are compared only together with their servers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from auzap.model.message import ChatKind

__all__ = ["PHONE_SERVERS", "Jid", "chat_kind", "contact_of", "normalize_jid", "split_jid"]

#: WhatsApp's own are shorter than 60; longer ones, or ones with spaces or control characters, are not addresses
_FORM = re.compile(r"([!-9;-?A-^`-~]{1,128})(?:_[^@:]{0,16})?(?::[^@]{0,16})?@([a-z.]{1,32})")
_PHONE = re.compile(r"[0-9]{5,15}")
_META_AI = re.compile(r"1313555[0-9]{4}|131655500[0-9]{2}")

PHONE_SERVERS = frozenset({"s.whatsapp.net", "c.us", "hosted"})
_LID_SERVERS = frozenset({"lid", "hosted.lid"})
_SAME_AS = {"c.us": "s.whatsapp.net", "hosted": "s.whatsapp.net", "hosted.lid": "lid"}
_KINDS: dict[str, ChatKind] = {"g.us": "group", "broadcast": "broadcast", "newsletter": "newsletter", "bot": "bot"}


class Jid(NamedTuple):
    """An address without its agent and device."""

    user: str
    server: str

    @property
    def normalized(self) -> str:
        """The same for every form: ``c.us`` and ``hosted`` as ``s.whatsapp.net``, ``hosted.lid`` as ``lid``."""
        return f"{self.user}@{_SAME_AS.get(self.server, self.server)}"

    @property
    def kind(self) -> ChatKind:
        """What kind of chat it names."""
        user, server = self
        if server in PHONE_SERVERS:
            return _kind_of_phone(user)
        if server in _LID_SERVERS:
            return "direct"
        return "status" if self == ("status", "broadcast") else _KINDS.get(server, "unknown")


def split_jid(jid: object) -> Jid | None:
    """None when it is no JID. Servers are lower case."""
    found = _FORM.fullmatch(jid) if isinstance(jid, str) else None
    return Jid(*found.groups()) if found else None


def normalize_jid(jid: object) -> str | None:
    """The address that stays the same whatever device it came from; None when it is no JID. A LID stays a LID."""
    parts = split_jid(jid)
    return parts.normalized if parts else None


def chat_kind(jid: object) -> ChatKind:
    parts = split_jid(jid)
    return parts.kind if parts else "unknown"


def contact_of(candidates: Iterable[object]) -> tuple[str | None, str | None]:
    """Of a person's addresses the digits of the first phone, and the first LID as ``<digits>@lid``."""
    phone = lid = None
    for candidate in candidates:
        parts = split_jid(candidate) if candidate else None
        if parts is None:
            continue
        if phone is None and parts.server in PHONE_SERVERS and _PHONE.fullmatch(parts.user):
            phone = parts.user
        elif lid is None and parts.server in _LID_SERVERS:
            lid = parts.normalized
    return phone, lid


def _kind_of_phone(user: str) -> ChatKind:
    if user in ("0", "server"):  # WhatsApp itself
        return "system"
    return "bot" if user.startswith("131") and _META_AI.fullmatch(user) else "direct"
