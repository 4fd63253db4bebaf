"""Logs what people write."""

from __future__ import annotations

import auzap
from auzap import Message, Reply


class Chattering(auzap.Plugin):
    @auzap.hookimpl
    async def handle_message(self, message: Message) -> Reply | None:
        self.log.info("Answering", text=message.text[:80])
        return Reply("olá")
