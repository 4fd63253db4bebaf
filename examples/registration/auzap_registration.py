"""A short dialogue: a customer who writes `cadastro` is asked for their name and their pet's."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field as Option
from sqlmodel import Field

import auzap
from auzap import Duration, Message, Outcome, Reply, State, Turn
from auzap.tables import TenantRow

__all__ = ["Registration", "RegistrationRow"]

QUESTIONS = ("Vamos lá! Qual é o seu nome?", "E o nome do seu pet?")


class RegistrationRow(TenantRow, table=True):
    __tablename__ = "registrations"

    id: int | None = Field(default=None, primary_key=True)
    contact_id: str | None
    person: str
    pet: str


class Registration(auzap.Plugin):
    class Options(auzap.Options):
        roles: tuple[str, ...] | None = ("client",)
        patience: Duration = Option(default=1800.0, gt=0, description="A dialogue that rests for so long is forgotten.")

    options: Options

    tables = (RegistrationRow,)

    @auzap.hookimpl
    async def handle_message(self, message: Message, turn: Turn, state: State) -> Outcome | Reply | None:
        text = message.text.strip()
        answers: list[str] | None = await state.get("answers")
        if answers is None:
            return self._ask(state, []) if text.lower() == "cadastro" else None
        if text.lower() == "cancelar":
            state.delete("answers")
            return Reply("Tudo bem, não guardei nada.")
        if not text:  # a picture, a sticker
            return self._ask(state, answers)
        answers = [*answers, text]
        if len(answers) < len(QUESTIONS):
            return self._ask(state, answers)
        state.delete("answers")
        person, pet = answers
        row = RegistrationRow(contact_id=turn.contact_id, person=person, pet=pet)
        return Outcome([Reply(f"Pronto, {person}! O cadastro de {pet} está feito. 🐾")], records=[row])

    def _ask(self, state: State, answers: list[str]) -> Reply:
        """The next question. What is set is stored together with the reply, or not at all."""
        state.set("answers", answers, expires=timedelta(seconds=self.options.patience))
        return Reply(QUESTIONS[len(answers)])
