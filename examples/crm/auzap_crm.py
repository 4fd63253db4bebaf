"""Tells a CRM what customers write: each message once, also when the CRM is away for a while."""

from __future__ import annotations

import httpx
from pydantic import Field as Option
from pydantic import SecretStr
from sqlmodel import Field, col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

import auzap
from auzap import Message, Sender, Turn
from auzap.tables import TenantRow

__all__ = ["Crm", "Lead"]


class Lead(TenantRow, table=True):
    """What the CRM has not taken yet."""

    __tablename__ = "crm_leads"

    turn_id: str = Field(primary_key=True)
    phone: str | None
    name: str | None
    text: str


class Crm(auzap.Plugin):
    class Options(auzap.Options):
        roles: tuple[str, ...] | None = ("client",)
        url: str = Option(description="Where leads are posted.")
        token: SecretStr = Option(description="Sent as `Authorization: Bearer`; never printed.")

    options: Options

    tables = (Lead,)

    @auzap.hookimpl
    async def handle_message(self, message: Message, sender: Sender, turn: Turn) -> None:
        """Notes it, and answers nothing: the next plugin is asked."""

        async def note(session: AsyncSession) -> None:
            session.add(Lead(turn_id=turn.id, phone=sender.phone, name=sender.name, text=message.text))

        await turn.once("lead", note)  # a second attempt at the turn notes nothing

    @auzap.every("10s")
    async def forward(self) -> None:
        """Once among all workers. The turn's id is the key by which the CRM knows what it has already."""
        async with self.store.read() as session:
            leads = (await session.exec(select(Lead).order_by(Lead.turn_id).limit(100))).all()
        for lead in leads:
            try:
                await self._post(lead)
            except httpx.HTTPError as error:
                self.log.warning("CRM did not take a lead", turn_id=lead.turn_id, error=str(error))
                return  # it is tried again in ten seconds
            async with self.store.transaction() as session:
                await session.exec(delete(Lead).where(col(Lead.turn_id) == lead.turn_id))

    async def _post(self, lead: Lead) -> None:
        answer = await self.http.post(
            self.options.url,
            json={"phone": lead.phone, "name": lead.name, "text": lead.text},
            headers={
                "Authorization": f"Bearer {self.options.token.get_secret_value()}",
                "Idempotency-Key": lead.turn_id,
            },
        )
        answer.raise_for_status()
