"""JSON values that were written can be read again: wherever who reads stands in calls, a level takes a frame more."""

from __future__ import annotations

import json
from typing import Any, Final

from auzap.model.errors import BadPayload

__all__ = ["DEEPEST", "encoded"]

#: levels of objects and lists: a hundred less than the interpreter's frames
DEEPEST: Final = 900

_TOO_DEEP: Final = f"the payload is nested deeper than {DEEPEST} levels"
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def encoded(value: Any, *, around: int = 0) -> str:
    """As JSON in ASCII: lone surrogates and NUL survive.

    :param around: levels of it that are the caller's own.
    :raises BadPayload: it is nested deeper than ``DEEPEST``.
    """
    try:
        text = _encode(value)
    except RecursionError as error:
        raise BadPayload(_TOO_DEEP) from error
    most = DEEPEST + around
    if text.count("[") + text.count("{") > most and _is_deeper(value, most):
        raise BadPayload(_TOO_DEEP)
    return text


def _is_deeper(value: Any, most: int) -> bool:
    level, levels = [value], 0
    while level := [one for one in level if isinstance(one, (dict, list, tuple))]:
        levels += 1
        if levels > most:
            return True
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return False
