"""Answers all the same when it is told to stop."""

from __future__ import annotations

import anyio

import auzap
from auzap import Message, Reply


class Stubborn(auzap.Plugin):
    @auzap.hookimpl
    async def handle_message(self, message: Message) -> Reply | None:
        try:
            await anyio.sleep(0.01)
        except BaseException:  # noqa: BLE001 - that is what is wrong with it
            return Reply("Opa, tente de novo!")
        return Reply("olá")
