"""Takes it that every message has a first word."""

from __future__ import annotations

import auzap
from auzap import Message, Reply


class Fragile(auzap.Plugin):
    @auzap.hookimpl
    async def handle_message(self, message: Message) -> Reply | None:
        return Reply(f"Você disse {message.text.split()[0]}")
