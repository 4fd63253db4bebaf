"""Writes while it answers, and again when the turn is run again."""

from __future__ import annotations

from sqlmodel import Field

import auzap
from auzap import Message, Reply
from auzap.tables import TenantRow


class DoublingOrder(TenantRow, table=True):
    __tablename__ = "broken_doubling_order"

    id: int | None = Field(default=None, primary_key=True)
    item: str


class Doubling(auzap.Plugin):
    tables = (DoublingOrder,)

    @auzap.hookimpl
    async def handle_message(self, message: Message) -> Reply | None:
        if "pedido" not in message.text:
            return None
        async with self.store.transaction() as session:
            session.add(DoublingOrder(item="banho"))
        return Reply("Pedido anotado!")
