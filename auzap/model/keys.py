"""Identifiers: UUIDv7 for rows and envelopes, lane keys, dedupe keys."""

from __future__ import annotations

import hashlib
import json
import random
import time
from typing import Final

__all__ = ["dedupe_key", "lane_key", "new_id"]

_VARIANT: Final = 0b10 << 62


def new_id() -> str:
    """A UUIDv7 (RFC 9562, with the fraction of the millisecond) as text with dashes: sorts by the time it was made.

    Three are made for every message: the random bits come from a generator that is seeded by the system once, which
    is asked for each of them by others.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = (rest << 12) // 1_000_000
    head = f"{milliseconds:012x}"
    tail = f"{_VARIANT | random.getrandbits(62):016x}"
    return f"{head[:8]}-{head[8:]}-7{fraction:03x}-{tail[:4]}-{tail[4:]}"


def lane_key(tenant: str, instance: str, chat_id: str, *, side: bool = False) -> str:
    """The queue of one chat; ``side`` is its lane for events, which never waits behind a handler.

    :param chat_id: the normalized chat JID. Tenant and instance contain no slash (the config sees to it).
    """
    return f"{tenant}/{instance}/{chat_id}{'~events' if side else ''}"


def dedupe_key(tenant: str, instance: str, *parts: object) -> str:
    """What makes two deliveries the same: 32 hex digits over tenant, instance and the channel's own parts.

    Hashed because the parts come from outside: of any length and any character.
    """
    text = json.dumps([tenant, instance, *parts], ensure_ascii=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
