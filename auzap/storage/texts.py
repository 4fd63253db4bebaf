"""Texts from outside, as every database takes them."""

from __future__ import annotations

from typing import overload

__all__ = ["storable"]


@overload
def storable(text: str) -> str: ...
@overload
def storable(text: None) -> None: ...
@overload
def storable(text: str | None) -> str | None: ...
def storable(text: str | None) -> str | None:
    """The text with NUL and lone surrogates replaced by U+FFFD: no database takes them all."""
    if text is None or text.isascii():
        return text.replace("\0", "\ufffd") if text else text
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\0", "\ufffd")
