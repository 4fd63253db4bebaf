"""Reading JSON that strangers wrote: nothing here raises, whatever it is given.

One message looks different by who serialized it: 64-bit numbers are numbers, decimal strings or
``{low, high, unsigned}``; enums are names or numbers.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["clean", "decimal", "dig", "flag", "identifier", "integer", "is_enum", "json_object", "mapping", "text"]

_INTEGER = re.compile(r"-?[0-9]{1,20}")
_LARGEST = 2**63 - 1
_LARGEST_SAFE = 2**53 - 1
_LARGEST_FLOAT = sys.float_info.max
#: levels of objects and lists that a form's answer may have
_DEEPEST = 32
_NOTHING: Mapping[str, Any] = {}


def mapping(value: object) -> Mapping[str, Any]:
    """An object; empty when it is none."""
    return value if isinstance(value, dict) else _NOTHING


def dig(value: object, path: str) -> Any:
    """What stands at ``a.b.c``; None when it is not there."""
    for name in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def clean(text: str) -> str:
    """Without NUL, and with U+FFFD for half of a surrogate pair: neither can be stored as UTF-8 everywhere."""
    if "\0" in text:
        text = text.replace("\0", "")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def text(value: object) -> str | None:
    """A text that says something; None when it is blank or no text."""
    if not isinstance(value, str):
        return None
    cleaned = clean(value)
    return cleaned if cleaned.strip() else None


def flag(value: object) -> bool:
    return value is True or value == 1 or value == "true"


def integer(value: object) -> int | None:
    """A whole number of up to 64 bits, in any of its forms."""
    if isinstance(value, bool):
        return None
    if isinstance(value, dict):
        value = _long(value)
    elif isinstance(value, str):
        value = int(value) if _INTEGER.fullmatch(value) else None
    elif isinstance(value, float):
        value = int(value) if math.isfinite(value) else None
    return value if isinstance(value, int) and -_LARGEST <= value <= _LARGEST else None


def _long(value: dict[str, Any]) -> int | None:
    """long.js: two halves, of which the low one is written with a sign."""
    low, high = value.get("low"), value.get("high")
    if not isinstance(low, int) or not isinstance(high, int):
        return None
    combined = ((high & 0xFFFFFFFF) << 32) | (low & 0xFFFFFFFF)
    return combined if value.get("unsigned") is True or combined <= _LARGEST else combined - 2**64


def decimal(value: object) -> float | None:
    """A finite number; protobuf writes the others as ``"NaN"`` and ``"Infinity"``."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if -_LARGEST_FLOAT <= value <= _LARGEST_FLOAT else None


def identifier(value: object) -> str | None:
    """An id that is text, or a whole number that JavaScript can hold."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if -_LARGEST_SAFE <= value <= _LARGEST_SAFE else None
    return text(value)


def is_enum(value: object, name: str, number: int) -> bool:
    """Whether an enum's value is this one: by name, by number, or by number as text."""
    return not isinstance(value, bool) and value in (name, number, str(number))


def json_object(value: object) -> dict[str, Any] | None:
    """The object that a JSON text holds; None when it holds none that can be kept."""
    if not isinstance(value, str):
        return None
    try:
        found = _clean_json(_decode(value), _DEEPEST)
    except (ValueError, TypeError, RecursionError):  # '[' x 100000 raises RecursionError
        return None
    return found if isinstance(found, dict) else None


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


#: made once: ``json.loads`` with an argument makes one for every text
_decode = json.JSONDecoder(parse_constant=_no_constant).decode


def _clean_json(value: Any, levels: int) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number too large")
    if not isinstance(value, (dict, list)):
        return value
    if levels == 0:
        raise ValueError("nested too deep")
    if isinstance(value, dict):
        return {clean(name): _clean_json(item, levels - 1) for name, item in value.items()}
    return [_clean_json(item, levels - 1) for item in value]
