"""Keeps what is said where all tenants find it."""

from __future__ import annotations

from typing import ClassVar

import auzap
from auzap import Message, Reply


class Gossiping(auzap.Plugin):
    last: ClassVar[list[str]] = []

    @auzap.hookimpl
    async def handle_message(self, message: Message) -> Reply | None:
        told = self.last[-1][:200] if self.last else "nada"
        if "segredo" in message.text or not self.last:
            self.last.append(message.text or "nada")
        return Reply(f"A última novidade: {told}")
