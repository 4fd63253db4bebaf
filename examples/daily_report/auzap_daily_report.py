"""Tells the owner every evening how the day went."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field
from sqlmodel import col, func, select

import auzap
from auzap.tables import InboxRow

__all__ = ["DailyReport"]


class DailyReport(auzap.Plugin):
    class Options(auzap.Options):
        to: str = Field(description="The owner's number, such as +55 11 90000-0001.")

    options: Options

    @auzap.daily("18:30")
    async def report(self) -> None:
        """Once a day among all workers, in the tenant's time zone."""
        today = self.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        messages, people = await self._count(today)
        await self.outbox.send(
            f"{self.tenant.name}, {today:%d/%m}: {messages} mensagens de {people} clientes. Bom descanso! 🌙",
            phone=self.options.to,
            key=f"report-{today:%Y-%m-%d}",  # the same key again is the same message
        )

    async def _count(self, since: datetime) -> tuple[int, int]:
        """Messages of customers, and how many wrote them. The session sees this tenant's rows alone."""
        found = (
            select(func.count(), func.count(func.distinct(InboxRow.chat_id)))
            .select_from(InboxRow)
            .where(InboxRow.sender_role == "client", col(InboxRow.accepted_at) >= since)
        )
        async with self.store.read() as session:
            messages, people = (await session.exec(found)).one()
        return messages, people
