"""Greets people who write in another language in theirs, once; then the next plugin answers.

The language is told by the small words that every sentence has, which is enough to tell a few languages apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

import click
from pydantic import Field

import auzap
from auzap import Message, Reply, State

__all__ = ["Language", "language", "language_of"]

SMALL_WORDS: Mapping[str, str] = {
    "pt": "a o e de do da em um uma que não vocês você eu para com por meu minha tem oi olá",
    "es": "el la los y de del en un una que no ustedes usted yo para con por mi tiene hola",
    "en": "the a and of in is are do you i to for with my have can hi hello what when",
}


def language_of(text: str) -> str | None:
    """The language whose small words the text has most of; None when two have as many, or none has any."""
    words = re.findall(r"[^\W\d_]+", text.casefold())
    counts = {language: sum(word in small.split() for word in words) for language, small in SMALL_WORDS.items()}
    best = max(counts.values())
    found = [language for language, count in counts.items() if count == best]
    return found[0] if best and len(found) == 1 else None


class Language(auzap.Plugin):
    class Options(auzap.Options):
        roles: tuple[str, ...] | None = ("client",)
        greetings: Mapping[str, str] = Field(
            default={
                "es": "¡Hola! Somos de Brasil, pero te entendemos. 😊 En breve te respondemos.",
                "en": "Hi! We are in Brazil, but we understand you. 😊 We will answer soon.",
            },
            description="Language -> what is answered; languages that are not named here are left to the next plugin.",
        )

    options: Options

    @auzap.hookimpl
    async def handle_message(self, message: Message, state: State) -> Reply | None:
        language = language_of(message.text)
        greeting = self.options.greetings.get(language or "")
        if greeting is None or await state.get("greeted") == language:
            return None
        state.set("greeted", language, expires=timedelta(days=30))
        return Reply(greeting)


@click.command()
@click.argument("text")
def language(text: str) -> int:
    """Tell the language of a TEXT: `auzap language "Hola, ¿qué tal?"`."""
    found = language_of(text)
    click.echo(found or "unknown")
    return 0 if found else 1
