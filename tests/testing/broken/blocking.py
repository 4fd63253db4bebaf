"""Sleeps with the event loop in its hand."""

from __future__ import annotations

import time

import auzap
from auzap import Message, Reply


class Blocking(auzap.Plugin):
    @auzap.hookimpl
    async def handle_message(self, message: Message) -> Reply | None:
        if message.text == "preço":
            time.sleep(0.4)  # noqa: ASYNC251 - that is what is wrong with it
        return Reply("olá")
