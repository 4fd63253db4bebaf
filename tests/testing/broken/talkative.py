"""Repeats whatever it hears, twice: the longest text is too long then."""

from __future__ import annotations

import auzap
from auzap import Message, Reply


class Talkative(auzap.Plugin):
    @auzap.hookimpl
    async def handle_message(self, message: Message) -> Reply | None:
        return Reply(message.text * 2) if message.text.strip() else None
