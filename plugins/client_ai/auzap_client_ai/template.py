"""The text of the ``reply`` option, with the customer's words in the place of ``{text}``."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

__all__ = ["LONGEST_QUOTE", "ReplyTemplate", "fill", "shorten"]

#: characters of the customer's text that are quoted back
LONGEST_QUOTE = 1_000
_PLACE = "{text}"
_ANY_PLACE = re.compile(r"\{[^{}]*\}")


def _checked(reply: str) -> str:
    if not reply.strip():
        raise ValueError("the reply is empty; leave the option out for the usual one")
    wrong = sorted(set(_ANY_PLACE.findall(reply)) - {_PLACE})
    if wrong:
        raise ValueError(f"{', '.join(wrong)} means nothing here; only {_PLACE}, what the customer wrote, is filled in")
    return reply


ReplyTemplate = Annotated[str, AfterValidator(_checked)]


def fill(template: str, text: str) -> str:
    return template.replace(_PLACE, shorten(text, LONGEST_QUOTE))


def shorten(text: str, longest: int) -> str:
    """At most ``longest`` characters; "…" stands for what was cut off."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
