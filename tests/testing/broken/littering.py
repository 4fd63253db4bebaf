"""Starts a task that nobody ends."""

from __future__ import annotations

import asyncio

import auzap
from auzap import Message, Reply


class Littering(auzap.Plugin):
    tasks: set[asyncio.Task[None]]

    @auzap.hookimpl
    async def handle_message(self, message: Message) -> Reply | None:
        self.tasks = getattr(self, "tasks", set())
        if not self.tasks:
            self.tasks.add(asyncio.create_task(self._remember()))
        return Reply("olá")

    async def _remember(self) -> None:
        await asyncio.sleep(3600)
