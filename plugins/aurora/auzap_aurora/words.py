"""Understanding a few words of Portuguese, however they are typed."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["key_words", "words"]

#: longer than any command: no need to look
_LONGEST = 200
_WORD = re.compile(r"[a-z0-9]+")


def words(text: str) -> frozenset[str]:
    """In lower case, without accents and punctuation."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return frozenset(_WORD.findall("".join(letter for letter in plain if not unicodedata.combining(letter))))


def key_words(text: str) -> frozenset[str] | None:
    """The words that say what is wanted; None when the text is too long for a command.

    Empty for a greeting, a thank-you or an emoji.
    """
    return words(text) - _FILLERS if len(text) <= _LONGEST else None


#: greetings, politeness and small words that change nothing about what is asked
_FILLERS = words(
    "a aí ao as aurora bem boa bom da das de dia do e ei esta está eu favor gostaria hoje já lá manda mandar mande "
    "me meu mim minha mostra mostrar mostre na no noite o obg obrigada obrigado oi ok olá opa os para pf pfv por pra "
    "preciso queria quero sim tarde td tudo um uma valeu ver"
)
