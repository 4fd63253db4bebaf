"""Payloads as Baileys makes them."""

from __future__ import annotations

from typing import Any

__all__ = ["CLIENT", "GROUP", "LID", "payload"]

CLIENT = "5511900000010@s.whatsapp.net"
LID = "100000000000010@lid"
GROUP = "120363000000000010@g.us"


def payload(
    message: Any = None,
    *,
    jid: Any = CLIENT,
    id: Any = "3EB0A1",  # noqa: A002
    key: Any = None,
    **more: Any,
) -> dict[str, Any]:
    """A live message of 7.x: ``participant`` is "" in a direct chat.

    :param key: further fields of the key.
    :param more: further fields of the message.
    """
    made: dict[str, Any] = {
        "key": {"remoteJid": jid, "fromMe": False, "id": id, "participant": "", "addressingMode": "pn", **(key or {})},
        "messageTimestamp": 1_790_000_000,
        "pushName": "Cliente",
        "broadcast": False,
        **more,
    }
    return made if message is None else {**made, "message": message}
