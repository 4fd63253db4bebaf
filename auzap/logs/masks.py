"""Phone numbers and JIDs in what is logged, their middle digits as stars."""

from __future__ import annotations

import re

__all__ = ["ADDRESSES", "mask", "masked", "starred_all"]

#: what stands under these names is an address, or has one in it
ADDRESSES = frozenset(
    """chat chat_id contact_lid contact_phone from jid lane lid number owner owners participant phone remote_jid sender
    sender_phone to""".split()  # noqa: SIM905 - one a line would be a page
)
_WITH_PLUS = re.compile(r"\+[0-9][0-9 ().-]{5,24}[0-9]")
#: a JID's user; a Brazilian number. One pattern for both would cost three times as much
_JID_USER = re.compile(r"(?<![0-9])[0-9]{7,}+(?=[0-9._:-]{0,40}+@[a-z])")
_BRAZILIAN = re.compile(r"(?<![0-9A-Za-z-])55[0-9]{10,11}(?![0-9A-Za-z])")
_LONG_RUN = re.compile(r"[0-9]{7,}+")
#: what has none of it has no number: most texts are let through by this one search
_SUSPECT = re.compile(r"[0-9]{7}|\+[0-9]")
_TYPED = re.compile(r"[0-9 ().+-]{7,40}")
_HEAD, _TAIL = 4, 2


def mask(text: str) -> str:
    """Phone numbers and JIDs in a text, their middle digits as stars: ``5511*******01``."""
    if not _SUSPECT.search(text):
        return text
    return _BRAZILIAN.sub(_starred, _JID_USER.sub(_starred, _WITH_PLUS.sub(_starred, text)))


def masked(key: str, text: str) -> str:
    """As ``mask``; of what stands under the name of an address, whatever its form."""
    text = mask(text)
    return starred_all(text) if key in ADDRESSES else text


def starred_all(text: str) -> str:
    """Of a text that is an address itself, or has one in it."""
    return _starred_digits(text) if _TYPED.fullmatch(text) else _LONG_RUN.sub(_starred, text)


def _starred(found: re.Match[str]) -> str:
    return _starred_digits(found[0])


def _starred_digits(text: str) -> str:
    if text.isdecimal():
        return text[:_HEAD] + "*" * (len(text) - _HEAD - _TAIL) + text[-_TAIL:]
    places = [place for place, character in enumerate(text) if character.isdigit()]
    hidden = set(places[_HEAD:-_TAIL])
    return "".join("*" if place in hidden else character for place, character in enumerate(text))
