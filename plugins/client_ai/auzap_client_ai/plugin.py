"""The plugin: answers each customer's message that has text."""

from __future__ import annotations

from pydantic import Field

from auzap import Interaction, Message, Outcome, Plugin, Reply, hookimpl
from auzap import Options as BaseOptions
from auzap_client_ai.template import ReplyTemplate, fill

__all__ = ["ClientAI"]


class ClientAI(Plugin):
    """Tells a customer that the message arrived and that somebody will write back."""

    class Options(BaseOptions):
        roles: tuple[str, ...] | None = ("client",)
        reply: ReplyTemplate = Field(
            default='Olá! Recebi sua mensagem: "{text}". Em breve um atendente irá responder! 🐾',
            description="What is answered; {text} is what the customer wrote.",
        )

    options: Options

    @hookimpl
    async def handle_message(self, message: Message) -> Outcome | None:
        if not message.text.strip():
            return None
        response = fill(self.options.reply, message.text)
        return Outcome(
            [Reply(response)],
            interaction=Interaction(
                prompt=message.text,
                response=response,
                intent="general",
                sentiment="neutral",
                confidence=0.8,
                model_used="rules",
            ),
        )
