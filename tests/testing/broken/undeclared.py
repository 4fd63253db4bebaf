"""Stores rows of a table that it does not declare."""

from __future__ import annotations

from sqlmodel import Field

import auzap
from auzap import Message, Outcome, Reply
from auzap.tables import TenantRow


class UndeclaredVisit(TenantRow, table=True):
    __tablename__ = "broken_undeclared_visit"

    id: int | None = Field(default=None, primary_key=True)


class Undeclared(auzap.Plugin):
    @auzap.hookimpl
    async def handle_message(self, message: Message) -> Outcome | None:
        return Outcome([Reply("anotado")], records=[UndeclaredVisit()])
