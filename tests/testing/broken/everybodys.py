"""Has a table without a tenant."""

from __future__ import annotations

from sqlmodel import Field, SQLModel

import auzap
from auzap import Message, Outcome, Reply


class EverybodysNote(SQLModel, table=True):
    __tablename__ = "broken_everybodys_note"

    id: int | None = Field(default=None, primary_key=True)
    text: str


class Everybodys(auzap.Plugin):
    tables = (EverybodysNote,)

    @auzap.hookimpl
    async def handle_message(self, message: Message) -> Outcome | None:
        return Outcome([Reply("anotado")], records=[EverybodysNote(text="visita")])
