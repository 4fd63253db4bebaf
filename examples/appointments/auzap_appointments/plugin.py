"""The plugin."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from pydantic import Field
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

import auzap
from auzap import Chat, Message, Reply, Sender, Turn
from auzap_appointments.tables import Appointment

__all__ = ["Appointments"]

_WANTED = re.compile(r"agendar (\d\d?)/(\d\d?) (\d\d?):(\d\d)(?: (.+))?", re.IGNORECASE)


class Appointments(auzap.Plugin):
    class Options(auzap.Options):
        roles: tuple[str, ...] | None = ("client",)
        at_once: int = Field(default=1, ge=1, description="How many appointments there may be at one time.")

    options: Options

    tables = (Appointment,)
    migrations = "auzap_appointments.migrations"

    @auzap.hookimpl
    async def handle_message(self, message: Message, sender: Sender, turn: Turn) -> Reply | None:
        wanted = _WANTED.fullmatch(message.text.strip())
        if wanted is None:
            return None
        starts_at = self._next(*map(int, wanted.groups()[:4]))
        if starts_at is None:
            return Reply("Não conheço esse dia. Escreva, por exemplo: agendar 24/12 14:30")

        async def book(session: AsyncSession) -> bool:
            """Whether there was room. A second attempt at the turn gets this answer, and books nothing."""
            booked = await session.exec(
                select(func.count()).select_from(Appointment).where(Appointment.starts_at == starts_at)
            )
            if booked.one() >= self.options.at_once:
                return False
            chat = turn.chat
            session.add(
                Appointment(
                    instance_id=chat.instance_id,
                    chat_id=chat.chat_id,
                    name=sender.name,
                    starts_at=starts_at,
                    note=wanted[5],
                )
            )
            return True

        if await turn.once("book", book):
            return Reply(f"Marcado para {starts_at:%d/%m às %H:%M}! 🐾")
        return Reply("Esse horário já foi. Pode ser outro?")

    @auzap.daily("18:00")
    async def remind(self) -> None:
        """Everybody who comes tomorrow. The key makes a second run send nothing twice."""
        midnight = self.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        tomorrow = select(Appointment).where(
            col(Appointment.starts_at) >= midnight + timedelta(days=1),
            col(Appointment.starts_at) < midnight + timedelta(days=2),
        )
        async with self.store.read() as session:
            due = (await session.exec(tomorrow)).all()
        for one in due:
            at = one.starts_at.astimezone(midnight.tzinfo)
            await self.outbox.send(
                f"Oi{f', {one.name}' if one.name else ''}! Lembrete: amanhã às {at:%H:%M} a gente te espera. 🐾",
                chat=Chat(one.instance_id, one.chat_id),
                key=f"reminder-{one.id}",
            )

    def _next(self, day: int, month: int, hour: int, minute: int) -> datetime | None:
        """That day and time, this year or the next; None when there is none."""
        now = self.clock.now()
        for year in (now.year, now.year + 1):
            try:
                found = datetime(year, month, day, hour, minute, tzinfo=now.tzinfo)
            except ValueError:
                continue
            if found > now:
                return found
        return None
