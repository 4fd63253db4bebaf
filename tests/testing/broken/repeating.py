"""Sends its report once more when the schedule runs once more."""

from __future__ import annotations

import auzap


class Repeating(auzap.Plugin):
    @auzap.daily("08:00")
    async def report(self) -> None:
        await self.outbox.send("Bom dia! Ontem foi tudo bem.", phone="+55 11 90000-0001")
