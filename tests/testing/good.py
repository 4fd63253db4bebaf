"""A plugin that uses everything, and keeps what every plugin promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import anyio
from pydantic import Field, SecretStr
from sqlmodel import Field as Column
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

import auzap
from auzap import Message, Outcome, Reply, State, Turn
from auzap.tables import TenantRow

__all__ = ["Visit", "Visits"]


class Visit(TenantRow, table=True):
    __tablename__ = "good_visit"

    id: int | None = Column(default=None, primary_key=True)
    who: str
    number: int


class Visits(auzap.Plugin):
    """Counts visits, reminds of them, and reports in the morning."""

    class Options(auzap.Options):
        thanks: str = Field(default="Obrigado pela visita!", description="What is said to a visitor.")
        url: str | None = Field(default=None, description="Who is told of visits.")
        token: SecretStr | None = Field(default=None, description="For whoever is told.")

    options: Options
    tables = (Visit,)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep_forever)
            yield
            tasks.cancel_scope.cancel()

    @auzap.hookimpl
    async def handle_message(self, message: Message, turn: Turn, state: State) -> Outcome | None:
        match message.text:
            case "visita":
                return await self._visited(message, turn, state)
            case "quantas":
                return Outcome([Reply(f"Nesta conversa: {await state.get('visits', 0)}")])
            case "lembrete":
                later = self.clock.now() + timedelta(hours=2)
                return Outcome([Reply("Combinado!"), Reply("Lembrete: sua visita!", not_before=later)])
            case "avisa":
                await self._tell()
                return Outcome([Reply("Avisado.")])
        return None

    async def _visited(self, message: Message, turn: Turn, state: State) -> Outcome:
        async def count(session: AsyncSession) -> int:
            return len((await session.exec(select(Visit))).all()) + 1

        number = await turn.once("number", count)
        state.set("visits", await state.get("visits", 0) + 1, expires=timedelta(days=1))
        visit = Visit(who=message.contact_phone or "?", number=number)
        return Outcome([Reply(f"{self.options.thanks} É a {number}ª.")], records=[visit])

    async def _tell(self) -> None:
        if self.options.url is not None:
            token = self.options.token.get_secret_value() if self.options.token is not None else ""
            await self.http.post(f"{self.options.url}/visits", json={"at": "now"}, headers={"X-Token": token})

    @auzap.daily("08:00")
    async def report(self) -> None:
        async with self.store.read() as session:
            visits = (await session.exec(select(Visit))).all()
        today = self.clock.now().date()
        await self.outbox.send(
            f"{today:%d/%m}: {len(visits)} visitas", phone="+55 11 90000-0001", key=f"report {today.isoformat()}"
        )
